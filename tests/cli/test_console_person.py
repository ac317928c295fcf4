"""A person at a terminal that answers: keys, and what the program says while a line is being typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.terminal import Terminal

ANSWER = b"\x1b[?62c"
READY = b"\x1b[?2004h"


@contextmanager
def seated(state: Path, **environ: str) -> Iterator[Terminal]:
    """At the first prompt; lines of earlier sessions are in a folder."""
    known = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "XDG_STATE_HOME": str(state)}
    with Terminal(["fakes.console_app", "patient"], size=(24, 80), environ={**known, **environ}) as opened:
        opened.until(b"\x1b[c")
        opened.type(ANSWER)
        opened.until(READY)
        yield opened


def test_control_c_stops_forwarding_first_and_leaves_when_repeated(tmp_path: Path) -> None:
    with seated(tmp_path) as person:
        person.type(b"start\r")
        person.until(b"forwarding\r\n")
        person.until(READY)
        person.type(b"\x03")
        person.until(b"stopped\r\nCtrl-C: forwarding is stopped, and Ctrl-C once more leaves\r\n")
        person.until(READY)
        person.type(b"\x03")
        assert person.ended().endswith(b"\r\nBye...\r\n")
        assert (person.program.returncode, person.modes) == (0, person.before)


def test_what_is_done_in_between_takes_the_first_control_c_back(tmp_path: Path) -> None:
    with seated(tmp_path) as person:
        for _ in range(2):
            person.type(b"\x03")
            person.until(b"nothing is forwarded, and Ctrl-C once more leaves\r\n")
            person.until(READY)
            person.type(b"say on\r")
            person.until(b"\x1b[?2004lon\r\n")
            person.until(READY)


def test_control_c_while_a_command_runs_waits_for_the_prompt(tmp_path: Path) -> None:
    with seated(tmp_path) as person:
        person.type(b"sleep 300\r")
        person.until(b"\x1b[?2004l")
        person.type(b"\x03")
        person.until(b"slept\r\n")
        person.until(b"nothing is forwarded, and Ctrl-C once more leaves\r\n")


def test_a_line_that_comes_meanwhile_stands_above_the_line_being_typed(tmp_path: Path) -> None:
    with seated(tmp_path) as person:
        person.type(b"later\r")
        person.until(READY)
        person.type(b"say wh")
        person.until(b"Port 0: link state change event\r\n")
        person.until(b"say")
        person.for_a_while(0.2)
        person.type(b"ole\r")
        person.until(b"\x1b[?2004lwhole\r\n")


def test_tab_adds_what_all_words_have_in_common(tmp_path: Path) -> None:
    with seated(tmp_path) as person:
        person.type(b"sho\tp\ts\t1\r")
        person.until(b"\x1b[?2004lstats of 1\r\n")


def test_lines_are_recalled_in_the_next_session(tmp_path: Path) -> None:
    with seated(tmp_path) as person:
        person.type(b"say remembered\r")
        person.until(READY)
        person.type(b"\x04")
        person.ended()
    with seated(tmp_path) as person:
        person.type(b"\x1b[A\r")
        person.until(b"\x1b[?2004lremembered\r\n")


@pytest.mark.parametrize("colour", [True, False])
def test_colours_are_left_out_where_they_are_not_wanted(tmp_path: Path, colour: bool) -> None:
    with seated(tmp_path, **({} if colour else {"NO_COLOR": "1"})) as person:
        person.type(b"xyzzy\r")
        seen = person.until(b"Command not found")
        person.until(READY)
        assert (b"\x1b[31m" in seen) == colour


def test_two_ports_of_its_own_come_with_guidance(tmp_path: Path) -> None:
    with seated(tmp_path, OWN_PAIR="1") as person:
        assert b"try start tx_first, show port stats all, dashboard, help\r\n" in person.seen
    with seated(tmp_path) as person:
        assert b"tx_first" not in person.seen


def test_a_bug_in_the_dashboard_is_a_line_and_the_console_goes_on(tmp_path: Path) -> None:
    """This app has nothing to look at."""
    with seated(tmp_path) as person:
        person.type(b"dashboard\r")
        person.until(b"Internal error: AttributeError: ")
        person.until(READY)
        person.type(b"say on\r")
        person.until(b"\x1b[?2004lon\r\n")
