"""pytestpmd-kni as a process, and what it says."""

import re
import signal
import subprocess
import sys
import threading
from typing import IO

from fakes.leaks import eventually

KNI = [sys.executable, "-m", "pytestpmd.programs.kni"]
PATIENCE_S = 40


class Running:
    """A process, and what it has said so far."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.text = ""
        assert self.process.stdout
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, out: IO[str]) -> None:
        for line in out:
            self.text += line

    def says(self, part: str, times: int = 1) -> bool:
        return eventually(lambda: self.text.count(part) >= times, PATIENCE_S)

    def end(self) -> int:
        """Its exit status; a SIGINT, and if that is not enough a SIGKILL, ends it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            assert self.process.stdout
            self.process.stdout.close()


def row(text: str) -> tuple[int, ...]:
    """The counts of port 0 in the last statistics: rx_packets, rx_dropped, tx_packets, tx_dropped."""
    return tuple(map(int, re.findall(r"^ +0 +1/ 3 +(\d+) +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE)[-1]))
