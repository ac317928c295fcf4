"""How a run goes: what went wrong, the exit status, and standard output when it belongs to a machine."""

import os
import sys
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pytestpmd.cli.answer import Json, dumps
from pytestpmd.errors import CheckFailed, TestpmdError

#: The exit status of a script whose line failed, where the first error is to end it. Those of claims are their own.
COMMAND_FAILED = 5
#: First words of the lines that claim something.
CLAIMS = ("assert", "wait")


class JsonOutput:
    """Standard output for JSON lines alone: for as long, what else is printed there goes to standard error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd = -1

    def __enter__(self) -> Self:
        sys.stdout.flush()
        self._fd = os.dup(1)
        os.dup2(2, 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()
        os.dup2(self._fd, 1)
        os.close(self._fd)

    def write(self, data: Json) -> None:
        """One object, on one line, at once. A reader that has gone is done without."""
        line = memoryview(f"{dumps(data)}\n".encode())
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except BrokenPipeError:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._fd)
                os.close(null)


@dataclass
class Outcome:
    """Of one run; ``json`` is there when standard output is a machine's, ``fail_fast`` ends a script at any error."""

    fail_fast: bool = False
    json: JsonOutput | None = None
    status: int = 0
    errors: list[str] = field(default_factory=list)
    #: Whether the file, or the pipe, that is being read is to be left.
    halted: bool = False

    def add(self, line: str, error: TestpmdError) -> None:
        """A line failed. A claim that does not hold, or cannot be judged, is a failure of the run; another error is one
        if it is to be."""
        is_claim = isinstance(error, CheckFailed) or line.split(maxsplit=1)[0] in CLAIMS
        if is_claim or self.fail_fast:
            self.halted = True
            self.errors.append(str(error) if isinstance(error, CheckFailed) else f"{line.strip()}: {error}")
            self.status = self.status or (_status(error) if is_claim else COMMAND_FAILED)


def _status(error: TestpmdError) -> int:
    return error.exit_code if isinstance(error, CheckFailed) else CheckFailed.exit_code
