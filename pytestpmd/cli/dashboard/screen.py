"""The dashboard on a terminal: a screen of its own, keys, the clock."""

import errno
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from pytestpmd.cli.console.oneshot import NO_LIMITS, Limits
from pytestpmd.cli.console.stop import Stop
from pytestpmd.cli.console.terminal import unbuffered_keys
from pytestpmd.cli.dashboard.frame import Size, frame
from pytestpmd.cli.dashboard.held import Held, held_back
from pytestpmd.cli.dashboard.history import History
from pytestpmd.cli.dashboard.look import Look, look
from pytestpmd.cli.dashboard.state import Span, State, press
from pytestpmd.ethdev.ports import OPERATING

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: How long a change of the terminal's size may go unseen, in seconds.
SIZE_S = 0.25
MAIN_SCREEN = b"\x1b[?25h\x1b[?1049l"
_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|\x1b|.", re.DOTALL)
NAMES = {
    **dict.fromkeys(("\x1b[A", "\x1bOA"), "up"),
    **dict.fromkeys(("\x1b[B", "\x1bOB"), "down"),
    **dict.fromkeys(("\x1b[C", "\x1bOC"), "right"),
    **dict.fromkeys(("\x1b[D", "\x1bOD"), "left"),
    **dict.fromkeys(("\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"), "home"),
    **dict.fromkeys(("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"), "end"),
    "\x1b[5~": "page-up",
    "\x1b[6~": "page-down",
    "\x1b[Z": "back-tab",
    "\t": "tab",
    "\x03": "ctrl-c",
    "\x04": "ctrl-d",
}


def keys(typed: str) -> list[str]:
    """The names of the keys that made these characters; a printable one is its own."""
    return [NAMES.get(found, found) for found in _KEY.findall(typed)]


class Dashboard:
    """One for a console: the history is kept from one time to the next."""

    def __init__(self, app: "TestPmd", stop: Stop) -> None:
        self.app, self.stop = app, stop
        self.history = History()

    def show(self, limits: Limits = NO_LIMITS, counted: Callable[[], int] = lambda: 0, fd: int = 0) -> str:
        """Look on until q or a limit; which it was, ``quit``, ``duration`` or ``packets``. StopRequested on a signal.

        What the program says meanwhile is held back, but for its last line, and said afterwards.
        """
        self.history.begin()
        console = Console(file=sys.stdout, highlight=False, _environ=_environ())
        try:
            with held_back() as said, self._own_screen(console, fd) as live:
                return self._loop(live, said, fd, _Limit(limits, counted))
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return "quit"  # the terminal is gone

    @contextmanager
    def _own_screen(self, console: Console, fd: int) -> Iterator[Live]:
        def restore() -> None:
            with suppress(OSError):
                os.write(1, MAIN_SCREEN)

        self.stop.at_kill.append(restore)
        try:
            with (
                unbuffered_keys(fd, self.stop),
                Live(
                    console=console,
                    screen=True,
                    auto_refresh=False,
                    redirect_stdout=False,
                    redirect_stderr=False,
                    vertical_overflow="crop",
                ) as live,
            ):
                yield live
        finally:
            self.stop.at_kill.remove(restore)

    def _loop(self, live: Live, said: Held, fd: int, limit: "_Limit") -> str:
        state, size, due = State(), None, 0.0
        while not state.left and not limit.reached():
            now = time.monotonic()
            changed = size != (size := live.console.size)
            if now >= due:
                due = max(due + state.period_s, now)
                self._add()
                changed = True
            if changed:
                self._draw(live, state, said)
            if self.stop.wait(fd, max(0.0, min(due, now + SIZE_S) - time.monotonic())):
                typed = os.read(fd, 1024).decode("utf-8", "ignore")
                if not typed:
                    break  # the terminal is gone
                period_s = state.period_s
                for key in keys(typed):
                    state = press(state, key, Span(self.history.oldest, self.history.newest))
                if state.period_s != period_s:
                    due = time.monotonic() + state.period_s
                self._draw(live, state, said)
        return limit.reached() or "quit"

    def _add(self) -> None:
        if seen := _seen(self.app):
            self.history.add(seen)

    def _draw(self, live: Live, state: State, said: Held) -> None:
        width, height = live.console.size
        plain = live.console.options.ascii_only
        live.update(frame(self.history, state, Size(width, height), plain, said.last), refresh=True)


class _Limit:
    """What ends a run by itself, from here on."""

    def __init__(self, limits: Limits, counted: Callable[[], int]) -> None:
        self._limits, self._counted = limits, counted
        self._end = time.monotonic() + limits.duration_s if limits.duration_s else math.inf

    def reached(self) -> str:
        """Which limit is reached, "" for none."""
        if self._limits.packets and self._counted() >= self._limits.packets:
            return "packets"
        return "duration" if time.monotonic() >= self._end else ""


def _environ() -> dict[str, str]:
    """The environment without a size, which the terminal itself knows better once it has changed."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


def _seen(app: "TestPmd") -> Look | None:
    """How things are; None while somebody operates ports, who may take a while."""
    if not OPERATING.acquire(blocking=False):
        return None
    try:
        return look(app)
    finally:
        OPERATING.release()
