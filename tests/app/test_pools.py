"""The pools that the options ask for."""

from collections.abc import Callable

import pytest
from fakes.log import Logged

from pytestpmd.app import TestPmd
from pytestpmd.app.pools import _default_mbufs
from pytestpmd.config import Config, LaunchError
from pytestpmd.eal.memory import _BUS_MEMORY, limit_bus_memory

MakeApp = Callable[..., TestPmd]
SMALL = 2048


def pools_of(app: TestPmd) -> list[str]:
    app.config.pool.total_num_mbufs = SMALL
    app.create_pools()
    return [pool.name for pool in app.pools]


@pytest.mark.parametrize(("workers", "mbufs"), [(1, 155456), (2, 163456), (4, 179456)])
def test_a_pool_holds_as_many_mbufs_as_the_original_s_would(workers: int, mbufs: int) -> None:
    assert _default_mbufs(workers, Config().pool.mbcache) == mbufs


def test_a_pool_is_named_by_its_node_and_size(make_app: MakeApp, logged: Logged) -> None:
    app = make_app("--mbuf-pool-ops-name=stack")
    app.config.pool.mbuf_sizes = [2176, 0, 512]
    assert pools_of(app) == ["mb_pool_0", "mb_pool_0_2"]
    assert "testpmd: preferred mempool ops selected: stack" in logged


@pytest.mark.parametrize(("node", "name", "shown"), [(None, "mb_pool_4294967295", "any"), (1, "mb_pool_1", "1")])
def test_without_numa_the_node_is_the_one_asked_for_or_any(
    node: int | None, name: str, shown: str, make_app: MakeApp, logged: Logged
) -> None:
    app = make_app()
    app.config.ports.numa, app.config.pool.socket_num = False, node
    assert pools_of(app) == [name]
    assert f"socket={shown}" in logged


def test_a_kind_of_pool_that_nobody_has_ends_the_program(make_app: MakeApp) -> None:
    with pytest.raises(LaunchError, match=r"^Creation of mbuf pool for socket 0 failed: Invalid argument$") as refused:
        pools_of(make_app("--mbuf-pool-ops-name=foo"))
    assert refused.value.before == "MBUF: error setting mempool handler"


def test_memory_beyond_the_limit_ends_the_program_and_what_is_given_back_counts_no_more(make_app: MakeApp) -> None:
    try:
        with pytest.raises(LaunchError, match=r"^Creation of mbuf pool for socket 0 failed: Cannot allocate memory$"):
            pools_of(make_app("--numa-limit=1,1"))
        for _ in range(2):
            # others may have memory in this process
            app = make_app(f"--socket-limit=6,{-(-_BUS_MEMORY.size >> 20)}")
            assert pools_of(app) == ["mb_pool_0"]
            app.pools.clear()
    finally:
        limit_bus_memory(None)
