"""Packets on the way from bytes to mbufs and back, and the audit of a pool."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.hugepages import HUGE_PAGE
from pytestpmd.eal.iova import IovaMode, iova_mode
from pytestpmd.eal.mempool import Mempool

MakePool = Callable[..., Mempool]
Burst = Callable[[Any, Any, int], int]
SRC_MAC = bytes.fromhex("020000000001")
DST_MAC = bytes.fromhex("020000000002")


def frame(length: int = 60, number: int = 0) -> bytes:
    """A unicast frame of ``length`` bytes; each number gives other bytes."""
    pattern = bytes((number * 7 + i * 13) & 0xFF for i in range(251))
    header = DST_MAC + SRC_MAC + b"\x88\xb5" + number.to_bytes(4, "big")
    return (header + pattern * (length // len(pattern) + 1))[:length]


def frames(count: int, length: int = 60, first: int = 0) -> list[bytes]:
    return [frame(length, number) for number in range(first, first + count)]


def take(pool: Mempool, count: int) -> Any:
    """``count`` fresh mbufs, as an array."""
    mbufs = ffi.new("struct mbuf *[]", count)
    assert lib.mempool_get_bulk(pool.ptr, mbufs, count) == count
    return mbufs


def packet(pool: Mempool, data: bytes, *, split: Sequence[int] = (), headroom: int = lib.MBUF_HEADROOM) -> Any:
    """An mbuf that holds ``data``: one segment, or several of the lengths ``split``, the rest in the last."""
    lengths = [*split, len(data) - sum(split)]
    segments = list(take(pool, len(lengths)))
    for segment, length in zip(segments, lengths, strict=True):
        segment.data_off = headroom
        segment.data_len = length
        ffi.memmove(segment.buf_addr + headroom, data[:length], length)
        data = data[length:]
    for segment, following in pairwise(segments):
        segment.next = following
    segments[0].nb_segs = len(lengths)
    segments[0].pkt_len = sum(lengths)
    segments[0].ol_flags = 0
    return segments[0]


def segments_of(mbuf: Any) -> list[Any]:
    chain = []
    while mbuf != ffi.NULL:
        chain.append(mbuf)
        mbuf = mbuf.next
    return chain


def content(mbuf: Any) -> bytes:
    """A packet's bytes; its lengths and its number of segments must agree."""
    chain = segments_of(mbuf)
    data = b"".join(bytes(ffi.buffer(m.buf_addr + m.data_off, m.data_len)) for m in chain)
    assert len(data) == mbuf.pkt_len
    assert len(chain) == mbuf.nb_segs
    assert all(m.data_off + m.data_len <= m.buf_len for m in chain)
    return data


def free(*mbufs: Any) -> None:
    lib.mbuf_free_bulk(ffi.new("struct mbuf *[]", list(mbufs)), len(mbufs))


def receive_mbufs(burst: Burst, queue: Any, nb: int = 32) -> list[Any]:
    """One burst, as mbufs that the caller frees."""
    pkts = ffi.new("struct mbuf *[]", max(nb, 1))
    count = burst(queue, pkts, nb)
    assert count <= nb
    return list(pkts[0:count])


def receive(burst: Burst, queue: Any, nb: int = 32) -> list[bytes]:
    """One burst, as bytes."""
    mbufs = receive_mbufs(burst, queue, nb)
    data = [content(m) for m in mbufs]
    free(*mbufs)
    return data


def transmit(burst: Burst, queue: Any, mbufs: Sequence[Any]) -> int:
    """One burst; what was not taken is freed. How many were."""
    sent = burst(queue, ffi.new("struct mbuf *[]", list(mbufs)), len(mbufs))
    assert sent <= len(mbufs)
    free(*mbufs[sent:])
    return sent


def audit(pool: Mempool) -> None:
    """Every mbuf lies free exactly once and as free mbufs are, its constants unchanged."""
    ptr = pool.ptr
    free_ones = list(ptr.free[0 : ptr.nb_free])
    for lcore in range(lib.MAX_LCORES if ptr.caches != ffi.NULL else 0):
        free_ones += list(ptr.caches[lcore].free[0 : ptr.caches[lcore].len])
    assert pool.count_free() == pool.size, f"{pool.in_use()} mbufs of {pool.name} are missing"
    assert len(set(free_ones)) == len(free_ones) == pool.size
    stride = -(-pool.data_room // 64) * 64
    per_page = HUGE_PAGE // stride if iova_mode() is IovaMode.PA else pool.size
    for i in range(pool.size):
        m = ptr.mbufs[i]
        assert (m.refcnt, m.nb_segs, m.next) == (1, 1, ffi.NULL), f"mbuf {i} is not as free ones are"
        assert m.buf_addr == ptr.mbufs[0].buf_addr + i // per_page * HUGE_PAGE + i % per_page * stride
        assert (m.buf_len, m.pool) == (pool.data_room, ptr)
