"""``dump ...``: memory, pools and lcores, as ``lib/eal`` and ``lib/mempool`` of the original lay them out.

The original lists a line for each page of memory; here a line is a stretch that is in one piece to devices as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytestpmd._dataplane import ffi
from pytestpmd.eal.lcores import LcoreConfig, to_text
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool

MEGA = 1 << 20
#: What the data plane has most of.
STRUCTS = ("mbuf", "mempool", "virtqueue")
#: Of a pool that is made and filled (``RTE_MEMPOOL_F_POOL_CREATED``).
POOL_CREATED = 0x10
POOL_RING = "MP_"


def physmem(arenas: Sequence[Arena]) -> str:
    """``dump physmem``: every stretch."""
    lines = [
        f"Segment {i}-{j}: IOVA:0x{segment.iova:x}, len:{segment.size}, virt:0x{segment.address:x}, socket_id:0, "
        f"hugepage_sz:{segment.page}, nchannel:0, nrank:0 fd:{arena.fd}"
        for i, arena in enumerate(arenas)
        for j, segment in enumerate(arena.segments())
    ]
    return "\n".join([*lines, f"Total Memory Segments size = {_mega_of(arenas)}M"])


def _mega_of(arenas: Iterable[Arena]) -> int:
    return sum(arena.size for arena in arenas) // MEGA


def memzone(arenas: Sequence[Arena]) -> str:
    """``dump memzone``: what each piece is for, and where it lies."""
    lines = []
    for i, arena in enumerate(arenas):
        lines += [
            f"Zone {i}: name:<{arena.name}>, len:0x{arena.size:x}, virt:0x{arena.address:x}, socket_id:0, flags:0",
            "physical segments used:",
            *(
                f"  addr: 0x{segment.address:x} iova: 0x{segment.iova:x} len: 0x{segment.size:x} "
                f"pagesz: 0x{segment.page:x}"
                for segment in arena.segments()
            ),
        ]
    return "\n".join([*lines, f"Total Memory Zones size = {_mega_of(arenas)}M"])


@dataclass(frozen=True)
class MemoryUse:
    """Bytes mapped, bytes given out, and how many pieces of either kind there are."""

    total: int
    used: int
    nb_used: int
    nb_free: int

    @staticmethod
    def of(arenas: Iterable[Arena]) -> "MemoryUse":
        held = list(arenas)
        return MemoryUse(
            sum(arena.size for arena in held),
            sum(arena.used for arena in held),
            sum(arena.nb_blocks for arena in held),
            sum(arena.used < arena.size for arena in held),
        )


def socket_mem(now: MemoryUse, before: MemoryUse | None) -> str:
    """``dump socket_mem``; from the second time on with what changed."""
    percent = now.used * 100 / now.total if now.total else 0.0
    line = (
        f"size(M) total: {_mega(now.total)} alloc: {_mega(now.used)}({percent:.3f}%) "
        f"free: {_mega(now.total - now.used)} \tcount alloc: {now.nb_used:<4} free: {now.nb_free}"
    )
    lines = [f"Socket 0: {line}", f"Total   : {line}"]
    if before:
        change = f"{_mega(now.total - before.total)}(M), allocation change: {_mega(now.used - before.used)}(M)"
        lines.append(f"Memory total change: {change}")
    return "\n".join(lines)


def _mega(size: int) -> str:
    return f"{size / MEGA:.6f}"


def struct_sizes() -> str:
    """``dump struct_sizes``."""
    return "\n".join(f"sizeof(struct {name}) = {ffi.sizeof(f'struct {name}')}" for name in STRUCTS)


def ring(pool: Mempool) -> str:
    """``dump ring``: the mbufs of a pool that are free for all. They are a stack, so there is one end, and it has no
    place to spare."""
    nb_free = int(pool.ptr.nb_free)
    return "\n".join(
        [
            f"ring <{POOL_RING}{pool.name}>@0x{address_of(pool.ptr.free):x}",
            "  flags=0",
            f"  size={pool.size}",
            f"  capacity={pool.size}",
            f"  used={nb_free}",
            f"  avail={pool.size - nb_free}",
        ]
    )


def mempool(pool: Mempool, ops_name: str) -> str:
    """``dump mempool``. An object is an mbuf and its buffer, which lie apart."""
    object_size = int(ffi.sizeof("struct mbuf")) + pool.stride
    buffers, mbufs = pool.arena, pool.private
    cached = pool.cached()
    chunks = [(arena, segment) for arena in (mbufs, buffers) for segment in arena.segments()]
    total = sum(segment.size for _, segment in chunks)
    return "\n".join(
        [
            f"mempool <{pool.name}>@0x{address_of(pool.ptr):x}",
            f"  flags={POOL_CREATED:x}",
            "  socket_id=0",
            f"  pool=0x{address_of(pool.ptr.free):x}",
            f"  iova=0x{buffers.segments()[0].iova:x}",
            f"  nb_mem_chunks={len(chunks)}",
            f"  size={pool.size}",
            f"  populated_size={pool.size}",
            "  header_size=0",
            f"  elt_size={object_size}",
            "  trailer_size=0",
            f"  total_obj_size={object_size}",
            "  private_data_size=0",
            "  ops_index=0",
            f"  ops_name: <{ops_name}>",
            *(
                f"  memory chunk at 0x{arena.address:x}, addr=0x{segment.address:x}, iova=0x{segment.iova:x}, "
                f"len={segment.size}"
                for arena, segment in chunks
            ),
            f"  avg bytes/object={total / pool.size:.6f}",
            "  internal cache infos (hide zero value items):",
            f"    cache_size={pool.ptr.cache_size}",
            *(f"    cache_count[{lcore}]={count}" for lcore, count in cached.items()),
            *([f"    total_cache_count={sum(cached.values())}"] if pool.ptr.cache_size else []),
            f"  common_pool_count={pool.ptr.nb_free}",
            "  no statistics available",
        ]
    )


def devargs(devices: Iterable[tuple[str, str, str]]) -> str:
    """``dump devargs``: bus, name and arguments of each device."""
    return "\n".join(["User device list:", *(f"  [{bus}]: {name} {given}" for bus, name, given in devices)])


def lcores(held: Iterable[LcoreConfig], services: frozenset[int]) -> str:
    """``dump lcores``: what each lcore is, and where it may run."""
    return "\n".join(
        f"lcore {lcore.lcore_id}, socket 0, role {'SERVICE' if lcore.lcore_id in services else 'RTE'}, "
        f"cpuset {to_text(lcore.cpus)}"
        for lcore in held
    )
