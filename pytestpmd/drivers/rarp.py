"""The frame by which switches learn where a migrated guest is (RFC 903)."""

from struct import pack
from typing import Final

ETHERTYPE_RARP: Final = 0x8035
ETHERNET, IPV4, REQUEST_REVERSE = 1, 0x0800, 3
BROADCAST: Final = b"\xff" * 6
#: As long as the original's.
FRAME_SIZE: Final = 64


def rarp_frame(mac: bytes) -> bytes:
    """A broadcast from ``mac`` that asks for its own IPv4 address; nobody need answer."""
    header = BROADCAST + mac + pack("!H", ETHERTYPE_RARP)
    question = pack("!HHBBH", ETHERNET, IPV4, 6, 4, REQUEST_REVERSE) + mac + bytes(4) + mac + bytes(4)
    return (header + question).ljust(FRAME_SIZE, b"\0")
