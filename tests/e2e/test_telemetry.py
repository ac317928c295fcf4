"""Telemetry of the real program: where it is, for how long, and that the console does not feel it."""

import signal
from pathlib import Path

import pytest
from e2e.program import NULL_PORTS, own_prefix, run, spawn
from fakes.leaks import eventually
from fakes.telemetry import Client, LegacyClient, connect

from pytestpmd.eal.runtime import runtime_dir

PROMPT = "testpmd> "


@pytest.fixture
def prefix() -> str:
    return own_prefix()


@pytest.fixture
def directory(prefix: str) -> Path:
    return runtime_dir(prefix.partition("=")[2])


def test_it_is_there_from_the_start_to_the_end(prefix: str, directory: Path) -> None:
    child = spawn("-i", eal=(*NULL_PORTS, prefix))
    child.expect_exact(PROMPT)
    with Client(directory / "dpdk_telemetry.v2") as client:
        assert client.greeting["pid"] == child.pid
        assert client.greeting["max_output_len"] == 16384
        assert client.ask("/ethdev/list") == [0, 1]
        assert client.ask("/eal/params")[-3:] == [*NULL_PORTS, prefix]
        child.sendline("quit")
        child.expect_exact("Bye...")
        child.wait()
        assert client.socket.recv(100) == b""
    assert not directory.exists()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_it_away_as_well(prefix: str, directory: Path, end: signal.Signals) -> None:
    child = spawn("-i", eal=(*NULL_PORTS, prefix))
    child.expect_exact(PROMPT)
    assert (directory / "dpdk_telemetry.v2").is_socket()
    child.kill(end)
    assert child.wait() == 0
    assert not directory.exists()


def test_a_killed_program_leaves_no_obstacle(prefix: str, directory: Path) -> None:
    child = spawn("-i", eal=(*NULL_PORTS, prefix))
    child.expect_exact(PROMPT)
    child.kill(signal.SIGKILL)
    child.wait()
    child = spawn("-i", eal=(*NULL_PORTS, prefix))
    child.expect_exact(PROMPT)
    with Client(directory / "dpdk_telemetry.v2") as client:
        assert client.greeting["pid"] == child.pid
    child.sendline("quit")
    child.wait()


def test_no_telemetry_opens_no_socket(prefix: str, directory: Path) -> None:
    child = spawn("-i", eal=(*NULL_PORTS, prefix, "--no-telemetry"))
    child.expect_exact(PROMPT)
    assert [path.name for path in directory.iterdir()] == ["config"]
    child.sendline("quit")
    child.wait()


def test_a_second_program_in_memory_is_told_apart(prefix: str, directory: Path) -> None:
    children = []
    for _ in range(2):
        children.append(spawn("-i", eal=(*NULL_PORTS, prefix, "--in-memory")))
        children[-1].expect_exact(PROMPT)
    for child, name in zip(children, ("dpdk_telemetry.v2", "dpdk_telemetry.v2:1"), strict=True):
        with Client(directory / name) as client:
            assert client.greeting["pid"] == child.pid
    for child in children:
        child.sendline("quit")
        child.wait()
    assert not directory.exists()


def test_collectds_way_works(prefix: str, directory: Path, tmp_path: Path) -> None:
    child = spawn("-i", eal=(*NULL_PORTS, prefix))
    child.expect_exact(PROMPT)
    with LegacyClient(directory / "telemetry", tmp_path / "c") as client:
        answer = client.ask("ports_all_stat_values")
        assert [port["port"] for port in answer["data"]] == [0, 1]
        assert client.ask("ports_stats_values_by_name", {"ports": [9], "stats": []})["data"] is None
    child.sendline("quit")
    child.wait()


def test_the_console_answers_while_clients_misbehave(prefix: str, directory: Path) -> None:
    child = spawn("-i", "-a", eal=(*NULL_PORTS, prefix))
    child.expect_exact(PROMPT)
    path = directory / "dpdk_telemetry.v2"
    silent = [connect(path) for _ in range(30)]
    for one in silent[:5]:
        one.send(b"/ethdev/xstats,0")
        one.send(b"x" * 50_000)
    for _ in range(20):
        child.sendline("show port stats 0")
        child.expect_exact("NIC statistics for port 0", timeout=2)
        child.expect_exact(PROMPT, timeout=2)
    for one in silent:
        one.close()
    assert eventually(lambda: _answers(path))
    child.sendline("quit")
    assert child.wait() == 0


def _answers(path: Path) -> bool:
    try:
        with Client(path) as client:
            return client.ask("/ethdev/stats,0") is not None
    except (ValueError, OSError):
        return False


def test_without_a_place_for_its_socket_the_program_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "nowhere" / "at" / "all"))
    ended = run("-i", typed="quit\n", eal=(*NULL_PORTS, "--in-memory"))
    assert ended.status == 0
    assert ended.err.count("TELEMETRY: No telemetry: ") == 1
