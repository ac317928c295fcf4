"""What is printed while the screen belongs to somebody else."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOBase

from pytestpmd.cli.console.session import write

#: Lines that are kept at most, and for how many seconds one is shown at once.
LINES = 1000
SHOWN_S = 5.0


class Held(TextIOBase):
    """Takes text, and gives it back later; the oldest lines are lost first."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES)
        self._unfinished = ""
        self._came = -SHOWN_S

    def write(self, text: str) -> int:
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        self._lines.extend(lines)
        if any(line.strip() for line in lines):
            self._came = time.monotonic()
        return len(text)

    @property
    def last(self) -> str:
        """The last line that says something, while it is new; "" else."""
        if time.monotonic() - self._came > SHOWN_S:
            return ""
        return next((line for line in reversed(self._lines) if line.strip()), "")

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines) + self._unfinished


@contextmanager
def held_back() -> Iterator[Held]:
    """Hold back what is written to standard output and standard error, and write it to output in the end."""
    held, before = Held(), (sys.stdout, sys.stderr)
    sys.stdout = sys.stderr = held
    try:
        yield held
    finally:
        sys.stdout, sys.stderr = before
        write(held.text)
