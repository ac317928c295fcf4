"""A person is proven by a terminal that answers; a script is asked at most once and loses nothing."""

import os
import tty
from collections.abc import Iterator

import pytest
from fakes.terminal import Terminal

from pytestpmd.cli.console import Stop
from pytestpmd.cli.console.probe import ask, may_ask

AUTO = ["fakes.console_app", "auto"]
PERSON = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
PROMPT = b"testpmd> "


@pytest.fixture
def person(tmp_path: os.PathLike[str]) -> Iterator[Terminal]:
    """A terminal emulator's answer to the question, and then whatever the test types."""
    with Terminal(
        ["fakes.console_app", "patient"], size=(24, 80), environ={**PERSON, "XDG_STATE_HOME": str(tmp_path)}
    ) as opened:
        opened.until(b"\x1b[c")
        yield opened


@pytest.mark.parametrize(
    "environ", [{"TERM": "dumb"}, {"TERM": ""}, {"TERM": "unknown"}, {"TERM": "xterm", "CI": "true"}]
)
def test_nobody_is_asked_where_no_person_can_be(environ: dict[str, str]) -> None:
    with Terminal(AUTO, size=(24, 80), environ=environ) as opened:
        assert opened.until(PROMPT) == b"Interactive-mode selected\r\ntestpmd> "
        assert opened.runs_as_typed("show port info 0") == "info of 0\n"
        assert b"\x1b" not in opened.seen


def test_a_terminal_that_does_not_answer_gets_the_plain_console() -> None:
    with Terminal(AUTO, size=(24, 80), environ=PERSON) as opened:
        assert opened.until(PROMPT) == b"\x1b[cInteractive-mode selected\r\ntestpmd> "
        assert opened.runs_as_typed("show port info 0") == "info of 0\n"
        assert opened.seen.count(b"\x1b") == 1


def test_what_was_typed_ahead_is_not_lost_where_nobody_answers() -> None:
    with Terminal(AUTO, size=(24, 80), environ=PERSON) as opened:
        opened.until(b"\x1b[c")
        opened.type(b"say early\nsay ha")
        opened.until(b"testpmd> say early\r\nearly\r\ntestpmd> say ha")
        opened.type(b"lf\n")
        assert opened.until(PROMPT) == b"lf\r\nhalf\r\n" + PROMPT


def test_an_answer_that_comes_too_late_is_no_input() -> None:
    with Terminal(AUTO, size=(24, 80), environ=PERSON) as opened:
        opened.until(PROMPT)
        opened.type(b"\x1b[?62;1;2;22csay on\n")
        assert opened.until(PROMPT) == b"say on\r\non\r\n" + PROMPT


def test_a_terminal_that_answers_gets_the_line_editor(person: Terminal) -> None:
    person.type(b"\x1b[?62;22c")
    person.until(b"\x1b[?2004h")
    person.type(b"say hello\r")
    person.until(b"\x1b[?2004lhello\r\n")
    person.until(b"\x1b[?2004h")
    person.type(b"quit\r")
    assert person.ended().endswith(b"\r\nBye...\r\n")
    assert (person.program.returncode, person.modes) == (0, person.before)


def test_what_was_typed_around_the_answer_is_run(person: Terminal) -> None:
    person.type(b"say early\rsay \x1b[?1;2chalf")
    person.until(b"testpmd> say early\r\nearly\r\n")
    person.until(b"\x1b[?2004h")
    person.for_a_while(0.3)
    person.type(b"way\r")
    person.until(b"\x1b[?2004lhalfway\r\n")


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_ends_the_line_editor_as_quit_does(person: Terminal, number: int) -> None:
    person.type(b"\x1b[?62c")
    person.until(b"\x1b[?2004h")
    person.for_a_while(0.2)
    person.program.send_signal(number)
    assert person.ended().endswith(b"\r\nBye...\r\n")
    assert (person.program.returncode, person.modes) == (0, person.before)


def test_control_c_drops_the_line_and_control_d_ends_the_line_editor(person: Terminal) -> None:
    person.type(b"\x1b[?62c")
    person.until(b"\x1b[?2004h")
    person.type(b"say nothing\x03")
    person.until(b"\x1b[?2004h")
    person.type(b"say on\r")
    person.until(b"\x1b[?2004lon\r\n")
    person.until(b"\x1b[?2004h")
    person.type(b"\x04")
    assert person.ended().endswith(b"\r\nBye...\r\n")
    assert b"lnothing" not in person.seen


def test_a_wrong_line_is_pointed_at(person: Terminal) -> None:
    person.type(b"\x1b[?62c")
    person.until(b"\x1b[?2004h")
    person.type(b"show port foo\r")
    seen = person.until(b"expected info, stats")
    assert b" " * len("testpmd> show port ") + b"\x1b[1;31m^^^" in seen
    assert b"Bad arguments" in seen


def test_a_terminal_without_a_size_is_a_terminal() -> None:
    with Terminal(["fakes.console_app", "patient"], environ=PERSON) as opened:
        opened.until(b"\x1b[c")
        opened.type(b"\x1b[?62c")
        opened.until(b"\x1b[?2004h")


@pytest.mark.parametrize(
    ("typed", "person", "kept"),
    [
        (b"\x1b[?62;22c", True, b""),
        (b"ab\x1b[?1ccd\n", True, b"abcd\n"),
        (b"ab\n", False, b"ab\n"),
        (b"\x1b[?62", False, b"\x1b[?62"),
        (b"", False, b""),
    ],
)
def test_an_answer_is_found_among_what_was_typed(typed: bytes, person: bool, kept: bytes) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.write(master, typed)
    with Stop() as stop:
        proof = ask(stop, slave, slave, 20 if person else 0.1)
        assert proof.person is person
        left = proof.typed
        while left != kept and stop.wait(slave, 5):  # what came after the answer may still be on its way
            left += os.read(slave, 100)
    assert left == kept
    assert os.read(master, 100) == b"\x1b[c"
    os.close(master)
    os.close(slave)


def test_the_two_ends_must_be_one_terminal() -> None:
    (one, in_fd), (other, out_fd) = os.openpty(), os.openpty()
    read_fd, write_fd = os.pipe()
    assert not may_ask(in_fd, out_fd, PERSON)
    assert not may_ask(read_fd, out_fd, PERSON)
    assert not may_ask(in_fd, write_fd, PERSON)
    for fd in (one, in_fd, other, out_fd, read_fd, write_fd):
        os.close(fd)
