"""A front-end in interrupt mode on a terminal: it forwards, it sleeps, and it wakes again."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from e2e.program import spawn

PROMPT = "testpmd> "
PATIENCE_S = 20.0
#: A lcore that polls takes a whole CPU, and a sleeping program next to nothing.
IDLE_SHARE = 0.1


def run(program: "pexpect.spawn[str]", line: str) -> str:
    """What a line printed."""
    program.sendline(line)
    program.expect_exact(PROMPT)
    return program.before.replace("\r\n", "\n")


def eventually(claim: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not claim():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def cpu_s(pid: int) -> float:
    """What a process has run for, all its threads."""
    return sum(int((task / "schedstat").read_text().split()[0]) / 1e9 for task in Path(f"/proc/{pid}/task").iterdir())


def is_idle(pid: int) -> bool:
    """Whether it lets others have the CPU for a while."""
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(0.3)
    return cpu_s(pid) - before < IDLE_SHARE * (time.monotonic() - began)


def received(program: "pexpect.spawn[str]") -> int:
    found = re.search(r"RX-packets: (\d+)", run(program, "show port stats 0"))
    assert found
    return int(found[1])


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple["pexpect.spawn[str]", "pexpect.spawn[str]"]]:
    """A back-end and a front-end at their prompts."""
    plain = ("-i", "--console=plain", "--mask-event=intr_lsc", "--mask-event=queue_state")
    back = spawn(*plain, eal=[f"--vdev=net_vhost0,iface={tmp_path}/s", "--log-level=critical"])
    back.expect_exact(PROMPT)
    front = spawn(*plain, eal=[f"--vdev=net_virtio_user0,path={tmp_path}/s", "--log-level=critical"])
    front.expect_exact(PROMPT)
    yield back, front
    for program in (front, back):
        program.close(force=True)


def test_an_lcore_forwards_and_sleeps_and_wakes_again(
    ends: tuple["pexpect.spawn[str]", "pexpect.spawn[str]"],
) -> None:
    back, front = ends
    assert run(front, "set interrupt on") == "set interrupt on\n"
    assert "Interrupt mode: lcore 1 sleeps while there are no packets\n" in run(front, "start")
    for _ in range(3):
        assert eventually(lambda: "lcore 1 is asleep: " in run(front, "show fwd interrupt"))
        assert eventually(lambda: is_idle(front.pid))
        goal = received(front) + 1000
        run(back, "start tx_first")
        assert eventually(lambda goal=goal: received(front) > goal)
        run(back, "stop")
    counts = re.search(r"slept (\d+) times, woken (\d+) times by packets", run(front, "show fwd interrupt"))
    assert counts
    assert int(counts[1]) >= int(counts[2]) >= 3
    assert "Forward statistics for port 0" in run(front, "stop")
    run(front, "set interrupt off")
    assert "Interrupt mode" not in run(front, "start")
    assert not is_idle(front.pid)
    assert run(front, "show fwd interrupt").endswith("All lcores poll: forwarding was not started in interrupt mode\n")
    assert "Bad arguments" in run(front, "set interrupt maybe")
