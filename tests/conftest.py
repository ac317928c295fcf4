"""Fixtures that most of the tree uses."""

from collections.abc import Iterator

import pytest
from fakes.packets import MakePool, audit

from pytestpmd.eal.mempool import Mempool


@pytest.fixture
def make_pool() -> Iterator[MakePool]:
    """Make pools; when the test is over, each must have all of its mbufs again."""
    pools: list[Mempool] = []

    def make(size: int = 512, data_room: int = 2176, cache_size: int = 0) -> Mempool:
        pools.append(Mempool(f"test_pool_{len(pools)}", size, data_room, cache_size))
        return pools[-1]

    yield make
    for pool in pools:
        audit(pool)


@pytest.fixture
def pool(make_pool: MakePool) -> Mempool:
    """512 mbufs of the usual size."""
    return make_pool()
