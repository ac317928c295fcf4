"""What a process holds, and that a test gives it back."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 10.0
#: A pool lives as long as the fixture that made it, which pytest holds longer than any other fixture's end.
POOLS = ("/memfd:test_pool", "/memfd:mb_pool")


def eventually(claim: Callable[[], object], within_s: float = PATIENCE_S) -> bool:
    """Whether ``claim`` comes to hold in time."""
    deadline = time.monotonic() + within_s
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def open_fds() -> dict[str, str]:
    """Every file descriptor of this process, and what it is."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue  # the one that the listing itself had open
    return {fd: what for fd, what in found.items() if not what.startswith(POOLS)}


@contextmanager
def nothing_leaks() -> Iterator[None]:
    """No more file descriptors and threads at the end than at the beginning."""
    fds, threads = open_fds(), set(threading.enumerate())

    def left() -> dict[str, str]:
        return {fd: what for fd, what in open_fds().items() if fds.get(fd) != what}

    yield
    assert eventually(lambda: not set(threading.enumerate()) - threads, 2.0), "threads are left"
    if left():
        gc.collect()  # an arena that the frames of a caught exception hold
    assert not left(), "file descriptors are left"
