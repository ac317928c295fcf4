"""The program on its own, with the pair that it makes when no ports are asked for."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.console import OWN_PREFIX, Console
from bench.loopback import Load, Series, rate
from bench.quiet import Watch, Window, quietest

QUESTION = "show port stats all"


@dataclass(frozen=True)
class Answers:
    """How long the console took to answer, in milliseconds."""

    times_ms: Sequence[float]

    def __str__(self) -> str:
        return f"{statistics.median(self.times_ms):.1f} ms (most of {len(self.times_ms)}: {max(self.times_ms):.1f} ms)"


@dataclass(frozen=True)
class Appliance:
    """What one program with the built-in pair is like."""

    forwards_mpps: Series
    rss_mb: float
    answers: Answers


def look_at(program: str, console_cpu: int, cpus: Sequence[int], load: Load, questions: int = 200) -> Appliance:
    """Forward with a worker on each of ``cpus``, and ask the console meanwhile."""
    lcores = ",".join(f"{lcore}@{cpu}" for lcore, cpu in enumerate((console_cpu, *cpus)))
    with Console([program, f"--lcores={lcores}", OWN_PREFIX, "--", "-i", f"--nb-cores={len(cpus)}"]) as console:
        console.run(f"set txpkts {load.frame_size}")
        watch = partial(Watch, cpus, (console.pid,))

        def window() -> Window:
            console.run("start tx_first 32")
            taken = rate(console, load.window_s, watch, ports=(0, 1))
            console.run("stop")
            return taken

        rates = [quietest(window, cpus, load.patience_s) for _ in range(load.rounds)]
        console.run("start tx_first 32")
        answers = Answers([console.timed(QUESTION) * 1e3 for _ in range(questions)])
        rss_mb = console.rss_mb()
        console.run("stop")
    return Appliance(Series.of(rates), rss_mb, answers)


def startup_s(program: str, arguments: Sequence[str] = (), term: str = "dumb", runs: int = 9) -> Series:
    """Launch to prompt, in seconds; the first run warms the file cache and does not count."""
    times = []
    for _ in range(runs + 1):
        with Console([program, OWN_PREFIX, *arguments, "--", "-i"], {"TERM": term}) as console:
            times.append(console.startup_s)
    return Series(times[1:])
