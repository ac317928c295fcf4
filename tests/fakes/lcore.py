"""An lcore in C on a thread of its own, from one queue to another, while the test is at the far ends."""

import threading
import time
from types import TracebackType
from typing import Any, Self

from fakes.leaks import PATIENCE_S, eventually
from fakes.packets import Burst

from pytestpmd._dataplane import lib
from pytestpmd.eal.memory import Arena
from pytestpmd.fwd import ENGINES


class Between:
    """Forwards what a receive queue has to a transmit queue until the end of the ``with``."""

    def __init__(self, rx: tuple[Burst, Any], tx: tuple[Burst, Any], engine: str = "io") -> None:
        memory = Arena(64 << 10)
        self.stream, self.lcore = memory.struct("struct fwd_stream"), memory.struct("struct fwd_lcore")
        self.stream.rx_burst, self.stream.rx_queue = rx
        self.stream.tx_burst, self.stream.tx_queue = tx
        self.stream.burst, self.lcore.nb_streams = 32, 1
        self.lcore.packet_fwd = ENGINES[engine].packet_fwd
        self.lcore.streams = memory.struct("struct fwd_stream *")
        self.lcore.streams[0] = self.stream
        self._memory = memory
        self._thread = threading.Thread(target=lib.fwd_run, args=(self.lcore, 0), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lib.fwd_stop(self.lcore)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def pass_by(self) -> None:
        """Wait until no burst is under way that began before."""
        turns = lib.fwd_turns(self.lcore)
        assert eventually(lambda: lib.fwd_turns(self.lcore) != turns)


FENCE = threading.Lock()


def fence() -> None:
    """What this thread wrote before is there before what it reads afterwards: a lock is an atomic exchange."""
    with FENCE:
        pass


def pause(turns: int) -> None:
    """A moment, of a length that depends on a number."""
    for _ in range(turns % 7):
        time.monotonic_ns()
