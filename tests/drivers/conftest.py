"""Queues of our drivers with the other end played in Python."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.queues import DeviceQueue, DriverQueue

from pytestpmd.eal import cpu
from pytestpmd.eal.mempool import Mempool


@pytest.fixture(autouse=True)
def all_vectors() -> Iterator[None]:
    """Those that the machine has, whatever a program within the tests' process has limited itself to.

    By a patch of its own: a test's is undone before the test's leaks are looked for.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "_limit", 0)
        yield


@pytest.fixture
def make_virtqueue(pool: Mempool) -> Iterator[Callable[..., DriverQueue]]:
    """Make queues of the virtio driver; drained at the end, before the pool is audited."""
    queues: list[DriverQueue] = []

    def make(pool_: Mempool = pool, **settings: Any) -> DriverQueue:
        queues.append(DriverQueue(pool_, **settings))
        return queues[-1]

    yield make
    for queue in queues:
        queue.close()


@pytest.fixture
def make_vhost(pool: Mempool) -> Iterator[Callable[..., DeviceQueue]]:
    """Make queues of the vhost driver."""
    queues: list[DeviceQueue] = []

    def make(pool_: Mempool = pool, **settings: Any) -> DeviceQueue:
        queues.append(DeviceQueue(pool_, **settings))
        return queues[-1]

    yield make
    for queue in queues:
        queue.close()
