"""What a router does to a packet: a reading of RFC 791, 1812 and 8200 in plain Python."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from fakes.internet import add_up

ETHER = 14
Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Flow:
    """What an exact match is over."""

    dst: Address
    src: Address
    dst_port: int
    src_port: int
    proto: int


@dataclass(frozen=True)
class Sent:
    """Which way a packet goes on, and its bytes behind the Ethernet addresses."""

    flow: Flow
    data: bytes


def judge(frame: bytes) -> Sent | str:
    """How a frame goes on if there is a route for it, or the reason to drop it."""
    kind = frame[12:14]
    readers: dict[bytes, Callable[[bytes], Sent | str]] = {b"\x08\x00": judge_ipv4, b"\x86\xdd": judge_ipv6}
    if len(kind) < 2 or kind not in readers:
        return "not IP"
    return readers[kind](frame)


def judge_ipv4(frame: bytes) -> Sent | str:
    packet = frame[ETHER:]
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return "bad header"
    length, total = packet[0] % 16 * 4, int.from_bytes(packet[2:4], "big")
    if length < 20 or total < length or total > len(packet) or add_up(packet[:length]) != 0xFFFF:
        return "bad header"
    if packet[8] <= 1:
        return "TTL expired"
    aged = bytearray(packet)
    aged[8] -= 1
    aged[10:12] = b"\0\0"
    aged[10:12] = (0xFFFF - add_up(bytes(aged[:length]))).to_bytes(2, "big")
    fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
    ports = (0, 0) if fragment else ports_of(packet[9], packet[length:total])
    flow = Flow(IPv4Address(packet[16:20]), IPv4Address(packet[12:16]), *ports, packet[9])
    return Sent(flow, frame[12:ETHER] + bytes(aged))


def judge_ipv6(frame: bytes) -> Sent | str:
    packet = frame[ETHER:]
    if len(packet) < 40 or packet[0] >> 4 != 6:
        return "bad header"
    payload = int.from_bytes(packet[4:6], "big")
    if 40 + payload > len(packet):
        return "bad header"
    if packet[7] <= 1:
        return "TTL expired"
    aged = bytearray(packet)
    aged[7] -= 1
    ports = ports_of(packet[6], packet[40 : 40 + payload])
    flow = Flow(IPv6Address(packet[24:40]), IPv6Address(packet[8:24]), *ports, packet[6])
    return Sent(flow, frame[12:ETHER] + bytes(aged))


def ports_of(proto: int, payload: bytes) -> tuple[int, int]:
    """Destination and source, of TCP and UDP."""
    if proto not in (6, 17) or len(payload) < 4:
        return 0, 0
    return int.from_bytes(payload[2:4], "big"), int.from_bytes(payload[:2], "big")
