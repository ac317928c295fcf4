"""The real program: on a pipe, and on a pseudo-terminal as scripts drive it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import pexpect

CPUS = sorted(os.sched_getaffinity(0))
#: Main lcore 0 and worker 1, on whatever CPUs this machine lets us have.
LCORES = f"--lcores=0@{CPUS[0]},1@{CPUS[-1]}"
NULL_PORTS = ("--vdev=net_null0", "--vdev=net_null1")
FEW_MBUFS = "--total-num-mbufs=4096"
PATIENCE_S = 20


_PREFIXES = count()


def own_prefix() -> str:
    """A ``--file-prefix`` that no other program has, for those that run side by side."""
    return f"--file-prefix=test{os.getpid()}-{next(_PREFIXES)}"


def with_prefix(eal: Iterable[str]) -> list[str]:
    """These EAL options, and a ``--file-prefix`` if none is among them."""
    given = list(eal)
    return given if any(word.startswith("--file-prefix") for word in given) else [own_prefix(), *given]


def words(*options: str, eal: Sequence[str] = NULL_PORTS, lcores: str = LCORES) -> list[str]:
    """The command line of the program with these testpmd options, and a ``--file-prefix`` unless ``eal`` has one."""
    return [sys.executable, "-m", "pytestpmd", lcores, *with_prefix(eal), "--", FEW_MBUFS, *options]


@dataclass(frozen=True)
class Ended:
    """What a run printed, and how it ended."""

    out: str
    err: str
    status: int

    @property
    def text(self) -> str:
        """Everything printed, without EAL's and the pools' log lines, as a terminal shows it where errors end it."""
        return without_logs(self.out + self.err)


def run(*options: str, typed: str = "", eal: Sequence[str] = NULL_PORTS, lcores: str = LCORES) -> Ended:
    """Run the program on pipes until it ends."""
    command = words(*options, eal=eal, lcores=lcores)
    done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return Ended(done.stdout, done.stderr, done.returncode)


def spawn(*options: str, eal: Sequence[str] = NULL_PORTS) -> "pexpect.spawn[str]":
    """Run the program on a pseudo-terminal of its own."""
    command, *arguments = words(*options, eal=eal)
    return pexpect.spawn(command, arguments, encoding="utf-8", timeout=PATIENCE_S)


def without_logs(text: str) -> str:
    """The text without lines that say where this machine differs: EAL's, but for its verdict."""
    return re.sub(r"^EAL: (?!Error|failed to parse|Unable to parse).*\n", "", text, flags=re.MULTILINE)
