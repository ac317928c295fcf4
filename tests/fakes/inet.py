"""TCP and UDP over IP as a network stack hands it to a device: with its checksum unfinished.

Everything that a frame should be is taken from scapy, not from the code under test.
"""

from dataclasses import dataclass
from struct import pack

from scapy.layers.inet import IP, TCP, UDP, IPOption, in4_pseudoheader
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop, in6_pseudoheader
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet
from scapy.utils import checksum

NEEDS_CSUM, DATA_VALID = 1, 2
TCPV4, UFO, TCPV6, ECN = 1, 3, 4, 0x80
ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
V4, V6 = IP(src="198.18.0.1", dst="198.18.0.2"), IPv6(src="2001:db8::1", dst="2001:db8:ffff::2")


@dataclass(frozen=True)
class Unfinished:
    """A frame before and after its checksum is completed, and where its headers are; lengths in bytes."""

    partial: bytes
    whole: bytes
    l2_len: int
    l3_len: int
    l4_len: int
    csum_offset: int
    is_ipv6: bool

    @property
    def csum_start(self) -> int:
        return self.l2_len + self.l3_len

    @property
    def hdr_len(self) -> int:
        return self.csum_start + self.l4_len

    @property
    def gso_type(self) -> int:
        return TCPV6 if self.is_ipv6 else TCPV4

    def header(self, *, flags: int = NEEDS_CSUM, gso_type: int = 0, hdr_len: int = 0, gso_size: int = 0) -> bytes:
        """What asks for it to be completed (virtio 1.2, 5.1.6); the first ten bytes."""
        return net_header(flags, gso_type, hdr_len, gso_size, self.csum_start, self.csum_offset)

    def gso_header(self, gso_size: int) -> bytes:
        """And for it to be cut into segments."""
        return self.header(gso_type=self.gso_type, hdr_len=self.hdr_len, gso_size=gso_size)


def net_header(flags: int, gso_type: int, hdr_len: int, gso_size: int, csum_start: int, csum_offset: int) -> bytes:
    """The fields before num_buffers."""
    return pack("<BBHHHH", flags, gso_type, hdr_len, gso_size, csum_start, csum_offset)


def unfinished(built: Packet) -> Unfinished:
    """A frame whose last header is of TCP or UDP."""
    whole, l4 = bytes(built), built[TCP] if TCP in built else built[UDP]
    is_ipv6, offset = IPv6 in built, 16 if TCP in built else 6
    l3 = built[IPv6] if is_ipv6 else built[IP]
    start, l2_len = len(whole) - len(bytes(l4)), len(whole) - len(bytes(l3))
    proto, length = 6 if TCP in built else 17, len(whole) - start
    pseudo = in6_pseudoheader(proto, l3, length) if is_ipv6 else in4_pseudoheader(proto, l3, length)
    field = (~checksum(bytes(pseudo)) & 0xFFFF).to_bytes(2, "big")
    partial = whole[: start + offset] + field + whole[start + offset + 2 :]
    l4_len = len(bytes(l4)) - len(bytes(l4.payload))
    return Unfinished(partial, whole, l2_len, start - l2_len, l4_len, offset, is_ipv6)


def payload(length: int) -> bytes:
    return bytes(i * 7 & 0xFF for i in range(length))


def tcp(length: int, *, is_ipv6: bool = False) -> Unfinished:
    """TCP with so many bytes in it."""
    return unfinished(ETHER / (V6 if is_ipv6 else V4) / TCP(sport=1, dport=2, flags="A") / payload(length))


def segments(sent: Unfinished, size: int) -> list[Unfinished]:
    """What a network stack would have sent instead: frames with so many bytes of TCP each (RFC 9293, RFC 3168)."""
    data, cut = sent.whole[sent.hdr_len :], []
    for at in range(0, len(data), size):
        built = Ether(sent.whole[: sent.hdr_len])
        ip, tcp = built[IPv6] if sent.is_ipv6 else built[IP], built[TCP]
        tcp.seq = (tcp.seq + at) & 0xFFFF_FFFF
        tcp.flags = "".join(
            flag for flag in str(tcp.flags) if (flag not in "FP" or at + size >= len(data)) and (flag != "C" or at == 0)
        )
        if sent.is_ipv6:
            del ip.plen
        else:
            ip.id = (ip.id + at // size) & 0xFFFF
            del ip.len, ip.chksum
        del tcp.chksum
        cut.append(unfinished(built / data[at : at + size]))
    return cut


#: Frames of every shape that a stack may send, by name.
FRAMES = {
    "udp4": unfinished(ETHER / V4 / UDP() / payload(32)),
    "udp4 odd": unfinished(ETHER / V4 / UDP() / payload(33)),
    "udp4 empty": unfinished(ETHER / V4 / UDP()),
    "tcp4": tcp(64),
    "tcp4 long": tcp(5001),
    "tcp4 options": unfinished(
        ETHER
        / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption(b"\x94\x04\0\0")])
        / TCP(options=[("NOP", None)] * 4)
    ),
    "udp6": unfinished(ETHER / V6 / UDP() / payload(100)),
    "tcp6": tcp(1000, is_ipv6=True),
    "tcp6 extension": unfinished(ETHER / IPv6(dst="::1") / IPv6ExtHdrHopByHop() / TCP() / payload(3)),
    "tagged": unfinished(ETHER / Dot1Q(vlan=77) / V4 / UDP() / payload(9)),
}
