"""The burdens of noisy, made before the start: FIFOs, memory to look things up in, and what is done to headers."""

import os
import random
from typing import TYPE_CHECKING, Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import NoisyConfig
from pytestpmd.eal.memory import CACHE_LINE, Arena
from pytestpmd.errors import TestpmdError
from pytestpmd.fwd.setup import Setup
from pytestpmd.fwd.streams import Streams, clock_hz

if TYPE_CHECKING:
    from pytestpmd.fwd.session import Owner

MB = 1024 * 1024
#: By ``--noisy-forward-mode``.
REWRITES = {
    "io": "rewrite_nothing",
    "mac": "rewrite_mac",
    "macswap": "rewrite_macswap",
    "5tswap": "rewrite_5tswap",
}


class Noisy(Setup, engine="noisy"):
    """A FIFO for each stream, and memory for each port that receives."""

    def __init__(self, app: "Owner") -> None:
        super().__init__(app)
        self._memory: Arena | None = None
        #: By receiving port.
        self._lookups: dict[int, Arena] = {}

    def check(self) -> None:
        noisy = self.app.config.noisy
        if _looks_up(noisy) and not noisy.memory_mb:
            raise TestpmdError("--noisy-lkup-memory-size must be > 0 (it is --noisy-lkup-memory=MB)")

    def begin(self, made: Streams) -> list[str]:
        noisy = self.app.config.noisy
        self._lookups = self._make_lookups(noisy, {stream.spec.rx_port for stream in made.streams})
        each = ffi.sizeof("struct noisy") + noisy.buffer_size * ffi.sizeof("struct mbuf *") + 2 * CACHE_LINE
        self._memory = memory = Arena((len(made.streams) + 1) * each, name="noisy's FIFOs")
        for stream in made.streams:
            ptr = stream.ptr.noisy = memory.struct("struct noisy")
            _fill(ptr, noisy)
            ptr.fifo = memory.struct("struct mbuf *", noisy.buffer_size)
            lookups = self._lookups.get(stream.spec.rx_port)
            if lookups:
                ptr.memory, ptr.nb_lines = ffi.cast("uint8_t *", lookups.address), lookups.size // CACHE_LINE
        self.status = noisy.mode
        return []

    def _make_lookups(self, noisy: NoisyConfig, ports: set[int]) -> dict[int, Arena]:
        """Memory that is there, not promised: what was never written would be one and the same page."""
        size = noisy.memory_mb * MB if _looks_up(noisy) else 0
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if size * len(ports) > free:
            raise TestpmdError(
                f"--noisy-lkup-memory={noisy.memory_mb} for {len(ports)} ports: only {free // MB} MB are free"
            )
        made = {port_id: Arena(size, name="noisy's lookups") for port_id in ports} if size else {}
        for arena in made.values():
            lib.noisy_populate(ffi.cast("uint8_t *", arena.address), arena.size)
        return made

    def why_poll(self) -> str:
        noisy = self.app.config.noisy
        return "noisy lets packets go by time" if noisy.buffer_size and noisy.flush_ms else ""

    def end(self, made: Streams) -> None:
        self._lookups.clear()


def _looks_up(noisy: NoisyConfig) -> bool:
    return bool(noisy.writes or noisy.reads or noisy.reads_writes)


def _fill(ptr: Any, noisy: NoisyConfig) -> None:
    ptr.rewrite = ffi.addressof(lib, REWRITES[noisy.mode])
    ptr.size = noisy.buffer_size
    ptr.flush_cycles = noisy.flush_ms * clock_hz() // 1000 if noisy.buffer_size else 0
    ptr.writes, ptr.reads, ptr.reads_writes = noisy.writes, noisy.reads, noisy.reads_writes
    ptr.random = random.getrandbits(63) | 1
