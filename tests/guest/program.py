"""A program in a guest, typed at over a port of virtio-serial."""

import re
import socket
from collections.abc import Callable

from peers.programs import Console
from pexpect import fdpexpect

#: A prompt may take its time in a guest, and more of it on a machine that others use too.
PATIENCE_S = 90.0
EXIT = re.compile(r"##exit (\d+)\r?\n")


class GuestProgram(Console):
    """A testpmd, ours or DPDK's, or anything that takes lines; leaving it kills it and whatever it started."""

    def __init__(self, port: socket.socket, command: str, end: Callable[[], None]) -> None:
        port.setblocking(True)
        self._child: fdpexpect.fdspawn[str]
        child = fdpexpect.fdspawn(port.fileno(), encoding="utf-8", codec_errors="replace", timeout=PATIENCE_S)
        child.delaybeforesend = None
        super().__init__(child, command)
        self._end: Callable[[], None] | None = end

    def type(self, line: str) -> None:
        self._child.sendline(line)

    def wait(self, within_s: float = PATIENCE_S) -> int:
        """Until it ends by itself: its exit status."""
        self._child.expect(EXIT, timeout=within_s)
        assert isinstance(self._child.match, re.Match)
        return int(self._child.match[1])

    def quit(self, line: str = "quit") -> int:
        """Have it end: its exit status."""
        self.type(line)
        return self.wait()

    def kill(self) -> None:
        if self._end:
            self._end()
        self._end = None
