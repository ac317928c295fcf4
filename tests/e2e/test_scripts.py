"""What drives the program in the field: a pipe, expect, ``ssh -t``, command files.

pexpect and DPDK's own suite are in ``test_dts.py``.
"""

import os
import re
import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from e2e.program import NULL_PORTS, PATIENCE_S, run, words

PROMPT = "testpmd> "
#: The one question that a terminal is asked, ahead of everything: whether a person sits there.
QUESTION = "\x1b[c"
LONG = "show port info 0 " + "x" * 200
TYPED = [
    "show port info 0",
    "set fwd mac",
    "show config fwd",
    LONG,
    "show port stats all",
    "no such command",
    "show port xstats 0",
]


@pytest.fixture
def spawned() -> Iterator[list["pexpect.spawn[str]"]]:
    programs: list[pexpect.spawn[str]] = []
    yield programs
    for program in programs:
        program.close(force=True)


def session(spawned: list["pexpect.spawn[str]"], columns: int, term: str) -> list[str]:
    """What a terminal that answers nothing sees for each line, the echo included."""
    command, *arguments = words("-i", eal=NULL_PORTS)
    environ = {key: value for key, value in os.environ.items() if key != "CI"} | {"TERM": term}
    program = pexpect.spawn(
        command,
        arguments,
        encoding="utf-8",
        timeout=PATIENCE_S,
        dimensions=(24, columns),
        env=environ,
    )
    spawned.append(program)
    program.expect_exact(PROMPT)
    shown = [program.before or ""]
    for line in TYPED:
        program.sendline(line)
        program.expect_exact(PROMPT)
        shown.append(program.before or "")
    program.sendline("quit")
    program.expect(pexpect.EOF)
    return [*shown, program.before or ""]


def settled(text: str) -> str:
    """The text without what differs from run to run."""
    return re.sub(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}", "", re.sub(r"^EAL: .*\r\n", "", text, flags=re.MULTILINE))


def test_as_through_ssh_text_is_the_same_however_wide_the_terminal(spawned: list["pexpect.spawn[str]"]) -> None:
    narrow, wide = session(spawned, 20, "xterm-256color"), session(spawned, 300, "xterm-256color")
    assert [settled(text) for text in narrow[1:]] == [settled(text) for text in wide[1:]]


def test_no_escape_sequence_meets_a_script_but_the_one_question(spawned: list["pexpect.spawn[str]"]) -> None:
    for term, asked in (("xterm-256color", 1), ("vt100", 1), ("dumb", 0)):
        text = "".join(session(spawned, 80, term))
        assert text.count(QUESTION) == asked
        assert not re.search(r"[\x1b\x07\x08]", text.replace(QUESTION, ""))


def test_lines_are_echoed_whole_and_end_in_cr_lf(spawned: list["pexpect.spawn[str]"]) -> None:
    for line, shown in zip(TYPED, session(spawned, 40, "dumb")[1:], strict=False):
        assert shown.startswith(f"{line}\r\n")
        assert not re.search(r"(?<!\r)\n", shown)


EVENTS = [
    "create a new mbuf pool",
    "Configuring Port 0",
    "testpmd> start\n",
    "io packet forwarding",
    "testpmd> stop\n",
    "Telling cores to stop",
    "Forward statistics for port 0",
    "Done.",
    "testpmd> port stop 0",
    "testpmd> port attach",
    "nonsense",
    "testpmd> port start 0",
    "testpmd> quit\n",
    "Port 0 is closed",
    "Bye...",
]


def test_on_one_pipe_events_stand_in_their_order() -> None:
    """Standard output and standard error together, as ``2>&1 | tee`` has them."""
    done = subprocess.run(
        words("-i"), input="start\nstop\nport stop 0\nport attach nonsense\nport start 0\nquit\n",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    places = [done.stdout.index(text) for text in EVENTS]
    assert places == sorted(places)


def test_the_end_of_a_pipe_stops_what_forwards() -> None:
    ended = run("-i", typed="start\n")
    assert ended.status == 0
    assert "Forward statistics for port 0" in ended.out
    assert ended.out.rstrip().endswith("Bye...")


def files(tmp_path: Path, number: int) -> list[str]:
    """Options for so many command files."""
    paths = [tmp_path / f"f{i}" for i in range(1, number + 1)]
    for i, path in enumerate(paths, 1):
        path.write_text(f"# the file of {i}\n\nset burst {i}\n")
    return [f"--cmdline-file={path}" for path in paths]


def test_sixteen_command_files_run_in_turn_and_are_echoed(tmp_path: Path) -> None:
    ended = run("-i", *files(tmp_path, 16), typed="quit\n")
    assert re.findall(r"\[(f\d+)\] set burst (\d+)", ended.out) == [(f"f{i}", str(i)) for i in range(1, 17)]
    assert ended.out.count("<End-Of-File>") == 16
    assert ended.status == 0


def test_a_seventeenth_command_file_is_one_too_many(tmp_path: Path) -> None:
    ended = run("-i", *files(tmp_path, 17), typed="quit\n")
    assert "Too many cmdline files specified (maximum 16)" in ended.err
    assert PROMPT not in ended.out
    assert ended.status == 1


EXPECT = r"""
set timeout 20
log_user 0
spawn -noecho {*}$argv
proc answer {line pattern} {
    send -- "$line\r"
    expect {
        -re "$pattern" {}
        timeout { puts "no answer to $line"; exit 2 }
        eof { puts "it ended at $line"; exit 3 }
    }
    expect -ex "testpmd> "
}
expect -ex "testpmd> "
answer "set fwd mac" {Set mac packet forwarding mode}
answer "start tx_first" {mac packet forwarding}
answer "show port stats 0" {RX-packets: +[0-9]+}
answer "stop" {Done\.}
answer "port stop all" {Done}
send "quit\r"
expect -ex "Bye..."
expect eof
puts "all answered"
exit [lindex [wait] 3]
"""


@pytest.mark.peer("expect")
@pytest.mark.parametrize("term", ["xterm", "dumb", ""])
def test_expect_drives_it(tmp_path: Path, term: str) -> None:
    script = tmp_path / "drive.exp"
    script.write_text(EXPECT)
    environ = {**os.environ, "TERM": term}
    done = subprocess.run(
        ["expect", "-f", str(script), "--", *words("-i")],
        capture_output=True, text=True, timeout=60, check=False, env=environ, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.stdout.strip(), done.returncode) == ("all answered", 0)


def test_the_terminal_is_given_back_as_it_was() -> None:
    """Even by a program that is told to end in the middle of a line."""
    command, *arguments = words("-i")
    shell = pexpect.spawn("/bin/sh", encoding="utf-8", timeout=PATIENCE_S)
    try:
        before = termios.tcgetattr(shell.child_fd)
        for end in ("quit\n", "\x04", "half a li"):
            shell.sendline(" ".join(["TERM=dumb", command, *arguments]))
            shell.expect_exact(PROMPT)
            shell.send(end)
            if not end.endswith(("\n", "\x04")):
                shell.expect_exact(end)
                _end_children(shell.pid or 0)
            shell.expect_exact("Bye...")
            shell.expect(r"[#$] ")
            assert termios.tcgetattr(shell.child_fd) == before
    finally:
        shell.close(force=True)


def _end_children(pid: int) -> None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGTERM)
