"""Ethernet addresses, six bytes each; the data plane's part is ``ether.h``."""

import os


def mac_text(address: bytes) -> str:
    """As the original prints one: ``02:00:00:00:00:0A``."""
    return address.hex(":").upper()


def random_mac() -> bytes:
    """A locally administered unicast address."""
    first, *rest = os.urandom(6)
    return bytes([(first & 0xFC) | 0x02, *rest])
