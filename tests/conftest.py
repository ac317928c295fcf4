"""Fixtures that most of the tree uses."""

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from fakes.leaks import nothing_leaks
from fakes.log import Logged
from fakes.netns import private_network
from fakes.packets import MakePool, audit
from fakes.physical import PhysicalMemory, physical_memory

from pytestpmd.eal.mempool import Mempool


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without its peer a test is skipped; with PYTESTPMD_REQUIRE_PEERS=1 it fails."""
    missing = [str(mark.args[0]) for mark in item.iter_markers("peer") if not shutil.which(str(mark.args[0]))]
    if not missing:
        return
    reason = f"no {' and no '.join(missing)} on PATH (make peers installs the real peers)"
    if os.environ.get("PYTESTPMD_REQUIRE_PEERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def own_runtime_directory() -> Iterator[None]:
    """Programs started here meet no others, and leave nothing behind however they end. Its path is short: sockets
    are in it."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME_DIRECTORY", folder)
        yield


@pytest.fixture
def physical(monkeypatch: pytest.MonkeyPatch) -> Iterator[PhysicalMemory]:
    """Mode PA; a test that has a pool as well asks for this first."""
    with physical_memory(monkeypatch) as memory:
        yield memory


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


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """The test ends with as many file descriptors and threads as it began with."""
    with nothing_leaks():
        yield


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """The log of this test."""
    return Logged(capsys)


@pytest.fixture
def own_network() -> Iterator[None]:
    """The test's thread is in an empty network namespace; skipped, with a reason, where that is not allowed."""
    with private_network():
        yield
