"""Receive bursts over split rings, the device played from the spec."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.packets import MakePool, content, frame, frames, free, receive, receive_mbufs, segments_of, take
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
Path = tuple[Any, bool]
REGULAR: Path = (lib.virtio_recv_pkts, False)
MERGEABLE: Path = (lib.virtio_recv_mergeable_pkts, True)
every_path = pytest.mark.parametrize("path", [REGULAR, MERGEABLE], ids=["regular", "mergeable"])
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET


def filled(make_virtqueue: MakeQueue, *args: Any, **settings: Any) -> DriverQueue:
    queue = make_virtqueue(*args, **settings)
    lib.virtqueue_refill(queue.vq)
    return queue


@every_path
def test_frames_arrive_whole_and_in_order(make_virtqueue: MakeQueue, path: Path) -> None:
    burst, mergeable = path
    queue = filled(make_virtqueue)
    sent = [frame(length, number) for number, length in enumerate((14, 60, 64, 65, 127, 128, 1514, 2048))]
    for data in sent:
        queue.device.deliver(data, mergeable=mergeable)
    assert receive(burst, queue.vq) == sent
    assert receive(burst, queue.vq) == []


@pytest.mark.parametrize(("path", "hdr_size"), [(REGULAR, 10), (REGULAR, 12), (MERGEABLE, 12)])
def test_the_frame_begins_behind_a_header_of_the_agreed_size(
    make_virtqueue: MakeQueue, path: Path, hdr_size: int
) -> None:
    queue = filled(make_virtqueue, hdr_size=hdr_size)
    queue.device.deliver(frame(100), mergeable=False)
    (mbuf,) = receive_mbufs(path[0], queue.vq)
    assert content(mbuf) == frame(100)
    assert mbuf.data_off == lib.VIRTQUEUE_RX_OFFSET + hdr_size
    free(mbuf)


@every_path
def test_an_mbuf_says_where_it_was_received(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue)
    queue.device.deliver(frame())
    (mbuf,) = receive_mbufs(path[0], queue.vq)
    assert (mbuf.port, mbuf.ol_flags, mbuf.nb_segs, mbuf.refcnt) == (3, 0, 1, 1)
    free(mbuf)


@every_path
def test_no_more_than_asked_for_are_received(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue)
    for data in frames(10):
        queue.device.deliver(data)
    assert receive(path[0], queue.vq, 4) == frames(4)
    assert receive(path[0], queue.vq, 0) == []
    assert receive(path[0], queue.vq, 32) == frames(6, first=4)


@every_path
def test_nothing_used_is_nothing_received(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue)
    assert all(receive(path[0], queue.vq) == [] for _ in range(1000))
    assert queue.vq.fault == lib.VRING_OK


@every_path
def test_used_but_unpublished_buffers_stay(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue)
    queue.device.place(frame())
    assert receive(path[0], queue.vq) == []
    queue.device.publish()
    assert receive(path[0], queue.vq) == [frame()]


@every_path
def test_a_ring_that_the_device_used_up_is_received_at_once(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue, size=64)
    for data in frames(64):
        queue.device.deliver(data)
    assert queue.device.waiting() == 0
    assert receive(path[0], queue.vq, 512) == frames(64)
    assert queue.device.waiting() == 64


@every_path
def test_buffers_used_out_of_order_keep_their_contents(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue, size=32)
    chains = queue.device.take_all()
    order = [(i * 5) % 32 for i in range(32)]
    for number in order:
        length = queue.device.scatter(chains[number], queue.device.header(1) + frame(60, number))
        queue.device.use(chains[number], length)
    queue.device.publish()
    assert receive(path[0], queue.vq, 32) == [frame(60, number) for number in order]


@every_path
@pytest.mark.parametrize("start", [0, 65535, 65520, 32767])
def test_indices_wrap(make_virtqueue: MakeQueue, path: Path, start: int) -> None:
    queue = filled(make_virtqueue, size=64, start=start)
    for round_ in range(8):
        sent = frames(31, first=31 * round_)
        for data in sent:
            queue.device.deliver(data)
        assert receive(path[0], queue.vq) == sent
    assert queue.vq.used_cons == (start + 8 * 31) & 0xFFFF


@every_path
def test_the_16_bit_turn_is_passed_on_foot(make_virtqueue: MakeQueue, path: Path) -> None:
    """More than 65536 descriptors, none of the indices set by the test."""
    queue = filled(make_virtqueue, size=256)
    device, count = queue.device, 0
    data = device.header(1) + frame()
    while count < 66_000:
        for chain in device.take_all():
            device.memory.write(chain.pieces[0].address, data)
            device.use(chain, len(data))
        device.publish()
        mbufs = receive_mbufs(path[0], queue.vq, 256)
        assert {m.pkt_len for m in mbufs} == {60}
        count += len(mbufs)
        free(*mbufs)
    assert queue.vq.fault == lib.VRING_OK
    assert queue.vq.stats.packets == count


# Packets of several buffers.


@pytest.mark.parametrize("length", [ROOM - 12, ROOM - 11, 2 * ROOM - 12, 2 * ROOM - 11, 9000, 65535])
def test_a_long_frame_comes_as_segments(make_virtqueue: MakeQueue, length: int) -> None:
    queue = filled(make_virtqueue)
    buffers = queue.device.deliver(frame(length))
    (mbuf,) = receive_mbufs(lib.virtio_recv_mergeable_pkts, queue.vq)
    assert content(mbuf) == frame(length)
    assert mbuf.nb_segs == buffers == -(-(length + 12) // ROOM)
    assert {segment.port for segment in segments_of(mbuf)} == {3}
    free(mbuf)


def test_long_and_short_frames_mix(make_virtqueue: MakeQueue) -> None:
    queue = filled(make_virtqueue, start=65500)
    for round_ in range(6):
        sent = [frame(60 + (number * 997) % 9000, number) for number in range(round_, round_ + 20)]
        for data in sent:
            queue.device.deliver(data)
        assert receive(lib.virtio_recv_mergeable_pkts, queue.vq) == sent


def test_a_packet_that_is_not_whole_waits_for_its_other_buffers(make_virtqueue: MakeQueue) -> None:
    queue = filled(make_virtqueue)
    device = queue.device
    device.place(frame(60, 1))
    first = device.used_idx
    device.place(frame(9000, 2))
    for used_idx in range(first, device.used_idx):
        device.publish(used_idx)
        assert receive(lib.virtio_recv_mergeable_pkts, queue.vq) == ([frame(60, 1)] if used_idx == first else [])
    device.publish()
    assert receive(lib.virtio_recv_mergeable_pkts, queue.vq) == [frame(9000, 2)]
    assert queue.vq.fault == lib.VRING_OK


# Posting buffers.


def test_what_is_posted_is_one_writable_buffer_each(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    queue = make_virtqueue(size=128)
    assert lib.virtqueue_refill(queue.vq) == 128
    chains = queue.device.take_all()
    assert len({chain.pieces[0].address for chain in chains}) == 128
    assert {(len(chain.pieces), chain.room) for chain in chains} == {(1, ROOM)}
    assert pool.in_use() == 128


@every_path
def test_the_ring_is_refilled_when_the_threshold_is_reached(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue, size=64, free_thresh=16)
    for data in frames(15):
        queue.device.deliver(data)
    before = queue.device.avail_idx
    assert len(receive(path[0], queue.vq)) == 15
    assert queue.device.avail_idx == before
    queue.device.deliver(frame())
    assert len(receive(path[0], queue.vq)) == 1
    assert queue.device.avail_idx == before + 16
    assert queue.nb_free == 0


@every_path
def test_an_empty_pool_is_counted_and_recovered_from(
    make_pool: MakePool, make_virtqueue: MakeQueue, path: Path
) -> None:
    pool = make_pool(96)
    queue = filled(make_virtqueue, pool, size=64)
    held = list(take(pool, 32))
    for data in frames(64):
        queue.device.deliver(data)
    mbufs = receive_mbufs(path[0], queue.vq, 64)
    assert [content(m) for m in mbufs] == frames(64)
    assert queue.vq.stats.nombuf > 0
    assert queue.device.waiting() == 0
    free(*mbufs, *held)
    assert receive(path[0], queue.vq) == []
    assert queue.device.waiting() == 64
    queue.device.deliver(frame())
    assert receive(path[0], queue.vq) == [frame()]


@every_path
def test_a_pool_smaller_than_the_ring_still_receives(
    make_pool: MakePool, make_virtqueue: MakeQueue, path: Path
) -> None:
    pool = make_pool(40)
    queue = filled(make_virtqueue, pool, size=64)
    assert queue.device.waiting() == 40
    for round_ in range(4):
        sent = frames(40, first=round_)
        for data in sent:
            queue.device.deliver(data)
        assert receive(path[0], queue.vq, 64) == sent
        assert receive(path[0], queue.vq, 64) == []
        assert queue.device.waiting() == 40


def test_the_device_is_kicked_for_buffers_only_if_it_asks(make_virtqueue: MakeQueue) -> None:
    queue = make_virtqueue(size=64)
    queue.device.suppress_kicks(True)
    lib.virtqueue_refill(queue.vq)
    assert queue.kick.count() == 0
    queue.device.deliver(frame())
    queue.device.suppress_kicks(False)
    assert receive(lib.virtio_recv_pkts, queue.vq) == [frame()]
    assert queue.kick.count() == 1
    assert (queue.vq.kicks, queue.vq.kicks_suppressed) == (1, 1)


@pytest.mark.parametrize("event_idx", [False, True])
def test_no_interrupts_are_asked_for(make_virtqueue: MakeQueue, event_idx: bool) -> None:
    """We poll. With EVENT_IDX the flags stay zero (virtio 1.2, 2.7.7) and the event index lies behind."""
    queue = filled(make_virtqueue, size=64, event_idx=event_idx)
    assert queue.device.avail_flags == (0 if event_idx else 1)
    for _ in range(3):
        before = queue.device.used_idx
        for data in frames(20):
            queue.device.deliver(data)
        assert not queue.device.wants_interrupt(before)
        receive(lib.virtio_recv_pkts, queue.vq)


# Counting.


@every_path
def test_sizes_and_kinds_are_counted(make_virtqueue: MakeQueue, path: Path) -> None:
    queue = filled(make_virtqueue)
    lengths = (20, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1518, 1519, 2048)
    for number, length in enumerate(lengths):
        queue.device.deliver(frame(length, number))
    queue.device.deliver(b"\xff" * 6 + frame(80)[6:])
    queue.device.deliver(b"\x01" + frame(80)[1:])
    receive(path[0], queue.vq)
    stats = queue.vq.stats
    assert list(stats.size_bins) == [2, 1, 4, 2, 2, 2, 2, 2]
    assert (stats.packets, stats.bytes) == (len(lengths) + 2, sum(lengths) + 160)
    assert (stats.broadcast, stats.multicast) == (1, 1)


def test_a_packet_of_several_buffers_counts_once_with_all_its_bytes(make_virtqueue: MakeQueue) -> None:
    queue = filled(make_virtqueue)
    queue.device.deliver(frame(9000))
    receive(lib.virtio_recv_mergeable_pkts, queue.vq)
    assert (queue.vq.stats.packets, queue.vq.stats.bytes) == (1, 9000)
    assert list(queue.vq.stats.size_bins) == [0] * 7 + [1]


# Taking down.


def test_draining_gives_every_posted_buffer_back(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    queue = filled(make_virtqueue, size=128)
    queue.device.deliver(frame())
    queue.device.deliver(frame())
    assert lib.virtqueue_drain(queue.vq) == 128
    assert pool.in_use() == 0
    assert lib.virtqueue_drain(queue.vq) == 0


def test_a_reset_ring_starts_from_zero(make_virtqueue: MakeQueue) -> None:
    queue = filled(make_virtqueue, size=64, start=1000)
    queue.device.deliver(frame())
    lib.virtqueue_drain(queue.vq)
    lib.virtqueue_reset(queue.vq)
    assert (queue.device.avail_idx, queue.device.memory.u16(queue.device.used + 2)) == (0, 0)
    queue.device.seen = queue.device.used_idx = 0
    queue.device.outstanding.clear()
    assert lib.virtqueue_refill(queue.vq) == 64
    queue.device.deliver(frame(60, 9))
    assert receive(lib.virtio_recv_pkts, queue.vq) == [frame(60, 9)]
