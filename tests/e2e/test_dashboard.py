"""The dashboard on a pseudo-terminal, as a person drives it; the other end answers as a terminal emulator does."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from e2e.program import PATIENCE_S, run, spawn, words
from fakes.terminal import Terminal

from pytestpmd.cli.console.probe import QUESTION

ANSWER = "\x1b[?62;22c"
ENTER_SCREEN, LEAVE_SCREEN = re.escape("\x1b[?1049h"), re.escape("\x1b[?1049l")
PROMPT = "testpmd>"


@pytest.fixture(autouse=True)
def a_terminal_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("CI", raising=False)


@contextmanager
def at_a_terminal(*options: str, rows: int = 24, columns: int = 80) -> Iterator["pexpect.spawn[str]"]:
    program = spawn(*options)
    program.setwinsize(rows, columns)
    try:
        program.expect_exact(QUESTION.decode())
        program.send(ANSWER)
        yield program
    finally:
        program.close(force=True)


def ends_well(program: "pexpect.spawn[str]") -> None:
    program.expect_exact("Bye...")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0


def test_a_person_looks_on_changes_views_looks_back_and_leaves(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("CI", raising=False)
    with at_a_terminal("-i", "-a") as program:
        program.expect_exact(PROMPT)
        program.send("dashboard\r")
        program.expect(ENTER_SCREEN)
        program.expect(r"io, forwarding.*Ports.*10 Gbps")
        program.send("2")
        program.expect("Queues, and packets that wait")
        program.send("\t")
        program.expect("Receives from.*port 0 rx 0.*port 1 tx 0")
        program.setwinsize(12, 50)
        program.expect("Receives from")
        program.send("\x1b[D")
        program.expect("paused, [0-9]+ s ago")
        program.send("q")
        program.expect(LEAVE_SCREEN)
        program.expect_exact(PROMPT)
        program.send("quit\r")
        ends_well(program)


def test_a_run_without_a_prompt_shows_it_until_q() -> None:
    with at_a_terminal("--dashboard") as program:
        program.expect(ENTER_SCREEN)
        program.expect("io, forwarding")
        program.send("q")
        program.expect(LEAVE_SCREEN)
        ends_well(program)


def test_a_signal_gives_the_terminal_back() -> None:
    with at_a_terminal("--dashboard") as program:
        program.expect(ENTER_SCREEN)
        program.kill(15)
        program.expect(LEAVE_SCREEN)
        ends_well(program)


def test_a_terminal_that_goes_away_ends_the_run() -> None:
    with Terminal(words("--dashboard")[2:], size=(24, 80), environ={"TERM": "xterm"}) as terminal:
        terminal.until(QUESTION)
        terminal.type(ANSWER.encode())
        terminal.until(b"\x1b[?1049h")
        os.close(terminal.slave)
        os.close(terminal.master)
        terminal.master, terminal.slave = os.openpty()
        assert terminal.program.wait(PATIENCE_S) == 0


def test_without_a_terminal_the_option_says_so_and_fails() -> None:
    ended = run("--dashboard")
    assert ended.status == 1
    assert "--dashboard needs a terminal" in ended.text


@pytest.mark.parametrize("line", ["dashboard", "show port stats all watch", "show port stats all --watch"])
def test_a_script_that_asks_for_it_gets_the_statistics(line: str) -> None:
    ended = run("-i", typed=f"{line}\nquit\n")
    assert ended.status == 0
    assert ended.out.count("NIC statistics for port") == 2
    assert "\x1b" not in ended.out


def test_a_run_of_a_given_length_ends_by_itself() -> None:
    with at_a_terminal("--dashboard", "--duration=0.5") as program:
        program.expect(ENTER_SCREEN)
        program.expect(LEAVE_SCREEN)
        ends_well(program)


def test_a_machine_and_a_person_do_not_look_on_together() -> None:
    ended = run("--dashboard", "--json")
    assert ended.status == 1
    assert "--dashboard needs a terminal" in ended.err
