"""IN_ORDER: one used element or descriptor may tell of many buffers (virtio 1.2, 2.7.9 and 2.8.8)."""

from collections.abc import Callable, Sequence

import pytest
from fakes.layouts import PATHS, Kind, RxPath, each_in_order
from fakes.net_device import Chain
from fakes.packets import frame, frames, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET
FULL = ROOM - 12  # the longest frame of one buffer: all but a batch's last are used completely
IN_ORDER_PATHS = [path for path in PATHS if path.kind.in_order]
every_in_order_path = pytest.mark.parametrize("path", IN_ORDER_PATHS, ids=str)
mergeable_in_order = pytest.mark.parametrize("path", [path for path in IN_ORDER_PATHS if path.mergeable], ids=str)
#: Where batches begin: the ring's first place, over its end, over the end of the second lap, over 16 bits.
every_start = pytest.mark.parametrize("start", [0, 27, 31, 61, 65530])


def rx_queue(make_virtqueue: MakeQueue, path: RxPath, **settings: int) -> DriverQueue:
    queue = make_virtqueue(path=path, size=32, **settings)
    queue.refill()
    return queue


def deliver_together(queue: DriverQueue, sent: Sequence[bytes]) -> None:
    """Frames of one buffer each, told of by their last; the others must fill their buffers."""
    chains = [queue.device.take() for _ in sent]
    lengths = [queue.device.fill([chain], data)[0] for chain, data in zip(chains, sent, strict=True)]
    queue.device.use_together(chains, lengths[-1])
    queue.device.publish()


def batch(count: int, first: int = 0) -> list[bytes]:
    """Frames that fill their buffers, and a short one at last."""
    return [*(frame(FULL, number) for number in range(first, first + count - 1)), frame(77, first + count - 1)]


@every_in_order_path
@every_start
@pytest.mark.parametrize("count", [1, 2, 7, 32])
def test_a_batch_is_received_whole(make_virtqueue: MakeQueue, path: RxPath, start: int, count: int) -> None:
    queue = rx_queue(make_virtqueue, path, start=start)
    for round_ in range(5):
        deliver_together(queue, batch(count, round_))
        assert queue.receive() == batch(count, round_)
        assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_OK


@every_in_order_path
@every_start
def test_a_small_burst_takes_a_part_and_the_next_goes_on(make_virtqueue: MakeQueue, path: RxPath, start: int) -> None:
    queue = rx_queue(make_virtqueue, path, start=start)
    for round_ in range(5):
        sent = batch(10, round_)
        deliver_together(queue, sent)
        assert queue.receive(3) == sent[:3]
        assert queue.receive(0) == []
        queue.device.deliver(frame(60, 99))
        assert queue.receive(1) == sent[3:4]
        assert queue.receive() == [*sent[4:], frame(60, 99)]
    assert queue.vq.fault == lib.VRING_OK


@every_in_order_path
def test_batches_and_single_ones_mix(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = rx_queue(make_virtqueue, path)
    for round_ in range(20):
        sent = [*batch(1 + round_ % 5), frame(60, 50), *batch(1 + round_ % 3), frame(61, 51)]
        deliver_together(queue, batch(1 + round_ % 5))
        queue.device.deliver(frame(60, 50))
        deliver_together(queue, batch(1 + round_ % 3))
        queue.device.deliver(frame(61, 51))
        assert queue.receive() == sent


@mergeable_in_order
@every_start
def test_a_packet_s_buffers_may_be_told_of_together(make_virtqueue: MakeQueue, path: RxPath, start: int) -> None:
    queue = rx_queue(make_virtqueue, path, start=start)
    for number in range(12):
        chains = [queue.device.take() for _ in range(5)]
        lengths = queue.device.fill(chains, frame(9000, number))
        queue.device.use_together(chains, lengths[-1])
        queue.device.publish()
        assert queue.receive() == [frame(9000, number)]


@mergeable_in_order
def test_a_batch_may_end_within_a_packet(make_virtqueue: MakeQueue, path: RxPath) -> None:
    """virtio 1.2, 2.8.9 wants a packet's first buffer told of last, which one that tells of several cannot do."""
    queue = rx_queue(make_virtqueue, path)
    for number in range(12):
        chains = [queue.device.take() for _ in range(6)]
        queue.device.fill(chains[:1], frame(FULL, 1))
        lengths = queue.device.fill(chains[1:], frame(9000, number))
        queue.device.use_together(chains[:3], lengths[1])
        queue.device.publish()
        assert queue.receive(1) == [frame(FULL, 1)]
        assert queue.receive() == []
        queue.device.use_together(chains[3:], lengths[-1])
        queue.device.publish()
        assert queue.receive() == [frame(9000, number)]


@every_in_order_path
def test_only_the_last_of_a_batch_has_a_length(make_virtqueue: MakeQueue, path: RxPath) -> None:
    """The others were used completely, whatever came into them."""
    queue = rx_queue(make_virtqueue, path)
    deliver_together(queue, [frame(60, 1), frame(60, 2)])
    first, second = queue.receive()
    assert (first[:60], len(first), second) == (frame(60, 1), FULL, frame(60, 2))


@every_in_order_path
@pytest.mark.parametrize("length", [0, 11, ROOM + 1, 0xFFFF_FFFF])
def test_a_length_of_the_last_that_cannot_be_stops_the_queue_there(
    make_virtqueue: MakeQueue, path: RxPath, length: int
) -> None:
    queue = rx_queue(make_virtqueue, path)
    chains = [queue.device.take() for _ in range(4)]
    for chain in chains:
        queue.device.fill([chain], frame(FULL))
    queue.device.use_together(chains, length)
    queue.device.publish()
    assert queue.receive() == [frame(FULL)] * 3
    assert queue.vq.fault == lib.VRING_BAD_LENGTH
    assert queue.receive() == []


@every_in_order_path
def test_a_ring_is_forgotten_with_its_open_batch(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = rx_queue(make_virtqueue, path)
    deliver_together(queue, batch(8))
    assert queue.receive(3) == batch(8)[:3]
    lib.virtqueue_drain(queue.vq)
    queue.reset()
    queue.refill()
    assert queue.receive() == []
    queue.device.deliver(frame(60, 5))
    assert queue.receive() == [frame(60, 5)]


# Transmit.


def tx_queue(make_virtqueue: MakeQueue, kind: Kind, **settings: int) -> DriverQueue:
    return make_virtqueue(path=RxPath(kind, mergeable=False), size=32, free_thresh=33, **settings)


def take_frames(queue: DriverQueue, sent: Sequence[bytes]) -> list[Chain]:
    chains = queue.device.take_all()
    assert [queue.device.gather(chain)[1] for chain in chains] == sent
    return chains


@each_in_order
@every_start
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_what_was_sent_comes_back_by_one_that_tells_of_all(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, start: int, indirect: bool
) -> None:
    """Chains of one to four descriptors; the batches lie over the ring's end sooner or later."""
    queue = tx_queue(make_virtqueue, kind, start=start, indirect=indirect)
    for round_ in range(20):
        sent = [frame(100, round_ + i) for i in range(9)]
        assert queue.xmit(*(packet(pool, d, split=(20,) * ((round_ + i) % 4)) for i, d in enumerate(sent))) == 9
        chains = take_frames(queue, sent)
        queue.device.use_together(chains[:4])
        queue.device.publish()
        queue.xmit()
        assert pool.in_use() == 5 + sum((round_ + i) % 4 for i in range(4, 9))
        queue.device.use_together(chains[4:])
        queue.device.publish()
        queue.xmit()
        assert (pool.in_use(), queue.nb_free) == (0, 32)
    assert queue.vq.fault == lib.VRING_OK


@each_in_order
def test_a_full_ring_comes_back_by_one(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    queue = tx_queue(make_virtqueue, kind)
    for round_ in range(5):
        assert queue.xmit(*(packet(pool, data) for data in frames(32, first=round_))) == 32
        queue.device.use_together(take_frames(queue, frames(32, first=round_)))
        queue.device.publish()
    queue.xmit()
    assert (pool.in_use(), queue.nb_free) == (0, 32)


@each_in_order
def test_what_is_sent_later_is_no_part_of_the_batch(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    queue = tx_queue(make_virtqueue, kind)
    for round_ in range(20):
        queue.xmit(*(packet(pool, data) for data in frames(5, first=round_)))
        chains = take_frames(queue, frames(5, first=round_))
        queue.xmit(*(packet(pool, data) for data in frames(5)))
        queue.device.use_together(chains)
        queue.device.publish()
        queue.xmit()
        assert pool.in_use() == 5
        queue.device.collect()
        queue.xmit()
        assert pool.in_use() == 0


@each_in_order
@pytest.mark.parametrize("last", [8, 31, 32, 0xFFFF])
def test_a_batch_up_to_what_was_not_offered_stops_the_queue(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, last: int
) -> None:
    queue = tx_queue(make_virtqueue, kind)
    queue.xmit(*(packet(pool, data) for data in frames(8)))
    queue.device.lie(last, 0)
    queue.xmit()
    assert queue.vq.fault == lib.VRING_BAD_ID
    assert pool.in_use() == 8
