"""What packets that we send leave to the front-end, and what is done to them here, over every kind of ring."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.inet import ETHER, FRAMES, V4, Unfinished, payload, segments, tcp, unfinished
from fakes.layouts import SCALAR_KINDS, Kind
from fakes.net_driver import Receiver, enqueue
from fakes.packets import MakePool, frame, free, packet, take
from fakes.queues import DeviceQueue
from scapy.layers.inet import IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q
from scapy.layers.sctp import SCTP

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DeviceQueue]
NO_HEADER = bytes(10)
NONE, GOOD, LRO = lib.MBUF_F_RX_L4_CKSUM_NONE, lib.MBUF_F_RX_L4_CKSUM_GOOD, lib.MBUF_F_RX_LRO
TAG = bytes.fromhex("8100004d")


@pytest.fixture(params=SCALAR_KINDS, ids=str)
def make(request: pytest.FixtureRequest, make_vhost: MakeQueue) -> MakeQueue:
    """A queue of each kind, of a front-end that takes all; keywords are other fields of ``struct vnet_offload``."""

    def make(**offload: int) -> DeviceQueue:
        kind: Kind = request.param
        queue = make_vhost(kind=kind, room=1 << 20)
        for name, value in {"csum": 1, "tso4": 1, "tso6": 1, **offload}.items():
            setattr(queue.vq.offload, name, value)
        return queue

    return make


@pytest.fixture
def refusing(make: MakeQueue) -> DeviceQueue:
    """A queue of a front-end that agreed to nothing."""
    return make(csum=0, tso4=0, tso6=0)


def mbuf_of(pool: Mempool, data: bytes, split: tuple[int, ...] = ()) -> Any:
    """As one that holds it, or several when it is long."""
    return packet(pool, data, split=split or (2000,) * (len(data) // 2040))


def zeroed(sent: Unfinished) -> bytes:
    """The frame with nothing in its checksum, as a sender that asks for it may leave it."""
    at = sent.csum_start + sent.csum_offset
    return sent.whole[:at] + bytes(2) + sent.whole[at + 2 :]


def asking(
    pool: Mempool, sent: Unfinished, data: bytes | None = None, *, tso: int = 0, split: tuple[int, ...] = ()
) -> Any:
    """An mbuf as an engine hands it over: its flags and lengths say what is to be done."""
    mbuf = mbuf_of(pool, zeroed(sent) if data is None else data, split)
    mbuf.l2_len, mbuf.l3_len, mbuf.l4_len, mbuf.tso_segsz = sent.l2_len, sent.l3_len, sent.l4_len, tso
    mbuf.ol_flags = lib.MBUF_F_TX_IPV6 if sent.is_ipv6 else lib.MBUF_F_TX_IPV4
    mbuf.ol_flags |= lib.MBUF_F_TX_TCP_CKSUM if sent.csum_offset == 16 else lib.MBUF_F_TX_UDP_CKSUM
    mbuf.ol_flags |= lib.MBUF_F_TX_TCP_SEG if tso else 0
    return mbuf


def send(queue: DeviceQueue, mbuf: Any, buffers: int = 40) -> list[tuple[bytes, bytes]]:
    """Headers and frames that arrive when one packet is taken, which it always is."""
    receiver = Receiver(queue, has_agreed=True)
    for _ in range(buffers):
        receiver.post(2048)
    assert enqueue(queue, mbuf) == 1
    assert queue.pool.in_use() == 0
    got = receiver.receive()
    return list(zip(receiver.headers, got, strict=True))


def dropped(queue: DeviceQueue, mbuf: Any) -> bool:
    """Whether a packet is, and is counted."""
    return send(queue, mbuf) == [] and (queue.vq.stats.errors, queue.vq.stats.packets) == (1, 0)


# What an engine asks for.


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("split", [(), (14, 20), (37,)], ids=str)
def test_a_checksum_is_left_to_a_front_end_that_agreed(
    make: MakeQueue, pool: Mempool, sent: Unfinished, split: tuple[int, ...]
) -> None:
    """virtio 1.2, 5.1.6.4: with the pseudo header's sum in the field, in whatever segments it lies."""
    assert send(make(), asking(pool, sent, split=split if len(sent.whole) < 2000 else ())) == [
        (sent.header(), sent.partial)
    ]


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("split", [(), (14, 20), (37,)], ids=str)
def test_a_checksum_is_completed_for_any_other(
    refusing: DeviceQueue, pool: Mempool, sent: Unfinished, split: tuple[int, ...]
) -> None:
    mbuf = asking(pool, sent, split=split if len(sent.whole) < 2000 else ())
    assert send(refusing, mbuf) == [(NO_HEADER, sent.whole)]


def test_a_checksum_is_over_the_ip_packet_and_not_over_what_pads_it(refusing: DeviceQueue, pool: Mempool) -> None:
    sent = FRAMES["udp4 empty"]
    mbuf = asking(pool, sent, zeroed(sent) + b"\xa5" * 18)
    assert send(refusing, mbuf) == [(NO_HEADER, sent.whole + b"\xa5" * 18)]


@pytest.mark.parametrize("is_ipv6", [False, True])
@pytest.mark.parametrize("length", [1461, 9000, 60000])
def test_segments_are_left_to_a_front_end_that_agreed(
    make: MakeQueue, pool: Mempool, is_ipv6: bool, length: int
) -> None:
    """The pseudo header counts the whole length, as network stacks have it."""
    sent = tcp(length, is_ipv6=is_ipv6)
    assert send(make(), asking(pool, sent, tso=1460)) == [(sent.gso_header(1460), sent.partial)]


#: What has to be cut, with all that differs from one frame to the next.
LONG = {
    "ipv4": tcp(20001),
    "ipv6": tcp(3000, is_ipv6=True),
    "flags": unfinished(ETHER / V4 / TCP(flags="FPAC", seq=0xFFFF_F000, options=[("NOP", None)] * 8) / payload(9000)),
    "tagged": unfinished(ETHER / Dot1Q(vlan=77) / IP(dst="10.0.0.2", id=65530) / TCP(flags="PA") / payload(8000)),
    "extension": unfinished(ETHER / IPv6(dst="::1") / IPv6ExtHdrHopByHop() / TCP() / payload(3001)),
}


@pytest.mark.parametrize("sent", LONG.values(), ids=LONG)
@pytest.mark.parametrize("size", [400, 1460, 1900])
@pytest.mark.parametrize("csum", [0, 1])
def test_segments_are_cut_here_for_who_takes_none(
    make: MakeQueue, pool: Mempool, sent: Unfinished, size: int, csum: int
) -> None:
    expected = [(each.header(), each.partial) if csum else (NO_HEADER, each.whole) for each in segments(sent, size)]
    assert send(make(csum=csum, tso4=0, tso6=0), asking(pool, sent, tso=size), 60) == expected


def test_segments_of_which_not_all_find_room_are_counted(make: MakeQueue, pool: Mempool) -> None:
    """TCP sends the rest again."""
    queue = make(tso4=0)
    receiver = Receiver(queue, has_agreed=True)
    for _ in range(3):
        receiver.post(2048)
    assert enqueue(queue, asking(pool, tcp(5000), tso=1000), packet(pool, frame())) == 1
    assert receiver.receive() == [each.partial for each in segments(tcp(5000), 1000)[:3]]
    assert (queue.vq.stats.packets, queue.vq.stats.errors, pool.in_use()) == (3, 1, 0)


def test_segments_that_mbufs_are_too_few_for_are_counted(make: MakeQueue, make_pool: MakePool, pool: Mempool) -> None:
    queue = make(tso4=0)
    empty = make_pool(4)
    queue.vq.pool, held = empty.ptr, take(empty, 4)
    receiver = Receiver(queue, has_agreed=True)
    for _ in range(20):
        receiver.post(2048)
    assert enqueue(queue, asking(pool, tcp(5000), tso=1000)) == 1
    assert (receiver.receive(), queue.vq.stats.errors) == ([], 1)
    free(*held)


def test_segments_may_be_longer_than_an_mbuf(make: MakeQueue, pool: Mempool) -> None:
    expected = [(each.header(), each.partial) for each in segments(tcp(9000), 2040)]
    assert send(make(tso4=0), asking(pool, tcp(9000), tso=2040), 60) == expected


@pytest.mark.parametrize("length", [0, 1, 1460])
def test_what_is_no_longer_than_a_segment_is_a_packet(
    make: MakeQueue, refusing: DeviceQueue, pool: Mempool, length: int
) -> None:
    sent = tcp(length)
    assert send(make(), asking(pool, sent, tso=1460)) == [(sent.header(), sent.partial)]
    assert send(refusing, asking(pool, sent, tso=1460)) == [(NO_HEADER, sent.whole)]


def test_segments_of_no_length_are_dropped(make: MakeQueue, pool: Mempool) -> None:
    mbuf = asking(pool, tcp(3000), tso=1)
    mbuf.tso_segsz = 0
    assert dropped(make(), mbuf)


@pytest.mark.parametrize("options", [b"", b"\x94\x04\0\0"])
def test_the_checksum_of_an_ipv4_header_is_always_completed(make: MakeQueue, pool: Mempool, options: bytes) -> None:
    """No header field of virtio's asks for it."""
    whole = bytes(ETHER / IP(dst="10.0.0.2", options=[IPOption(options)] if options else []) / UDP() / payload(20))
    mbuf = packet(pool, whole[:24] + b"\xde\xad" + whole[26:])
    mbuf.l2_len, mbuf.l3_len, mbuf.ol_flags = 14, 20, lib.MBUF_F_TX_IP_CKSUM | lib.MBUF_F_TX_IPV4
    assert send(make(), mbuf) == [(NO_HEADER, whole)]


@pytest.mark.parametrize(
    ("l2_len", "l3_len", "flags"),
    [
        (200, 20, lib.MBUF_F_TX_TCP_CKSUM),
        (14, 65535, lib.MBUF_F_TX_UDP_CKSUM),
        (60, 0, lib.MBUF_F_TX_UDP_CKSUM),
        (59, 20, lib.MBUF_F_TX_IP_CKSUM),
        (14, 40, lib.MBUF_F_TX_TCP_SEG),
        (0, 0, lib.MBUF_F_TX_IP_CKSUM),
    ],
)
@pytest.mark.parametrize("csum", [0, 1])
def test_headers_that_are_not_there_are_no_harm(
    make: MakeQueue, pool: Mempool, l2_len: int, l3_len: int, flags: int, csum: int
) -> None:
    mbuf = packet(pool, frame(60))
    mbuf.l2_len, mbuf.l3_len, mbuf.ol_flags, mbuf.tso_segsz = l2_len, l3_len, flags, 100
    assert dropped(make(csum=csum), mbuf)


def test_a_checksum_that_no_sum_completes_is_not_asked_for(make: MakeQueue, pool: Mempool) -> None:
    mbuf = packet(pool, bytes(ETHER / V4 / SCTP() / payload(20)))
    mbuf.l2_len, mbuf.l3_len, mbuf.ol_flags = 14, 20, lib.MBUF_F_TX_SCTP_CKSUM | lib.MBUF_F_TX_IPV4
    assert dropped(make(), mbuf)


def test_a_packet_that_found_no_room_may_come_again(make: MakeQueue, pool: Mempool) -> None:
    """What was written into it the first time does no harm."""
    for csum in (0, 1):
        queue, sent = make(csum=csum), FRAMES["tagged"]
        mbuf = asking(pool, sent, zeroed(sent)[:12] + zeroed(sent)[16:])
        mbuf.l2_len, mbuf.vlan_tci = 14, 77
        mbuf.ol_flags |= lib.MBUF_F_TX_VLAN
        pkts = ffi.new("struct mbuf *[]", [mbuf])
        for _ in range(3):
            assert lib.vhost_tx_burst(queue.vq, pkts, 1) == 0
        expected = (sent.header(), sent.partial) if csum else (NO_HEADER, sent.whole)
        assert send(queue, mbuf) == [expected]


# What another port received.


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("has_pseudo", [False, True])
def test_what_was_received_unfinished_is_finished_by_one_of_us(
    make: MakeQueue, refusing: DeviceQueue, pool: Mempool, sent: Unfinished, has_pseudo: bool
) -> None:
    for queue, expected in ((make(), (sent.header(), sent.partial)), (refusing, (NO_HEADER, sent.whole))):
        mbuf = mbuf_of(pool, sent.partial if has_pseudo else zeroed(sent))
        mbuf.ol_flags = NONE
        assert send(queue, mbuf) == [expected]


@pytest.mark.parametrize("flags", [LRO, LRO | NONE, LRO | GOOD])
@pytest.mark.parametrize("is_ipv6", [False, True])
def test_what_was_received_as_segments_goes_as_segments_or_is_cut(
    make: MakeQueue, refusing: DeviceQueue, pool: Mempool, flags: int, is_ipv6: bool
) -> None:
    sent = tcp(20000, is_ipv6=is_ipv6)
    for queue in (make(), refusing):
        mbuf = mbuf_of(pool, sent.whole if flags & GOOD == GOOD else sent.partial)
        mbuf.ol_flags, mbuf.tso_segsz = flags, 1400
        cut = [(NO_HEADER, each.whole) for each in segments(sent, 1400)]
        assert send(queue, mbuf) == (cut if queue is refusing else [(sent.gso_header(1400), sent.partial)])


@pytest.mark.parametrize("flags", [NONE, LRO | NONE])
def test_what_is_unfinished_and_unknown_is_dropped(refusing: DeviceQueue, pool: Mempool, flags: int) -> None:
    """Nobody could tell where its checksum is."""
    mbuf = packet(pool, frame(200))
    mbuf.ol_flags, mbuf.tso_segsz = flags, 50
    assert dropped(refusing, mbuf)


@pytest.mark.parametrize(
    "flags",
    [GOOD, lib.MBUF_F_RX_L4_CKSUM_BAD, lib.MBUF_F_RX_IP_CKSUM_GOOD, lib.MBUF_F_RX_RSS_HASH, lib.MBUF_F_RX_VLAN, 1 << 2],
)
def test_other_findings_change_nothing(make: MakeQueue, pool: Mempool, flags: int) -> None:
    mbuf = packet(pool, FRAMES["tcp4"].whole)
    mbuf.ol_flags, mbuf.vlan_tci = flags, 5
    assert send(make(), mbuf) == [(NO_HEADER, FRAMES["tcp4"].whole)]


# Tags.


@pytest.mark.parametrize("split", [(), (14,), (20, 20)], ids=str)
def test_a_tag_is_put_in(make: MakeQueue, pool: Mempool, split: tuple[int, ...]) -> None:
    mbuf = packet(pool, frame(60), split=split)
    mbuf.ol_flags, mbuf.vlan_tci = lib.MBUF_F_TX_VLAN, 77
    queue = make()
    assert send(queue, mbuf) == [(NO_HEADER, frame(60)[:12] + TAG + frame(60)[12:])]
    assert queue.vq.stats.bytes == 64


def test_a_checksum_moves_with_the_tag(make: MakeQueue, refusing: DeviceQueue, pool: Mempool) -> None:
    tagged = FRAMES["tagged"]
    for queue, expected in ((make(), (tagged.header(), tagged.partial)), (refusing, (NO_HEADER, tagged.whole))):
        data = zeroed(tagged)
        mbuf = asking(pool, tagged, data[:12] + data[16:])
        mbuf.l2_len, mbuf.vlan_tci = 14, 77
        mbuf.ol_flags |= lib.MBUF_F_TX_VLAN
        assert send(queue, mbuf) == [expected]


def test_a_tag_that_finds_no_place_is_the_end_of_its_packet(make: MakeQueue, pool: Mempool) -> None:
    mbuf = packet(pool, frame(60), headroom=3)
    mbuf.ol_flags, mbuf.vlan_tci = lib.MBUF_F_TX_VLAN, 77
    assert dropped(make(), mbuf)


# Among others.


def test_packets_that_ask_and_packets_that_do_not_keep_their_order(make: MakeQueue, pool: Mempool) -> None:
    queue = make(tso4=0)
    receiver = Receiver(queue, has_agreed=True)
    for _ in range(40):
        receiver.post(2048)
    one, other = FRAMES["tcp4"], FRAMES["udp6"]
    mbufs = [
        packet(pool, frame(60, 1)),
        asking(pool, one),
        asking(pool, tcp(3000), tso=1000),
        packet(pool, frame(60, 2)),
        asking(pool, other),
        packet(pool, frame(60, 3)),
    ]
    assert enqueue(queue, *mbufs) == 6
    cut = segments(tcp(3000), 1000)
    parts = [each.partial for each in cut]
    assert receiver.receive() == [frame(60, 1), one.partial, *parts, frame(60, 2), other.partial, frame(60, 3)]
    heads = [each.header() for each in cut]
    assert receiver.headers == [NO_HEADER, one.header(), *heads, NO_HEADER, other.header(), NO_HEADER]
    assert (queue.vq.stats.packets, queue.vq.stats.errors) == (8, 0)


def test_a_shared_packet_has_its_checksum_written_as_well(make: MakeQueue, pool: Mempool) -> None:
    queue, sent = make(), FRAMES["tcp4"]
    mbuf = asking(pool, sent)
    mbuf.refcnt = 2
    receiver = Receiver(queue, has_agreed=True)
    receiver.post(2048)
    receiver.post(2048)
    assert enqueue(queue, mbuf, mbuf) == 2
    assert receiver.receive() == [sent.partial] * 2
    assert pool.in_use() == 0
