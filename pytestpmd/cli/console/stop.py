"""Someone wants the program to end: SIGINT, SIGTERM, SIGHUP, noticed by whatever waits.

The first signal is a request: every :meth:`Stop.wait` returns at once and the program stops, closes and says Bye. A
second one is meant: it ends the program by the signal itself, after what :meth:`Stop.at_kill` holds was undone.
"""

import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from pytestpmd.errors import WaitExpired

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """A signal asked the program to end."""


class Stop:
    """Install the handlers for a ``with`` block; main thread only. Blocks may nest, the inner one hears the signals."""

    def __init__(self) -> None:
        self.requested = False
        self.on_request: list[Callable[[], None]] = []
        self.at_kill: list[Callable[[], None]] = []
        self._wake_r, self._wake_w = -1, -1
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_fd = -1

    def __enter__(self) -> "Stop":
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._previous_fd = signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        os.close(self._wake_r)
        os.close(self._wake_w)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            for undo in self.at_kill:
                undo()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.requested = True
        with suppress(BlockingIOError):  # full is as good
            os.write(self._wake_w, b"\0")  # asyncio, in the rich console, takes the wake-up fd away
        for tell in self.on_request:
            tell()

    def wait(self, fd: int | None = None, timeout: float | None = None) -> bool:
        """Wait until ``fd`` can be read (or has ended); False after ``timeout`` seconds. StopRequested on a signal."""
        poll = select.poll()
        if self._previous:  # else nobody listens to signals
            poll.register(self._wake_r, select.POLLIN)
        if fd is not None:
            poll.register(fd, select.POLLIN)
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.requested:
            left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            ready = {one for one, _ in poll.poll(left)}
            if fd in ready and not self.requested:
                return True
            if self._wake_r in ready:
                os.read(self._wake_r, 4096)  # some other signal, such as SIGWINCH
            elif not ready:
                return False
        raise StopRequested


CTRL_C = 3


class Keys:
    """What is typed while a command waits, on a terminal that makes no signal of Ctrl-C; kept for who reads next."""

    def __init__(self, stop: Stop, fd: int | None = None) -> None:
        self._stop, self.fd = stop, fd
        self.typed: deque[int] = deque()

    def pause(self, seconds: float) -> None:
        """Let this much time pass. StopRequested on a signal, :class:`WaitExpired` on Ctrl-C."""
        deadline = time.monotonic() + seconds
        while self._stop.wait(self.fd, max(0.0, deadline - time.monotonic())):
            byte = os.read(self.fd, 1) if self.fd is not None else b""
            if not byte:
                self.fd = None  # nobody types there any more
            elif byte[0] == CTRL_C:
                raise WaitExpired("Interrupted")
            else:
                self.typed.append(byte[0])
