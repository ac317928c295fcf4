"""Sessions of the original, typed at the real program: masked, every byte from the first prompt on is the same."""

import pexpect
import pytest
from e2e.program import run, spawn, without_logs
from transcripts import masked, session, transcript, typed

GOODBYE = transcript("quit")


@pytest.mark.parametrize("name", ["settings", "ports", "close", "forward"])
def test_a_session_on_a_pipe_is_the_originals(name: str) -> None:
    original = session(name)
    lines = typed(original)
    if lines[-1] != "quit":
        lines.append("quit")
        original += f"testpmd> quit\n{GOODBYE}"
    ended = run("-i", typed="".join(f"{line}\n" for line in lines))
    assert ended.status == 0
    ours = ended.out[ended.out.index("testpmd> ") :]
    assert masked(ours) == masked(original)


def test_start_up_on_a_terminal_is_the_originals() -> None:
    program = spawn("-i")
    program.expect_exact("testpmd> ")
    # Before its first line the program may ask whether a person's terminal is there; it never does again.
    shown = without_logs(program.before.replace("\r\n", "\n").removeprefix("\x1b[c"))
    program.sendline("quit")
    program.expect(pexpect.EOF)
    assert masked(shown) == masked(transcript("startup"))


def test_on_a_terminal_lines_end_in_cr_lf_and_commands_are_echoed() -> None:
    program = spawn("-i")
    program.expect_exact("testpmd> ")
    program.sendline("set fwd mac")
    program.expect_exact("testpmd> ")
    assert program.before == "set fwd mac\r\nSet mac packet forwarding mode\r\n"
    program.sendline("quit")
    program.expect_exact("Bye...\r\n")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0
