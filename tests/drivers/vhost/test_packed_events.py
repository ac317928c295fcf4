"""Who is called of what was used in a packed ring (virtio 1.2, 2.8.10)."""

from collections.abc import Callable

import pytest
from fakes.layouts import Kind, each_packed
from fakes.net_driver import dequeue, header, transmit
from fakes.packed_device import DESC, DISABLE, ENABLE, off_wrap
from fakes.packets import frame
from fakes.queues import DeviceQueue
from fakes.virtio_driver import Desc

MakeQueue = Callable[..., DeviceQueue]


@each_packed
@pytest.mark.parametrize("event_idx", [False, True])
@pytest.mark.parametrize(
    ("flags", "calls"), [(ENABLE, 1), (DISABLE, 0), (3, 1), (5, 1), (0xFFFF, 1), (0x8001, 1)], ids=hex
)
def test_the_driver_is_called_by_its_event_flags(
    make_vhost: MakeQueue, kind: Kind, event_idx: bool, flags: int, calls: int
) -> None:
    queue = make_vhost(kind=kind, size=8, event_idx=event_idx)
    queue.driver.write_event(flags, 5)
    transmit(queue, frame())
    dequeue(queue)
    assert queue.call.count() == calls


@each_packed
def test_a_place_means_nothing_without_event_idx(make_vhost: MakeQueue, kind: Kind) -> None:
    """virtio 1.2, 2.8.10: DESC is only valid if it was negotiated."""
    queue = make_vhost(kind=kind, size=8)
    queue.driver.want_call_at(5)
    transmit(queue, frame())
    dequeue(queue)
    assert queue.call.count() == 1


@each_packed
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_call_comes_with_the_place_and_the_lap_that_were_named(
    make_vhost: MakeQueue, kind: Kind, size: int, count: int
) -> None:
    """Lists of two places each; every place from a little before the burst to a little behind it counts."""
    queue = make_vhost(kind=kind, size=size, event_idx=True)
    desc = Desc(queue.store(header(queue) + frame()), 36)
    for _ in range(2 * size):
        for ahead in range(-2, 2 * count + 2):
            start = queue.driver.next
            queue.driver.want_call_at(start + ahead)
            queue.driver.offer(*(queue.driver.chain([desc, desc]) for _ in range(count)))
            assert len(dequeue(queue)) == count
            places = {off_wrap(start + i, size) for i in range(2 * count)}
            assert queue.call.count() == (off_wrap(start + ahead, size) in places)
            queue.driver.reap()
            assert dequeue(queue, 0) == []  # the ring is at rest: what comes now is another story


@each_packed
@pytest.mark.parametrize("event", [8, 9, 0x7FFF, 0x8008, 0xFFFF])
def test_a_place_beyond_the_ring_does_no_harm(make_vhost: MakeQueue, kind: Kind, event: int) -> None:
    queue = make_vhost(kind=kind, size=8, event_idx=True)
    queue.memory.put_u16(queue.driver.driver_event, event)
    queue.memory.put_u16(queue.driver.driver_event + 2, DESC)
    for _ in range(20):
        transmit(queue, frame())
        assert dequeue(queue) == [frame()]
        queue.driver.reap()
    assert queue.call.count() <= 20


@each_packed
def test_no_kicks_are_asked_for(make_vhost: MakeQueue, kind: Kind) -> None:
    """We poll."""
    assert not make_vhost(kind=kind, size=8).driver.wants_kick()
