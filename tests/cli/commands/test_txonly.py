"""What txonly is told."""

import pytest
from fakes.app import FakeApp
from fakes.console import answer
from transcripts import printed


def test_gaps_are_kept_and_shown() -> None:
    app = FakeApp()
    assert printed(answer(app, "show config txtimes")) == "Interburst gap: 0\nIntraburst gap: 0\n"
    assert answer(app, "set txtimes 1000,100") == ""
    assert printed(answer(app, "show config txtimes")) == "Interburst gap: 1000\nIntraburst gap: 100\n"
    assert answer(app, "set txtimes 0,0") == ""
    assert app.config.forward.tx_times == (0, 0)


@pytest.mark.parametrize(
    ("times", "line"),
    [
        ("1,2,3", "Number of tx times = 3 > 2 (maximum items)"),
        ("1", "txtimes are two: between bursts, and between packets"),
        ("1,x", "character x is not a decimal digit"),
        (",1", "No valid value before comma"),
        ("4294967296,1", "tx time 4294967296 > 4294967295 - give up"),
    ],
)
def test_gaps_that_are_no_two_numbers_are_refused(times: str, line: str) -> None:
    app = FakeApp()
    app.config.forward.tx_times = (5, 6)
    assert answer(app, f"set txtimes {times}") == line
    assert app.config.forward.tx_times == (5, 6)
