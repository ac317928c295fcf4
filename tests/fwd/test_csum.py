"""The csum engine on the wire: right checksums stay, wrong ones are mended, and nothing else is touched."""

import random
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.checksums import fields, frame, ipv4, ipv6, right_frames, spoiled, tcp, udp
from fakes.csum_engine import Engine, after
from fakes.guest import Guarded
from fakes.packets import MakePool, content, free, packet, segments_of, take
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrRouting
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import CsumConfig
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.offloads import TxOffload
from pytestpmd.fwd import csum
from pytestpmd.fwd.dump import DumpRing
from pytestpmd.fwd.frame import Frame

MakeWire = Callable[..., Any]
RIGHT = right_frames()
ALL_HW = TxOffload.IPV4_CKSUM | TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM | TxOffload.SCTP_CKSUM | TxOffload.TCP_TSO
L4_HW = TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM
each_frame = pytest.mark.parametrize("name", RIGHT)


@pytest.fixture
def engine(make_wire: MakeWire) -> Engine:
    return Engine(make_wire)


# What is made here.


@each_frame
def test_a_right_frame_keeps_every_byte_but_its_addresses(engine: Engine, name: str) -> None:
    assert engine.forward(RIGHT[name]) == after(RIGHT[name])
    assert engine.forward(RIGHT[name] + b"padding?") == after(RIGHT[name]) + b"padding?"
    assert not engine.flags & (lib.MBUF_F_TX_L4_MASK | lib.MBUF_F_TX_IP_CKSUM | lib.MBUF_F_TX_TCP_SEG)


@each_frame
@pytest.mark.parametrize("payload", [0, 1, 2, 7, 1400])
def test_wrong_checksums_are_mended(engine: Engine, name: str, payload: int) -> None:
    right = right_frames(payload)[name]
    wrong = spoiled(right)
    assert wrong != right
    assert engine.forward(wrong) == after(right)
    assert engine.forward(wrong + b"padding!?") == after(right) + b"padding!?"


@each_frame
def test_segments_may_begin_anywhere(engine: Engine, name: str) -> None:
    right = RIGHT[name]
    for first in range(14, len(right)):
        assert engine.forward(spoiled(right), split=(first,)) == after(right)
        assert engine.forward(spoiled(right), split=(14, *[1] * (first - 14))) == after(right)


def test_nine_kilobytes_in_odd_segments_are_mended(engine: Engine) -> None:
    right = frame(ipv4(), tcp(), payload=9000)
    assert engine.forward(spoiled(right), split=(99, 1999, 1, 2001, 1001, 2000, 1333)) == after(right)


def test_a_datagram_without_a_checksum_stays_without(engine: Engine) -> None:
    for ip in (ipv4(), ipv6()):
        none = udp()
        none.chksum = 0
        data = frame(ip, none)
        for offloads in (0, ALL_HW):
            assert engine.set(offloads).forward(data) == after(data)
            assert not engine.flags & lib.MBUF_F_TX_L4_MASK


def test_a_checksum_of_a_datagram_that_would_be_zero_is_ffff(engine: Engine) -> None:
    """RFC 768: zero says that there is none."""
    data = frame(ipv4(), udp(), payload=2)
    (_, (at, _)) = fields(data)
    payload = int.from_bytes(data[-2:], "big") + int.from_bytes(data[at : at + 2], "big")
    data = data[:at] + b"\0\0" + struct.pack("!H", (payload & 0xFFFF) + (payload >> 16))
    assert engine.forward(data[:at] + b"\x12\x34" + data[at + 2 :]) == after(data[:at] + b"\xff\xff" + data[at + 2 :])


def test_a_datagram_ends_where_it_says(engine: Engine) -> None:
    """Its checksum is that of its own bytes, even where the IP packet goes on."""
    right = frame(ipv4(), udp(), payload=20)
    longer = bytearray(frame(ipv4(), udp(), payload=33))
    longer[34 : 34 + 28] = right[34:]
    assert engine.forward(spoiled(bytes(longer))) == after(bytes(longer))
    assert engine.set(ALL_HW).forward(bytes(longer)) == after(bytes(longer))


def test_what_the_original_does_to_sctp(engine: Engine) -> None:
    """Its CRC32c is overwritten with zero."""
    for ip in (ipv4(), ipv6()):
        right = frame(ip, SCTP(), SCTPChunkData(data=b"1234"), payload=0)
        at = len(right) - len(bytes(Ether(right)[SCTP])) + 8
        assert engine.set().forward(right) == after(right[:at] + bytes(4) + right[at + 4 :])
        assert engine.set(TxOffload.SCTP_CKSUM).forward(right) == after(right)
        assert engine.flags & lib.MBUF_F_TX_L4_MASK == lib.MBUF_F_TX_SCTP_CKSUM
        assert engine.forward(right + b"pad?") == after(right[:at] + bytes(4) + right[at + 4 :]) + b"pad?"


def mended_header(data: bytes) -> bytes:
    """The frame with its IPv4 checksum alone made right."""
    header = bytearray(data[14 : 14 + 20])
    header[10:12] = b"\0\0"
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return data[:24] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + data[26:]


def changed(layer: Packet, **values: Any) -> Packet:
    for name, value in values.items():
        setattr(layer, name, value)
    return layer


HALF_DONE: dict[str, bytes] = {
    "first fragment": frame(changed(ipv4(), flags="MF"), udp()),
    "later fragment": frame(changed(ipv4(), frag=10, proto=17), Raw(b"x" * 60)),
    "shorter than it says": frame(ipv4(), tcp())[:-1],
    "longer datagram than packet": frame(ipv4(), changed(udp(), len=1000)),
    "shorter datagram than a header": frame(ipv4(), changed(udp(), len=7)),
    "header of tcp longer than the packet": frame(ipv4(), changed(tcp(), dataofs=15), payload=0),
    "header of tcp too short": frame(ipv4(), changed(tcp(), dataofs=4)),
    "no room for tcp": frame(changed(ipv4(), proto=6), payload=19),
    "no room for udp": frame(changed(ipv4(), proto=17), payload=7),
    "no room for sctp": frame(changed(ipv4(), proto=132), payload=11),
    "another protocol": frame(changed(ipv4(), proto=47)),
}


@pytest.mark.parametrize("name", HALF_DONE)
@pytest.mark.parametrize("offloads", [0, L4_HW])
def test_a_transport_checksum_that_cannot_be_judged_is_left_alone(engine: Engine, name: str, offloads: int) -> None:
    data = spoiled(HALF_DONE[name]) if "fragment" in name else HALF_DONE[name]
    assert engine.set(offloads).forward(data) == after(mended_header(data))
    assert not engine.flags & lib.MBUF_F_TX_L4_MASK


UNTOUCHED: dict[str, bytes] = {
    "arp": frame(ARP()),
    "nine tags": frame(*[Dot1Q(vlan=i) for i in range(9)], ipv4(), udp()),
    "not version 4": frame(changed(ipv4(), version=6), udp()),
    "not version 6": frame(changed(ipv6(), version=4), udp()),
    "header too short": frame(changed(ipv4(), ihl=4), udp()),
    "header longer than its packet": frame(changed(ipv4(), ihl=15), udp(), payload=4),
    "packet shorter than its header": frame(changed(ipv4(), len=19), udp()),
    "fragment of ipv6": frame(ipv6(), IPv6ExtHdrFragment(m=1), udp()),
    "on its way": frame(ipv6(), IPv6ExtHdrRouting(segleft=1, addresses=["2001:db8::7"]), udp()),
    "extensions without end": frame(changed(ipv6(), nh=0), payload=1900),
    "ipv6 shorter than it says": frame(ipv6(), udp())[:-1],
    "an ether type and no more": Ether().build()[:12] + b"\x08\x00",
}


@pytest.mark.parametrize("name", UNTOUCHED)
@pytest.mark.parametrize("offloads", [0, ALL_HW])
def test_what_is_not_understood_keeps_every_byte(engine: Engine, name: str, offloads: int) -> None:
    data = UNTOUCHED[name]
    assert engine.set(offloads).forward(data) == after(data)
    assert not engine.flags & (lib.MBUF_F_TX_L4_MASK | lib.MBUF_F_TX_IP_CKSUM)


@each_frame
def test_a_frame_that_is_cut_off_is_passed_on(engine: Engine, name: str) -> None:
    data = RIGHT[name]
    for length in range(14, len(data)):
        result = engine.forward(data[:length])
        assert result == after(data[:length])


def test_addresses_are_left_alone_where_that_is_asked_for(engine: Engine) -> None:
    data = frame(ipv4(), tcp())
    assert engine.set(mac_swap=False).forward(spoiled(data)) == data
    csum.follow(engine.stream.csum, CsumConfig())
    assert engine.forward(spoiled(data)) == after(data)


# What is asked of the port.


@each_frame
def test_a_port_that_makes_checksums_is_asked_to(engine: Engine, name: str) -> None:
    wrong, is_ipv4 = spoiled(RIGHT[name]), "ipv4" in name
    assert engine.set(ALL_HW).forward(wrong) == after(wrong), "the field is the driver's to fill"
    l4 = lib.MBUF_F_TX_TCP_CKSUM if "tcp" in name else lib.MBUF_F_TX_UDP_CKSUM
    ip = lib.MBUF_F_TX_IPV4 | lib.MBUF_F_TX_IP_CKSUM if is_ipv4 else lib.MBUF_F_TX_IPV6
    assert engine.flags == l4 | ip
    layers, tail = Ether(wrong), len(wrong)
    network, transport = layers.getlayer(IP if is_ipv4 else IPv6), layers.getlayer(TCP if "tcp" in name else UDP)
    l2, l4 = tail - len(bytes(network)), tail - len(bytes(transport))
    assert engine.lengths == (l2, l4 - l2, 32 if "tcp" in name else 8)


@each_frame
def test_with_ipv4_done_here_and_the_rest_by_the_port_the_header_is_right(engine: Engine, name: str) -> None:
    wrong = spoiled(RIGHT[name])
    expected = after(wrong)
    if "ipv4" in name:
        at, _ = next(fields(wrong))
        expected = expected[:at] + RIGHT[name][at : at + 2] + expected[at + 2 :]
    assert engine.set(L4_HW).forward(wrong) == expected
    assert not engine.flags & lib.MBUF_F_TX_IP_CKSUM


@each_frame
def test_a_port_is_not_asked_where_it_would_go_wrong(engine: Engine, name: str) -> None:
    """Padding would be summed up; a header in the second segment would not be found."""
    right = RIGHT[name]
    engine.set(L4_HW | TxOffload.TCP_TSO, tso_segsz=1)
    assert engine.forward(spoiled(right) + b"?") == after(right) + b"?"
    assert not engine.flags & (lib.MBUF_F_TX_L4_MASK | lib.MBUF_F_TX_TCP_SEG)
    headers = sum(engine.lengths)
    assert engine.forward(spoiled(right), split=(headers - 1,)) == after(right)
    assert not engine.flags & (lib.MBUF_F_TX_L4_MASK | lib.MBUF_F_TX_TCP_SEG)
    engine.forward(right, split=(headers,))
    assert engine.flags & (lib.MBUF_F_TX_L4_MASK | lib.MBUF_F_TX_TCP_SEG)


@pytest.mark.parametrize(("ip", "header"), [(ipv4(), 20), (ipv6(), 40)], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("segsz", [1, 536, 800, 1460])
def test_more_data_than_a_segment_is_cut_up_by_the_port(engine: Engine, ip: Packet, header: int, segsz: int) -> None:
    engine.set(TxOffload.TCP_TSO, tso_segsz=segsz)
    for payload, is_cut in ((segsz, False), (segsz + 1, True), (9000, True)):
        right = frame(ip, tcp(), payload=payload)
        sent = engine.forward(right, split=(100, *[2000] * (payload // 2001)) if payload > 100 else ())
        assert bool(engine.flags & lib.MBUF_F_TX_TCP_SEG) == is_cut
        assert sent == after(right)
        assert engine.lengths == (14, header, 32)
        if is_cut:
            assert engine.tso_segsz == segsz
            assert bool(engine.flags & lib.MBUF_F_TX_IP_CKSUM) == (header == 20)


@pytest.mark.parametrize("config", [{"tso_segsz": 0}, {"tso_segsz": 800}])
def test_nothing_is_cut_up_by_a_port_that_was_not_asked_or_cannot(engine: Engine, config: dict[str, int]) -> None:
    right = frame(ipv4(), tcp(), payload=9000)
    offloads = TxOffload.TCP_TSO if config["tso_segsz"] == 0 else 0
    assert engine.set(offloads, **config).forward(spoiled(right), split=(2000, 2000, 2000, 2000)) == after(right)
    assert not engine.flags & lib.MBUF_F_TX_TCP_SEG


def test_no_flag_of_the_receive_port_reaches_the_transmit_port(engine: Engine) -> None:
    for data in (frame(ipv4(), udp()), frame(ARP())):
        mbuf = packet(engine.pool, data)
        mbuf.ol_flags = 0xFFFF_FFFF_FFFF_FFFF
        engine.forward_mbufs(mbuf)
        # the mark that it is timed is no port's
        assert mbuf.ol_flags & ~lib.MBUF_F_RX_TIMESTAMP in (0, lib.MBUF_F_TX_IPV4)
        free(mbuf)


# What was received.


def test_what_the_receive_port_found_wrong_is_counted(engine: Engine) -> None:
    bad_ip, bad_l4 = lib.MBUF_F_RX_IP_CKSUM_BAD, lib.MBUF_F_RX_L4_CKSUM_BAD
    good_ip, good_l4 = lib.MBUF_F_RX_IP_CKSUM_GOOD, lib.MBUF_F_RX_L4_CKSUM_GOOD
    for flags, counts in (
        (0, (0, 0)),
        (good_ip | good_l4, (0, 0)),
        (bad_ip, (1, 0)),
        (bad_l4, (0, 1)),
        (bad_ip | bad_l4, (1, 1)),
        (bad_ip | good_ip, (0, 0)),
        (lib.MBUF_F_RX_L4_CKSUM_NONE, (0, 0)),
        (bad_ip | good_l4, (1, 0)),
    ):
        before = engine.stream.rx_bad_ip_csum, engine.stream.rx_bad_l4_csum
        mbuf = packet(engine.pool, frame(ipv4(), udp()))
        mbuf.ol_flags = flags
        free(*engine.forward_mbufs(mbuf))
        now = engine.stream.rx_bad_ip_csum, engine.stream.rx_bad_l4_csum
        assert tuple(after - then for after, then in zip(now, before, strict=True)) == counts


def test_verbose_tells_of_each_packet_after_it_was_received_and_before_it_is_sent(engine: Engine) -> None:
    ring = DumpRing(Arena(DumpRing.bytes() + 4096))
    engine.stream.dump, engine.stream.rx_port = ring.ptr, 3
    engine.set(ALL_HW, tso_segsz=10)
    engine.stream.dump_received = engine.stream.dump_sent = 1
    mbufs = [packet(engine.pool, data) for data in (frame(ipv4(), tcp()), frame(ARP()))]
    for mbuf in mbufs:
        mbuf.ol_flags = lib.MBUF_F_RX_L4_CKSUM_BAD
    free(*engine.forward_mbufs(*mbufs))
    noted = list(ring.read())
    assert [(packet.summed is None, packet.sent) for packet in noted] == [
        *[(True, False)] * 2,
        *[(False, False)] * 2,
        *[(True, True)] * 2,
    ]
    cut_up, arp = (packet.summed for packet in noted[2:4])
    assert cut_up
    assert arp
    assert cut_up.tx_flags == lib.MBUF_F_TX_TCP_SEG | lib.MBUF_F_TX_IPV4 | lib.MBUF_F_TX_IP_CKSUM
    assert (cut_up.asks, cut_up.tso_segsz, cut_up.l2_len, cut_up.l3_len, cut_up.l4_len) == (True, 10, 14, 20, 32)
    assert (arp.tx_flags, arp.l2_len, arp.l3_len, arp.l4_len) == (0, 14, 0, 0)
    assert {(packet.port, packet.ol_flags) for packet in noted[2:4]} == {(3, lib.MBUF_F_RX_L4_CKSUM_BAD)}


# In other segments.


def split(engine: Engine, lengths: tuple[int, ...], *, rand: bool = False) -> None:
    """As ``set txpkts`` and ``set txsplit`` have it."""
    engine.stream.csum.split = 1
    Frame(bytes(42), lengths, split_random=rand).fill(engine.stream.txonly)


def sent_split(engine: Engine, data: bytes, came_in: tuple[int, ...] = ()) -> tuple[bytes, list[int]]:
    """A frame as it was sent, and the lengths of its segments."""
    in_use = engine.pool.in_use()
    (mbuf,) = engine.forward_copies(packet(engine.pool, data, split=came_in))
    result, segments = content(mbuf), [segment.data_len for segment in segments_of(mbuf)]
    engine.lengths, engine.flags = (mbuf.l2_len, mbuf.l3_len, mbuf.l4_len), int(mbuf.ol_flags)
    free(mbuf)
    assert engine.pool.in_use() == in_use
    return result, segments


@pytest.mark.parametrize(
    ("lengths", "segments"),
    [
        ((64,), [1000]),
        ((64, 64), [64, 936]),
        ((14, 1, 0, 100, 50), [14, 1, 100, 885]),
        ((14, 986, 100), [14, 986]),
        ((500, 400, 300, 200), [500, 400, 100]),
        ((2000, 1), [1000]),
        ((1,) * 255, [1] * 254 + [746]),
    ],
)
@pytest.mark.parametrize("came_in", [(), (100, 3)])
def test_a_packet_leaves_in_the_segments_that_were_asked_for(
    engine: Engine, lengths: tuple[int, ...], segments: list[int], came_in: tuple[int, ...]
) -> None:
    right = frame(ipv4(), tcp(), payload=1000 - 14 - 20 - 32)
    split(engine, lengths)
    assert sent_split(engine, spoiled(right), came_in) == (after(right), segments)
    engine.set(ALL_HW, tso_segsz=100)
    split(engine, lengths)
    assert sent_split(engine, right, came_in) == (after(right), segments)
    assert engine.lengths == (14, 20, 32)
    assert engine.flags & lib.MBUF_F_TX_TCP_SEG


def test_a_packet_may_leave_in_a_random_number_of_segments(engine: Engine) -> None:
    right = frame(ipv4(), udp(), payload=300)
    split(engine, (50, 60, 70, 80), rand=True)
    sent = [sent_split(engine, right) for _ in range(60)]
    assert {data for data, _ in sent} == {after(right)}
    assert {tuple(segments) for _, segments in sent} == {(342,), (50, 292), (50, 60, 232), (50, 60, 70, 162)}


def test_a_packet_that_no_segment_can_hold_leaves_as_it_is(engine: Engine) -> None:
    right = frame(ipv4(), udp(), payload=2400)
    split(engine, (100, 100))
    assert sent_split(engine, right, (1000, 1000)) == (after(right), [1000, 1000, 442])


@pytest.mark.parametrize("left", range(5))
def test_a_packet_leaves_as_it_is_when_there_are_no_mbufs(engine: Engine, left: int) -> None:
    right = frame(ipv4(), udp(), payload=300)
    split(engine, (50, 60, 70, 80))
    held = take(engine.pool, engine.pool.count_free() - 1 - left)
    assert sent_split(engine, right) == (after(right), [342] if left < 4 else [50, 60, 70, 162])
    free(*held)


# Anything at all.


def some_frames(chance: random.Random, count: int) -> Iterator[bytes]:
    """Frames of all kinds, some cut off, some with bytes changed, some that are nothing at all."""
    kinds = [*RIGHT.values(), *HALF_DONE.values(), *UNTOUCHED.values(), frame(ipv4(), SCTP(), payload=8)]
    for _ in range(count):
        data = bytearray(chance.choice(kinds))
        for _ in range(chance.randrange(8)):
            data[chance.randrange(12, len(data))] = chance.choice((0, 0xFF, chance.randrange(256)))
        if chance.random() < 0.3:
            data = data[: chance.randrange(14, len(data) + 1)]
        if chance.random() < 0.1:
            data = bytearray(chance.randbytes(chance.randrange(14, 200)))
        yield bytes(data)


def cuts(chance: random.Random, length: int) -> tuple[int, ...]:
    """Lengths of the segments but the last one; the first holds the Ethernet header, as a driver sees to."""
    lengths, left = [], length
    least = 14
    while left > least and chance.random() < 0.5 and len(lengths) < 6:
        lengths.append(chance.randrange(least, left))
        left -= lengths[-1]
        least = 1
    return tuple(lengths)


@pytest.mark.parametrize("seed", range(4))
def test_any_frame_in_any_segments_comes_out_whole(make_wire: MakeWire, make_pool: MakePool, seed: int) -> None:
    """As long as it came, in its segments, with no more changed than checksums; asked or not, what a port is told
    lies in the packet; and doing it all again changes nothing."""
    engine, chance = Engine(make_wire), random.Random(seed)
    for data in some_frames(chance, 1500):
        offloads, segsz = chance.choice([0, 0, int(L4_HW), int(ALL_HW)]), chance.choice([0, 1, 50])
        engine.set(offloads, tso_segsz=segsz)
        mbuf = packet(engine.pool, data, split=cuts(chance, len(data)))
        lengths = [segment.data_len for segment in segments_of(mbuf)]
        engine.forward_mbufs(mbuf)
        first = content(mbuf)
        assert [segment.data_len for segment in segments_of(mbuf)] == lengths
        assert sum(a != b for a, b in zip(after(data), first, strict=True)) <= 6
        if mbuf.ol_flags & (lib.MBUF_F_TX_L4_MASK | lib.MBUF_F_TX_TCP_SEG):
            assert mbuf.l2_len + mbuf.l3_len + mbuf.l4_len <= mbuf.data_len
        engine.forward_mbufs(mbuf)
        assert content(mbuf) == first
        free(mbuf)


class Cliff:
    """A packet of one segment whose last byte is the last one that may be touched."""

    def __init__(self, pool: Mempool, data: bytes) -> None:
        self._guarded = Guarded(len(data))
        self.mbuf = packet(pool, data)
        self._was = self.mbuf.buf_addr, self.mbuf.buf_len
        self.mbuf.buf_addr = self._guarded.tail("uint8_t", len(data))
        self.mbuf.buf_len, self.mbuf.data_off = len(data), 0
        ffi.memmove(self.mbuf.buf_addr, data, len(data))
        self.bytes = ffi.buffer(self.mbuf.buf_addr, len(data))

    def free(self) -> None:
        self.mbuf.buf_addr, self.mbuf.buf_len = self._was
        free(self.mbuf)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_behind_a_packet_is_touched(make_wire: MakeWire, seed: int) -> None:
    engine, chance = Engine(make_wire), random.Random(seed)
    for data in some_frames(chance, 1500):
        engine.set(chance.choice([0, 0, int(L4_HW), int(ALL_HW)]), tso_segsz=chance.choice([0, 1, 50]))
        cliff = Cliff(engine.pool, data)
        engine.forward_mbufs(cliff.mbuf)
        cliff.free()


def scribble(at: Any, data: bytes, is_over: threading.Event) -> None:
    """Write over a packet, byte by byte, and back again."""
    chance, versions = random.Random(1), [data, spoiled(data), bytes(len(data)), b"\xff" * len(data)]
    while not is_over.is_set():
        i = chance.randrange(12, len(data))
        at[i : i + 1] = chance.choice(versions)[i : i + 1]


def test_a_packet_may_change_while_it_is_looked_at(make_wire: MakeWire) -> None:
    """A peer that shares the memory writes to it all the time; lengths that were checked are the ones that are used."""
    engine = Engine(make_wire)
    for name in ("ipv4 options tcp", "ipv6 extensions udp", "qinq ipv4 udp"):
        data, is_over = RIGHT[name], threading.Event()
        cliff = Cliff(engine.pool, data)
        writer = threading.Thread(target=scribble, args=(cliff.bytes, data, is_over))
        writer.start()
        for _ in range(300):
            engine.forward_mbufs(cliff.mbuf)
        is_over.set()
        writer.join()
        assert cliff.mbuf.pkt_len == cliff.mbuf.data_len == len(data)
        cliff.free()
