"""Whether anybody else is at work: a window waits for silence, and is measured again when others ran on our CPUs."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Of the CPUs' time; more than this and the window is measured again.
MOST_OTHERS = 0.04
TRIES = 6
#: How long we look before we call it silence, in seconds.
LOOK_S = 0.2


@dataclass(frozen=True)
class Window:
    """What was measured, and the share of the CPUs' time that went to others meanwhile (0 to 1)."""

    value: float
    others: float


class Watch:
    """The time that ``cpus`` were busy with anything but ``pids``, the host's share included, from now on."""

    def __init__(self, cpus: Sequence[int], pids: Sequence[int]) -> None:
        self._cpus, self._pids = cpus, pids
        self._began = self._ticks()

    def _ticks(self) -> tuple[int, int]:
        """Busy with others, and all, in ticks since the machine started."""
        lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
        times = [[int(word) for word in words[1:9]] for words in lines if words[0] in self._names()]
        everything = sum(map(sum, times))
        idle = sum(cpu[3] + cpu[4] for cpu in times)
        return everything - idle - sum(map(own_ticks, (*self._pids, os.getpid()))), everything

    def _names(self) -> set[str]:
        return {f"cpu{cpu}" for cpu in self._cpus}

    def others(self) -> float:
        """Their share of the time since then."""
        busy, everything = self._ticks()
        return (busy - self._began[0]) / max(1, everything - self._began[1])


def own_ticks(pid: int) -> int:
    """Ticks that a process has run for, all its threads, in user mode and in the kernel."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def settle(cpus: Sequence[int], patience_s: float) -> None:
    """Wait until nobody is at work on ``cpus``, as long as ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        watch = Watch(cpus, ())
        time.sleep(LOOK_S)
        if watch.others() <= MOST_OTHERS:
            return


def quietest(take: Callable[[], Window], cpus: Sequence[int], patience_s: float) -> Window:
    """Take windows until one is quiet, waiting for silence before each; failing that, the quietest of a few."""
    taken: list[Window] = []
    deadline = time.monotonic() + patience_s
    while len(taken) < TRIES:
        settle(cpus, deadline - time.monotonic())
        taken.append(take())
        if taken[-1].others <= MOST_OTHERS or time.monotonic() > deadline:
            break
    return min(taken, key=lambda window: window.others)
