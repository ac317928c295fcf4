"""The configuration space of a network device (virtio 1.2, 5.1.4): one form for both ends."""

from dataclasses import astuple, dataclass, fields
from struct import Struct
from typing import ClassVar, Final

LINK_UP: Final = 1
SPEED_UNKNOWN: Final = 0xFFFFFFFF
DUPLEX_HALF, DUPLEX_FULL, DUPLEX_UNKNOWN = 0, 1, 0xFF


@dataclass(frozen=True, slots=True)
class NetConfig:
    """Its fields; which of them mean something is for the features to say. ``speed`` is in Mbit/s."""

    WIRE: ClassVar[Struct] = Struct("<6sHHHIB")

    mac: bytes = bytes(6)
    status: int = 0
    max_virtqueue_pairs: int = 1
    mtu: int = 0
    speed: int = SPEED_UNKNOWN
    duplex: int = DUPLEX_UNKNOWN

    @property
    def is_up(self) -> bool:
        return bool(self.status & LINK_UP)

    def shown(self) -> dict[str, int | str]:
        """Fields by the specification's names, for a report."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"mac": self.mac.hex(":")}

    def encode(self) -> bytes:
        return self.WIRE.pack(*astuple(self))

    @classmethod
    def decode(cls, data: bytes) -> "NetConfig":
        """From :data:`NET_CONFIG_SIZE` bytes."""
        return cls(*cls.WIRE.unpack(data))


NET_CONFIG_SIZE: Final = NetConfig.WIRE.size
