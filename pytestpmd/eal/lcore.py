"""Lcores: pinned threads that run C without the GIL, and the way to know that they have let go of something.

One Python thread for each lcore and run: it pins itself (``sched_setaffinity(0)`` acts on the calling thread) and calls
into C. A thread left in C would hang the interpreter's exit, so whoever launches also stops and waits.
"""

import os
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from pytestpmd._dataplane import lib

#: After so many seconds without a turn an lcore is taken to hang in a system call.
STUCK_S = 0.1


class Job(Protocol):
    """What an lcore runs."""

    def run(self) -> None:
        """Work until :meth:`stop`; without the GIL."""

    def stop(self) -> None:
        """Ask for the end; any thread may."""

    def turns(self) -> int:
        """Rounds that are over. When the count has changed, no burst is under way that began before it was asked."""

    def wake(self) -> None:
        """Have another round soon, even of one that is asleep; not after :meth:`Lcores.wait` has returned."""

    def is_asleep(self) -> bool:
        """Whether it waits for packets: then it does not turn, and is not stuck either."""


@dataclass
class _Running:
    thread: threading.Thread
    job: Job
    turns: int = -1
    turned: float = 0.0

    def is_stuck(self, now: float) -> bool:
        turns = self.job.turns()
        if turns != self.turns or self.job.is_asleep():
            self.turns, self.turned = turns, now
        return now - self.turned >= STUCK_S and self.thread.is_alive()


class Lcores:
    """The lcores that run at the moment; at most one job on each."""

    def __init__(self) -> None:
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()

    def launch(self, lcore_id: int, cpus: Collection[int], job: Job) -> None:
        """Run ``job`` on a thread of its own, pinned to ``cpus``."""
        thread = threading.Thread(
            target=_run_pinned, args=(cpus, job.run), name=f"lcore-worker-{lcore_id}", daemon=True
        )
        with self._lock:
            self._running[lcore_id] = _Running(thread, job)
        thread.start()

    def stop(self) -> None:
        """Ask every lcore to stop, and wait until all have."""
        with self._lock:
            running = list(self._running.values())
        for lcore in running:
            lcore.job.stop()
        self.wait()

    def wait(self) -> None:
        """Wait until every lcore's job has ended. Until then :meth:`quiesce` waits for it too."""
        with self._lock:
            running = dict(self._running)
        for lcore_id, lcore in running.items():
            lcore.thread.join()
            with self._lock:
                if self._running.get(lcore_id) is lcore:
                    del self._running[lcore_id]

    def wait_for_turns(self) -> None:
        """Wait until every lcore is at work: whoever asks then what was done is not told "nothing"."""
        self.quiesce()
        self.quiesce()

    def quiesce(self) -> None:
        """Wait until every burst is over that is under way now.

        For a queue that an lcore polls while its peer goes: clear the queue's ``enabled`` first; when this returns, no
        lcore uses what the queue points at.
        """
        with self._lock:
            seen = [(lcore, lcore.job.turns()) for lcore in self._running.values()]
            for lcore, _ in seen:
                lcore.job.wake()
        for lcore, turns in seen:
            while lcore.job.turns() == turns and lcore.thread.is_alive():
                time.sleep(20e-6)

    def wake(self) -> None:
        """Have every lcore look at its queues, whether it sleeps or not: there may be something new in them."""
        with self._lock:
            for lcore in self._running.values():
                lcore.job.wake()

    def nudge_stuck(self) -> None:
        """Interrupt the system call of every lcore that has not turned for ``STUCK_S``; control threads ask for it.

        The one system call of an lcore is the write that notifies a peer. It is made only when it would not block, but
        the peer shares the eventfd: it can fill it, and undo O_NONBLOCK, in the instant between.
        """
        with self._lock:
            now = time.monotonic()
            for lcore in self._running.values():
                if lcore.is_stuck(now) and lcore.thread.native_id:
                    lib.lcore_nudge(lcore.thread.native_id)


def _run_pinned(cpus: Collection[int], run: Callable[[], None]) -> None:
    os.sched_setaffinity(0, cpus)
    run()


LCORES = Lcores()
"""This process's."""
