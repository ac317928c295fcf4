"""``/mempool/...``: the mbuf pools."""

from typing import TYPE_CHECKING

from pytestpmd._dataplane import ffi
from pytestpmd.errors import ConfigError
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@telemetry("/mempool/list", "Names of the mbuf pools. No parameters")
def mempool_list(app: "TestPmd", params: str) -> Json:
    return [pool.name for pool in app.pools]


@telemetry("/mempool/info", "A pool's sizes, and how many mbufs are free. Parameters: string pool_name")
def mempool_info(app: "TestPmd", params: str) -> Json:
    """An unknown name has no fields, as in the original; no name is an error."""
    if not params:
        raise ConfigError("which mempool?")
    for pool in app.pools:
        if pool.name == params:
            cached = sum(pool.cached().values())
            return {
                "name": pool.name,
                "pool_id": app.pools.index(pool),
                "flags": 0,
                "socket_id": 0,
                "size": pool.size,
                "cache_size": int(pool.ptr.cache_size),
                "elt_size": pool.data_room + int(ffi.sizeof("struct mbuf")),
                "header_size": 0,
                "trailer_size": 0,
                "private_data_size": 0,
                "ops_index": 0,
                "populated_size": pool.size,
                "total_cache_count": cached,
                "common_pool_count": max(0, pool.count_free() - cached),
                "mz_name": pool.arena.name,
                "mz_len": pool.arena.size,
                "mz_hugepage_sz": pool.arena.segments()[0].page,
                "mz_socket_id": 0,
                "mz_flags": 0,
            }
    return {}
