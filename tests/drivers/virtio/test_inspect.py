"""What a console asks of single queues: how far the device is, and to have back what it has sent."""

from collections.abc import Callable

import pytest
from fakes.layouts import KINDS, SIMPLE_KINDS, Kind, RxPath, each_in_order, every_kind, every_path
from fakes.packed_device import used_bits
from fakes.packets import frame, frames, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
#: The ring's first place, over its end, over the end of the second lap, over 16 bits.
every_start = pytest.mark.parametrize("start", [0, 27, 61, 65530])


def done(queue: DriverQueue) -> int:
    return int(lib.virtqueue_nb_done(queue.vq, queue.path.kind.in_order))


def free_sent(queue: DriverQueue, most: int) -> int:
    return int(lib.virtqueue_free_sent(queue.vq, most, queue.path.kind.in_order))


@every_path
@every_start
def test_packets_that_wait_are_counted_and_counting_takes_none(
    make_virtqueue: MakeQueue, path: RxPath, start: int
) -> None:
    queue = make_virtqueue(path=path, size=32, start=start)
    queue.refill()
    assert done(queue) == 0
    sent = frames(10)
    for data in sent:
        queue.device.deliver(data)
    assert done(queue) == 10
    assert queue.receive(32) == sent
    assert done(queue) == 0


@every_kind
@every_start
def test_packets_that_were_sent_are_freed_as_far_as_asked(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, start: int
) -> None:
    queue = make_virtqueue(path=RxPath(kind, mergeable=False), size=32, start=start)
    assert queue.xmit(*(packet(pool, data) for data in frames(20))) == 20
    assert (done(queue), free_sent(queue, 32)) == (0, 0)
    assert queue.device.collect() == frames(20)
    assert done(queue) == 20
    assert [free_sent(queue, 7), done(queue), free_sent(queue, 32), done(queue)] == [7, 13, 13, 0]
    assert pool.in_use() == 0
    assert queue.xmit(packet(pool, frame())) == 1
    assert queue.device.collect() == [frame()]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SIMPLE_KINDS], ids=str)
def test_a_chain_counts_with_all_its_descriptors(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    queue = make_virtqueue(path=RxPath(kind, mergeable=False), size=32)
    queue.xmit(packet(pool, frame(300), split=(100, 100)), packet(pool, frame(60)))
    outstanding = 32 - queue.nb_free
    assert queue.device.collect() == [frame(300), frame(60)]
    assert done(queue) == outstanding > 2
    assert free_sent(queue, 1) == 1
    assert done(queue) == 1
    assert free_sent(queue, 1) == 1
    assert queue.nb_free == 32


@each_in_order
@every_start
def test_a_batch_told_of_by_its_last_counts_whole(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, start: int
) -> None:
    queue = make_virtqueue(path=RxPath(kind, mergeable=False), size=32, start=start)
    queue.xmit(*(packet(pool, data) for data in frames(6)))
    chains = [queue.device.take() for _ in range(6)]
    queue.device.use_together(chains, 0)
    queue.device.publish()
    assert done(queue) == 6
    assert [free_sent(queue, 4), done(queue), free_sent(queue, 4)] == [4, 2, 2]
    assert pool.in_use() == 0


@every_kind
def test_a_lying_device_is_not_believed(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    queue = make_virtqueue(path=RxPath(kind, mergeable=False), size=32)
    queue.xmit(packet(pool, frame()))
    if kind.packed:
        queue.vq.packed[0].id = 0xFFFF
        queue.vq.packed[0].flags = used_bits(1)
    else:
        queue.vq.used.idx = 5000
    assert 0 <= done(queue) <= 32
    assert free_sent(queue, 32) == 0
    lib.virtqueue_halt(queue.vq)
    assert (done(queue), free_sent(queue, 32)) == (0, 0)
