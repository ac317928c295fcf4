"""However the program ends, it stops forwarding, says what was forwarded, closes the ports and says Bye."""

import re
import signal

import pexpect
import pytest
from e2e.program import NULL_PORTS, own_prefix, run, spawn
from transcripts import masked, transcript

ENDING = "\nPrimary: Sending 'stop_req' request to secondary...\n"


def ending_of(text: str) -> str:
    """From the end of forwarding on."""
    return text[text.index("Telling cores to stop...") :]


FORWARDED = masked(ending_of(transcript("noninteractive")))


def finish(program: "pexpect.spawn[str]") -> str:
    """Everything up to the end, which must be a good one."""
    program.expect(pexpect.EOF)
    program.close()
    assert (program.exitstatus, program.signalstatus) == (0, None)
    return program.before.replace("\r\n", "\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_forwarding_console_as_quit_does(number: signal.Signals) -> None:
    program = spawn("-i", "-a")
    program.expect_exact("testpmd> ")
    program.kill(number)
    assert masked(ending_of(finish(program))) == FORWARDED


def test_ctrl_d_is_quit() -> None:
    program = spawn("-i", "-a")
    program.expect_exact("testpmd> ")
    program.send("\x04")
    assert masked(ending_of(finish(program))) == FORWARDED


def test_the_end_of_a_pipe_is_quit() -> None:
    ended = run("-i", typed="start\n")
    assert ended.status == 0
    assert masked(ending_of(ended.out)) == FORWARDED


def test_without_a_prompt_it_forwards_until_enter() -> None:
    program = spawn()
    program.expect_exact("Press enter to exit\r\n")
    begun = program.before.replace("\r\n", "\n")
    assert begun[begun.index("No commandline core given") :] == before_enter()
    program.send("\n")
    assert masked(ending_of(finish(program))) == FORWARDED


def before_enter() -> str:
    text = transcript("noninteractive")
    return text[text.index("No commandline core given") : text.index("Press enter to exit")]


def test_without_a_prompt_the_end_of_input_ends_it() -> None:
    ended = run()
    assert ended.status == 0
    assert masked(ending_of(ended.out)) == FORWARDED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_statistics_come_every_period_until_a_signal(number: signal.Signals) -> None:
    program = spawn("--tx-first", "--stats-period=1")
    program.expect_exact("Port statistics ====================================\r\n")
    assert "Ports to start sending a burst of packets first\r\n" in program.before
    assert "Warning: lsc_interrupt needs to be off when using tx_first. Disabling.\r\n" in program.before
    assert "Port 1 Link up at 10 Gbps FDX Fixed None\r\nDone\r\n" in program.before
    program.expect_exact("NIC statistics for port 1")
    program.expect_exact("#\r\n")
    program.kill(number)
    assert masked(ending_of(finish(program))) == FORWARDED


def test_auto_start_forwards_before_the_first_prompt() -> None:
    program = spawn("-i", "-a")
    program.expect_exact("testpmd> ")
    shown = program.before.replace("\r\n", "\n")
    wanted = transcript("auto-start")
    assert shown[shown.index("Start automatic") :] == wanted[wanted.index("Start automatic") :]
    program.sendline("start")
    program.expect_exact("Packet forwarding already started\r\n")
    program.sendline("quit")
    finish(program)


def test_nothing_forwarded_means_no_statistics_at_the_end() -> None:
    ended = run("-i", typed="quit\n")
    assert ended.out.endswith(f"testpmd> quit\n{transcript('quit')}")
    assert "Forward statistics" not in ended.out


def test_a_second_program_on_a_prefix_is_refused_and_the_first_goes_on() -> None:
    prefix = own_prefix()
    first = spawn("-i", eal=(prefix, *NULL_PORTS))
    first.expect_exact("testpmd> ")
    second = run("-i", eal=(prefix, *NULL_PORTS), typed="quit\n")
    assert (second.status, second.out) == (1, "")
    assert re.search(
        r"^EAL: Cannot create lock on '.*/config'\. Is another primary process running\?$", second.err, re.M
    )
    assert second.err.endswith("EAL: Error - exiting with code: 1\nCannot init EAL: Resource temporarily unavailable\n")
    first.sendline("start")
    first.expect_exact("io packet forwarding - ports=2")
    first.sendline("quit")
    first.expect_exact("Bye...")
    first.expect(pexpect.EOF)
    assert first.wait() == 0
    assert run("-i", eal=(prefix, *NULL_PORTS), typed="quit\n").status == 0
