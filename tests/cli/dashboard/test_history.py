"""The last moments are kept by number, and the oldest are forgotten."""

import pytest
from fakes.moments import a_history, a_look

from pytestpmd.cli.dashboard import history
from pytestpmd.cli.dashboard.history import MOMENTS, History


def test_there_is_no_moment_before_the_second_look() -> None:
    made = a_history([a_look(0, 0)])
    assert (made.oldest, made.newest, list(made.until(0, 60))) == (0, -1, [])


def test_the_last_moments_are_kept_and_the_oldest_forgotten() -> None:
    made = a_history([a_look(at, at * 10, ports=1) for at in range(MOMENTS + 11)])
    assert (made.oldest, made.newest) == (10, MOMENTS + 9)
    assert len(made.until(made.newest, 10_000)) == MOMENTS


def test_looking_back_shows_a_moment_and_those_that_led_to_it() -> None:
    made = a_history([a_look(at, at, ports=1) for at in range(10)])
    shown = made.until(5, 3)
    assert [one.taken_ns // 10**9 for one in shown] == [4, 5, 6]
    assert made.until(99, 1) == made.until(made.newest, 1)
    assert made.until(-5, 1) == made.until(made.oldest, 1)


def test_no_moment_spans_the_time_when_nobody_looked() -> None:
    made: History = a_history([a_look(0, 0), a_look(1, 10)])
    made.begin()
    made.add(a_look(100, 10))
    made.add(a_look(101, 30))
    assert [one.period_s for one in made.until(made.newest, 60)] == [1.0, 1.0]


def test_very_many_queues_have_a_shorter_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FIGURES", 4 * 64)
    made = a_history([a_look(at, at, ports=32) for at in range(20)])  # 64 queues
    assert len(made.until(made.newest, 100)) == 4
    assert made.oldest == made.newest - 3
