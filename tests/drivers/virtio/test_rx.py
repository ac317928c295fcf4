"""Receive bursts over every kind of ring, the device played from the spec."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.layouts import PATHS, SPLIT, SPLIT_IN_ORDER, SPLIT_KINDS, RxPath, every_path
from fakes.packets import MakePool, content, frame, frames, free, segments_of, take
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET
every_mergeable_path = pytest.mark.parametrize("path", [path for path in PATHS if path.mergeable], ids=str)
every_regular_path = pytest.mark.parametrize("path", [path for path in PATHS if not path.mergeable], ids=str)
every_path_in_any_order = pytest.mark.parametrize("path", [path for path in PATHS if not path.kind.in_order], ids=str)
every_split_path = pytest.mark.parametrize("path", [path for path in PATHS if path.kind in SPLIT_KINDS], ids=str)
#: Where the ring stands: at its beginning, where 16-bit indices wrap, and just before and after the end of a lap.
every_start = pytest.mark.parametrize("start", [0, 63, 64, 32767, 65520, 65535])


def filled(make_virtqueue: MakeQueue, path: RxPath, *args: Any, **settings: Any) -> DriverQueue:
    queue = make_virtqueue(*args, path=path, **settings)
    queue.refill()
    return queue


@every_path
def test_frames_arrive_whole_and_in_order(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    sent = [frame(length, number) for number, length in enumerate((14, 60, 64, 65, 127, 128, 1514, 2048))]
    for data in sent:
        queue.device.deliver(data, mergeable=path.mergeable)
    assert queue.receive() == sent
    assert queue.receive() == []


@pytest.mark.parametrize(
    ("path", "hdr_size"), [(path, size) for path in PATHS for size in (10, 12) if size == 12 or not path.mergeable]
)
def test_the_frame_begins_behind_a_header_of_the_agreed_size(
    make_virtqueue: MakeQueue, path: RxPath, hdr_size: int
) -> None:
    queue = filled(make_virtqueue, path, hdr_size=hdr_size)
    queue.device.deliver(frame(100), mergeable=False)
    (mbuf,) = queue.receive_mbufs()
    assert content(mbuf) == frame(100)
    assert mbuf.data_off == lib.VIRTQUEUE_RX_OFFSET + hdr_size
    free(mbuf)


@every_path
def test_an_mbuf_says_where_it_was_received(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    queue.device.deliver(frame())
    (mbuf,) = queue.receive_mbufs()
    assert (mbuf.port, mbuf.ol_flags, mbuf.nb_segs, mbuf.refcnt) == (3, 0, 1, 1)
    free(mbuf)


@every_path
def test_no_more_than_asked_for_are_received(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    for data in frames(10):
        queue.device.deliver(data)
    assert queue.receive(4) == frames(4)
    assert queue.receive(0) == []
    assert queue.receive(32) == frames(6, first=4)


@every_path
def test_nothing_used_is_nothing_received(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    assert all(queue.receive() == [] for _ in range(1000))
    assert queue.vq.fault == lib.VRING_OK


@every_path
def test_used_but_unpublished_buffers_stay(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    queue.device.place(frame())
    assert queue.receive() == []
    queue.device.publish()
    assert queue.receive() == [frame()]


@every_path
def test_a_ring_that_the_device_used_up_is_received_at_once(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path, size=64)
    for data in frames(64):
        queue.device.deliver(data)
    assert queue.device.waiting() == 0
    assert queue.receive(512) == frames(64)
    assert queue.device.waiting() == 64


@every_path_in_any_order
def test_buffers_used_out_of_order_keep_their_contents(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path, size=32)
    for _ in range(3):
        chains = queue.device.take_all()
        order = [(i * 5) % 32 for i in range(32)]
        for number in order:
            length = queue.device.scatter(chains[number], queue.device.header(1) + frame(60, number))
            queue.device.use(chains[number], length)
        queue.device.publish()
        assert queue.receive() == [frame(60, number) for number in order]


@every_path
@every_start
def test_indices_wrap(make_virtqueue: MakeQueue, path: RxPath, start: int) -> None:
    queue = filled(make_virtqueue, path, size=64, start=start)
    for round_ in range(8):
        sent = frames(31, first=31 * round_)
        for data in sent:
            queue.device.deliver(data)
        assert queue.receive() == sent
    end = start + 8 * 31
    assert queue.vq.used_cons == (end % 64 if path.kind.packed else end & 0xFFFF)


@pytest.mark.parametrize("path", [RxPath(SPLIT, True), RxPath(SPLIT_IN_ORDER, False)], ids=str)
def test_the_16_bit_turn_is_passed_on_foot(make_virtqueue: MakeQueue, path: RxPath) -> None:
    """More than 65536 descriptors, none of the indices set by the test."""
    queue = filled(make_virtqueue, path, size=256)
    device, count = queue.device, 0
    data = device.header(1) + frame()
    while count < 66_000:
        for chain in device.take_all():
            device.memory.write(chain.pieces[0].address, data)
            device.use(chain, len(data))
        device.publish()
        mbufs = queue.receive_mbufs(256)
        assert {m.pkt_len for m in mbufs} == {60}
        count += len(mbufs)
        free(*mbufs)
    assert queue.vq.fault == lib.VRING_OK
    assert queue.vq.stats.packets == count


# Packets of several buffers.


@every_mergeable_path
@pytest.mark.parametrize("length", [ROOM - 12, ROOM - 11, 2 * ROOM - 12, 2 * ROOM - 11, 9000, 65535])
def test_a_long_frame_comes_as_segments(make_virtqueue: MakeQueue, path: RxPath, length: int) -> None:
    queue = filled(make_virtqueue, path)
    buffers = queue.device.deliver(frame(length))
    (mbuf,) = queue.receive_mbufs()
    assert content(mbuf) == frame(length)
    assert mbuf.nb_segs == buffers == -(-(length + 12) // ROOM)
    assert {segment.port for segment in segments_of(mbuf)} == {3}
    free(mbuf)


@every_mergeable_path
def test_long_and_short_frames_mix(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path, start=65500)
    for round_ in range(6):
        sent = [frame(60 + (number * 997) % 9000, number) for number in range(round_, round_ + 20)]
        for data in sent:
            queue.device.deliver(data)
        assert queue.receive() == sent


@every_mergeable_path
@pytest.mark.parametrize("start", [0, 252, 255, 509])
def test_a_packet_that_is_not_whole_waits_for_its_other_buffers(
    make_virtqueue: MakeQueue, path: RxPath, start: int
) -> None:
    queue = filled(make_virtqueue, path, start=start)
    device = queue.device
    device.place(frame(60, 1))
    buffers = device.place(frame(9000, 2))
    device.show(1)
    assert queue.receive() == [frame(60, 1)]
    for _ in range(buffers - 1):
        device.show(1)
        assert queue.receive() == []
    device.show(1)
    assert queue.receive() == [frame(9000, 2)]
    assert queue.vq.fault == lib.VRING_OK


@pytest.mark.parametrize("path", [path for path in PATHS if path.mergeable and not path.kind.in_order], ids=str)
def test_a_packet_in_buffers_out_of_order_waits_to_be_whole_too(make_virtqueue: MakeQueue, path: RxPath) -> None:
    """Which buffers a packet took, and in what order, is the device's affair: they are told one by one."""
    queue = filled(make_virtqueue, path, size=16)
    device = queue.device
    for number in range(20):
        chains = device.take_all()[::-1][:5]
        for chain, length in zip(chains, device.fill(chains, frame(9000, number)), strict=True):
            device.use(chain, length)
        for _ in range(4):
            device.show(1)
            assert queue.receive() == []
        device.show(1)
        assert queue.receive() == [frame(9000, number)]
        for chain in list(device.outstanding.values()):
            device.use(chain, device.scatter(chain, device.header(1) + frame(60)))
        device.publish()
        assert queue.receive() == [frame(60)] * 11


# Posting buffers.


@every_path
def test_what_is_posted_is_one_writable_buffer_each(make_virtqueue: MakeQueue, pool: Mempool, path: RxPath) -> None:
    queue = make_virtqueue(path=path, size=128)
    assert queue.refill() == 128
    chains = queue.device.take_all()
    assert len({chain.pieces[0].address for chain in chains}) == 128
    assert {(len(chain.pieces), chain.room) for chain in chains} == {(1, ROOM)}
    assert pool.in_use() == 128


@every_path
def test_the_ring_is_refilled_when_the_threshold_is_reached(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path, size=64, free_thresh=16)
    for data in frames(15):
        queue.device.deliver(data)
    assert len(queue.receive()) == 15
    assert queue.device.waiting() == 64 - 15
    queue.device.deliver(frame())
    assert len(queue.receive()) == 1
    assert queue.device.waiting() == 64
    assert queue.nb_free == 0


@every_path
def test_an_empty_pool_is_counted_and_recovered_from(
    make_pool: MakePool, make_virtqueue: MakeQueue, path: RxPath
) -> None:
    pool = make_pool(96)
    queue = filled(make_virtqueue, path, pool, size=64)
    held = list(take(pool, 32))
    for data in frames(64):
        queue.device.deliver(data)
    mbufs = queue.receive_mbufs(64)
    assert [content(m) for m in mbufs] == frames(64)
    assert queue.vq.stats.nombuf > 0
    assert queue.device.waiting() == 0
    free(*mbufs, *held)
    assert queue.receive() == []
    assert queue.device.waiting() == 64
    queue.device.deliver(frame())
    assert queue.receive() == [frame()]


@every_path
def test_a_pool_smaller_than_the_ring_still_receives(
    make_pool: MakePool, make_virtqueue: MakeQueue, path: RxPath
) -> None:
    pool = make_pool(40)
    queue = filled(make_virtqueue, path, pool, size=64)
    assert queue.device.waiting() == 40
    for round_ in range(4):
        sent = frames(40, first=round_)
        for data in sent:
            queue.device.deliver(data)
        assert queue.receive(64) == sent
        assert queue.receive(64) == []
        assert queue.device.waiting() == 40


@every_regular_path
def test_the_device_is_kicked_for_buffers_only_if_it_asks(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = make_virtqueue(path=path, size=64)
    queue.device.suppress_kicks(True)
    queue.refill()
    assert queue.kick.count() == 0
    queue.device.deliver(frame())
    queue.device.suppress_kicks(False)
    assert queue.receive() == [frame()]
    assert queue.kick.count() == 1
    assert (queue.vq.kicks, queue.vq.kicks_suppressed) == (1, 1)


@every_regular_path
@pytest.mark.parametrize("event_idx", [False, True])
def test_no_interrupts_are_asked_for(make_virtqueue: MakeQueue, path: RxPath, event_idx: bool) -> None:
    """We poll."""
    queue = filled(make_virtqueue, path, size=64, event_idx=event_idx)
    for _ in range(5):
        for data in frames(20):
            queue.device.deliver(data)
        assert not queue.device.wants_interrupt(20)
        queue.receive()


@every_split_path
@pytest.mark.parametrize("event_idx", [False, True])
def test_with_event_idx_the_flags_of_a_split_ring_stay_zero(
    make_virtqueue: MakeQueue, path: RxPath, event_idx: bool
) -> None:
    """virtio 1.2, 2.7.7.1."""
    queue = filled(make_virtqueue, path, size=64, event_idx=event_idx)
    assert queue.device.avail_flags == (0 if event_idx else 1)


# Counting.


@every_path
def test_sizes_and_kinds_are_counted(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    lengths = (20, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1518, 1519, 2048)
    for number, length in enumerate(lengths):
        queue.device.deliver(frame(length, number))
    queue.device.deliver(b"\xff" * 6 + frame(80)[6:])
    queue.device.deliver(b"\x01" + frame(80)[1:])
    queue.receive()
    stats = queue.vq.stats
    assert list(stats.size_bins) == [2, 1, 4, 2, 2, 2, 2, 2]
    assert (stats.packets, stats.bytes) == (len(lengths) + 2, sum(lengths) + 160)
    assert (stats.broadcast, stats.multicast) == (1, 1)


@every_mergeable_path
def test_a_packet_of_several_buffers_counts_once_with_all_its_bytes(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path)
    queue.device.deliver(frame(9000))
    queue.receive()
    assert (queue.vq.stats.packets, queue.vq.stats.bytes) == (1, 9000)
    assert list(queue.vq.stats.size_bins) == [0] * 7 + [1]


# Taking down.


@every_regular_path
def test_draining_gives_every_posted_buffer_back(make_virtqueue: MakeQueue, pool: Mempool, path: RxPath) -> None:
    queue = filled(make_virtqueue, path, size=128)
    queue.device.deliver(frame())
    queue.device.deliver(frame())
    assert lib.virtqueue_drain(queue.vq) == 128
    assert pool.in_use() == 0
    assert lib.virtqueue_drain(queue.vq) == 0


@every_path
def test_a_reset_ring_starts_from_zero(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = filled(make_virtqueue, path, size=64, start=1000)
    queue.device.deliver(frame())
    queue.device.scribble()
    lib.virtqueue_drain(queue.vq)
    queue.reset()
    assert queue.refill() == 64
    assert queue.device.waiting() == 64
    queue.device.deliver(frame(60, 9))
    assert queue.receive() == [frame(60, 9)]
