"""The other end of a program's terminal: what a script, or a terminal emulator, sees and types."""

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent
WAIT_S = 20.0


class Terminal:
    """A program on a pseudo-terminal, as its session leader; everything it wrote is in ``seen``."""

    def __init__(
        self, argv: Sequence[str], *, size: tuple[int, int] = (0, 0), environ: Mapping[str, str] | None = None
    ) -> None:
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.seen, self.read = b"", 0
        env = {key: value for key, value in os.environ.items() if key != "CI"}
        self.program = subprocess.Popen(
            [sys.executable, "-m", "fakes.terminal", *argv],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            env={**env, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]), **(environ or {})},
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self.master)
        os.close(self.slave)

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    def until(self, text: bytes, within_s: float = WAIT_S) -> bytes:
        """Read on until ``text`` came; what came since the last call, ``text`` included."""
        end = time.monotonic() + within_s
        while text not in self.seen[self.read :]:
            assert self._more(end), f"{text!r} did not come, but {self.seen[self.read :]!r}"
        start, self.read = self.read, self.seen.index(text, self.read) + len(text)
        return self.seen[start : self.read]

    def for_a_while(self, seconds: float) -> bytes:
        """Read on for so long; what came since the last call."""
        end = time.monotonic() + seconds
        while self._more(end):
            pass
        start, self.read = self.read, len(self.seen)
        return self.seen[start:]

    def ended(self) -> bytes:
        """Wait until the program has ended; what came since the last call."""
        self.program.wait(WAIT_S)
        return self.for_a_while(0.05)

    def _more(self, end: float) -> bool:
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.master], [], [], left)[0]:
            return False
        self.seen += os.read(self.master, 65536)
        return True

    @property
    def modes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def runs_as_typed(self, line: str, prompt: bytes = b"testpmd> ") -> str:
        """Type a line and read up to the next prompt; everything in between, without the echo."""
        self.type(line.encode() + b"\n")
        self.until(line.encode() + b"\r\n")
        return self.until(prompt)[: -len(prompt)].decode().replace("\r\n", "\n")


if __name__ == "__main__":
    # As a login shell's child: the pseudo-terminal on standard input becomes the session's controlling terminal.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])
