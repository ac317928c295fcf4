"""How soon a console answers, on a terminal and on a pipe, idle and beside full load; how soon a file is read."""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from bench.console import PROMPT, Console

LINES = (
    "show port info all",
    "show port stats all",
    "show config fwd",
    "show port xstats all",
    "set burst 32",
    "no such command",
)
FILE_LINES = 10_000


class Pipe:
    """One program at its prompt, typed at through a pipe; leaving it ends the program."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._program = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.timed("")

    def __enter__(self) -> "Pipe":
        return self

    def __exit__(self, *error: object) -> None:
        self._program.communicate(b"quit\n", timeout=10)

    def timed(self, line: str) -> float:
        """Type a line; how long the next prompt took to come, in seconds."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        began, got = time.monotonic(), b""
        if line:
            self._program.stdin.write(f"{line}\n".encode())
        while PROMPT not in got:
            chunk = self._program.stdout.read(65536)
            if not chunk:
                raise RuntimeError(got[-300:].decode(errors="replace"))
            got += chunk
        return time.monotonic() - began


@dataclass(frozen=True)
class Case:
    """Where lines are typed, and whether lcores forward on every CPU meanwhile."""

    name: str
    on_terminal: bool
    loaded: bool


CASES = [
    Case("terminal, idle", True, False),
    Case("terminal, all forward", True, True),
    Case("pipe, idle", False, False),
    Case("pipe, all forward", False, True),
]


def launch(program: str, prefix: str, cpus: Sequence[int]) -> list[str]:
    """The command line: two ports that cost nothing, a worker on each CPU, the console on the first one's."""
    first, second = cpus
    dpdk = ["--no-huge", "-m", "512", "--no-pci"] if "dpdk" in Path(program).name else []
    lcores = f"--lcores=0@{first},1@{first},2@{second}"
    ports = ["--vdev=net_null0", "--vdev=net_null1"]
    return [
        program,
        *dpdk,
        lcores,
        f"--file-prefix={prefix}",
        *ports,
        "--",
        "-i",
        "--nb-cores=2",
        "--total-num-mbufs=4096",
    ]


def measure(known: dict[str, str], case: Case, cpus: Sequence[int], turns: int = 5) -> dict[str, list[float]]:
    """How long each answer took, in milliseconds, program by program; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in known}
    with ExitStack() as stack:
        consoles: dict[str, Console | Pipe] = {}
        for name, program in known.items():
            argv = launch(program, f"answers-{name}", cpus)
            console: Console | Pipe = Console(argv) if case.on_terminal else Pipe(argv)
            stack.push(console)
            consoles[name] = console
        for _ in range(turns):
            for name, console in consoles.items():
                if case.loaded:
                    console.timed("start tx_first")
                times[name] += [1e3 * console.timed(line) for line in islice(cycle(LINES), 120)]
                if case.loaded:
                    console.timed("stop")
    return times


def summary(times_ms: Sequence[float]) -> str:
    """The middle, the 99th of a hundred and the longest."""
    ordered = sorted(times_ms)
    return f"{statistics.median(ordered):.2f} ms, {ordered[len(ordered) * 99 // 100]:.1f} ms, {ordered[-1]:.1f} ms"


def of_file(known: dict[str, str], cpus: Sequence[int]) -> dict[str, float]:
    """How long each program takes from its launch to its end, in seconds, when it is given a long file of commands."""
    taken = {}
    with tempfile.NamedTemporaryFile("w") as file:
        file.writelines(f"{line}\n" for line in islice(cycle(LINES), FILE_LINES))
        file.flush()
        for name, program in known.items():
            argv = [*launch(program, f"answers-{name}", cpus), f"--cmdline-file={file.name}"]
            began = time.monotonic()
            subprocess.run(argv, input=b"quit\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            taken[name] = time.monotonic() - began
    return taken
