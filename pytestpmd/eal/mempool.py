"""Mbuf pools: sizes and memory here, taking and giving in ``mempool.c``."""

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.hugepages import HUGE_PAGE
from pytestpmd.eal.iova import IovaMode, iova_mode
from pytestpmd.eal.memory import Arena

#: The longest buffer that an mbuf can tell of, in bytes, and how many of them are for all ports together.
LARGE_ROOM, NB_LARGE = 65535, 256
_LARGE: list["Mempool"] = []


def large_pool() -> "Mempool":
    """For packets longer than an mbuf of the usual pools, in one segment.

    Made when first asked for, and kept: any port's ring may hold its mbufs, whatever becomes of the port that received
    them.
    """
    if not _LARGE:
        _LARGE.append(Mempool("large", NB_LARGE, LARGE_ROOM, cache_size=0))
    return _LARGE[0]


def large_pools() -> list["Mempool"]:
    """It, if there is one by now: a front-end shares it like the pool that it was configured with."""
    return list(_LARGE)


def _page_of_buffers(size: int, stride: int) -> tuple[int, int]:
    """How many buffers go into a page, and its length in bytes: no buffer may go over the end of one where devices see
    physical memory, and all is one page where they do not."""
    if iova_mode() is IovaMode.VA:
        return size, size * stride
    return HUGE_PAGE // stride, HUGE_PAGE


class Mempool:
    """``size`` mbufs of ``data_room`` bytes each, headroom included.

    ``cache_size`` mbufs at most stay with each lcore; 0 is none. The buffers are in ``arena``, which is shared; what we
    know of them is private.
    """

    def __init__(self, name: str, size: int, data_room: int = 2176, cache_size: int = 250) -> None:
        self.name = name
        self.size = size
        self.data_room = data_room
        stride = self.stride
        per_page, page = _page_of_buffers(size, stride)
        self.arena = Arena(-(-size // per_page) * page, shared=True, bus=True, name=name)
        caches = lib.MAX_LCORES * ffi.sizeof("struct mempool_cache") if cache_size else 0
        self.private = Arena(size * (ffi.sizeof("struct mbuf") + 8) + caches + 4096, name=f"MP_{name}")
        pool = self.private.struct("struct mempool")
        pool.mbufs = self.private.struct("struct mbuf", size)
        pool.free = self.private.struct("struct mbuf *", size)
        pool.caches = self.private.struct("struct mempool_cache", lib.MAX_LCORES) if cache_size else ffi.NULL
        pool.size, pool.cache_size, pool.buf_len = size, cache_size, data_room
        buffers = self.arena.alloc(-(-size // per_page) * page)
        lib.mempool_init(pool, ffi.new("struct mempool_layout *", (buffers, page, per_page, stride)))
        self.ptr = pool
        self._stamps: Arena | None = None

    def keep_stamps(self) -> None:
        """Have room for the time at which each mbuf was received; nobody polls meanwhile."""
        if self.ptr.stamps == ffi.NULL:
            self._stamps = Arena(self.size * 8, name=f"{self.name}'s stamps")
            self.ptr.stamps = self._stamps.struct("uint64_t", self.size)

    def cached(self) -> dict[int, int]:
        """Mbufs that lie in caches, by lcore; of lcores that have none, nothing."""
        if not self.ptr.caches:
            return {}
        counts = {lcore: int(self.ptr.caches[lcore].len) for lcore in range(lib.MAX_LCORES)}
        return {lcore: count for lcore, count in counts.items() if count}

    @property
    def stride(self) -> int:
        """Bytes from one buffer to the next."""
        return -(-self.data_room // 64) * 64

    def count_free(self) -> int:
        """Mbufs that are in the pool or in an lcore's cache; exact while nothing forwards."""
        return int(lib.mempool_count_free(self.ptr))

    def in_use(self) -> int:
        """Mbufs that somebody holds: a ring, or a packet under way."""
        return self.size - self.count_free()
