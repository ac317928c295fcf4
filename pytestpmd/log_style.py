"""What the log's lines wear: the time, colours, and a copy for syslog. The forms are DPDK's (``lib/log``)."""

import logging
import os
import sys
import syslog
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

YELLOW, GREEN, RED, BOLD = 33, 32, 31, 1
ERROR, INFO = 4, 7


@dataclass
class Clock:
    """The two clocks, in seconds, and what they said when the program began and when the last line was printed."""

    monotonic: Callable[[], float] = time.monotonic
    real: Callable[[], float] = time.time
    began: float = field(init=False)
    last: float = field(init=False)
    last_real: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.last = self.monotonic()

    def since_start(self) -> str:
        """Seconds since the program began."""
        return f"{self.monotonic() - self.began:13.6f}"

    def delta(self) -> str:
        """Seconds since the last line."""
        before, self.last = self.last, self.monotonic()
        return f"<{self.last - before:13.6f}>"

    def reltime(self) -> str:
        """The same, or the date and time where another minute has begun."""
        before, self.last_real = self.last_real, self.real()
        now, then = time.localtime(self.last_real), time.localtime(before)
        if now[:5] == then[:5]:
            return f"+{self.last_real - before:10.6f}"
        return time.strftime("%b%d %H:%M", now)

    def ctime(self) -> str:
        """The date and time as C writes them."""
        return time.ctime(self.real())

    def iso(self) -> str:
        """The date and time by ISO 8601, to the microsecond."""
        now = self.real()
        local = time.localtime(now)
        zone = time.strftime("%z", local)
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)},{int(now % 1 * 1e6):06d}{zone[:3]}:{zone[3:5]}"


#: By the value of ``--log-timestamp``; None is the option without one.
_STAMPS: Mapping[str | None, Callable[[Clock], str] | None] = {
    None: Clock.since_start,
    "notime": None,
    "reltime": Clock.reltime,
    "delta": Clock.delta,
    "ctime": Clock.ctime,
    "iso": Clock.iso,
}


class Style:
    """How one line is written; plain until told otherwise."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._stamp: Callable[[Clock], str] | None = None
        self._color = "never"

    def stamp(self, form: str | None) -> None:
        """``--log-timestamp[=FORMAT]``."""
        self._stamp = _STAMPS[form]

    def color(self, when: str | None) -> None:
        """``--log-color[=WHEN]``."""
        self._color = when or "always"

    def dress(self, prefix: str, line: str, level: int) -> str:
        """A line of that log level, 1 to 8."""
        stamp = f"[{self._stamp(self._clock)}] " if self._stamp else ""
        if not self._is_colored():
            return f"{stamp}{prefix}: {line}"
        stamp = _painted(GREEN, stamp) if stamp else ""
        weight = 0 if level >= INFO else BOLD if level >= ERROR else RED
        return f"{stamp}{_painted(YELLOW, f'{prefix}:')}{_painted(weight, f' {line}')}"

    def _is_colored(self) -> bool:
        if self._color == "auto":
            return not os.environ.get("NO_COLOR") and sys.stderr.isatty()
        return self._color == "always"


def _painted(code: int, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if code else text


class Syslog(logging.Handler):
    """``--syslog[=FACILITY]``: the log once more, for the system's."""

    def __init__(self, facility: str | None, level_of: Callable[[logging.LogRecord], int]) -> None:
        super().__init__()
        number: int = getattr(syslog, f"LOG_{(facility or 'daemon').upper()}")
        syslog.openlog("pytestpmd", syslog.LOG_PID, number)
        self._level_of = level_of

    def emit(self, record: logging.LogRecord) -> None:
        # syslog's levels are from 0 to 7
        for line in self.format(record).splitlines():
            syslog.syslog(self._level_of(record) - 1, line)
