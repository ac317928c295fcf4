"""Log types named as DPDK names them, their levels, and ``--log-level``.

A module asks for its type once and talks to it::

    log = log_type("pmd.net.virtio.init", "VIRTIO_INIT")
    log.info("virtio_user_pmd_probe(): arg %s is mandatory for virtio_user", key)

which prints ``VIRTIO_INIT: virtio_user_pmd_probe(): arg path ...`` on standard error. A line is emitted when both the
global level and its type's level allow it. Types are stdlib loggers of the same name, so whoever embeds the program
can add handlers; the numbers 1 (emergency) to 8 (debug) are DPDK's.

What a peer can cause goes through :meth:`LogType.limited`, so that a hostile one cannot fill a disk; what was left out
is said when the second is over, by :func:`tell_left_out`, which control threads call.
"""

import logging
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import partialmethod

from pytestpmd.errors import ConfigError
from pytestpmd.log_style import Style, Syslog


class Level(IntEnum):
    """DPDK's log levels (``rte_log.h``)."""

    EMERGENCY = 1
    ALERT = 2
    CRITICAL = 3
    ERROR = 4
    WARNING = 5
    NOTICE = 6
    INFO = 7
    DEBUG = 8

    @property
    def stdlib(self) -> int:
        """The same on the scale of :mod:`logging`, where more is worse."""
        return _STDLIB[self]

    @classmethod
    def parse(cls, text: str) -> "Level":
        """A number, or the first letters of a name (the first that fits); above 8 counts as 8."""
        if text:
            for level in cls:
                if level.name.lower().startswith(text):
                    return level
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        if number == 0:
            raise ConfigError(f"Invalid log level: {text}")
        return cls(min(number, cls.DEBUG))


_STDLIB = {
    Level.EMERGENCY: 60,
    Level.ALERT: 55,
    Level.CRITICAL: logging.CRITICAL,
    Level.ERROR: logging.ERROR,
    Level.WARNING: logging.WARNING,
    Level.NOTICE: 25,
    Level.INFO: logging.INFO,
    Level.DEBUG: logging.DEBUG,
}

for _level, _number in _STDLIB.items():
    logging.addLevelName(_number, _level.name)

FIRST_DYNAMIC_ID = 32
"""Ids below are DPDK's fixed types: 0 is EAL, 24 to 31 are user1 to user8."""

DEFAULT_LEVELS = (("pmd.", Level.NOTICE), ("bus.", Level.NOTICE), ("testpmd", Level.DEBUG), ("", Level.INFO))
"""Level of a type that does not say, by the start of its name."""


#: Say the last line that was left out, and of how many others besides.
Remind = Callable[[int], None]


@dataclass
class _Kept:
    """When a key was spoken of, and what was left out since."""

    spoken: float
    left_out: int = 0
    remind: Remind | None = None


class RateLimiter:
    """Lets one message for each key through in ``interval_s`` and keeps the last of the others. Safe among threads."""

    def __init__(
        self, interval_s: float = 1.0, max_keys: int = 1024, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_s = interval_s
        self._max_keys = max_keys
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[Hashable, _Kept] = OrderedDict()

    def ask(self, key: Hashable, remind: Remind | None = None) -> int | None:
        """None: keep quiet, ``remind`` is for :meth:`tell`. Otherwise speak, and say that so many were left out."""
        now = self._clock()
        with self._lock:
            kept = self._seen.get(key)
            if kept and now - kept.spoken < self._interval_s:
                kept.left_out, kept.remind = kept.left_out + 1, remind
                return None
            self._seen[key] = _Kept(now)
            self._seen.move_to_end(key)
            forgotten = self._seen.popitem(last=False)[1] if len(self._seen) > self._max_keys else None
        if forgotten:
            _remind(forgotten)
        return kept.left_out if kept else 0

    def tell(self, *, at_once: bool = False) -> None:
        """Say what was left out longer ago than the interval, or all of it."""
        now = self._clock()
        with self._lock:
            due = [
                (key, kept)
                for key, kept in self._seen.items()
                if kept.left_out and (at_once or now - kept.spoken >= self._interval_s)
            ]
            for key, _ in due:
                self._seen[key] = _Kept(now)
        for _, kept in due:
            _remind(kept)


def _remind(kept: _Kept) -> None:
    if kept.remind:
        kept.remind(kept.left_out - 1)


class LogType:
    """One log type: its name, the word in front of its lines, and its level."""

    def __init__(self, name: str, prefix: str, type_id: int, logger: logging.Logger, limiter: RateLimiter) -> None:
        self.name = name
        self.prefix = prefix
        self.type_id = type_id
        self._logger = logger
        self._limiter = limiter
        self._level = Level.INFO

    @property
    def level(self) -> Level:
        """The least important level that is let through."""
        return self._level

    @level.setter
    def level(self, level: Level) -> None:
        self._level = level
        self._logger.setLevel(level.stdlib)

    def log(self, level: Level, text: str, *args: object) -> None:
        """One line, or several: each gets the prefix. ``args`` are put in as :mod:`logging` does."""
        self._logger.log(level.stdlib, text, *args)

    def limited(self, key: Hashable, level: Level, text: str, *args: object) -> None:
        """As :meth:`log`, at most once a second for each key: a port and a reason, say.

        The last one that was left out comes when the second is over.
        """
        if not self._logger.isEnabledFor(level.stdlib):
            return

        def say(left_out: int) -> None:
            if left_out:
                self.log(level, f"{text} (and %d more)", *args, left_out)
            else:
                self.log(level, text, *args)

        left_out = self._limiter.ask((self.name, key), say)
        if left_out is not None:
            say(left_out)

    emergency = partialmethod(log, Level.EMERGENCY)
    alert = partialmethod(log, Level.ALERT)
    critical = partialmethod(log, Level.CRITICAL)
    error = partialmethod(log, Level.ERROR)
    warning = partialmethod(log, Level.WARNING)
    notice = partialmethod(log, Level.NOTICE)
    info = partialmethod(log, Level.INFO)
    debug = partialmethod(log, Level.DEBUG)


def _level_of(record: logging.LogRecord) -> Level:
    return next(level for level in Level if level.stdlib <= record.levelno)


class _Lines(logging.Formatter):
    def __init__(self, types: Mapping[str, LogType], style: Style) -> None:
        super().__init__()
        self._types = types
        self._dress_as = style

    def format(self, record: logging.LogRecord) -> str:
        prefix, level = self._types[record.name].prefix, _level_of(record)
        return "\n".join(self._dress_as.dress(prefix, line, level) for line in record.getMessage().split("\n"))


class _StandardError(logging.Handler):
    """Writes to standard error as it is at that moment: the rich console, and tests, put another in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = self.format(record)
        # Whoever read the log may have gone; forwarding goes on.
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{lines}\n")
            sys.stderr.flush()


class Registry:
    """Every log type, the global level, and the rules that types yet to come will follow."""

    def __init__(self, get_logger: Callable[[str], logging.Logger] = logging.getLogger) -> None:
        self._get_logger = get_logger
        self._types: dict[str, LogType] = {}
        self._rules: list[tuple[Callable[[str], bool], Level]] = []
        self._limiter = RateLimiter()
        self._handler = _StandardError()
        #: How lines are written on standard error.
        self.style = Style()
        self._handler.setFormatter(_Lines(self._types, self.style))
        self._syslog: Syslog | None = None
        self.global_level = Level.DEBUG
        self._add("lib.eal", "EAL", 0)
        for user in range(1, 9):
            self._add(f"user{user}", f"USER{user}", 23 + user)

    @property
    def global_level(self) -> Level:
        """No line of any type passes that is less important than this."""
        return self._global_level

    @global_level.setter
    def global_level(self, level: Level) -> None:
        self._global_level = level
        for handler in (self._handler, self._syslog):
            if handler:
                handler.setLevel(level.stdlib)

    def copy_to_syslog(self, facility: str | None = None) -> None:
        """Send every line to syslog as well, without time and colours."""
        self._syslog = Syslog(facility, _level_of)
        self._syslog.setFormatter(_Lines(self._types, Style()))
        self._syslog.setLevel(self._global_level.stdlib)
        for name in self._types:
            self._get_logger(name).addHandler(self._syslog)

    def log_type(self, name: str, prefix: str, level: Level | None = None) -> LogType:
        """The type of that name, registered at the first call; ``level`` unless ``--log-level`` said otherwise."""
        if name in self._types:
            return self._types[name]
        type_id = max(FIRST_DYNAMIC_ID, 1 + max(known.type_id for known in self._types.values()))
        return self._add(name, prefix, type_id, level)

    def _add(self, name: str, prefix: str, type_id: int, level: Level | None = None) -> LogType:
        logger = self._get_logger(name)
        logger.propagate = False
        logger.addHandler(self._handler)
        if self._syslog:
            logger.addHandler(self._syslog)
        new = self._types[name] = LogType(name, prefix, type_id, logger, self._limiter)
        new.level = level or next(default for start, default in DEFAULT_LEVELS if name.startswith(start))
        for matches, wanted in self._rules:
            if matches(name):
                new.level = wanted
        return new

    def apply(self, spec: str) -> None:
        """One ``--log-level``: ``LEVEL``, ``GLOB:LEVEL`` or ``REGEX,LEVEL``; the last one that fits a type counts."""
        pattern, comma, level = spec.partition(",")
        if comma:
            self._rule(_searching(pattern), Level.parse(level))
            return
        pattern, colon, level = spec.partition(":")
        if colon:
            self._rule(lambda name: fnmatchcase(name, pattern), Level.parse(level))
        else:
            self.global_level = Level.parse(spec)

    def set_level(self, pattern: str, number: int) -> None:
        """``set log global|(type) (level)``: the global level, or that of every type the expression is found in."""
        if not Level.EMERGENCY <= number <= Level.DEBUG:
            raise ConfigError("Unable to set log level")
        if pattern == "global":
            self.global_level = Level(number)
        else:
            self._rule(_searching(pattern), Level(number))

    def _rule(self, matches: Callable[[str], bool], level: Level) -> None:
        self._rules.append((matches, level))
        for known in self._types.values():
            if matches(known.name):
                known.level = level

    def tell_left_out(self, *, at_once: bool = False) -> None:
        """Say the lines that :meth:`LogType.limited` kept back, as far as their second is over."""
        self._limiter.tell(at_once=at_once)

    def names(self) -> list[str]:
        """Of every type, in order."""
        return sorted(self._types)

    def dump(self) -> str:
        """What ``dump_log_types`` prints."""
        types = sorted(self._types.values(), key=lambda known: known.type_id)
        lines = [f"id {known.type_id}: {known.name}, level is {known.level.name.lower()}" for known in types]
        return "\n".join([f"global log level is {self.global_level.name.lower()}", *lines])

    def usage(self) -> str:
        """What ``--log-level=help`` prints."""
        return "\n".join(
            [
                "Log type is a pattern matching items of this list:",
                *(f"\t{name}" for name in self.names()),
                "",
                "Syntax using globbing pattern:     --log-level pattern:level",
                "Syntax using regular expression:   --log-level regexp,level",
                "Syntax for the global level:       --log-level level",
                "A line is printed when the global level and that of its type allow it.",
                "",
                "Log level can be a number or the first letters of its name:",
                *(f"\t{level}   {level.name.lower()}" for level in Level),
            ]
        )


def _searching(pattern: str) -> Callable[[str], bool]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"Unable to set log level: '{pattern}' is no regular expression: {error}") from None
    return lambda name: compiled.search(name) is not None


REGISTRY = Registry()
"""The program's own."""

log_type = REGISTRY.log_type
tell_left_out = REGISTRY.tell_left_out
EAL = log_type("lib.eal", "EAL")
TESTPMD = log_type("testpmd", "testpmd")
