"""Where headers lie, against frames that scapy builds."""

import random

import pytest
from fakes.packets import free, packet
from scapy.layers.inet import IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.mempool import Mempool


def tagged(tags: int) -> Packet:
    frame = Ether()
    for vlan in range(tags):
        frame /= Dot1Q(vlan=vlan)
    return frame / IP() / UDP()


HOP, DEST = IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 12)])
FOUND: dict[str, tuple[Packet, tuple[int, int, int, int, bool]]] = {
    "udp4": (Ether() / IP() / UDP(), (14, 20, 8, 17, False)),
    "tcp4": (Ether() / IP() / TCP(), (14, 20, 20, 6, False)),
    "sctp4": (Ether() / IP() / SCTP(), (14, 20, 12, 132, False)),
    "options": (Ether() / IP(options=[IPOption(b"\x94\x04\0\0")]) / UDP(), (14, 24, 8, 17, False)),
    "tcp options": (Ether() / IP() / TCP(options=[("Timestamp", (1, 2))]), (14, 20, 32, 6, False)),
    "not to be fragmented": (Ether() / IP(flags="DF") / TCP(), (14, 20, 20, 6, False)),
    "udp6": (Ether() / IPv6() / UDP(), (14, 40, 8, 17, True)),
    "tcp6": (Ether() / IPv6() / TCP(), (14, 40, 20, 6, True)),
    "tagged": (Ether() / Dot1Q(vlan=5) / IP() / UDP(), (18, 20, 8, 17, False)),
    "tagged twice": (Ether(type=0x88A8) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / IPv6() / TCP(), (22, 40, 20, 6, True)),
    "tagged eight times": (tagged(8), (46, 20, 8, 17, False)),
    "extension": (Ether() / IPv6() / HOP / TCP(), (14, 48, 20, 6, True)),
    "extensions": (Ether() / IPv6() / HOP / IPv6ExtHdrRouting() / DEST / UDP(), (14, 72, 8, 17, True)),
}
NOT_FOUND: dict[str, Packet] = {
    "arp": Ether() / ARP(),
    "icmp": Ether() / IP(proto=1) / (b"\0" * 40),
    "first fragment": Ether() / IP(flags="MF") / UDP(),
    "later fragment": Ether() / IP(frag=10) / UDP(),
    "fragment of ipv6": Ether() / IPv6() / IPv6ExtHdrFragment() / UDP(),
    "nine tags": tagged(9),
    "a last hop that is still to come": Ether() / IPv6() / IPv6ExtHdrRouting(segleft=1) / UDP(),
    "longer than it is": Ether() / IP(len=100) / UDP(),
    "longer than it is, ipv6": Ether() / IPv6(plen=100) / UDP(),
    "shorter than its header": Ether() / IP(len=16) / UDP(),
    "datagram longer than its packet": Ether() / IP() / UDP(len=9),
    "datagram shorter than its header": Ether() / IP() / UDP(len=7),
    "version": Ether() / IP(version=5) / UDP(),
    "short header": Ether() / IP(ihl=4) / UDP(),
    "long header": Ether() / IP(ihl=15) / UDP(),
    "version of ipv6": Ether() / IPv6(version=4) / UDP(),
    "short tcp": Ether() / IP() / TCP(dataofs=4),
    "long tcp": Ether() / IP() / TCP(dataofs=15),
    "endless extensions": Ether() / IPv6(nh=0) / (b"\0" * 2000),
    "long extension": Ether() / IPv6(nh=0) / b"\x06\xff\0\0\0\0\0\0",
}


def parse(pool: Mempool, data: bytes) -> tuple[int, int, int, int, bool] | None:
    mbuf, hdrs = packet(pool, data), ffi.new("struct net_hdrs *")
    found = lib.net_parse(mbuf, hdrs)
    free(mbuf)
    return (hdrs.l2_len, hdrs.l3_len, hdrs.l4_len, hdrs.proto, hdrs.is_ipv6) if found else None


@pytest.mark.parametrize("name", FOUND)
def test_headers_are_found(pool: Mempool, name: str) -> None:
    built, expected = FOUND[name]
    assert parse(pool, bytes(built)) == expected


@pytest.mark.parametrize("name", FOUND)
def test_headers_that_are_cut_off_are_not_found(pool: Mempool, name: str) -> None:
    built, expected = FOUND[name]
    whole = sum(expected[:3])
    assert parse(pool, bytes(built)[:whole]) == expected
    for length in range(1, whole):
        assert parse(pool, bytes(built)[:length]) is None


@pytest.mark.parametrize("name", FOUND)
def test_transport_headers_are_found_in_the_first_segment_alone_and_ip_headers_in_any(pool: Mempool, name: str) -> None:
    built, expected = FOUND[name]
    data, whole = bytes(built) + bytes(8), sum(expected[:3])
    for first in range(1, len(data)):
        mbuf, hdrs = packet(pool, data, split=[first]), ffi.new("struct net_hdrs *")
        assert lib.net_parse(mbuf, hdrs) == (first >= whole)
        assert lib.net_parse_ip(mbuf, hdrs)
        assert (hdrs.l2_len, hdrs.l3_len, hdrs.l4_len, hdrs.proto, hdrs.is_ipv6) == expected
        assert hdrs.end == len(bytes(built))
        free(mbuf)


def test_a_datagram_ends_where_it_says(pool: Mempool) -> None:
    frame = Ether() / IP(len=20 + 8 + 40) / UDP(len=8 + 3) / (b"x" * 50)
    mbuf, hdrs = packet(pool, bytes(frame)), ffi.new("struct net_hdrs *")
    assert lib.net_parse(mbuf, hdrs)
    assert hdrs.end == 14 + 20 + 8 + 3
    free(mbuf)


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_has_no_such_headers_is_told_apart(pool: Mempool, name: str) -> None:
    assert parse(pool, bytes(NOT_FOUND[name])) is None


def test_headers_are_found_nowhere_but_in_the_frame(pool: Mempool) -> None:
    """Bytes changed at random: what is found still lies in it."""
    chance = random.Random(7)
    for _ in range(3000):
        data = bytearray(bytes(chance.choice(list(FOUND.values()))[0]))
        for _ in range(chance.randrange(6)):
            data[chance.randrange(12, len(data))] = chance.randrange(256)
        found = parse(pool, bytes(data))
        assert found is None or sum(found[:3]) <= len(data)
