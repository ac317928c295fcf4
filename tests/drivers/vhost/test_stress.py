"""Our back-end with the driver on another core: what the index says is there, and nobody sleeps who should not."""

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.layouts import SCALAR_KINDS, Kind
from fakes.lcore import Between, fence, pause
from fakes.leaks import PATIENCE_S
from fakes.net_driver import Receiver, header
from fakes.packets import MakePool, frame, packet, receive, transmit
from fakes.queues import DeviceQueue
from fakes.vhost_frontend import FakeFrontend, exchange
from fakes.virtio_driver import Desc

from pytestpmd._dataplane import lib
from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DeviceQueue]
SIZE = 32
BUFFER = 1024
each_scalar = pytest.mark.parametrize("kind", SCALAR_KINDS, ids=str)


def between(left: DeviceQueue, right: DeviceQueue) -> Between:
    return Between((lib.vhost_rx_burst, left.vq), (lib.vhost_tx_burst, right.vq))


class Buffers:
    """Memory for frames under way, used over and over again."""

    def __init__(self, queue: DeviceQueue, room: int) -> None:
        self.queue, self.room = queue, room
        self.places = [queue.alloc(room) for _ in range(2 * SIZE)]
        self.turn = 0

    def next(self) -> int:
        self.turn = (self.turn + 1) % len(self.places)
        return self.places[self.turn]


@each_scalar
def test_a_driver_on_another_core_finds_every_frame_whole(
    make_pool: MakePool, make_vhost: MakeQueue, kind: Kind
) -> None:
    """2.7.8.2, 5.1.6.4: buffers are written before the index says so, and all of a packet's at once."""
    pool = make_pool(256, cache_size=32)
    left = make_vhost(pool, kind=kind, size=SIZE, room=1 << 20)
    right = make_vhost(pool, kind=kind, size=SIZE, room=1 << 20)
    source, receiver = Buffers(left, 4096), Receiver(right, is_strict=False)
    descs = [receiver.buffer(BUFFER) for _ in range(2 * SIZE)]
    lengths = [60, 64, 1000, 3000, 60, 2500]
    sent = received = posted = 0
    with between(left, right):
        deadline = time.monotonic() + PATIENCE_S
        while received < 1500:
            while right.driver.nb_free:
                receiver.post_chain([descs[posted % len(descs)]])
                posted += 1
            while sent - received < 6:
                data, at = header(left) + frame(lengths[sent % 6], sent), source.next()
                left.memory.write(at, data)
                left.driver.offer(left.driver.chain([Desc(at, len(data))]))
                sent += 1
            left.driver.reap()
            for data in receiver.receive():
                assert data == frame(lengths[received % 6], received)
                received += 1
            assert time.monotonic() < deadline
    assert (left.vq.bad_chains, right.vq.bad_chains) == (0, 0)


@each_scalar
@pytest.mark.parametrize("event_idx", [False, True], ids=["flags", "event index"])
def test_a_driver_that_sleeps_is_always_called(
    make_pool: MakePool, make_vhost: MakeQueue, kind: Kind, event_idx: bool
) -> None:
    """2.7.7.2, 2.8.10: it asks for a call, looks once more, and sleeps; the buffer may be used in between."""
    pool = make_pool(256, cache_size=32)
    left, right = (make_vhost(pool, kind=kind, size=SIZE, event_idx=event_idx) for _ in range(2))
    driver, sleeps, number = right.driver, 0, 0
    source, receiver = Buffers(left, 128), Receiver(right, is_strict=False)
    desc = receiver.buffer(BUFFER)
    poller, deadline = select.poll(), time.monotonic() + PATIENCE_S
    poller.register(right.call.fd, select.POLLIN)
    with between(left, right):
        while (number := number + 1) < 1500 or sleeps < 10:
            assert time.monotonic() < deadline
            receiver.post_chain([desc])
            data, at = header(left) + frame(60, number), source.next()
            left.memory.write(at, data)
            left.driver.offer(left.driver.chain([Desc(at, len(data))]))
            pause(number)
            if event_idx:
                driver.want_call_at(driver.seen)
            else:
                driver.suppress_calls(False)
            fence()
            if not driver.unreaped():
                assert poller.poll(PATIENCE_S * 1000), "nobody called it"
                sleeps += 1
            assert receiver.receive() == [frame(60, number)]
            if not event_idx:
                driver.suppress_calls(True)
            right.call.count()
            assert left.driver.reap()


def test_a_storm_of_kicks_does_no_harm(make_port: Callable[..., VhostPort], sock: Path, pool: Mempool) -> None:
    """2.7.10.2: spurious ones; the eventfd full, and no longer non-blocking."""
    port = make_port()
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        for ring in front.rings:
            for _ in range(20_000):
                os.eventfd_write(ring.kick, 1)
            os.set_blocking(ring.kick, True)
            os.eventfd_read(ring.kick)
            os.eventfd_write(ring.kick, (1 << 64) - 2)
        exchange(port, front, pool)
        assert front.stop() == [4, 4]
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
        assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())]) == 0
