"""The machine's floor: how fast its caches would let two cores hand frames to and fro, with no protocol (floor.c)."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.loopback import Load, Series
from bench.quiet import Window, quietest

SOURCE = Path(__file__).with_name("floor.c")
FLAGS = ("-O3", "-march=native", "-pthread")
WINDOWS = 3


class Floor:
    """The program, compiled; ``measure`` runs it on ``cpus``."""

    def __init__(self, program: Path, cpus: Sequence[int]) -> None:
        self._program, self._cpus = program, cpus

    def _window(self, load: Load) -> Window:
        words = [*self._cpus, load.frame_size, load.queue_size, round(load.window_s * 1000)]
        done = subprocess.run([self._program, *map(str, words)], capture_output=True, text=True, check=True)
        return Window(float(done.stdout), 0.0)

    def measure(self, load: Load) -> Series:
        """Millions of frames per second that go round."""
        return Series.of([quietest(partial(self._window, load), self._cpus, load.patience_s) for _ in range(WINDOWS)])


@contextmanager
def floor(cpus: Sequence[int]) -> Iterator[Floor]:
    """Compile the program for as long as it is wanted."""
    with tempfile.TemporaryDirectory(prefix="bench-floor-") as folder:
        program = Path(folder) / "floor"
        subprocess.run(["cc", *FLAGS, SOURCE, "-o", program], check=True)
        yield Floor(program, cpus)
