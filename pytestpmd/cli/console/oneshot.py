"""Without a prompt: forward until a limit, until someone presses Enter, or until a signal, and report on the way."""

import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pytestpmd.cli.console.session import say, write
from pytestpmd.cli.console.stop import Stop, StopRequested

CLEAR_SCREEN = "\x1b[2J\x1b[1;1H"
#: How often packets are looked at that are to end a run, in seconds.
LOOK_S = 0.01
HEADER = "\nPort statistics ====================================\n"


def wait_for_enter(stop: Stop, fd: int = 0) -> str:
    """Say so, and wait for any byte, the end of input or a signal; ``enter`` or ``signal``."""
    say("Press enter to exit")
    try:
        stop.wait(fd)
        os.read(fd, 1)
    except StopRequested:
        return "signal"
    except OSError:
        pass
    return "enter"


@dataclass(frozen=True)
class Limits:
    """What ends a run by itself: ``duration_s`` seconds, or so many ``packets`` counted; 0 is no limit."""

    duration_s: float = 0.0
    packets: int = 0

    def __bool__(self) -> bool:
        return bool(self.duration_s or self.packets)


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Report:
    """Something to do at once, and every ``period_s`` seconds."""

    period_s: float
    make: Callable[[], None]


def forward_until(
    stop: Stop, limits: Limits, counted: Callable[[], int] = lambda: 0, report: Report | None = None
) -> str:
    """Wait for a limit or a signal; which of ``duration``, ``packets`` and ``signal`` it was.

    Packets are looked at every ``LOOK_S`` seconds, so some more than were asked for may pass.
    """
    began = due = time.monotonic()
    end = began + limits.duration_s if limits.duration_s else math.inf
    with suppress(StopRequested):
        while True:
            stop.wait(timeout=0)
            if report and time.monotonic() >= due:
                report.make()
                due += report.period_s
            if limits.packets and counted() >= limits.packets:
                return "packets"
            if time.monotonic() >= end:
                return "duration"
            looks = [end, due if report else math.inf, time.monotonic() + LOOK_S if limits.packets else math.inf]
            wait_until = min(looks)
            stop.wait(timeout=None if wait_until == math.inf else max(0.0, wait_until - time.monotonic()))
    return "signal"


def stats_loop(
    stop: Stop,
    period_s: float,
    render: Callable[[], str],
    limits: Limits = NO_LIMITS,
    counted: Callable[[], int] = lambda: 0,
) -> str:
    """Print a report at once and every ``period_s`` seconds until a limit or a signal; each is flushed, for some
    readers kill us. What ended it is as of :func:`forward_until`.

    On a terminal each report begins on a clear screen, as the original's does.
    """
    clear = CLEAR_SCREEN if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" else ""

    def show() -> None:
        write(clear + HEADER)
        say(render())

    return forward_until(stop, limits, counted, Report(period_s, show))
