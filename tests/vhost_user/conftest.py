"""Every test here ends with as many open file descriptors as it began with."""

import gc
import os
from collections.abc import Iterator

import pytest
from vhost_user.samples import GiveAway, MakeFd, nb_open_fds


@pytest.fixture(autouse=True, scope="module")
def no_garbage() -> None:
    """What the tests before have left to the collector is not to close its files in the middle of one here."""
    gc.collect()


@pytest.fixture(autouse=True)
def no_fd_leaks(no_garbage: None) -> Iterator[None]:
    before = nb_open_fds()
    yield
    assert nb_open_fds() == before


@pytest.fixture
def make_eventfd(no_fd_leaks: None) -> Iterator[MakeFd]:
    """Eventfds that the test keeps (it gives away duplicates); closed at its end."""
    made: list[int] = []

    def make() -> int:
        made.append(os.eventfd(0, os.EFD_CLOEXEC))
        return made[-1]

    yield make
    for fd in made:
        os.close(fd)


@pytest.fixture
def given_away(no_fd_leaks: None) -> GiveAway:
    """Eventfds as the kernel would hand them to a receiver, who must close each of them exactly once."""
    return lambda count: tuple(os.eventfd(0, os.EFD_CLOEXEC) for _ in range(count))
