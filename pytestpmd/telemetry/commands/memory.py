"""``/eal/memzone_...``, ``/eal/memseg_...``, ``/eal/heap_...``: our arenas, a memzone each.

All of them together are one list of segments, and one heap.
"""

from typing import TYPE_CHECKING

from pytestpmd.eal.memory import Segment, arenas
from pytestpmd.errors import ConfigError
from pytestpmd.telemetry.params import number
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

HEAP_ID = LIST_ID = 0


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


@telemetry("/eal/memseg_lists", "Ids of the lists of memory segments. No parameters")
def memseg_lists(app: "TestPmd", params: str) -> Json:
    return [LIST_ID]


@telemetry("/eal/memseg_list_info", "Ids of a list's segments. Parameters: int memseg_list_id")
def memseg_list_info(app: "TestPmd", params: str) -> Json:
    if number(params)[0] != LIST_ID:
        return []
    return list(range(len(_segments())))


@telemetry("/eal/memseg_info", "Where a memory segment is. Parameters: int memseg_list_id, int memseg_id")
def memseg_info(app: "TestPmd", params: str) -> Json:
    list_id, rest = number(params)
    index, _ = number(rest.removeprefix(","))
    segments = _segments()
    if list_id != LIST_ID or index >= len(segments):
        raise ConfigError(f"no memory segment: {params}")
    segment = segments[index]
    return {
        "Memseg_list_index": list_id,
        "Memseg_index": index,
        "IOVA_addr": hex(segment.iova),
        "Start_addr": hex(segment.address),
        "End_addr": hex(segment.address + segment.size),
        "Size": segment.size,
        "Hugepage_size": segment.page,
        "Socket_id": 0,
        "flags": 0,
    }


def _segments() -> list[Segment]:
    return [segment for arena in arenas() for segment in arena.segments()]
