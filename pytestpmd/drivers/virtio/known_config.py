"""What the driver knows from the device's configuration space (virtio 1.2, 5.1.4): read as one state, and checked.

Only fields whose feature was agreed are read. A transport gives bytes and the generation that they are of; when it
changes in between, what was read is of two states and is read again, but not for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio_net import MAX_RX_PKT_LEN, MIN_MTU, RX_OVERHEAD, Feature
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.link import SPEED_UNKNOWN

F = Feature
MAC_AT, STATUS_AT, PAIRS_AT, MTU_AT, SPEED_AT, DUPLEX_AT = 0, 6, 8, 10, 12, 16
RSS_KEY_AT, RSS_TABLE_AT, HASH_TYPES_AT, CONFIG_BYTES = 17, 18, 20, 24
#: How often a space that changes while it is read is read again.
MAX_READS = 16
MAX_PAIRS = 0x8000
MAX_SPEED = 0x7FFFFFFF
MAX_MTU = MAX_RX_PKT_LEN - RX_OVERHEAD

#: Bytes from an offset on.
ReadConfig = Callable[[int, int], bytes]


class LinkStatus(IntFlag):
    """The status field."""

    LINK_UP = 1
    ANNOUNCE = 2


@dataclass(frozen=True)
class RssLimits:
    """What the device's hash can do: key in bytes, table in entries, hash types as bits of 5.1.6.4.3."""

    max_key_size: int
    max_table: int
    hash_types: int


@dataclass(frozen=True)
class KnownConfig:
    """What the device says of itself; defaults stand for what it does not say. MTU in bytes, speed in Mbit/s."""

    mac: bytes | None = None
    status: LinkStatus = LinkStatus.LINK_UP
    max_pairs: int = 1
    mtu: int | None = None
    speed: int = SPEED_UNKNOWN
    full_duplex: bool = True
    rss: RssLimits | None = None

    @property
    def is_link_up(self) -> bool:
        """Whether frames can pass, as far as the device knows."""
        return LinkStatus.LINK_UP in self.status

    @property
    def max_mtu(self) -> int:
        """The longest that driver and device can both do."""
        return MAX_MTU if self.mtu is None else min(self.mtu, MAX_MTU)

    def shown(self) -> dict[str, int | str]:
        """Fields by the specification's names, for a report; those that the device does not have are left out."""
        fields: dict[str, int | str] = {"status": int(self.status), "max_virtqueue_pairs": self.max_pairs}
        if self.mac is not None:
            fields["mac"] = self.mac.hex(":")
        if self.mtu is not None:
            fields["mtu"] = self.mtu
        if self.speed != SPEED_UNKNOWN:
            fields |= {"speed": self.speed, "duplex": int(self.full_duplex)}
        if self.rss:
            fields |= {
                "rss_max_key_size": self.rss.max_key_size,
                "rss_max_indirection_table_length": self.rss.max_table,
                "supported_hash_types": self.rss.hash_types,
            }
        return fields


def read_config(agreed: Agreement, read: ReadConfig, generation: Callable[[], int]) -> KnownConfig:
    """What the device says; :class:`DeviceError` for what cannot be, or for a space that never stands still."""
    for _ in range(MAX_READS):
        before = generation()
        config = _read_once(agreed, read)
        if generation() == before:
            return _checked(config)
    raise DeviceError(f"the configuration space changed during each of {MAX_READS} reads")


def _read_once(agreed: Agreement, read: ReadConfig) -> KnownConfig:
    def number(feature: Feature, offset: int, size: int, default: int) -> int:
        if not agreed.features & feature:
            return default
        data = read(offset, size)
        if len(data) < size:
            raise DeviceError(f"the configuration space ends before byte {offset + size}")
        return int.from_bytes(data[:size], "little")

    many = F.VIRTIO_NET_F_MQ | F.VIRTIO_NET_F_RSS
    hashing = F.VIRTIO_NET_F_RSS | F.VIRTIO_NET_F_HASH_REPORT
    speed = number(F.VIRTIO_NET_F_SPEED_DUPLEX, SPEED_AT, 4, SPEED_UNKNOWN)
    duplex = number(F.VIRTIO_NET_F_SPEED_DUPLEX, DUPLEX_AT, 1, 1)
    mtu = number(F.VIRTIO_NET_F_MTU, MTU_AT, 2, 0)
    known = speed <= MAX_SPEED and duplex in (0, 1)
    rss = RssLimits(
        number(hashing, RSS_KEY_AT, 1, 0),
        number(F.VIRTIO_NET_F_RSS, RSS_TABLE_AT, 2, 0),
        number(hashing, HASH_TYPES_AT, 4, 0),
    )
    return KnownConfig(
        mac=bytes(read(MAC_AT, 6)) if agreed.has(F.VIRTIO_NET_F_MAC) else None,
        status=LinkStatus(number(F.VIRTIO_NET_F_STATUS, STATUS_AT, 2, 1) & 3),
        max_pairs=number(many, PAIRS_AT, 2, 1),
        mtu=mtu if agreed.has(F.VIRTIO_NET_F_MTU) else None,
        speed=speed if known else SPEED_UNKNOWN,
        full_duplex=bool(duplex) if known else True,
        rss=rss if agreed.features & hashing else None,
    )


def _checked(config: KnownConfig) -> KnownConfig:
    if not 1 <= config.max_pairs <= MAX_PAIRS:
        raise DeviceError(f"the device says that it has {config.max_pairs} queue pairs")
    if config.mac is not None and len(config.mac) < 6:
        raise DeviceError("the configuration space ends before byte 6")
    return config


def has_mtu(config: KnownConfig) -> bool:
    """Whether VIRTIO_NET_F_MTU is worth agreeing to: a device may say what no frame fits."""
    return config.mtu is None or config.mtu >= MIN_MTU
