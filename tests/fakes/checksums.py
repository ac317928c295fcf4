"""Frames with checksums, right and wrong, in every shape that the csum engine knows; scapy computes what is right."""

import random
import struct
from collections.abc import Iterator

from scapy.layers.inet import IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, PadN
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

MACS = {"dst": "02:00:00:00:00:02", "src": "02:00:00:00:00:01"}
ROUTER_ALERT = IPOption(b"\x94\x04\0\0")
PADDING = IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 12)])


def ipv4() -> Packet:
    return IP(src="10.0.0.1", dst="192.168.200.254", id=7, ttl=63)


def ipv6() -> Packet:
    return IPv6(src="2001:db8::1", dst="2001:db8:ffff::fe", hlim=63)


def tcp() -> Packet:
    return TCP(sport=1024, dport=80, seq=1, options=[("Timestamp", (1, 2))])


def udp() -> Packet:
    return UDP(sport=4444, dport=5555)


def frame(*layers: Packet, payload: int = 40, seed: int = 0) -> bytes:
    """An Ethernet frame with these layers, right in everything, over so many random bytes."""
    built: Packet = Ether(**MACS)
    for layer in layers:
        built /= layer
    return bytes(built / Raw(random.Random(seed).randbytes(payload)))


#: Tags, IP headers and transports, by name.
LINKS = {"": (), "vlan ": (Dot1Q(vlan=5),), "qinq ": (Dot1AD(vlan=6), Dot1Q(vlan=5))}
NETWORKS = {
    "ipv4": (ipv4(),),
    "ipv4 options": (ipv4().copy(),),
    "ipv6": (ipv6(),),
    "ipv6 extensions": (ipv6(), IPv6ExtHdrHopByHop(), PADDING),
}
NETWORKS["ipv4 options"][0].options = [ROUTER_ALERT] * 3
TRANSPORTS = {"tcp": tcp(), "udp": udp()}


def right_frames(payload: int = 40) -> dict[str, bytes]:
    """All combinations."""
    return {
        f"{link}{network} {transport}": frame(*LINKS[link], *NETWORKS[network], TRANSPORTS[transport], payload=payload)
        for link in LINKS
        for network in NETWORKS
        for transport in TRANSPORTS
    }


def fields(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the checksums of IPv4, TCP and UDP lie in a frame: offset and length in bytes."""
    at, (kind,) = 14, (int.from_bytes(data[12:14], "big"),)
    while kind in (0x8100, 0x88A8):
        kind, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    layer = Ether(data)
    if kind == 0x0800:
        yield at + 10, 2
    for transport, offset in ((TCP, 16), (UDP, 6)):
        if transport in layer:
            yield len(data) - len(bytes(layer[transport])) + offset, 2


def spoiled(data: bytes) -> bytes:
    """The frame with every checksum wrong."""
    bad = bytearray(data)
    for at, length in fields(data):
        bad[at : at + length] = bytes(byte ^ 0x5A for byte in bad[at : at + length])
    return bytes(bad)


def partial(data: bytes) -> bytes:
    """The frame with a transport checksum that is left to a device: the field holds the pseudo header's sum alone."""
    at, _ = list(fields(data))[-1]
    layers = Ether(data)
    start = len(data) - len(bytes(layers[TCP] if TCP in layers else layers[UDP]))
    zeroed = data[start:at] + b"\0\0" + data[at + 2 :]
    words = struct.unpack(f"!{(len(zeroed) + 1) // 2}H", zeroed + b"\0" * (len(zeroed) % 2))
    total = (~int.from_bytes(data[at : at + 2], "big") & 0xFFFF) - sum(words)
    return data[:at] + struct.pack("!H", total % 0xFFFF or 0xFFFF) + data[at + 2 :]
