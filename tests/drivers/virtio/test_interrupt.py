"""Receive interrupts of the driver's queues: when the device is asked to call (virtio 1.2, 2.7.7 and 2.8.10)."""

from collections.abc import Callable

import pytest
from fakes.layouts import RxPath, every_path
from fakes.packets import frame, frames
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib

MakeQueue = Callable[..., DriverQueue]
each_way = pytest.mark.parametrize("event_idx", [False, True], ids=["flags", "event_idx"])
SIZE = 8
#: Where the indices stand: at the beginning, and before the wrap of a split ring's and of a packed ring's.
STARTS = (0, 65536 - 5, SIZE - 3)


@pytest.fixture(params=STARTS)
def start(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def make(make_virtqueue: MakeQueue, start: int) -> MakeQueue:
    """A queue that is full of buffers and polled."""

    def make_queue(path: RxPath, event_idx: bool) -> DriverQueue:
        queue = make_virtqueue(path=path, size=SIZE, start=start, event_idx=event_idx)
        queue.refill()
        lib.virtqueue_intr_disable(queue.vq)
        return queue

    return make_queue


@every_path
@each_way
def test_a_call_is_wanted_from_enable_to_disable(make: MakeQueue, path: RxPath, event_idx: bool) -> None:
    queue = make(path, event_idx)
    for _ in range(3 * SIZE):
        assert not lib.virtqueue_intr_enable(queue.vq), "nothing waits"
        queue.device.deliver(frame())
        assert queue.device.wants_interrupt(1)
        lib.virtqueue_intr_disable(queue.vq)
        assert queue.receive() == [frame()]
        queue.device.deliver(frame())
        assert not queue.device.wants_interrupt(1), "we poll again"
        assert queue.receive() == [frame()]
        lib.virtqueue_intr_disable(queue.vq)


@every_path
@each_way
def test_a_burst_that_comes_as_one_calls_as_well(make: MakeQueue, path: RxPath, event_idx: bool) -> None:
    queue = make(path, event_idx)
    for _ in range(SIZE):
        assert not lib.virtqueue_intr_enable(queue.vq)
        for data in frames(3):
            queue.device.deliver(data)
        assert queue.device.wants_interrupt(3)
        assert queue.receive() == frames(3)
        lib.virtqueue_intr_disable(queue.vq)


@every_path
@each_way
def test_what_came_before_the_wish_was_seen_is_found_at_once(make: MakeQueue, path: RxPath, event_idx: bool) -> None:
    """The device need not call for it, so nobody may sleep on it."""
    queue = make(path, event_idx)
    for _ in range(3 * SIZE):
        queue.device.deliver(frame())
        assert lib.virtqueue_intr_enable(queue.vq)
        lib.virtqueue_intr_disable(queue.vq)
        assert queue.receive() == [frame()]


@each_way
@every_path
def test_a_broken_ring_is_left_alone(make: MakeQueue, path: RxPath, event_idx: bool) -> None:
    queue = make(path, event_idx)
    lib.virtqueue_halt(queue.vq)
    queue.device.deliver(frame())
    assert not lib.virtqueue_intr_enable(queue.vq)
    assert not queue.device.wants_interrupt(1)
    lib.virtqueue_mend(queue.vq)
    lib.virtqueue_intr_enable(queue.vq)
    lib.virtqueue_halt(queue.vq)
    lib.virtqueue_intr_disable(queue.vq)
    lib.virtqueue_mend(queue.vq)
    assert queue.receive() == [frame()]
