"""Headers of the Internet protocols as Python writes them, and their checksums as the RFCs read."""

import struct
from ipaddress import ip_address

UDP, TCP = 17, 6
ADDRESSES = {4: ("198.18.0.1", "198.18.0.2"), 6: ("2001:db8::1", "2001:db8:ffff::2:fffe")}


def add_up(data: bytes) -> int:
    """RFC 1071, read literally: the big-endian words, carries added back."""
    total = sum(struct.unpack(f"!{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ipv4(payload: int, proto: int, options: bytes = b"", cksum: int = 0) -> bytes:
    src, dst = (ip_address(text).packed for text in ADDRESSES[4])
    ihl = 5 + len(options) // 4
    return struct.pack("!BBHHHBBH", 0x40 | ihl, 0, ihl * 4 + payload, 0x1234, 0, 64, proto, cksum) + src + dst + options


def ipv6(payload: int, proto: int) -> bytes:
    src, dst = (ip_address(text).packed for text in ADDRESSES[6])
    return struct.pack("!IHBB", 6 << 28, payload, proto, 64) + src + dst


def pseudo(version: int, proto: int, length: int) -> bytes:
    src, dst = (ip_address(text).packed for text in ADDRESSES[version])
    return src + dst + struct.pack("!IHBB", length, 0, 0, proto)


def l4(proto: int, payload: bytes, cksum: int = 0) -> bytes:
    if proto == UDP:
        return struct.pack("!HHHH", 9, 9, 8 + len(payload), cksum) + payload
    return struct.pack("!HHIIBBHHH", 9, 9, 1, 2, 0x50, 0x10, 512, cksum, 0) + payload


def whole_cksum(version: int, proto: int, above: bytes) -> int:
    """Over pseudo header and what is above it, the field counted as it stands: 0xffff when it is right."""
    return add_up(pseudo(version, proto, len(above)) + above)


def datagram(version: int = 4, proto: int = UDP, payload: bytes = b"", *, cksum: int = 0, tags: bytes = b"") -> bytes:
    """A frame; ``tags`` are what stands between the addresses and the last Ethernet type."""
    above = l4(proto, payload, cksum)
    header = ipv4(len(above), proto) if version == 4 else ipv6(len(above), proto)
    ethertype = b"\x08\x00" if version == 4 else b"\x86\xdd"
    return bytes.fromhex("020000000002 020000000001") + tags + ethertype + header + above


def tagged(frame: bytes, tci: int) -> bytes:
    """With an 802.1Q tag."""
    return frame[:12] + b"\x81\x00" + tci.to_bytes(2, "big") + frame[12:]
