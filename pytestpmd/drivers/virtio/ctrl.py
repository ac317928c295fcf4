"""Commands of the control virtqueue: what they say, byte for byte; pure (virtio 1.2, 5.1.6.5).

A command is a class, a code and data; the device answers with one byte. Numbers are little endian.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import pack

#: The answer, one byte; whatever is not this is a refusal.
CTRL_OK = 0
CTRL_ERR = 1
MAC_BYTES = 6


class CtrlCode(IntEnum):
    """Class of a command * 256 + its code: the first two bytes, as one number."""

    RX_PROMISC = 0x000
    RX_ALLMULTI = 0x001
    MAC_TABLE_SET = 0x100
    MAC_ADDR_SET = 0x101
    VLAN_ADD = 0x200
    VLAN_DEL = 0x201
    ANNOUNCE_ACK = 0x300
    MQ_VQ_PAIRS_SET = 0x400
    MQ_RSS_CONFIG = 0x401
    MQ_HASH_CONFIG = 0x402


@dataclass(frozen=True)
class Command:
    """One command; each of ``data`` becomes a descriptor, as devices from before VERSION_1 want it."""

    code: CtrlCode
    data: tuple[bytes, ...] = ()

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """All that the device reads."""
        return (bytes([self.code >> 8, self.code & 0xFF]), *self.data)

    def describe(self) -> str:
        """``MQ_VQ_PAIRS_SET 0200``: the name, and the data in hexadecimal, shortened."""
        shown = b"".join(self.data).hex()
        return " ".join([self.code.name, *([shown if len(shown) <= 32 else f"{shown[:32]}..."] if shown else [])])


def promiscuous(on: bool) -> Command:
    """Receive every frame."""
    return Command(CtrlCode.RX_PROMISC, (bytes([on]),))


def all_multicast(on: bool) -> Command:
    """Receive every frame that is for a group."""
    return Command(CtrlCode.RX_ALLMULTI, (bytes([on]),))


def mac_address(address: bytes) -> Command:
    """The port's own address, in one step (5.1.6.5.2)."""
    return Command(CtrlCode.MAC_ADDR_SET, (address,))


def mac_table(unicast: Sequence[bytes], multicast: Sequence[bytes]) -> Command:
    """All addresses that are received besides: two tables, each with its count in front."""
    return Command(CtrlCode.MAC_TABLE_SET, (_table(unicast), _table(multicast)))


def _table(addresses: Sequence[bytes]) -> bytes:
    return pack("<I", len(addresses)) + b"".join(addresses)


def vlan(vlan_id: int, on: bool) -> Command:
    """Receive frames with this tag, or no more."""
    return Command(CtrlCode.VLAN_ADD if on else CtrlCode.VLAN_DEL, (pack("<H", vlan_id),))


def announced() -> Command:
    """The link was announced, as the device had asked for."""
    return Command(CtrlCode.ANNOUNCE_ACK)


def queue_pairs(count: int) -> Command:
    """Use the first ``count`` pairs, which must have been set up (5.1.6.5.5)."""
    return Command(CtrlCode.MQ_VQ_PAIRS_SET, (pack("<H", count),))


def rss_config(hash_types: int, key: bytes, table: Sequence[int], pairs: int) -> Command:
    """Choose receive queues by hash, and send on the first ``pairs`` (5.1.6.5.7.1).

    The table's length is a power of two.
    """
    head = pack("<IHH", hash_types, len(table) - 1, 0) + pack(f"<{len(table)}H", *table)
    return Command(CtrlCode.MQ_RSS_CONFIG, (head + pack("<HB", pairs, len(key)) + key,))


def hash_config(hash_types: int, key: bytes) -> Command:
    """Report hashes, without choosing queues by them (5.1.6.5.6.4)."""
    return Command(CtrlCode.MQ_HASH_CONFIG, (pack("<I4HB", hash_types, 0, 0, 0, 0, len(key)) + key,))
