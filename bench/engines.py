"""Engines of ours and of dpdk-testpmd between ports that bring packets and take them at no cost (net_null), in turn."""

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.console import Console
from bench.loopback import APP, EAL, RUN_UP_S, Load, Series
from bench.quiet import Watch, Window, quietest

TX_PACKETS = re.compile(r"TX-packets:\s*(\d+)")
PORTS = (0, 1)


@dataclass(frozen=True)
class Row:
    """An engine with options; ``theirs`` where the original's must be others to have it do the same work."""

    name: str
    engine: str
    options: str = ""
    theirs: str = ""


LOOKUPS = "--noisy-lkup-num-writes=2 --noisy-lkup-num-reads=2"
ROWS = (
    Row("io", "io"),
    Row("macswap", "macswap"),
    Row("5tswap", "5tswap"),
    Row("flowgen", "flowgen"),
    Row("flowgen, 3 clones", "flowgen", "--flowgen-clones=3"),
    Row("noisy", "noisy"),
    Row("noisy, FIFO of 256", "noisy", "--noisy-tx-sw-buffer-size=256"),
    # of its memory the original uses the first 64th
    Row("noisy, lookups in 1 MB", "noisy", f"--noisy-lkup-memory=1 {LOOKUPS}", f"--noisy-lkup-memory=64 {LOOKUPS}"),
)


class Alone:
    """A program with two ports of net_null, which forwards in windows only."""

    def __init__(self, program: str, row: Row, options: str, cpus: Sequence[int], stack: ExitStack) -> None:
        prefix = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))).name
        eal = f"{EAL} --lcores=0@{cpus[0]},1@{cpus[1]} --file-prefix={prefix} --vdev=net_null0 --vdev=net_null1"
        words = f"{eal} -- {APP} {options}"
        self._console = stack.enter_context(Console([program, *words.split()]))
        self._console.run(f"set fwd {row.engine}")
        self._watch = partial(Watch, cpus, (self._console.pid,))

    def _packets(self) -> int:
        answers = (self._console.run(f"show port stats {port_id}") for port_id in PORTS)
        return sum(int(TX_PACKETS.findall(answer)[0]) for answer in answers)

    def window(self, window_s: float) -> Window:
        """Millions of packets per second, both ports together."""
        self._console.run("start")
        time.sleep(RUN_UP_S)
        watching = self._watch()
        began, before = time.monotonic(), self._packets()
        time.sleep(window_s)
        ended, after = time.monotonic(), self._packets()
        others = watching.others()
        self._console.run("stop")
        return Window((after - before) / (ended - began) / 1e6, others)


def measure(programs: Mapping[str, str], row: Row, load: Load, cpus: Sequence[int]) -> dict[str, Series]:
    """Each program's windows, taken in turn."""
    with ExitStack() as stack:
        running = {
            name: Alone(program, row, row.theirs if name == "dpdk" and row.theirs else row.options, cpus, stack)
            for name, program in programs.items()
        }
        rounds = [
            {name: quietest(partial(one.window, load.window_s), cpus, load.patience_s) for name, one in running.items()}
            for _ in range(load.rounds)
        ]
    return {name: Series.of([one[name] for one in rounds]) for name in running}
