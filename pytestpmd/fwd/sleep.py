"""Interrupt mode: what an lcore sleeps on when its queues are empty, and what keeps an lcore from it."""

import os
import select
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi
from pytestpmd.eal.memory import CACHE_LINE, Arena
from pytestpmd.errors import NotSupported
from pytestpmd.ethdev.port import EthPort, RxInterrupt
from pytestpmd.fwd import Engine
from pytestpmd.fwd.topology import LcoreSpec

#: Turns without a packet before an lcore sleeps: some tens of microseconds, which is what a sleep and a wake cost.
IDLE_TURNS = 1000
#: No sleep is longer: whatever else an empty turn does (post buffers once there are some, say) is not put off for ever.
SLEEP_MS = 100


@dataclass(frozen=True)
class SleepCounts:
    """How often an lcore slept since it was launched, and how many of these sleeps packets or the time ended."""

    asleep: bool
    sleeps: int
    by_packets: int
    by_time: int


class Sleep:
    """One lcore's: the interrupts of its receive queues and an eventfd that wakes it, in one epoll instance.

    The fds are watched for edges, so the lcore reads none of them: a peer could make it block there.
    """

    def __init__(self, interrupts: Sequence[RxInterrupt], idle_turns: int = IDLE_TURNS) -> None:
        self._idle_turns = idle_turns
        self._memory = memory = Arena(len(interrupts) * ffi.sizeof("struct rx_intr") + CACHE_LINE, name="interrupts")
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        for fd in (self._wake_fd, *(interrupt.fd for interrupt in interrupts)):
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLET)
        self._nb_interrupts = len(interrupts)
        self._interrupts = memory.struct("struct rx_intr", len(interrupts))
        for entry, interrupt in zip(self._interrupts[0 : len(interrupts)], interrupts, strict=True):
            entry.queue, entry.enable, entry.disable = interrupt.handle, interrupt.enable, interrupt.disable

    def fill(self, lcore: Any) -> None:
        """Tell a ``struct fwd_lcore``, which is not running."""
        lcore.interrupts, lcore.nb_interrupts = self._interrupts, self._nb_interrupts
        lcore.epoll_fd, lcore.wake_fd = self._epoll.fileno(), self._wake_fd
        lcore.idle_turns, lcore.sleep_ms = self._idle_turns, SLEEP_MS

    def end(self) -> None:
        """Wake the lcore, or keep it from falling asleep once."""
        with suppress(BlockingIOError):  # a counter that is full has woken it already
            os.eventfd_write(self._wake_fd, 1)

    def close(self) -> None:
        """Once the lcore has stopped."""
        self._epoll.close()
        os.close(self._wake_fd)


def interrupts_of(lcore: LcoreSpec, engine: Engine, ports: Mapping[int, EthPort]) -> list[RxInterrupt]:
    """What an lcore may sleep on. Raises :class:`NotSupported` with the reason where it has to poll."""
    if not engine.receives:
        raise NotSupported(f"{engine.name} does not wait for packets")
    found = []
    for port_id, queue_id in sorted({(stream.rx_port, stream.rx_queue) for stream in lcore.streams}):
        try:
            found.append(ports[port_id].rx_interrupt(queue_id))
        except NotSupported as error:
            raise NotSupported(f"port {port_id} ({ports[port_id].driver_name}) has {error}") from None
    return found
