"""Time, colours and syslog of the log. The forms are those of DPDK 26.07 (its logging library's guide)."""

import logging
import re
import sys
import syslog
import time

import pytest

from pytestpmd.log import Level, Registry
from pytestpmd.log_style import Clock, Style


class Ticking:
    """A clock that goes on by 1.5 s with each look."""

    def __init__(self, begin: float) -> None:
        self.now = begin

    def __call__(self) -> float:
        self.now += 1.5
        return self.now


@pytest.fixture
def style() -> Style:
    return Style(Clock(Ticking(100.0), Ticking(1_000_000_000.0)))


@pytest.fixture
def registry() -> Registry:
    return Registry(get_logger=logging.Logger)


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        (None, [r"[     1.500000] EAL: hello", r"[     3.000000] EAL: hello"]),
        ("delta", ["[<     1.500000>] EAL: hello", "[<     1.500000>] EAL: hello"]),
        ("reltime", ["[Sep09 01:46] EAL: hello", "[+  1.500000] EAL: hello"]),
        ("ctime", ["[Sun Sep  9 01:46:41 2001] EAL: hello", "[Sun Sep  9 01:46:43 2001] EAL: hello"]),
        ("notime", ["EAL: hello", "EAL: hello"]),
    ],
)
def test_a_line_may_begin_with_the_time(
    form: str | None, lines: list[str], style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "localtime", time.gmtime)
    monkeypatch.setattr(time, "ctime", lambda now: time.asctime(time.gmtime(now)))
    style.stamp(form)
    assert [style.dress("EAL", "hello", 7) for _ in range(2)] == lines


def test_iso_time_has_microseconds_and_a_zone(style: Style) -> None:
    style.stamp("iso")
    line = style.dress("EAL", "hello", 7)
    assert re.fullmatch(r"\[2001-09-0\dT\d\d:\d\d:41,500000[+-]\d\d:\d\d\] EAL: hello", line)


@pytest.mark.parametrize(
    ("level", "text"), [(7, " hello"), (8, " hello"), (5, "\033[1m hello\033[0m"), (3, "\033[31m hello\033[0m")]
)
def test_colours_tell_how_bad_it_is(level: int, text: str, style: Style) -> None:
    style.color(None)
    assert style.dress("EAL", "hello", level) == f"\033[33mEAL:\033[0m{text}"


@pytest.mark.parametrize(
    ("when", "terminal", "no_color", "coloured"),
    [
        ("auto", True, "", True),
        ("auto", False, "", False),
        ("auto", True, "1", False),
        ("never", True, "", False),
        ("always", False, "1", True),
    ],
)
def test_colours_are_for_terminals_unless_they_are_asked_for(
    when: str, terminal: bool, no_color: str, coloured: bool, style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    style.color(when)
    assert ("\033[" in style.dress("EAL", "hello", 7)) is coloured


def test_the_registry_s_lines_wear_it(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry.style.color("always")
    registry.log_type("pmd.net.x", "X").error("one\ntwo")
    assert capsys.readouterr().err == "\033[33mX:\033[0m\033[1m one\033[0m\n\033[33mX:\033[0m\033[1m two\033[0m\n"


@pytest.fixture
def system_log(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    said: list[tuple[object, ...]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *words: said.append(words))
    monkeypatch.setattr(syslog, "syslog", lambda *words: said.append(words))
    return said


def test_syslog_gets_every_line_too(
    registry: Registry, system_log: list[tuple[object, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    early = registry.log_type("pmd.early", "EARLY", Level.DEBUG)
    # what logging.getLogger does: one logger for each name
    registry._get_logger = {"pmd.early": early._logger}.get  # type: ignore[assignment]
    registry._types = {"pmd.early": early}
    registry.copy_to_syslog("local3")
    registry.style.color("always")
    early.warning("one\ntwo")
    assert system_log == [
        ("pytestpmd", syslog.LOG_PID, syslog.LOG_LOCAL3),
        (syslog.LOG_WARNING, "EARLY: one"),
        (syslog.LOG_WARNING, "EARLY: two"),
    ]
    assert capsys.readouterr().err.count("one") == 1
    registry.global_level = Level.ERROR
    early.warning("three")
    assert len(system_log) == 3
