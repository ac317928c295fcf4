"""``/eal/memzone_...``, ``/eal/heap_...``: our arenas, a memzone each, and all of them together as the one heap."""

from typing import TYPE_CHECKING

from pytestpmd.eal.memory import arenas
from pytestpmd.errors import ConfigError
from pytestpmd.telemetry.params import number
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

HEAP_ID = 0


@telemetry("/eal/memzone_list", "Numbers of the memory areas. No parameters")
def memzone_list(app: "TestPmd", params: str) -> Json:
    return list(range(len(arenas())))


@telemetry("/eal/memzone_info", "Where a memory area is, and its size. Parameters: int mz_id")
def memzone_info(app: "TestPmd", params: str) -> Json:
    index, _ = number(params)
    held = arenas()
    if index >= len(held):
        raise ConfigError(f"no memzone: {params}")
    arena, page = held[index], held[index].segments()[0].page
    return {
        "Zone": index,
        "Name": arena.name,
        "Length": arena.size,
        "Address": hex(arena.address),
        "Socket": 0,
        "Flags": 0,
        "Hugepage_size": page,
        "Hugepage_base": hex(arena.address // page * page),
        "Hugepage_used": -(-(arena.address % page + arena.size) // page),
    }


@telemetry("/eal/heap_list", "Ids of the heaps. No parameters")
def heap_list(app: "TestPmd", params: str) -> Json:
    return [HEAP_ID]


@telemetry("/eal/heap_info", "How much of a heap is taken. Parameters: int heap_id")
def heap_info(app: "TestPmd", params: str) -> Json:
    if number(params)[0] != HEAP_ID:
        raise ConfigError(f"no heap: {params}")
    held = arenas()
    free = [arena.size - arena.used for arena in held]
    size = sum(arena.size for arena in held)
    return {
        "Heap_id": HEAP_ID,
        "Name": "socket_0",
        "Heap_size": size,
        "Free_size": sum(free),
        "Alloc_size": size - sum(free),
        "Greatest_free_size": max(free, default=0),
        "Alloc_count": sum(arena.nb_blocks for arena in held),
        "Free_count": sum(1 for room in free if room),
    }
