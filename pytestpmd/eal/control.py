"""A driver's control thread: it watches file descriptors and a clock, and never touches a packet."""

import os
import selectors
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from pytestpmd.eal.lcore import LCORES
from pytestpmd.log import tell_left_out

TICK_S = 0.1


class ControlThread:
    """Calls back, on one thread, when a watched fd is readable, and every ``TICK_S`` seconds; frees stuck lcores then,
    and says what the log kept back.

    Callbacks may watch and unwatch; what they raise is a bug and ends the thread with a traceback.
    """

    def __init__(self, name: str, on_tick: Callable[[], None]) -> None:
        self._on_tick = on_tick
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._woken)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for the callback that it may be in. Harmless when repeated."""
        if self._stopping:
            return
        self._stopping = True
        with suppress(BlockingIOError):
            os.write(self._wake_write, b"\0")
        if self._thread.is_alive():
            self._thread.join()
        tell_left_out(at_once=True)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back whenever ``fd`` is readable or its peer is gone."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def unwatch(self, fd: int) -> None:
        """Before ``fd`` is closed."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def _watched(self, fd: int) -> selectors.SelectorKey | None:
        return self._selector.get_map().get(fd)

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    def _run(self) -> None:
        next_tick = time.monotonic() + TICK_S
        while not self._stopping:
            for key, _ in self._selector.select(max(0.0, next_tick - time.monotonic())):
                if self._watched(key.fd) is key:  # a callback before this one may have ended the watch
                    key.data()
                if self._stopping:
                    return
            if time.monotonic() >= next_tick:
                LCORES.nudge_stuck()
                self._on_tick()
                tell_left_out()
                next_tick = time.monotonic() + TICK_S
