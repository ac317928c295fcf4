"""The front-end cuts its memory's file off while an lcore works in it."""

import mmap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.guest import Shrinkable
from fakes.packets import MakePool, frame, packet, receive, transmit
from fakes.queues import DeviceQueue
from fakes.virtio_driver import WRITE, Desc

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd import ENGINES

SIZE = 256 << 10
LONG = 30.0


@pytest.fixture
def queue(make_pool: MakePool, make_vhost: Callable[..., DeviceQueue]) -> Iterator[DeviceQueue]:
    """A queue whose memory is guarded as the vhost port guards what it maps."""
    block = Shrinkable(SIZE)
    made = make_vhost(make_pool(256, cache_size=32), size=64, block=block)
    flag = ffi.addressof(made.regions, "dead")
    handle = lib.sigbus_guard(block.host, SIZE, mmap.PAGESIZE, flag)
    yield made
    lib.sigbus_unguard(handle)
    block.close()


def offer(queue: DeviceQueue, flags: int = 0) -> None:
    """Every descriptor a good buffer, not in the ring's own page, all of them available."""
    address = queue.store(bytes(12) + frame() + bytes(100), align=mmap.PAGESIZE)
    for _ in range(queue.vq.size):
        queue.driver.chain([Desc(address, 72 + 100 * bool(flags), flags)])
    queue.driver.offer(*range(queue.vq.size))


def test_a_burst_from_memory_that_is_gone_ends_and_the_ring_rests(queue: DeviceQueue) -> None:
    offer(queue)
    queue.block.shrink(mmap.PAGESIZE)
    receive(lib.vhost_rx_burst, queue.vq, 64)
    assert queue.regions.dead == 1
    assert receive(lib.vhost_rx_burst, queue.vq, 64) == []
    assert transmit(lib.vhost_tx_burst, queue.vq, []) == 0


def test_a_burst_into_memory_that_is_gone_ends_and_the_ring_rests(queue: DeviceQueue) -> None:
    offer(queue, WRITE)
    queue.block.shrink(mmap.PAGESIZE)
    pool = queue.pool
    transmit(lib.vhost_tx_burst, queue.vq, [packet(pool, frame()) for _ in range(8)])
    assert queue.regions.dead == 1
    assert transmit(lib.vhost_tx_burst, queue.vq, [packet(pool, frame())]) == 0


def test_the_loop_goes_on_when_the_memory_goes(queue: DeviceQueue) -> None:
    memory = Arena(64 << 10)
    stream, lcore = memory.struct("struct fwd_stream"), memory.struct("struct fwd_lcore")
    stream.rx_burst, stream.rx_queue, stream.burst = lib.vhost_rx_burst, queue.vq, 32
    lcore.nb_streams, lcore.packet_fwd = 1, ENGINES["rxonly"].packet_fwd
    lcore.streams = memory.struct("struct fwd_stream *")
    lcore.streams[0] = stream
    thread = threading.Thread(target=lib.fwd_run, args=(lcore, 0), daemon=True)
    thread.start()
    offer(queue)
    wait_for(lambda: stream.rx_packets >= 64)
    queue.block.shrink(0)
    wait_for(lambda: queue.regions.dead == 1)
    turns = lib.fwd_turns(lcore)
    wait_for(lambda: lib.fwd_turns(lcore) > turns + 10)
    lib.fwd_stop(lcore)
    thread.join(LONG)
    assert not thread.is_alive()


def wait_for(claim: Callable[[], Any]) -> None:
    end = time.monotonic() + LONG
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_every_mbuf_is_found_again(queue: DeviceQueue) -> None:
    offer(queue)
    pool: Mempool = queue.pool
    for size in (SIZE // 2, SIZE // 4, mmap.PAGESIZE, 0):
        queue.block.shrink(size)
        queue.regions.dead = 0
        receive(lib.vhost_rx_burst, queue.vq, 8)
        assert pool.in_use() == 0
