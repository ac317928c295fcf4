"""What a front-end leaves for us to do with what it transmits; headers that lie, over every kind of ring."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fakes.inet import ECN, ETHER, FRAMES, NEEDS_CSUM, TCPV4, TCPV6, UFO, V4, Unfinished, net_header, payload, tcp
from fakes.layouts import SCALAR_KINDS, Kind
from fakes.net_driver import cut
from fakes.packets import MakePool, content, frame, free, receive_mbufs
from fakes.queues import DeviceQueue
from fakes.virtio_driver import Desc
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN

from pytestpmd._dataplane import lib
from pytestpmd.drivers.vhost.offloads import HEADER_MASK

MakeQueue = Callable[..., DeviceQueue]
MBUF_ROOM = 2176 - lib.MBUF_HEADROOM
NONE, GOOD, LRO = lib.MBUF_F_RX_L4_CKSUM_NONE, lib.MBUF_F_RX_L4_CKSUM_GOOD, lib.MBUF_F_RX_LRO


@pytest.fixture(params=SCALAR_KINDS, ids=str)
def make(request: pytest.FixtureRequest, make_vhost: MakeQueue) -> MakeQueue:
    """A queue of each kind; keywords besides those of the queue's are fields of ``struct vnet_offload``."""

    def make(**offload: Any) -> DeviceQueue:
        kind: Kind = request.param
        queue = make_vhost(kind=kind, room=1 << 20)
        for name, value in {"csum": 1, "tso4": 1, "tso6": 1, "header_mask": HEADER_MASK, **offload}.items():
            setattr(queue.vq.offload, name, value)
        return queue

    return make


def offer(queue: DeviceQueue, header: bytes, data: bytes, lengths: Sequence[int] = ()) -> None:
    queue.driver.offer(queue.driver.chain(cut(queue, (header + bytes(2))[: queue.vq.hdr_size] + data, lengths)))


def take(queue: DeviceQueue) -> tuple[bytes, int, int]:
    """The one packet that comes: its bytes, flags and segment size."""
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    got = content(mbuf), int(mbuf.ol_flags), int(mbuf.tso_segsz)
    free(mbuf)
    queue.driver.reap()
    return got


# Checksums.


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("lengths", [(), (12,), (1, 3, 40), (5, 5, 30, 7)], ids=str)
def test_a_checksum_that_was_left_to_us_is_completed(
    make: MakeQueue, sent: Unfinished, lengths: tuple[int, ...]
) -> None:
    """virtio 1.2, 5.1.6.2.2, wherever the header lies."""
    queue = make(sw_csum=1)
    offer(queue, sent.header(), sent.partial, lengths)
    assert take(queue)[:2] == (sent.whole, GOOD)
    assert queue.vq.bad_headers == 0


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES)
def test_a_port_that_was_asked_for_it_tells_that_the_checksum_is_unfinished(make: MakeQueue, sent: Unfinished) -> None:
    queue = make()
    offer(queue, sent.header(), sent.partial)
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert (content(mbuf), mbuf.ol_flags) == (sent.partial, NONE)
    assert (mbuf.l2_len, mbuf.l3_len, mbuf.l4_len) == (sent.l2_len, sent.l3_len, sent.l4_len)
    free(mbuf)


def test_a_header_of_ten_bytes_asks_as_well(make: MakeQueue) -> None:
    queue, sent = make(sw_csum=1), FRAMES["udp4"]
    queue.vq.hdr_size = 10
    offer(queue, sent.header(), sent.partial)
    assert take(queue)[:2] == (sent.whole, GOOD)


@pytest.mark.parametrize("sw_csum", [0, 1])
def test_a_checksum_inside_of_a_tunnel_is_completed_whoever_asks(make: MakeQueue, sw_csum: int) -> None:
    """No flag could tell where it is."""
    queue, inner = make(sw_csum=sw_csum), FRAMES["tcp4"]
    outer = bytes(ETHER / V4 / UDP(dport=4789, chksum=0) / VXLAN(vni=7) / Ether(inner.whole))
    before = len(outer) - len(inner.whole)
    header = net_header(NEEDS_CSUM, 0, 0, 0, before + inner.csum_start, inner.csum_offset)
    offer(queue, header, outer[:before] + inner.partial)
    assert take(queue)[:2] == (outer, 0)


def test_a_sum_of_zero_goes_as_ones(make: MakeQueue) -> None:
    """RFC 768: 0 would be no checksum at all."""
    queue = make(sw_csum=1)
    data = bytes(14 + 20) + b"\0\x01\0\x02\0\x0a\0\0" + b"\xff\xf2"
    offer(queue, net_header(NEEDS_CSUM, 0, 0, 0, 34, 6), data)
    assert take(queue)[0][40:42] == b"\xff\xff"


def test_the_field_may_lie_across_two_segments(make: MakeQueue) -> None:
    queue, data = make(sw_csum=1), bytes(3000)
    offer(queue, net_header(NEEDS_CSUM, 0, 0, 0, 100, MBUF_ROOM - 101), data)
    assert take(queue)[0] == data[: MBUF_ROOM - 1] + b"\xff\xff" + data[MBUF_ROOM + 1 :]


# Segments.


@pytest.mark.parametrize("is_ipv6", [False, True])
@pytest.mark.parametrize("length", [1, 1460, 1461, 9000, 65000])
def test_segments_are_told_with_their_size(make: MakeQueue, is_ipv6: bool, length: int) -> None:
    queue, sent = make(), tcp(length, is_ipv6=is_ipv6)
    offer(queue, sent.gso_header(1460), sent.partial)
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert (content(mbuf), mbuf.ol_flags, mbuf.tso_segsz) == (sent.partial, LRO | NONE, 1460)
    assert mbuf.nb_segs == -(-len(sent.partial) // MBUF_ROOM)
    free(mbuf)


def test_the_checksum_of_segments_is_completed_as_a_whole(make: MakeQueue) -> None:
    queue, sent = make(sw_csum=1), tcp(20000)
    offer(queue, sent.gso_header(1000), sent.partial)
    assert take(queue) == (sent.whole, LRO | GOOD, 1000)


@pytest.mark.parametrize("hdr_len", [0, 1, 65535])
def test_the_length_of_headers_is_a_hint(make: MakeQueue, hdr_len: int) -> None:
    """virtio 1.2, 5.1.6.2.2: a device does not rely on it."""
    queue, sent = make(), tcp(3000)
    offer(queue, sent.header(gso_type=TCPV4, hdr_len=hdr_len, gso_size=500), sent.partial)
    assert take(queue) == (sent.partial, LRO | NONE, 500)
    assert queue.vq.bad_headers == 0


# As flags for the next driver.


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES)
def test_legacy_flags_ask_the_next_driver(make: MakeQueue, sent: Unfinished) -> None:
    queue = make(legacy=1)
    offer(queue, sent.header(), sent.partial)
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    version = lib.MBUF_F_TX_IPV6 if sent.is_ipv6 else lib.MBUF_F_TX_IPV4
    l4 = lib.MBUF_F_TX_TCP_CKSUM if sent.csum_offset == 16 else lib.MBUF_F_TX_UDP_CKSUM
    assert (content(mbuf), mbuf.ol_flags) == (sent.partial, version | l4)
    assert (mbuf.l2_len, mbuf.l3_len, mbuf.l4_len) == (sent.l2_len, sent.l3_len, sent.l4_len)
    free(mbuf)


def test_legacy_flags_of_segments(make: MakeQueue) -> None:
    queue, sent = make(legacy=1), tcp(3000)
    offer(queue, sent.gso_header(700), sent.partial)
    asked = lib.MBUF_F_TX_IPV4 | lib.MBUF_F_TX_TCP_CKSUM | lib.MBUF_F_TX_TCP_SEG
    assert take(queue) == (sent.partial, asked, 700)


# Headers that lie.


@pytest.mark.parametrize(
    ("start", "offset"),
    [(0, 65535), (65535, 0), (65535, 65535), (60, 0), (0, 60), (59, 0), (0, 59), (58, 1), (34, 25), (65530, 20)],
)
@pytest.mark.parametrize("sw_csum", [0, 1])
def test_a_checksum_beyond_the_frame_is_not_heeded(make: MakeQueue, start: int, offset: int, sw_csum: int) -> None:
    """CVE-2024-11614: csum_start + csum_offset + 2 is not beyond the frame's end."""
    queue = make(sw_csum=sw_csum)
    offer(queue, net_header(NEEDS_CSUM, 0, 0, 0, start, offset), frame(60))
    assert take(queue) == (frame(60), 0, 0)
    assert queue.vq.bad_headers == 1


@pytest.mark.parametrize(("start", "offset"), [(0, 58), (58, 0), (30, 28)])
def test_a_checksum_at_the_very_end_is_completed(make: MakeQueue, start: int, offset: int) -> None:
    queue = make()
    offer(queue, net_header(NEEDS_CSUM, 0, 0, 0, start, offset), frame(60))
    data, flags, _ = take(queue)
    assert (data[:58], flags, queue.vq.bad_headers) == (frame(60)[:58], 0, 0)
    assert data[58:] != frame(60)[58:]


V4_FRAME, V6_FRAME, UDP_FRAME = tcp(3000), tcp(3000, is_ipv6=True), FRAMES["udp4"]


@pytest.mark.parametrize(
    ("sent", "gso_type", "gso_size"),
    [
        (V4_FRAME, TCPV4, 0),
        (V4_FRAME, TCPV6, 1000),
        (V4_FRAME, UFO, 1000),
        (V4_FRAME, 2, 1000),
        (V4_FRAME, 5, 1000),
        (V4_FRAME, 0x7F, 1000),
        (V4_FRAME, ECN, 1000),
        (V4_FRAME, TCPV4 | ECN, 1000),
        (V6_FRAME, TCPV4, 1000),
        (V6_FRAME, TCPV6, 0),
        (UDP_FRAME, TCPV4, 10),
        (UDP_FRAME, UFO, 10),
    ],
)
def test_segments_that_cannot_be_are_not_heeded(
    make: MakeQueue, sent: Unfinished, gso_type: int, gso_size: int
) -> None:
    """The checksum is one of the whole and counts; no size is 0 (DPDK 7023f3e532), no type is unknown."""
    queue = make()
    offer(queue, sent.header(gso_type=gso_type, gso_size=gso_size), sent.partial)
    assert take(queue) == (sent.partial, NONE, 0)
    assert queue.vq.bad_headers == 1


@pytest.mark.parametrize("version", [4, 6])
def test_segments_that_were_not_agreed_on_are_not_heeded(make: MakeQueue, version: int) -> None:
    queue, sent = make(**{f"tso{version}": 0}), tcp(3000, is_ipv6=version == 6)
    offer(queue, sent.gso_header(1000), sent.partial)
    assert take(queue) == (sent.partial, NONE, 0)
    assert queue.vq.bad_headers == 1


def test_segments_without_a_checksum_are_not_heeded(make: MakeQueue) -> None:
    """virtio 1.2, 5.1.6.2.1: NEEDS_CSUM goes with every gso_type."""
    queue, sent = make(), tcp(3000)
    offer(queue, sent.header(flags=0, gso_type=TCPV4, gso_size=1000), sent.partial)
    assert take(queue) == (sent.partial, 0, 0)
    assert queue.vq.bad_headers == 1


def test_a_checksum_that_no_sum_completes_is_left_alone(make: MakeQueue) -> None:
    """SCTP has a CRC in the place that the header names."""
    queue, data = make(sw_csum=1), bytes(ETHER / IP() / SCTP() / payload(20))
    offer(queue, net_header(NEEDS_CSUM, 0, 0, 0, 34, 8), data)
    assert take(queue) == (data, 0, 0)
    assert queue.vq.bad_headers == 1


def test_nothing_is_asked_of_a_device_that_agreed_to_nothing(make: MakeQueue) -> None:
    queue, sent = make(header_mask=0, csum=0), tcp(100)
    offer(queue, b"\xff" * 10, sent.partial)
    assert take(queue) == (sent.partial, 0, 0)
    assert queue.vq.bad_headers == 0


@pytest.mark.parametrize("flags", [2, 0xFE, 4])
def test_other_flags_ask_for_nothing(make: MakeQueue, flags: int) -> None:
    """virtio 1.2, 5.1.6.2.2: unknown ones are ignored, and DATA_VALID is not the driver's to say."""
    queue, sent = make(sw_csum=1), tcp(100)
    offer(queue, sent.header(flags=flags), sent.partial)
    assert take(queue) == (sent.partial, 0, 0)


def test_a_header_that_changes_while_it_is_read_is_one_or_the_other(make: MakeQueue) -> None:
    """DPDK 285e6b8b18: what was checked is what is used."""
    queue, sent = make(sw_csum=1), tcp(200)
    good, bad = sent.header(), net_header(NEEDS_CSUM, TCPV4, 0xFFFF, 0, 0xFFFF, 0xFFFF)
    address = queue.store(good + bytes(2) + sent.partial)
    is_over = threading.Event()

    def flip() -> None:
        while not is_over.is_set():
            queue.memory.write(address, bad)
            queue.memory.write(address, good)

    flipper = threading.Thread(target=flip)
    flipper.start()
    try:
        for _ in range(3000):
            queue.driver.offer(queue.driver.chain([Desc(address, 12 + len(sent.partial))]))
            data, flags, _ = take(queue)
            assert len(data) == len(sent.whole)
            assert flags in (0, GOOD, LRO | GOOD)
    finally:
        is_over.set()
        flipper.join()


# Tags.


@pytest.mark.parametrize("name", ["tagged", "udp4", "tcp4 long"])
@pytest.mark.parametrize("sw_csum", [0, 1])
def test_tags_are_taken_out_after_the_checksum_was_dealt_with(make: MakeQueue, name: str, sw_csum: int) -> None:
    queue, sent = make(sw_csum=sw_csum, vlan_strip=1), FRAMES[name]
    offer(queue, sent.header(), sent.partial)
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    data = sent.whole if sw_csum else sent.partial
    is_tagged = name == "tagged"
    tag = lib.MBUF_F_RX_VLAN | lib.MBUF_F_RX_VLAN_STRIPPED if is_tagged else 0
    assert content(mbuf) == (data[:12] + data[16:] if is_tagged else data)
    assert mbuf.ol_flags == (GOOD if sw_csum else NONE) | tag
    assert mbuf.vlan_tci == 77 or not is_tagged
    assert mbuf.l2_len == 14 or sw_csum
    free(mbuf)


def test_tags_are_taken_out_of_packets_of_which_nothing_is_asked(make: MakeQueue) -> None:
    queue, sent = make(header_mask=0, vlan_strip=1), FRAMES["tagged"]
    offer(queue, bytes(10), sent.whole)
    assert take(queue)[0] == sent.whole[:12] + sent.whole[16:]
    assert queue.vq.stats.bytes == len(sent.whole) - 4


# One mbuf a frame.


def test_a_frame_that_must_not_have_segments_is_dropped_and_counted(make: MakeQueue) -> None:
    queue = make(linear=1)
    sent = [frame(60), frame(MBUF_ROOM), frame(MBUF_ROOM + 1), frame(9000), frame(61)]
    for data in sent:
        offer(queue, bytes(10), data, (12,))
    mbufs = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    got = [content(m) for m in mbufs]
    free(*mbufs)
    while mbufs := receive_mbufs(lib.vhost_rx_burst, queue.vq):
        got += [content(m) for m in mbufs]
        free(*mbufs)
    assert got == [frame(60), frame(MBUF_ROOM), frame(61)]
    assert (queue.vq.stats.errors, queue.vq.bad_chains) == (2, 0)
    assert len(queue.driver.reap()) == 5
    assert queue.pool.in_use() == 0


@pytest.fixture
def with_large(make: MakeQueue, make_pool: MakePool) -> Callable[..., DeviceQueue]:
    """A queue whose long frames have a pool of their own, of so many buffers."""

    def start(count: int, **offload: int) -> DeviceQueue:
        queue = make(**offload)
        queue.vq.large = make_pool(count, data_room=65535).ptr
        return queue

    return start


@pytest.mark.parametrize("length", [MBUF_ROOM + 1, 9000, 65535 - lib.MBUF_HEADROOM])
@pytest.mark.parametrize("lengths", [(), (12,), (12, 1500, 500, 1)], ids=str)
@pytest.mark.parametrize("linear", [0, 1])
def test_a_frame_longer_than_an_mbuf_gets_one_buffer_that_holds_it(
    with_large: Callable[..., DeviceQueue], length: int, lengths: tuple[int, ...], linear: int
) -> None:
    queue = with_large(2, linear=linear)
    for number in range(3):
        offer(queue, bytes(10), frame(length, number), lengths)
        offer(queue, bytes(10), frame(60, number))
        for data in (frame(length, number), frame(60, number)):
            (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq, 1)
            assert (content(mbuf), mbuf.nb_segs, mbuf.port) == (data, 1, 5)
            assert (mbuf.pool == queue.vq.large) == (len(data) > 60)
            free(mbuf)
        queue.driver.reap()


def test_a_frame_longer_than_the_longest_buffer_has_segments_or_is_dropped(
    with_large: Callable[..., DeviceQueue],
) -> None:
    for linear in (0, 1):
        queue = with_large(2, linear=linear)
        offer(queue, bytes(10), frame(65535))
        mbufs = receive_mbufs(lib.vhost_rx_burst, queue.vq)
        assert [(content(m), m.nb_segs) for m in mbufs] == ([] if linear else [(frame(65535), 2)])
        assert queue.vq.stats.errors == linear
        free(*mbufs)


def test_frames_have_segments_while_all_large_buffers_are_under_way(with_large: Callable[..., DeviceQueue]) -> None:
    queue = with_large(1)
    for number in range(3):
        offer(queue, bytes(10), frame(5000, number))
    mbufs = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert [(content(m), m.nb_segs) for m in mbufs] == [(frame(5000, n), 1 if n == 0 else 3) for n in range(3)]
    free(*mbufs)


def test_a_bad_chain_gives_its_large_buffer_back(with_large: Callable[..., DeviceQueue]) -> None:
    queue = with_large(1)
    good = cut(queue, bytes(12) + frame(5000))
    queue.driver.offer(queue.driver.chain([*good, Desc(0, 1)]))
    assert receive_mbufs(lib.vhost_rx_burst, queue.vq) == []
    queue.driver.reap()
    offer(queue, bytes(10), frame(5000))
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert mbuf.nb_segs == 1
    free(mbuf)


def test_what_is_asked_of_a_large_frame_is_done(with_large: Callable[..., DeviceQueue]) -> None:
    queue, sent = with_large(2, sw_csum=1, vlan_strip=1), tcp(30000)
    offer(queue, sent.gso_header(1000), sent.partial)
    assert take(queue) == (sent.whole, LRO | GOOD, 1000)
