"""Without ``-i``: forward until someone presses Enter, or until a signal, printing statistics on the way."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from pytestpmd.cli.console.session import say, write
from pytestpmd.cli.console.stop import Stop, StopRequested

CLEAR_SCREEN = "\x1b[2J\x1b[1;1H"
HEADER = "\nPort statistics ====================================\n"


def wait_for_enter(stop: Stop, fd: int = 0) -> None:
    """Say so, and wait for any byte, the end of input or a signal."""
    say("Press enter to exit")
    with suppress(StopRequested, OSError):
        stop.wait(fd)
        os.read(fd, 1)


def stats_loop(stop: Stop, period_s: float, render: Callable[[], str]) -> None:
    """Print a report at once and every ``period_s`` seconds until a signal; each is flushed, for some readers kill us.

    On a terminal each report begins on a clear screen, as the original's does.
    """
    clear = CLEAR_SCREEN if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" else ""
    due = time.monotonic()
    with suppress(StopRequested):
        while True:
            stop.wait(timeout=max(0.0, due - time.monotonic()))
            write(clear + HEADER)
            say(render())
            due += period_s
