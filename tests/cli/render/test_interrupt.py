"""The texts of interrupt mode."""

import pytest

from pytestpmd.cli.render.interrupt import counts, mode
from pytestpmd.fwd.sleep import SleepCounts


def test_without_the_mode_nothing_is_said_that_the_original_does_not_say() -> None:
    assert mode({}) == ""


def test_each_lcore_is_told_of_in_a_line_and_an_empty_line_ends_them() -> None:
    assert mode({1: "", 2: "port 0 (net_null) has no receive interrupts"}) == (
        "Interrupt mode: lcore 1 sleeps while there are no packets\n"
        "Interrupt mode: lcore 2 keeps polling: port 0 (net_null) has no receive interrupts\n\n"
    )


@pytest.mark.parametrize(
    ("slept", "text"),
    [
        (SleepCounts(False, 0, 0, 0), "is awake: slept 0 times, woken 0 times by packets, 0 by time, 0 by others"),
        (SleepCounts(True, 6, 2, 1), "is asleep: slept 6 times, woken 2 times by packets, 1 by time, 2 by others"),
        (SleepCounts(True, 5, 3, 2), "is asleep: slept 5 times, woken 3 times by packets, 2 by time, 0 by others"),
    ],
)
def test_the_sleep_that_is_not_over_was_ended_by_nobody_yet(slept: SleepCounts, text: str) -> None:
    assert counts({3: ""}, {3: slept}) == f"lcore 3 {text}"


def test_lcores_that_poll_are_told_of_with_the_reason() -> None:
    assert counts({1: "it is so"}, {}) == "lcore 1 polls: it is so"
    assert counts({}, {}) == "All lcores poll: forwarding was not started in interrupt mode"
