"""Runs without a prompt, as a machine starts and reads them: bounds, JSON alone, exit statuses that tell."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pexpect
import pytest
from e2e.program import PATIENCE_S, Ended, run, spawn, words
from schema import SCHEMA, complaints

COUNTS = ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes")


def objects(ended: Ended) -> list[dict[str, Any]]:
    """Every line of standard output: each must be an object, and as the schema says."""
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [list(complaints(one, SCHEMA)) for one in found] == [[] for _ in found]
    return found


def result(ended: Ended) -> dict[str, Any]:
    last = objects(ended)[-1]
    assert last["type"] == "result"
    assert last["status"] == ended.status
    return last


def script(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "commands"
    path.write_text("\n".join(lines), encoding="utf-8")
    return f"--cmdline-file={path}"


def test_a_duration_ends_a_run_by_itself_with_a_result_and_nothing_else_on_standard_output() -> None:
    ended = run("--json", "--duration=0.5")
    [told] = objects(ended)
    assert (ended.status, told["ended_by"], told["errors"], told["engine"]) == (0, "duration", [], "io")
    assert told["periods"] >= 4
    assert told["command_line"][-2:] == ["--json", "--duration=0.5"]
    assert told["started_at"] < told["ended_at"]
    assert [port["rx_callback"] for port in told["ports"]] == ["null_rx", "null_rx"]
    for count in COUNTS:
        assert sum(port[count] for port in told["ports"]) == told["total"][count] > 0
    for spread in (*told["total"]["rates"].values(), *told["ports"][0]["rates"].values()):
        assert 0 < spread["min"] <= spread["median"] <= spread["max"]
    assert told["conservation"]["holds"] is True
    assert told["conservation"]["rx_packets"] == told["total"]["rx_packets"]
    assert "Press enter" not in ended.err
    assert "Bye..." in ended.err


@pytest.mark.parametrize(
    ("engine", "counted"), [("io", "rx_packets"), ("txonly", "tx_packets"), ("rxonly", "rx_packets")]
)
def test_packets_end_a_run_and_every_packet_is_accounted_for(engine: str, counted: str) -> None:
    told = result(run("--json", "--packets=1000", f"--forward-mode={engine}"))
    assert (told["ended_by"], told["status"]) == ("packets", 0)
    assert told["total"][counted] >= 1000
    balance = told["conservation"]
    assert balance["holds"] is True
    assert (balance["made"] > 0, balance["freed"] > 0) == (engine == "txonly", engine == "rxonly")


def test_packets_that_do_not_come_within_the_duration_are_a_failure() -> None:
    ended = run("--json", "--packets=18446744073709551615", "--duration=0.2")
    told = result(ended)
    assert (ended.status, told["ended_by"]) == (4, "duration")
    assert "of 18446744073709551615 packets within 0.2 s" in told["errors"][0]


def test_a_run_to_which_nobody_sent_says_what_would() -> None:
    said = "No packets came: where nobody else sends, --tx-first or --forward-mode=txonly does\n"
    assert said in run("--duration=0.2", eal=("--in-memory",)).out
    told = run("--duration=0.2", "--json", eal=("--in-memory",))
    assert result(told)["total"]["rx_packets"] == 0
    assert said in told.err
    assert "No packets" not in run("--duration=0.2", "--tx-first", eal=("--in-memory",)).text


def test_periods_are_lines_of_their_own_before_the_result() -> None:
    first, *rest = objects(run("--json", "--stats-period=1", "--duration=2.3"))
    assert [one["type"] for one in (first, *rest)] == ["period", "period", "result"]
    assert [first["number"], rest[0]["number"]] == [1, 2]
    assert 0.8 < first["duration_s"] < 2
    assert first["total"]["rx_packets"] == sum(port["rx_packets"] for port in first["ports"]) > 0
    assert rest[-1]["periods"] == 2


def test_a_result_without_json_is_the_text_of_the_original() -> None:
    ended = run("--duration=0.1")
    assert ended.status == 0
    assert "Accumulated forward statistics for all ports" in ended.out
    assert ended.out.endswith("Bye...\n")


def test_options_that_cannot_be_are_a_result_too() -> None:
    ended = run("--json", "--rxq=9999")
    assert result(ended)["errors"] == ["rxq 9999 invalid - must be >= 0 && <= 1024"]
    assert ended.status == 1


@pytest.mark.parametrize("option", ["--duration=0", "--duration=x", "--duration=1e3", "--packets=0", "--packets=-1"])
def test_a_bound_that_is_none_is_refused_in_a_line(option: str) -> None:
    ended = run(option)
    assert ended.status == 1
    assert ended.err.splitlines()[-1].startswith(f"Invalid {option[2:].replace('=', ' ')}:")


def test_a_signal_ends_a_run_and_the_result_says_so() -> None:
    with subprocess.Popen(
        words("--json", "--stats-period=1"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        assert program.stdout is not None
        assert json.loads(program.stdout.readline())["type"] == "period"
        program.send_signal(signal.SIGTERM)
        rest = program.communicate(timeout=PATIENCE_S)[0]
    told = json.loads(rest.splitlines()[-1])
    assert (told["ended_by"], told["status"], program.returncode) == ("signal", 0, 0)
    assert told["conservation"]["holds"] is True


def test_what_a_file_asks_for_as_data_comes_out_among_the_lines(tmp_path: Path) -> None:
    file = script(tmp_path, "show port info 0 json", "start", "show port stats all json", "show port info 9 json")
    ended = run("-i", file, "--json", "--duration=0.2")
    info, stats, error, told = objects(ended)
    assert info["line"] == "show port info 0 json"
    assert info["answer"]["ports"][0]["port_id"] == 0
    assert [port["port_id"] for port in stats["answer"]["ports"]] == [0, 1]
    assert error["answer"]["error"].startswith("Invalid port 9")
    assert (told["ended_by"], told["status"]) == ("duration", 0)
    assert told["total"]["rx_packets"] > 0


def test_clearing_counters_on_the_way_takes_nothing_from_the_result(tmp_path: Path) -> None:
    file = script(tmp_path, "start", "wait packets rx all 1000", "clear port stats 0", "clear fwd stats all", "stop")
    told = result(run("-i", file, "--json"))
    assert told["total"]["rx_packets"] >= 1000
    assert told["conservation"]["holds"] is True


def test_a_pipe_is_answered_in_json_alone() -> None:
    ended = run("-i", "--json", typed="start\nshow port summary all json\nstop\nquit\n")
    answer, told = objects(ended)
    assert answer["type"] == "answer"
    assert (told["ended_by"], told["status"]) == ("quit", 0)
    assert "testpmd> " in ended.err


@pytest.mark.parametrize("line", ["nonsense", "set burst 9999", "show port info 9"])
def test_fail_fast_ends_a_file_at_its_first_error(line: str, tmp_path: Path) -> None:
    file = script(tmp_path, "set burst 16", line, "set burst 8")
    ended = run(file, "--fail-fast", "--json")
    told = result(ended)
    assert (ended.status, told["ended_by"], told["forwarded"]) == (5, "error", False)
    assert told["errors"][0].startswith(f"{line}: ")
    assert "packets per burst set to 16" in ended.err
    assert "packets per burst set to 8" not in ended.err


def test_without_it_a_file_goes_on_after_an_error_as_in_the_original(tmp_path: Path) -> None:
    ended = run(script(tmp_path, "nonsense", "set burst 8"), "--duration=0.1")
    assert ended.status == 0
    assert "packets per burst set to 8" in ended.out


def test_fail_fast_ends_a_pipe_at_its_first_error() -> None:
    ended = run("-i", "--fail-fast", typed="nonsense\nset burst 8\n")
    assert ended.status == 5
    assert "packets per burst" not in ended.out


def test_a_claim_that_does_not_hold_ends_the_file_and_is_the_status(tmp_path: Path) -> None:
    file = script(tmp_path, "start", "wait packets rx all 100", "stop", "assert total.rx_packets == 0", "set burst 8")
    ended = run("-i", file, "--json")
    told = result(ended)
    assert ended.status == 3
    assert told["errors"][0].startswith("Assertion failed: total.rx_packets == 0 (total.rx_packets = ")
    assert "packets per burst" not in ended.err


def test_a_pipe_goes_on_after_a_claim_and_the_status_is_the_first_failure_s() -> None:
    ended = run("-i", typed="wait link down 0 timeout 0.1\nassert 1 > 2\nset burst 8\nquit\n")
    assert ended.status == 4
    assert "packets per burst set to 8" in ended.out


def test_a_terminal_s_claims_are_answered_and_end_nothing() -> None:
    program = spawn("-i", "--console=plain")
    program.expect("testpmd> ")
    program.sendline("assert 1 > 2")
    program.expect("Assertion failed: 1 > 2")
    program.sendline("quit")
    program.expect(pexpect.EOF)
    assert program.wait() == 0


def test_ctrl_c_ends_a_wait_and_what_was_typed_besides_is_kept() -> None:
    program = spawn("-i", "--console=plain")
    program.expect("testpmd> ")
    program.sendline("wait seconds 3600")
    program.expect("3600")
    program.send("set burst 9\x03")
    program.expect("Interrupted")
    program.send("\r")
    program.expect("packets per burst set to 9")
    program.sendline("quit")
    program.expect(pexpect.EOF)
    assert program.wait() == 0


def test_a_signal_ends_a_wait_of_a_file(tmp_path: Path) -> None:
    command = words("-i", script(tmp_path, "start", "wait seconds 3600"), "--json")
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr is not None
        while "wait seconds" not in program.stderr.readline():
            pass
        program.send_signal(signal.SIGINT)
        out = program.communicate(timeout=PATIENCE_S)[0]
    told = json.loads(out)
    assert (program.returncode, told["ended_by"]) == (0, "signal")
