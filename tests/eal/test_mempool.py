"""Mbuf pools: what is taken comes back, once, from whichever thread."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from fakes.packets import MakePool, audit, frame, free, packet, take

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.mempool import Mempool

LCORE = 5


@pytest.fixture
def as_lcore() -> Iterator[None]:
    """The test's thread is an lcore, with a cache of its own."""
    lib.lcore_enter(LCORE)
    yield
    lib.lcore_enter(lib.MAX_LCORES)


def put(pool: Mempool, mbufs: list[object]) -> None:
    lib.mempool_put_bulk(pool.ptr, ffi.new("struct mbuf *[]", mbufs), len(mbufs))


def test_a_fresh_pool_is_whole(make_pool: MakePool) -> None:
    pool = make_pool(100, data_room=1000)
    assert (pool.count_free(), pool.in_use()) == (100, 0)
    audit(pool)


def test_buffers_lie_apart_in_the_shared_memory(make_pool: MakePool) -> None:
    pool = make_pool(16, data_room=1000)
    mbufs = sorted(int(ffi.cast("uintptr_t", m.buf_addr)) for m in take(pool, 16))
    assert all(after - before >= 1000 for before, after in pairwise(mbufs))
    region = pool.arena.region()
    assert region.address <= mbufs[0]
    assert mbufs[-1] + 1000 <= region.address + region.size
    assert all(address % 64 == 0 for address in mbufs)
    lib.mbuf_free_bulk(ffi.new("struct mbuf *[]", [pool.ptr.mbufs + i for i in range(16)]), 16)


def test_mbufs_are_private_where_their_bytes_are_shared(make_pool: MakePool) -> None:
    pool = make_pool(16)
    region = pool.arena.region()
    mbuf = int(ffi.cast("uintptr_t", pool.ptr.mbufs))
    assert not region.address <= mbuf < region.address + region.size


def test_the_mbuf_freed_last_is_taken_first(pool: Mempool) -> None:
    first, second = take(pool, 2)
    put(pool, [first, second])
    (again,) = take(pool, 1)
    assert again == second
    free(again)


@pytest.mark.parametrize("cache_size", [0, 1, 32, 250, lib.MEMPOOL_CACHE_MAX])
@pytest.mark.usefixtures("as_lcore")
def test_all_mbufs_can_be_taken_and_no_more(make_pool: MakePool, cache_size: int) -> None:
    pool = make_pool(1000, cache_size=cache_size)
    held = []
    for _ in range(100):
        held += list(take(pool, 10))
    assert len(set(held)) == 1000
    assert lib.mempool_get_bulk(pool.ptr, ffi.new("struct mbuf *[1]"), 1) == 0
    assert pool.in_use() == 1000
    for at in range(0, 1000, 50):
        put(pool, held[at : at + 50])
    audit(pool)


def test_bulk_is_all_or_nothing_and_some_is_what_there_is(make_pool: MakePool) -> None:
    pool = make_pool(40)
    mbufs = ffi.new("struct mbuf *[64]")
    assert lib.mempool_get_bulk(pool.ptr, mbufs, 41) == 0
    taken, got = [], -1
    while got:
        got = lib.mempool_get_some(pool.ptr, mbufs, 64)
        taken += list(mbufs[0:got])
    assert len(set(taken)) == 40
    assert pool.in_use() == 40
    free(*taken)


@pytest.mark.usefixtures("as_lcore")
def test_a_steady_exchange_stays_in_the_lcores_cache(make_pool: MakePool) -> None:
    pool = make_pool(2000, cache_size=250)
    put(pool, list(take(pool, 32)))
    common = pool.ptr.nb_free
    for burst in (32, 64, 1, 100, 32):
        for _ in range(50):
            put(pool, list(take(pool, burst)))
    assert pool.ptr.nb_free == common


@pytest.mark.usefixtures("as_lcore")
def test_a_cache_that_only_gets_gives_to_the_others(make_pool: MakePool) -> None:
    """An lcore that frees what another allocates must not keep it all."""
    pool = make_pool(2000, cache_size=250)
    lib.lcore_enter(lib.MAX_LCORES)
    held = list(take(pool, 2000))
    lib.lcore_enter(LCORE)
    for at in range(0, 2000, 100):
        put(pool, held[at : at + 100])
        assert pool.ptr.caches[LCORE].len <= 375
    assert pool.count_free() == 2000


@pytest.mark.parametrize("burst", [1, 512])
@pytest.mark.usefixtures("as_lcore")
def test_the_largest_cache_holds_the_largest_burst(make_pool: MakePool, burst: int) -> None:
    pool = make_pool(4096, cache_size=lib.MEMPOOL_CACHE_MAX)
    held = [list(take(pool, burst)) for _ in range(8 if burst > 1 else 2000)]
    for mbufs in held:
        put(pool, mbufs)
        assert pool.ptr.caches[LCORE].len <= lib.MEMPOOL_CACHE_ROOM
    audit(pool)


def test_threads_share_a_pool(make_pool: MakePool) -> None:
    """Three lcores and one thread that is none, each with cffi's GIL-free calls in between."""
    pool = make_pool(1024, cache_size=32)
    wrong = []

    def work(lcore: int) -> None:
        lib.lcore_enter(lcore)
        mbufs = ffi.new("struct mbuf *[]", 48)
        for turn in range(2000):
            n = turn % 48 + 1
            if lib.mempool_get_bulk(pool.ptr, mbufs, n) != n:
                wrong.append(turn)
                break
            lib.mempool_put_bulk(pool.ptr, mbufs, n)

    threads = [threading.Thread(target=work, args=(lcore,)) for lcore in (0, 1, 2, lib.MAX_LCORES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    audit(pool)


# Freeing packets.


def test_a_packet_is_freed_with_all_its_segments(pool: Mempool) -> None:
    free(packet(pool, frame(600), split=(100, 200)), packet(pool, frame()), packet(pool, frame(90), split=(1,) * 40))
    audit(pool)


def test_a_shared_packet_is_freed_by_its_last_holder(pool: Mempool) -> None:
    mbuf = packet(pool, frame())
    mbuf.refcnt = 3
    free(mbuf)
    free(mbuf)
    assert (mbuf.refcnt, pool.in_use()) == (1, 1)
    free(mbuf)
    audit(pool)


def test_a_shared_segment_outlives_its_packet(pool: Mempool) -> None:
    mbuf = packet(pool, frame(300), split=(100, 100))
    shared = mbuf.next
    shared.refcnt = 2
    last = shared.next
    free(mbuf)
    assert pool.in_use() == 1
    assert last.refcnt == 1
    shared.next = ffi.NULL  # as its holder must: the packet's other segments went
    free(shared)


def test_packets_of_several_pools_go_home(make_pool: MakePool) -> None:
    one, other = make_pool(64), make_pool(64)
    burst = [packet((one, other)[i // 3 % 2], frame(), split=(10,) * (i % 2)) for i in range(30)]
    burst[6].refcnt = 2
    free(*burst)
    assert (one.in_use(), other.in_use()) == (1, 0)
    free(burst[6])
    audit(one)
    audit(other)


def test_freeing_nothing_is_nothing() -> None:
    lib.mbuf_free_bulk(ffi.NULL, 0)
