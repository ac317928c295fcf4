"""A testpmd on a pseudo-terminal of its own, typed at as scripts do."""

import os
import pty
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PROMPT = b"testpmd> "
PATIENCE_S = 60.0
#: Whatever else runs on this machine under the usual prefix.
OWN_PREFIX = f"--file-prefix=bench{os.getpid()}"


class NoPrompt(RuntimeError):
    """The program ended or hung where its prompt was due; the text is the last that it printed."""


class Console:
    """One program, started and at its prompt; leaving it ends the program.

    ``startup_s`` is the time from the launch to the first prompt, in seconds.
    """

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        launched = time.monotonic()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            self._become(argv, {**os.environ, "TERM": "dumb", **(environ or {})})
        try:
            self._until_prompt()
        except NoPrompt:
            self.close()
            raise
        self.startup_s = time.monotonic() - launched

    @staticmethod
    def _become(argv: Sequence[str], environ: Mapping[str, str]) -> None:
        try:
            os.execvpe(argv[0], list(argv), environ)
        except OSError as error:
            os.write(2, f"{argv[0]}: {error.strerror}".encode())
        finally:
            os._exit(127)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, line: str) -> str:
        """Type a line; what was printed up to the next prompt, the echo included."""
        os.write(self._terminal, line.encode() + b"\n")
        return self._until_prompt()

    def timed(self, line: str) -> float:
        """Type a line; how long the next prompt took to come, in seconds."""
        began = time.monotonic()
        self.run(line)
        return time.monotonic() - began

    def rss_mb(self) -> float:
        """Resident memory now, in megabytes: VmRSS of /proc/PID/status."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise ValueError(f"no VmRSS for {self.pid}")

    def _until_prompt(self) -> str:
        got, deadline = b"", time.monotonic() + PATIENCE_S
        while PROMPT not in got:
            chunk = self._read(deadline)
            if not chunk:
                raise NoPrompt(got[-300:].decode(errors="replace").strip())
            got += chunk
        return got.decode(errors="replace")

    def _read(self, deadline: float) -> bytes:
        """What came; nothing at the deadline, or when the program has closed its terminal (EIO)."""
        if select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            with suppress(OSError):
                return os.read(self._terminal, 65536)
        return b""

    def close(self) -> None:
        """Ask it to quit; kill it, and what it started, when it does not."""
        with suppress(OSError):
            os.write(self._terminal, b"quit\n")
        deadline = time.monotonic() + 5
        while self._read(deadline):
            pass
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)
