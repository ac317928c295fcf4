"""The real programs that ours must get on with, and ours beside them, each on a pseudo-terminal of its own."""

import os
import re
import shutil
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
from e2e.program import with_prefix

CPUS = sorted(os.sched_getaffinity(0))
OUR_CPU, PEER_CPU = CPUS[0], CPUS[-1]
PROMPT = "testpmd> "
PATIENCE_S = 30.0
#: The command that installing the package gives.
PYTESTPMD = str(Path(sys.executable).parent / "pytestpmd")
#: DPDK writes its prompt letter by letter; what other threads say by themselves would come in between.
QUIET_EAL, QUIET_APP = "--log-level=critical", "--mask-event=intr_lsc --mask-event=queue_state"
DPDK_RUNTIME = Path("/var/run/dpdk")


def lcores(cpu: int) -> str:
    """Main lcore 0 and worker 1, which polls, on one CPU: the other is the other program's."""
    return f"--lcores=0@{cpu},1@{cpu}"


def eventually(claim: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Wait until ``claim`` holds."""
    end = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)


class Testpmd(ABC):
    """What takes testpmd's commands."""

    @abstractmethod
    def run(self, line: str) -> str:
        """Type a line; what it printed."""

    def stats(self, port_id: int = 0) -> dict[str, int]:
        """``show port stats`` as numbers: RX-packets, TX-packets, RX-bytes, ..."""
        return _numbers(self.run(f"show port stats {port_id}"))

    def xstats(self, port_id: int = 0) -> dict[str, int]:
        """``show port xstats`` as numbers."""
        return _numbers(self.run(f"show port xstats {port_id}"))

    def is_up(self, port_id: int = 0) -> bool:
        """Whether the port's link is up."""
        return "Link status: up" in self.run(f"show port info {port_id}")


def _numbers(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"([RT]X-[a-z]+|\w+):\s+(\d+)", text)}


class Console(Testpmd):
    """A testpmd at its prompt, wherever it runs; leaving it kills it."""

    def __init__(self, child: "pexpect.spawnbase.SpawnBase[str]", name: str) -> None:
        self._child, self._name = child, name
        self._child.logfile_read = self._log = StringIO()
        self.banner = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if error:
            print(f"--- {self._name} said ---\n{self.said[-8000:]}")

    def ready(self) -> Self:
        """Wait for the first prompt; without one it is killed."""
        try:
            self.banner = self._until_prompt()
        except BaseException:
            self.kill()
            raise
        return self

    def run(self, line: str) -> str:
        """Type a line; what was printed up to the next prompt."""
        self.type(line)
        return self._until_prompt()

    @abstractmethod
    def type(self, line: str) -> None:
        """Type a line, and no more."""

    @abstractmethod
    def kill(self) -> None:
        """As ``kill -9`` does, with all that it started."""

    @property
    def said(self) -> str:
        """All that it has printed so far."""
        return self._log.getvalue()

    def expect(self, text: str) -> None:
        """Wait for text that comes by itself."""
        self._child.expect_exact(text)

    def _until_prompt(self) -> str:
        self._child.expect_exact(PROMPT)
        return str(self._child.before).replace("\r", "")


class Program(Console):
    """A testpmd on a pseudo-terminal; leaving it kills it and whatever it started."""

    def __init__(self, command: list[str]) -> None:
        self._child: pexpect.spawn[str]
        child = pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=PATIENCE_S, codec_errors="replace")
        # typing is answered at once: no pause before each line
        child.delaybeforesend = None
        super().__init__(child, command[0])

    def type(self, line: str) -> None:
        self._child.sendline(line)

    def quit(self, line: str = "quit") -> int:
        """Have it end by itself; its exit status."""
        self._child.sendline(line)
        self._child.expect_exact("Bye...")
        self._child.expect(pexpect.EOF)
        return self._child.wait()

    def kill(self) -> None:
        if self._child.pid and self._child.isalive():
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._child.close()


class DpdkTestpmd(Program):
    """Debian's dpdk-testpmd, without hugepages and without anything of this machine's but memory."""

    def __init__(self, *vdevs: str, eal: str = "", options: str = "-i") -> None:
        self._prefix = f"peer{os.getpid()}-{time.monotonic_ns()}"
        needed = f"--no-huge -m 256 --no-pci --no-telemetry --no-shconf --file-prefix={self._prefix} {QUIET_EAL}"
        words = [*(eal or lcores(PEER_CPU)).split(), *needed.split(), *(f"--vdev={vdev}" for vdev in vdevs)]
        app = f"--no-mlockall --total-num-mbufs=4096 {QUIET_APP} {options}"
        super().__init__(["dpdk-testpmd", *words, "--", *app.split()])

    def kill(self) -> None:
        super().kill()
        # it leaves a folder behind even when it has nothing to share
        shutil.rmtree(DPDK_RUNTIME / self._prefix, ignore_errors=True)


class Pytestpmd(Program):
    """Our program, for what only a process of its own can show."""

    def __init__(self, *vdevs: str, eal: str = "", options: str = "-i") -> None:
        words = [*with_prefix((eal or lcores(OUR_CPU)).split()), *(f"--vdev={vdev}" for vdev in vdevs)]
        super().__init__([sys.executable, "-m", "pytestpmd", *words, "--", "--total-num-mbufs=4096", *options.split()])
