"""The csum engine and tunnels: what is inside is mended as what is outside, once it is told to look there."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.checksums import MACS, fields, ipv4, ipv6, right_frames
from fakes.csum_engine import Engine, after
from fakes.packets import content, free, packet
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from pytestpmd._dataplane import lib
from pytestpmd.ethdev.offloads import TxOffload

MakeWire = Callable[..., Any]
INNER = {name: data for name, data in right_frames(37).items() if "ext" not in name and "options" not in name}
OUTER = {"ipv4": ipv4, "ipv6": ipv6}
ETHER, IPV4, IPV6 = b"\x65\x58", b"\x08\x00", b"\x86\xdd"
#: The UDP port, or the IP protocol, and the header of each tunnel; and what is in it: a frame, or a packet of IP.
UDP_TUNNELS = {
    "vxlan": (4789, b"\x08\0\0\0\0\0\x05\0", ETHER),
    "vxlan-gpe, ether": (4790, b"\x0c\0\0\x03\0\0\x05\0", ETHER),
    "vxlan-gpe, ipv4": (4790, b"\x0c\0\0\x01\0\0\x05\0", IPV4),
    "vxlan-gpe, ipv6": (4790, b"\x0c\0\0\x02\0\0\x05\0", IPV6),
    "geneve, ether": (6081, b"\0\0\x65\x58\0\0\x05\0", ETHER),
    "geneve, options": (6081, b"\x03\0\x65\x58\0\0\x05\0" + b"o" * 12, ETHER),
    "geneve, ipv4": (6081, b"\0\0\x08\0\0\0\x05\0", IPV4),
    "geneve, nothing said": (6081, b"\0\0\0\0\0\0\x05\0", IPV4),
    "geneve, ipv6": (6081, b"\0\0\x86\xdd\0\0\x05\0", IPV6),
    "gtp, ipv4": (2152, b"\x30\xff\0\0\0\0\0\x05", IPV4),
    "gtp, ipv6": (2152, b"\x30\xff\0\0\0\0\0\x05", IPV6),
    "gtp, sequence": (2152, b"\x32\xff\0\0\0\0\0\x05\0\1\0\0", IPV4),
    "gtp, control": (2123, b"\x30\xff\0\0\0\0\0\x05", IPV4),
}
IP_TUNNELS = {
    "gre, ipv4": (47, b"\0\0\x08\0", IPV4),
    "gre, ipv6": (47, b"\0\0\x86\xdd", IPV6),
    "gre, key": (47, b"\x20\0\x08\0key.", IPV4),
    "gre, key and sequence": (47, b"\x30\0\x08\0key.seq.", IPV4),
    "nvgre": (47, b"\x20\0\x65\x58\0\0\x05\0", ETHER),
    "ip in ip": (4, b"", IPV4),
    "ipv6 in ip": (41, b"", IPV6),
}
TUNNELS = {**UDP_TUNNELS, **IP_TUNNELS}
each_tunnel = pytest.mark.parametrize("tunnel", TUNNELS)
each_outer = pytest.mark.parametrize("outer", OUTER)


def dug(outer: str, tunnel: str, inside: bytes, *, udp_sum: bool = True) -> bytes:
    """A frame inside a tunnel, right in everything."""
    number, header, _ = TUNNELS[tunnel]
    ip: Packet = OUTER[outer]()
    if tunnel in UDP_TUNNELS:
        transport: Packet = UDP(sport=7, dport=number)
        if not udp_sum:
            transport.chksum = 0
        return bytes(Ether(**MACS) / ip / transport / Raw(header + inside))
    setattr(ip, "proto" if outer == "ipv4" else "nh", number)
    return bytes(Ether(**MACS) / ip / Raw(header + inside))


def insides(tunnel: str) -> Iterator[bytes]:
    """Frames, or what is in them, that may be in the tunnel."""
    kind = TUNNELS[tunnel][2]
    for data in INNER.values():
        if kind == ETHER:
            yield data
        elif data[12:14] == kind:
            yield data[14:]


def whole(inside: bytes, kind: bytes) -> bytes:
    return inside if kind == ETHER else bytes(12) + kind + inside


def spoil(outer: str, tunnel: str, data: bytes, inside: bytes, *, with_outer: bool = True) -> bytes:
    """Every checksum wrong: the inner ones, those of the outer IP header, and of outer UDP where there is one."""
    bad = bytearray(data)
    found = whole(inside, TUNNELS[tunnel][2])
    places = [len(data) - len(found) + at for at, _ in fields(found)]
    if with_outer and outer == "ipv4":
        places.append(24)
    udp_at = {"ipv4": 34, "ipv6": 54}[outer] + 6
    if with_outer and tunnel in UDP_TUNNELS and data[udp_at : udp_at + 2] != b"\0\0":
        places.append(udp_at)
    for at in places:
        bad[at] ^= 0x5A
    return bytes(bad)


@pytest.fixture
def engine(make_wire: MakeWire) -> Engine:
    return Engine(make_wire)


@each_tunnel
@each_outer
@pytest.mark.parametrize("udp_sum", [True, False])
def test_what_is_inside_is_mended(engine: Engine, outer: str, tunnel: str, udp_sum: bool) -> None:
    engine.set(parse_tunnel=True)
    for inside in insides(tunnel):
        right = dug(outer, tunnel, inside, udp_sum=udp_sum)
        assert engine.forward(right) == after(right)
        wrong = spoil(outer, tunnel, right, inside)
        assert engine.forward(wrong) == after(right)
        assert engine.forward(wrong, split=(14, 1, 30)) == after(right)


@each_tunnel
@each_outer
def test_what_is_inside_is_left_alone_unless_asked_for(engine: Engine, outer: str, tunnel: str) -> None:
    for inside in insides(tunnel):
        right = dug(outer, tunnel, inside)
        wrong = spoil(outer, tunnel, right, inside)
        assert engine.forward(wrong)[-len(inside) :] == wrong[-len(inside) :]


@each_tunnel
@each_outer
def test_a_port_is_asked_where_nothing_outside_depends_on_it(engine: Engine, outer: str, tunnel: str) -> None:
    """A checksum of outer UDP is over the inner one, which it would not be made of any more."""
    asked = TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM | TxOffload.TCP_TSO
    engine.set(asked, parse_tunnel=True, tso_segsz=1)
    for inside in insides(tunnel):
        for udp_sum in (False, True):
            right = dug(outer, tunnel, inside, udp_sum=udp_sum)
            sent = engine.forward(spoil(outer, tunnel, right, inside))
            found = whole(inside, TUNNELS[tunnel][2])
            l2, l4 = len(right) - len(found), list(fields(found))[-1][0]
            is_asked = tunnel in IP_TUNNELS or not udp_sum
            assert bool(engine.flags & lib.MBUF_F_TX_L4_MASK) == is_asked
            assert not engine.flags & lib.MBUF_F_TX_TCP_SEG
            if is_asked:
                tcp = engine.flags & lib.MBUF_F_TX_L4_MASK == lib.MBUF_F_TX_TCP_CKSUM
                assert sum(engine.lengths[:2]) == l2 + l4 - (16 if tcp else 6)
                at = l2 + l4
                assert sent[:at] + sent[at + 2 :] == after(right)[:at] + right[at + 2 :]
            else:
                assert sent == after(right)


NO_TUNNELS: dict[str, tuple[int, bytes]] = {
    "gre with a checksum": (47, b"\x80\0\x08\0sum."),
    "gre with routes": (47, b"\x40\0\x08\0\0\0\0\0"),
    "gre of another version": (47, b"\0\1\x08\0"),
    "gre of something else": (47, b"\0\0\x88\x47"),
    "gre cut off": (47, b"\0\0"),
    "gtp of another message": (2152, b"\x30\x01\0\0\0\0\0\x05"),
    "gtp with more headers": (2152, b"\x34\xff\0\0\0\0\0\x05\0\0\0\x85"),
    "vxlan-gpe of something else": (4790, b"\x0c\0\0\x04\0\0\x05\0"),
    "geneve of something else": (6081, b"\0\0\x88\x47\0\0\x05\0"),
    "another port": (4788, b"\x08\0\0\0\0\0\x05\0"),
}


@pytest.mark.parametrize("name", NO_TUNNELS)
def test_what_is_not_understood_is_no_tunnel(engine: Engine, name: str) -> None:
    number, header = NO_TUNNELS[name]
    inside = header + (b"" if "cut off" in name else INNER["ipv4 tcp"][14:-1] + b"!")
    ip = ipv4()
    if number == 47:
        ip.proto = number
        data = bytes(Ether(**MACS) / ip / Raw(inside))
    else:
        data = bytes(Ether(**MACS) / ip / UDP(sport=7, dport=number) / Raw(inside))
    assert engine.set(parse_tunnel=True).forward(data) == after(data)


@each_tunnel
def test_what_ends_behind_its_tunnel_is_left_alone(engine: Engine, tunnel: str) -> None:
    engine.set(parse_tunnel=True)
    for inside in insides(tunnel):
        data = dug("ipv4", tunnel, inside)
        shorter = dug("ipv4", tunnel, inside[:-5])
        wrong = spoil("ipv4", tunnel, data, inside, with_outer=False)
        longer = shorter[: len(shorter) - len(inside) + 5] + wrong[len(data) - len(inside) :]
        assert len(longer) == len(data)
        assert engine.forward(longer)[-len(inside) :] == longer[-len(inside) :]


@pytest.mark.parametrize("seed", range(3))
def test_any_tunnel_in_any_segments_comes_out_whole(make_wire: MakeWire, seed: int) -> None:
    engine, chance = Engine(make_wire), random.Random(seed)
    kinds = [dug(outer, tunnel, inside) for outer in OUTER for tunnel in TUNNELS for inside in insides(tunnel)]
    for _ in range(1500):
        data = bytearray(chance.choice(kinds))
        for _ in range(chance.randrange(6)):
            data[chance.randrange(12, len(data))] = chance.choice((0, 0xFF, chance.randrange(256)))
        frame = bytes(data[: chance.randrange(14, len(data) + 1)] if chance.random() < 0.3 else data)
        engine.set(chance.choice([0, TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM]), parse_tunnel=True)
        cuts = sorted(chance.sample(range(14, len(frame)), min(chance.randrange(4), len(frame) - 14)))
        lengths = [after_ - before for before, after_ in zip([0, *cuts], cuts, strict=False)]
        mbuf = packet(engine.pool, frame, split=[length for length in lengths if length])
        engine.forward_mbufs(mbuf)
        first = content(mbuf)
        assert sum(a != b for a, b in zip(after(frame), first, strict=True)) <= 10
        engine.forward_mbufs(mbuf)
        assert content(mbuf) == first
        free(mbuf)
