"""Receive interrupts of the device's queues: when the driver is asked to kick (virtio 1.2, 2.7.10 and 2.8.10)."""

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

import pytest
from fakes.layouts import PACKED, PACKED_IN_ORDER, SPLIT, Kind
from fakes.leaks import eventually
from fakes.net_driver import dequeue, transmit
from fakes.packed_device import DESC, DISABLE
from fakes.packets import frame
from fakes.queues import DeviceQueue
from fakes.vhost_frontend import FakeFrontend, R

from pytestpmd._dataplane import lib
from pytestpmd.drivers.vhost import VhostPort

MakeQueue = Callable[..., DeviceQueue]
MakePort = Callable[..., VhostPort]
SIZE = 8
SOON_S = 5.0
each_way = pytest.mark.parametrize("event_idx", [False, True], ids=["flags", "event_idx"])
each_kind = pytest.mark.parametrize("kind", [SPLIT, PACKED, PACKED_IN_ORDER], ids=str)
each_start = pytest.mark.parametrize("start", [0, 65536 - 5, SIZE - 3])


@each_kind
@each_way
@each_start
def test_a_kick_is_wanted_from_enable_to_disable(
    make_vhost: MakeQueue, kind: Kind, event_idx: bool, start: int
) -> None:
    queue = make_vhost(kind=kind, size=SIZE, event_idx=event_idx, start=start)
    for _ in range(3 * SIZE):
        assert not lib.vhost_intr_enable(queue.vq), "nothing waits"
        assert wants_kick_for_the_next(queue, event_idx)
        transmit(queue, frame())
        lib.vhost_intr_disable(queue.vq)
        assert dequeue(queue) == [frame()]
        queue.driver.reap()
        assert not wants_kick_for_the_next(queue, event_idx), "we poll again"
        transmit(queue, frame())
        assert dequeue(queue) == [frame()]
        queue.driver.reap()
        lib.vhost_intr_disable(queue.vq)


def wants_kick_for_the_next(queue: DeviceQueue, event_idx: bool) -> bool:
    """As a driver works it out before it publishes one chain."""
    driver = queue.driver
    if not event_idx:
        return bool(driver.wants_kick())
    if not queue.kind.packed:
        return bool(driver.avail_event() == driver.avail_idx)
    flags = queue.memory.u16(driver.device_event + 2)
    assert flags in (DISABLE, DESC)
    return flags == DESC and queue.memory.u16(driver.device_event) == driver.base


@each_kind
@each_way
def test_what_came_before_the_wish_was_seen_is_found_at_once(
    make_vhost: MakeQueue, kind: Kind, event_idx: bool
) -> None:
    queue = make_vhost(kind=kind, size=SIZE, event_idx=event_idx)
    for _ in range(3 * SIZE):
        transmit(queue, frame())
        assert lib.vhost_intr_enable(queue.vq)
        lib.vhost_intr_disable(queue.vq)
        assert dequeue(queue) == [frame()]
        queue.driver.reap()


@each_kind
@pytest.mark.parametrize("state", ["enabled", "fault"])
def test_a_ring_that_is_not_served_is_left_alone(make_vhost: MakeQueue, kind: Kind, state: str) -> None:
    queue = make_vhost(kind=kind, size=SIZE)
    queue.vq.enabled, queue.vq.fault = state != "enabled", state == "fault"
    transmit(queue, frame())
    assert not lib.vhost_intr_enable(queue.vq)
    assert not queue.driver.wants_kick()


@each_kind
def test_a_ring_without_kicks_is_never_slept_on(make_vhost: MakeQueue, kind: Kind) -> None:
    queue = make_vhost(kind=kind, size=SIZE)
    queue.vq.no_kicks = 1
    assert lib.vhost_intr_enable(queue.vq)


class Watcher:
    """Watches a port's interrupt as an lcore does: for edges, and it reads nothing."""

    def __init__(self, port: VhostPort) -> None:
        self.interrupt = port.rx_interrupt(0)
        self._epoll = select.epoll()
        self._epoll.register(self.interrupt.fd, select.EPOLLIN | select.EPOLLET)

    def hears(self, within_s: float = 0.0) -> bool:
        return bool(self._epoll.poll(within_s))

    def close(self) -> None:
        self._epoll.close()


@pytest.fixture
def port(make_port: MakePort) -> VhostPort:
    return make_port()


@pytest.fixture
def watcher(port: VhostPort) -> Iterator[Watcher]:
    made = Watcher(port)
    yield made
    made.close()


def kick(front: FakeFrontend) -> None:
    os.eventfd_write(front.rings[1].kick, 1)


def test_one_fd_tells_of_the_kicks_of_one_front_end_after_the_other(
    port: VhostPort, watcher: Watcher, sock: Path
) -> None:
    fd = watcher.interrupt.fd
    for _ in range(3):
        with FakeFrontend(sock) as front:
            front.start_as_dpdk()
            assert eventually(lambda: port.link().up)
            watcher.hears()
            for _ in range(3):
                assert not watcher.hears(), "an edge is told once"
                kick(front)
                assert watcher.hears(SOON_S)
            kick(front)
        assert eventually(lambda: not port.link().up)
        watcher.hears()
        assert port.rx_interrupt(0).fd == fd


def test_a_kick_fd_that_is_replaced_is_heard_no_more_and_the_new_one_is(
    port: VhostPort, watcher: Watcher, sock: Path
) -> None:
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        assert eventually(lambda: port.link().up)
        old, new = front.rings[1].kick, os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        front.rings[1].kick = new
        front.set_kick(front.rings[1])
        front.sync()
        watcher.hears()
        os.eventfd_write(old, 1)
        assert not watcher.hears()
        os.eventfd_write(new, 1)
        assert watcher.hears(SOON_S)
        os.close(old)


def test_a_front_end_without_kicks_has_its_queue_polled(port: VhostPort, sock: Path) -> None:
    interrupt = port.rx_interrupt(0)
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        assert eventually(lambda: port.link().up)
        assert not interrupt.enable(interrupt.handle)
        front.send(R.SET_VRING_KICK, pack("=Q", 1 | 1 << 8))
        front.sync()
        assert interrupt.enable(interrupt.handle)
        interrupt.disable(interrupt.handle)


def test_a_crowd_of_kicks_is_no_burden(port: VhostPort, watcher: Watcher, sock: Path) -> None:
    """A counter that the peer has filled blocks nobody here, as nobody here reads it."""
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        assert eventually(lambda: port.link().up)
        os.eventfd_write(front.rings[1].kick, 2**64 - 2)
        assert watcher.hears(SOON_S)
        assert not watcher.hears()
