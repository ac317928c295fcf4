"""What scripts need from the console on a terminal and on a pipe, byte by byte."""

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.terminal import TESTS, WAIT_S, Terminal

PROMPT = b"testpmd> "
PLAIN = ["fakes.console_app", "plain"]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal(PLAIN) as opened:
        opened.until(PROMPT)
        yield opened


@pytest.fixture(scope="module")
def shared() -> Iterator[Terminal]:
    with Terminal(PLAIN, size=(24, 80), environ={"TERM": "xterm"}) as opened:
        opened.until(PROMPT)
        yield opened


def test_the_first_output_is_text_and_the_prompt_is_nine_bytes() -> None:
    with Terminal(PLAIN, size=(24, 80), environ={"TERM": "xterm"}) as opened:
        assert opened.until(PROMPT) == b"Interactive-mode selected\r\ntestpmd> "
        assert opened.for_a_while(0.2) == b""


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("show port info 0", "info of 0\n"),
        ("show port info 9", "Invalid port 9\n"),
        ("foo", "Command not found\n"),
        ("SHOW port info 0", "Command not found\n"),
        ("set", "Bad arguments\n"),
        ("show port info abc", "Bad arguments\n"),
        ("set burst 5", ""),
        ("# comment", ""),
        ("", ""),
        ("break", "Internal error: KeyError: 'no such key'\n"),
    ],
)
def test_a_command_is_echoed_and_answered(shared: Terminal, line: str, text: str) -> None:
    shared.type(line.encode() + b"\n")
    assert shared.until(PROMPT) == (line + "\n" + text).replace("\n", "\r\n").encode() + PROMPT


def test_a_long_command_is_echoed_unwrapped(shared: Terminal) -> None:
    line = b"say " + b"x" * 300
    shared.type(line + b"\n")
    assert shared.until(PROMPT) == line + b"\r\n" + line[4:] + b"\r\n" + PROMPT


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_either_end_of_line_ends_a_command(shared: Terminal, end: bytes) -> None:
    shared.type(b"say this" + end)
    assert shared.until(PROMPT) == b"say this\r\nthis\r\n" + PROMPT


def test_both_ends_of_line_end_it_and_give_one_more_prompt(shared: Terminal) -> None:
    shared.type(b"say this\r\n")
    assert shared.until(PROMPT + b"\r\n" + PROMPT) == b"say this\r\nthis\r\n" + PROMPT + b"\r\n" + PROMPT


def test_lines_typed_at_once_are_answered_one_after_the_other(shared: Terminal) -> None:
    shared.type(b"say one\nsay two\nsay three\n")
    expected = b"say one\r\none\r\ntestpmd> say two\r\ntwo\r\ntestpmd> say three\r\nthree\r\n"
    assert shared.until(b"three\r\n" + PROMPT) == expected + PROMPT


def test_control_c_drops_the_line_and_not_the_program(shared: Terminal) -> None:
    shared.type(b"say nothing\x03")
    assert shared.until(PROMPT) == b"say nothing\r\n" + PROMPT
    assert shared.runs_as_typed("say still here") == "Bad arguments\n"
    assert shared.runs_as_typed("say here") == "here\n"


def test_keys_are_never_answered_with_an_escape_sequence(shared: Terminal) -> None:
    shared.type(b"show po\t\t\x1b[A\x1b[B\x1b[D\x1b[C?\x01\x05\x0c\x17\x03")
    seen = shared.for_a_while(0.3)
    assert b"show port " in seen
    assert not set(seen) & set(b"\x1b\x07")


def test_history_is_a_key_away(shared: Terminal) -> None:
    shared.runs_as_typed("say again")
    shared.type(b"\x1b[A\n")
    assert shared.until(PROMPT) == b"say again\r\nagain\r\n" + PROMPT


def test_what_is_said_while_the_prompt_waits_begins_where_it_stands(shared: Terminal) -> None:
    shared.runs_as_typed("later")
    assert shared.until(b"\r\n") == b"Port 0: link state change event\r\n"
    assert shared.runs_as_typed("say on") == "on\n"


def test_only_three_modes_are_cleared_and_all_are_given_back(terminal: Terminal) -> None:
    during, before = terminal.modes, terminal.before
    during[6] = [key if isinstance(key, bytes) else bytes([key]) for key in during[6]]
    assert during[:3] + during[4:] == before[:3] + before[4:]
    assert during[3] == before[3] & ~(termios.ICANON | termios.ECHO | termios.ISIG)
    terminal.type(b"quit\n")
    assert terminal.ended() == b"quit\r\n\r\nBye...\r\n"
    assert (terminal.program.returncode, terminal.modes) == (0, terminal.before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("typed", [b"", b"half a li"])
def test_a_signal_ends_it_as_quit_does(terminal: Terminal, number: int, typed: bytes) -> None:
    terminal.type(typed)
    terminal.until(typed)
    terminal.program.send_signal(number)
    assert terminal.ended() == b"\r\nBye...\r\n"
    assert (terminal.program.returncode, terminal.modes) == (0, terminal.before)


def test_a_signal_while_a_command_runs_ends_it_after_that_command(terminal: Terminal) -> None:
    terminal.type(b"sleep 300\nsay never\n")
    terminal.until(b"sleep 300\r\n")
    terminal.program.send_signal(signal.SIGTERM)
    assert terminal.ended() == b"slept\r\n\r\nBye...\r\n"


def test_a_second_signal_kills_but_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.type(b"sleep 5000\n")
    terminal.until(b"sleep 5000\r\n")
    terminal.program.send_signal(signal.SIGTERM)
    terminal.for_a_while(0.2)
    terminal.program.send_signal(signal.SIGTERM)
    terminal.ended()
    assert (terminal.program.returncode, terminal.modes) == (-signal.SIGTERM, terminal.before)


def test_control_d_on_an_empty_line_ends_it(terminal: Terminal) -> None:
    terminal.type(b"a\b\x04")
    assert terminal.ended().endswith(b"\r\nBye...\r\n")
    assert terminal.program.returncode == 0


def test_what_is_typed_before_the_first_prompt_is_read() -> None:
    with Terminal(PLAIN) as opened:
        opened.type(b"say early\nsay half")
        opened.until(b"testpmd> say early\r\nearly\r\ntestpmd> say half")
        opened.type(b"way\n")
        assert opened.until(PROMPT) == b"way\r\nhalfway\r\n" + PROMPT


def test_what_follows_quit_is_left_for_the_next_reader(terminal: Terminal) -> None:
    terminal.type(b"quit\nfor the shell\n")
    terminal.ended()
    assert os.read(terminal.slave, 100) == b"for the shell\n"


def run(data: bytes, *files: Path, mode: str = "plain") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fakes.console_app", mode, *map(str, files)],
        input=data,
        capture_output=True,
        timeout=WAIT_S,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        check=False,
    )


@pytest.mark.parametrize("end", [b"\nquit\n", b"\n", b""])
def test_a_pipe_gets_prompt_and_echo_and_its_end_is_quit(end: bytes) -> None:
    done = run(b"show port info 0\nfoo\nsay done" + end)
    expected = b"Interactive-mode selected\ntestpmd> show port info 0\ninfo of 0\ntestpmd> foo\nCommand not found\n"
    expected += b"testpmd> say done\ndone\n"
    expected += {b"\nquit\n": b"testpmd> quit\n", b"\n": b"testpmd> ", b"": b"testpmd> "}[end]
    assert (done.stdout, done.stderr, done.returncode) == (expected + b"\nBye...\n", b"", 0)


@pytest.mark.parametrize("mode", ["rich", "auto"])
def test_a_pipe_gets_the_plain_console_whatever_was_asked_for(mode: str) -> None:
    assert run(b"say this\n", mode=mode).stdout.splitlines()[1:3] == [b"testpmd> say this", b"this"]


def test_output_is_flushed_before_each_prompt() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", *PLAIN],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == b"Interactive-mode selected\n"
        assert os.read(program.stdout.fileno(), 100) == PROMPT
        program.stdin.write(b"say this\n")
        assert program.stdout.readline() == b"say this\n"
        assert program.stdout.readline() == b"this\n"


def test_a_reader_that_is_gone_does_not_keep_the_program_from_its_end(tmp_path: Path) -> None:
    done = shell(f"yes 'say x' | head -2000 | $PLAIN 2>{tmp_path}/err | head -1; echo ${{PIPESTATUS[2]}}")
    assert done.stdout == b"Interactive-mode selected\n0\n"
    assert (tmp_path / "err").read_text() == ""


def shell(script: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a script of the shell in which $PLAIN is the program."""
    python_path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    known = {"PYTHONPATH": python_path, "PLAIN": f"{sys.executable} -m {' '.join(PLAIN)}"}
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        timeout=WAIT_S,
        env={**os.environ, **known, **(environ or {})},
        check=False,
    )


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-", ">&- </dev/null"])
def test_closed_standard_files_are_no_trouble(closed: str) -> None:
    done = shell(f"$PLAIN {closed}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (b"" if ">" in closed else b"Interactive-mode selected\ntestpmd> \nBye...\n")


def test_a_character_that_the_locale_has_not_is_no_trouble() -> None:
    done = shell(r"printf 'say \xe2\x82\xac\n' | $PLAIN", {"PYTHONIOENCODING": "ascii"})
    assert done.stdout.splitlines()[1:3] == [b"testpmd> say ?", b"?"]


def test_commands_of_a_file_run_before_the_prompt(tmp_path: Path) -> None:
    file = tmp_path / "some.cmds"
    file.write_bytes(b"show port info 0\r\n# nothing\nfoo bar\nquit\nsay never\n")
    done = run(b"quit\n", file)
    assert done.stdout.decode().splitlines() == [
        "Interactive-mode selected",
        "[some.cmds] show port info 0",
        "info of 0",
        "[some.cmds] # nothing",
        "[some.cmds] foo bar",
        "Command not found",
        "[some.cmds] quit",
        "[some.cmds] <End-Of-File>",
        "testpmd> quit",
        "",
        "Bye...",
    ]


def test_load_says_nothing_of_bad_lines_and_load_echo_does(tmp_path: Path) -> None:
    file = tmp_path / "some.cmds"
    file.write_text("say one\nfoo bar\nshow port info 9\nsay two")
    done = run(f"load {file}\nload_echo {file}\nload {tmp_path}/none\nload_echo {tmp_path}/none\n".encode())
    assert done.stdout.decode().replace(str(tmp_path), "DIR").splitlines()[1:-2] == [
        "testpmd> load DIR/some.cmds",
        "one",
        "Invalid port 9",
        "two",
        "Finished reading CLI commands from DIR/some.cmds",
        "testpmd> load_echo DIR/some.cmds",
        "[some.cmds] say one",
        "one",
        "[some.cmds] foo bar",
        "Command not found",
        "[some.cmds] show port info 9",
        "Invalid port 9",
        "[some.cmds] say two",
        "two",
        "[some.cmds] <End-Of-File>",
        "testpmd> load DIR/none",
        "Failed to create file based cmdline context: DIR/none",
        "Failed to load commands from file: DIR/none",
        "testpmd> load_echo DIR/none",
        "Failed to open file DIR/none: No such file or directory",
        "Failed to load commands from file: DIR/none",
    ]


def test_a_file_that_loads_itself_comes_to_an_end(tmp_path: Path) -> None:
    file = tmp_path / "loop"
    file.write_text(f"load {file}\n")
    done = run(f"load {file}\n".encode())
    assert f"Failed to open file {file}: more than 16 files load one another".encode() in done.stdout
    assert done.returncode == 0
