"""net_null: packets of one size from nowhere, and to nowhere."""

from typing import Any

import pytest
from fakes.packets import MakePool, content, frame, free, packet, receive_mbufs, transmit

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool


class NullQueue:
    """A ``struct null_queue`` and its memory."""

    def __init__(self, pool: Mempool, size: int = 64, copy: int = 0) -> None:
        self.arena = Arena(8192)
        self.ptr = self.arena.struct("struct null_queue")
        self.dummy = self.arena.alloc(4096)
        self.ptr.pool, self.ptr.dummy = pool.ptr, self.dummy
        self.ptr.size, self.ptr.copy, self.ptr.port_id = size, copy, 4


@pytest.mark.parametrize("burst", [lib.null_rx, lib.null_rx_copy], ids=["", "copy"])
@pytest.mark.parametrize("size", [1, 64, 1500, 2048])
def test_as_many_packets_come_as_are_asked_for(pool: Mempool, burst: Any, size: int) -> None:
    queue = NullQueue(pool, size, copy=min(size, 64))
    for nb in (0, 1, 32, 512):
        mbufs = receive_mbufs(burst, queue.ptr, nb)
        assert [(m.pkt_len, m.data_len, m.nb_segs, m.port) for m in mbufs] == [(size, size, 1, 4)] * nb
        free(*mbufs)
    assert (queue.ptr.stats.packets, queue.ptr.stats.bytes) == (545, 545 * size)


def test_copied_packets_hold_the_dummy_bytes(pool: Mempool) -> None:
    queue = NullQueue(pool, 64, copy=64)
    ffi.memmove(queue.dummy, frame(64), 64)
    mbufs = receive_mbufs(lib.null_rx_copy, queue.ptr, 3)
    assert [content(m) for m in mbufs] == [frame(64)] * 3
    free(*mbufs)


def test_nothing_is_received_when_that_is_wanted(pool: Mempool) -> None:
    assert receive_mbufs(lib.null_rx_nothing, NullQueue(pool).ptr) == []


def test_an_empty_pool_is_counted(make_pool: MakePool) -> None:
    queue = NullQueue(make_pool(8))
    assert receive_mbufs(lib.null_rx, queue.ptr, 9) == []
    assert queue.ptr.stats.nombuf == 9
    mbufs = receive_mbufs(lib.null_rx, queue.ptr, 8)
    assert len(mbufs) == 8
    free(*mbufs)


@pytest.mark.parametrize("burst", [lib.null_tx, lib.null_tx_copy], ids=["", "copy"])
def test_all_that_is_sent_is_taken_and_freed(pool: Mempool, burst: Any) -> None:
    queue = NullQueue(pool, 64, copy=64)
    mbufs = [packet(pool, frame(60, i), split=(20,) * (i % 3)) for i in range(32)]
    assert transmit(burst, queue.ptr, mbufs) == 32
    assert (queue.ptr.stats.packets, queue.ptr.stats.bytes) == (32, 32 * 60)
    assert pool.in_use() == 0


def test_no_more_is_copied_than_the_packet_has(pool: Mempool) -> None:
    queue = NullQueue(pool, 64, copy=64)
    transmit(lib.null_tx_copy, queue.ptr, [packet(pool, frame(20))])
    assert bytes(ffi.buffer(queue.dummy, 64)) == frame(20) + bytes(44)
