"""What is printed while the screen is another's is not lost."""

import sys

import pytest

from pytestpmd.cli.dashboard import held
from pytestpmd.cli.dashboard.held import Held, held_back


def test_output_and_errors_are_held_back_in_their_order_and_said_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with held_back():
        print("first")
        print("second", file=sys.stderr)
        print("third ...", end="")
        sys.stdout.flush()
        assert capsys.readouterr() == ("", "")
    assert capsys.readouterr().out == "first\nsecond\nthird ..."


def test_an_error_gives_output_back() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError), held_back():
        raise KeyError
    assert (sys.stdout, sys.stderr) == before


def test_the_last_line_that_says_something_is_shown_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Held()
    assert made.last == ""
    made.write("\nPort 0: link state change event\n\n")
    assert made.last == "Port 0: link state change event"
    monkeypatch.setattr(held, "SHOWN_S", 0.0)
    assert made.last == ""


def test_the_oldest_lines_are_lost_first() -> None:
    made = Held()
    for number in range(held.LINES + 10):
        made.write(f"{number}\n")
    assert made.text.startswith("10\n11\n")
