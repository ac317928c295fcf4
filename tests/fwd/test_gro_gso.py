"""The csum engine merges TCP packets as they come (GRO) and cuts long packets as they go (GSO)."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.checksums import MACS, frame, ipv4, ipv6, spoiled, tcp, udp
from fakes.csum_engine import Engine, after
from fakes.packets import content, free, packet
from scapy.layers.inet import IP, TCP, UDP, defragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from pytestpmd._dataplane import lib
from pytestpmd.ethdev.offloads import TxOffload
from pytestpmd.fwd import ENGINES

MakeWire = Callable[..., Any]


class Pipe(Engine):
    """Any number of packets in, any number out."""

    def turn(self, *frames: bytes, split: tuple[int, ...] = ()) -> list[bytes]:
        """What comes of frames in segments of these lengths, and of 2000 bytes after them."""
        return self.turn_mbufs(*(packet(self.pool, data, split=_segments(data, split)) for data in frames))

    def turn_mbufs(self, *mbufs: Any) -> list[bytes]:
        self._in += mbufs
        self._wire.turn()
        out, self._out = self._out, []
        contents = [content(mbuf) for mbuf in out]
        self.flags_out = [int(mbuf.ol_flags) for mbuf in out]
        free(*out)
        return contents

    def cutting(self, size: int = 1514) -> "Pipe":
        self.stream.csum.gso_size = size
        return self

    def merging(self, turns: int = 1, most: int = 128) -> "Pipe":
        self.stream.gro = self._wire.memory.struct("struct gro_table")
        self.stream.gro.flush_turns, self.stream.gro.max_pkts = turns, most
        return self

    def end(self) -> list[bytes]:
        """The last turn is over."""
        ENGINES["csum"].stream_end(self.stream)
        out, self._out = self._out, []
        contents = [content(mbuf) for mbuf in out]
        free(*out)
        return contents


def _segments(data: bytes, first: tuple[int, ...]) -> tuple[int, ...]:
    return first + (2000,) * ((len(data) - sum(first) - 1) // 2000)


@pytest.fixture
def pipe(make_wire: MakeWire) -> Iterator[Pipe]:
    made = Pipe(make_wire)
    yield made
    assert made.end() == []
    in_rings = made.pool.in_use()
    assert made.turn() == []
    assert made.pool.in_use() == in_rings


def is_right(data: bytes) -> bool:
    """Whether every checksum and length is what scapy makes of it."""
    layer = Ether(data)
    for each in (IP, TCP, UDP):
        found: Packet | None = layer.getlayer(each)
        while found is not None:
            if not (isinstance(found, UDP) and found.chksum == 0):
                del found.chksum
            if not isinstance(found, TCP):
                del found.len
            found = found.payload.getlayer(each)
    if IPv6 in layer:
        del layer[IPv6].plen
    return bytes(layer) == data


def payload_of(data: bytes) -> bytes:
    layer = Ether(data)
    while isinstance(layer.payload, Packet) and not isinstance(layer, (TCP, Raw)):
        layer = layer.payload
    return bytes(layer.payload)


# GSO


@pytest.mark.parametrize("ip", [ipv4, ipv6])
@pytest.mark.parametrize("split", [(), (14, 33, 700, 1)])
@pytest.mark.parametrize("size", [200, 1514, 4000])
def test_tcp_is_cut_into_packets_of_the_length_asked_for(
    pipe: Pipe, ip: Callable[[], Packet], split: tuple[int, ...], size: int
) -> None:
    long = frame(ip(), tcp(), payload=9000)
    out = pipe.cutting(size).turn(spoiled(long), split=split)
    assert [len(data) for data in out[:-1]] == [size] * (len(out) - 1)
    assert len(out[-1]) <= size
    assert b"".join(map(payload_of, out)) == payload_of(long)
    assert all(map(is_right, out))
    first = Ether(long)[TCP].seq
    assert [Ether(data)[TCP].seq for data in out] == [first + i * len(payload_of(out[0])) for i in range(len(out))]
    assert pipe.stream.gso_made == len(out) - 1
    assert pipe.stream.fwd_dropped == 0


def test_what_is_no_longer_than_asked_for_goes_as_it_is(pipe: Pipe) -> None:
    data = frame(ipv4(), tcp(), payload=1460 - 12)
    assert len(data) == 1514
    assert pipe.cutting().turn(data) == [after(data)]
    assert pipe.stream.gso_made == 0


def test_numbers_and_flags_are_dealt_out(pipe: Pipe) -> None:
    """RFC 9293: PSH and FIN are the last one's; RFC 3168: CWR is the first one's."""
    out = pipe.cutting(554).turn(frame(ipv4(), TCP(flags="CAPF"), payload=1500))
    assert [str(Ether(data)[TCP].flags) for data in out] == ["AC", "A", "FPA"]
    assert [Ether(data)[IP].id for data in out] == [7, 8, 9]


@pytest.mark.parametrize("checksum", [True, False])
def test_udp_is_cut_into_fragments(pipe: Pipe, checksum: bool) -> None:
    transport = udp() if checksum else UDP(sport=4444, dport=5555, chksum=0)
    long = frame(Dot1Q(vlan=5), ipv4(), transport, payload=5000)
    out = pipe.cutting(1000).turn(spoiled(long) if checksum else long)
    assert len(out) == 6
    assert all(len(data) <= 1000 for data in out)
    (whole,) = defragment([Ether(data)[IP] for data in out])
    assert bytes(whole[UDP]) == bytes(Ether(long)[UDP])
    assert [Ether(data)[IP].frag * 8 for data in out] == [i * 960 for i in range(6)]


@pytest.mark.parametrize("ip", [IP(flags="DF"), IP(flags="MF"), IP(frag=100), IPv6()])
def test_what_is_not_to_be_fragmented_is_not(pipe: Pipe, ip: Packet) -> None:
    data = bytes(Ether(**MACS) / ip / UDP(chksum=0) / Raw(bytes(3000)))
    assert len(pipe.cutting().turn(data)) == 1


def inner(payload: int) -> Packet:
    return (
        IP(src="1.1.1.1", dst="2.2.2.2", id=3)
        / TCP(sport=1, dport=2, seq=9)
        / Raw(bytes(range(250)) * (payload // 250))
    )


TUNNELS = {
    "vxlan": ipv4() / UDP(sport=9, dport=4789) / VXLAN(vni=5) / Ether(**MACS) / inner(5000),
    "vxlan without a checksum": ipv4()
    / UDP(sport=9, dport=4789, chksum=0)
    / VXLAN(vni=5)
    / Ether(**MACS)
    / inner(5000),
    "vxlan over ipv6": ipv6() / UDP(sport=9, dport=4789) / VXLAN(vni=5) / Ether(**MACS) / inner(5000),
    "gre": ipv4() / GRE() / inner(5000),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_tcp_in_a_tunnel_is_cut_as_well(pipe: Pipe, name: str) -> None:
    long = bytes(Ether(**MACS) / TUNNELS[name])
    pipe.set(parse_tunnel=True)
    out = pipe.cutting(1200).turn(long)
    assert [len(data) for data in out[:-1]] == [1200] * (len(out) - 1)
    assert all(map(is_right, out))
    assert b"".join(bytes(Ether(data)[TCP].payload) for data in out) == bytes(Ether(long)[TCP].payload)


def test_a_port_that_segments_itself_is_left_to(pipe: Pipe) -> None:
    pipe.set(TxOffload.TCP_TSO | TxOffload.TCP_CKSUM, tso_segsz=800)
    assert len(pipe.cutting().turn(frame(ipv4(), tcp(), payload=5000))) == 1
    assert pipe.flags_out[0] & lib.MBUF_F_TX_TCP_SEG


def test_where_mbufs_run_out_the_rest_is_counted(make_wire: MakeWire, make_pool: Callable[..., Any]) -> None:
    pipe = Pipe(make_wire).cutting(200)
    few = make_pool(8)
    whole = packet(pipe.pool, frame(ipv4(), tcp(), payload=9000), split=(2000, 2000, 2000, 2000))
    pipe.stream.pool = few.ptr
    assert len(pipe.turn_mbufs(whole)) == 8
    assert pipe.stream.fwd_dropped == 1
    assert few.in_use() == 0


def test_more_frames_than_a_burst_are_sent(pipe: Pipe) -> None:
    out = pipe.cutting(120).turn(frame(ipv4(), tcp(), payload=30000))
    assert b"".join(map(payload_of, out)) == payload_of(frame(ipv4(), tcp(), payload=30000))
    assert len(out) > 512


# GRO


def stream_of(lengths: list[int], *, sport: int = 1024, flags: str = "A", **ip: Any) -> list[bytes]:
    """What a sender makes of data: segment by segment, each right in everything."""
    made, seq = [], 2**32 - 1000
    for number, length in enumerate(lengths):
        tcp_header = TCP(sport=sport, dport=80, seq=seq % 2**32, flags=flags, options=[("Timestamp", (1, 2))])
        header = IP(src="10.0.0.1", dst="10.0.0.2", id=(65534 + number) % 65536, **ip)
        made.append(bytes(Ether(**MACS) / header / tcp_header / Raw(bytes([number % 256]) * length)))
        seq += length
    return made


@pytest.mark.parametrize("split", [(), (70, 100)])
def test_segments_that_follow_one_another_become_one(pipe: Pipe, split: tuple[int, ...]) -> None:
    parts = stream_of([1000, 999, 1448])
    (out,) = pipe.merging().turn(*parts, split=split)
    assert payload_of(out) == b"".join(map(payload_of, parts))
    assert is_right(out)
    assert Ether(out)[TCP].seq == Ether(parts[0])[TCP].seq
    assert pipe.stream.gro_merged == 2


def test_streams_are_kept_apart(pipe: Pipe) -> None:
    one, other = stream_of([500] * 3, sport=1), stream_of([600] * 3, sport=2)
    mixed = [data for pair in zip(one, other, strict=True) for data in pair]
    out = pipe.merging().turn(*mixed)
    assert sorted(map(payload_of, out)) == sorted(b"".join(map(payload_of, each)) for each in (one, other))


DIFFERENT: dict[str, list[bytes]] = {
    "a gap": [stream_of([100, 50, 100])[0], stream_of([100, 50, 100])[2]],
    "backwards": stream_of([100, 100])[::-1],
    "twice": stream_of([100])[:1] * 2,
    "another number": [stream_of([100, 100])[0], stream_of([50, 50, 100], sport=1024)[2]],
    "an empty one": stream_of([100, 0]),
    "urgent": stream_of([100, 100], flags="AU"),
    "the end": [stream_of([100, 100])[0], stream_of([100, 100], flags="FA")[1]],
    "ttl": [stream_of([100, 100], ttl=3)[0], stream_of([100, 100], ttl=4)[1]],
    "tos": [stream_of([100, 100], tos=3)[0], stream_of([100, 100], tos=4)[1]],
    "options of IP": stream_of([100, 100], options=b"\x94\x04\0\0"),
    "padding": [data + b"pad" for data in stream_of([100, 100])],
    "after PSH": [stream_of([100, 100], flags="PA")[0], stream_of([100, 100])[1]],
    "udp": [frame(ipv4(), udp())] * 2,
    "ipv6": [frame(ipv6(), tcp())] * 2,
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_does_not_continue_another_stays_apart_and_in_order(pipe: Pipe, name: str) -> None:
    assert pipe.merging().turn(*DIFFERENT[name]) == [after(data) for data in DIFFERENT[name]]
    assert pipe.stream.gro_merged == 0


def test_a_push_ends_what_is_merged_and_is_kept(pipe: Pipe) -> None:
    parts = stream_of([100, 100, 100])
    parts[1] = stream_of([100, 100, 100], flags="PA")[1]
    first, second = pipe.merging().turn(*parts)
    assert payload_of(first) == payload_of(parts[0]) + payload_of(parts[1])
    assert str(Ether(first)[TCP].flags) == "PA"
    assert second == after(parts[2])


@pytest.mark.parametrize(("flags", "out"), [("", 2), ("DF", 1)])
def test_a_sender_that_does_not_count_says_so_by_df(pipe: Pipe, flags: str, out: int) -> None:
    same = []
    for data in stream_of([100, 100]):
        layer = Ether(data)
        layer[IP].flags, layer[IP].id = flags, 0
        del layer[IP].chksum
        same.append(bytes(layer))
    assert len(pipe.merging().turn(*same)) == out


def test_what_was_found_damaged_is_not_merged(pipe: Pipe) -> None:
    mbufs = [packet(pipe.pool, data) for data in stream_of([100] * 3)]
    mbufs[1].ol_flags = lib.MBUF_F_RX_L4_CKSUM_BAD
    assert len(pipe.merging().turn_mbufs(*mbufs)) == 3
    assert pipe.stream.rx_bad_l4_csum == 1


def test_packets_are_held_for_so_many_turns(pipe: Pipe) -> None:
    parts = stream_of([100] * 6)
    pipe.merging(turns=3, most=2048)
    assert [len(pipe.turn(data)) for data in parts] == [0, 0, 1, 0, 0, 1]
    assert pipe.turn(parts[0]) == []
    assert pipe.turn() == []
    assert pipe.turn() == [after(parts[0])]


def test_what_is_held_at_the_end_goes_on(pipe: Pipe) -> None:
    (part,) = stream_of([100])
    assert pipe.merging(turns=4).turn(part) == []
    assert pipe.end() == [after(part)]


def test_no_more_is_held_than_said(pipe: Pipe) -> None:
    parts = stream_of([100] * 10)
    assert len(pipe.merging(turns=4, most=10).turn(*parts)) == 1


def test_no_packet_grows_beyond_what_ip_can_say(pipe: Pipe) -> None:
    pipe.stream.burst = 64
    parts = stream_of([1448] * 50)
    out = pipe.merging().turn(*parts)
    assert all(len(data) <= 65535 + 14 for data in out)
    assert len(out) == 2
    assert b"".join(map(payload_of, out)) == b"".join(map(payload_of, parts))


@pytest.mark.parametrize("seed", range(30))
def test_merged_and_cut_again_nothing_is_lost(pipe: Pipe, seed: int) -> None:
    chance = random.Random(seed)
    parts = stream_of([chance.choice((0, 1, 100, chance.randrange(1400), 1400)) for _ in range(32)])
    out = pipe.merging(turns=chance.randint(1, 4)).cutting(chance.randint(100, 3000)).turn(*parts) + pipe.end()
    assert b"".join(map(payload_of, out)) == b"".join(map(payload_of, parts))
    assert all(map(is_right, out))


def test_the_hash_spreads(pipe: Pipe) -> None:
    """Many streams at once: those in one another's way go on early, and none is lost."""
    pipe.stream.burst = 512
    parts = [stream_of([100, 100], sport=1000 + n) for n in range(200)]
    out = pipe.merging(most=2048).turn(*(each[0] for each in parts), *(each[1] for each in parts))
    assert 200 <= len(out) < 330
    assert sum(len(payload_of(data)) for data in out) == 200 * 200
