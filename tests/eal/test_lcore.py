"""Threads that play lcores: they count turns when they are told to."""

import ctypes
import errno
import os
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.lcore import LCORES, Lcores

SOON = 5.0


class SlowJob:
    """A job whose bursts end when the test says so."""

    def __init__(self) -> None:
        self.is_inside = threading.Event()
        self._may_end = threading.Semaphore(0)
        self._turns = 0
        self._stopping = False
        self.sleeping, self.wakes = False, 0
        self.cpus: set[int] = set()

    def run(self) -> None:
        self.cpus = os.sched_getaffinity(0)
        while not self._stopping:
            self.is_inside.set()
            assert self._may_end.acquire(timeout=SOON)
            self.is_inside.clear()
            self._turns += 1

    def stop(self) -> None:
        self._stopping = True

    def turns(self) -> int:
        return self._turns

    def wake(self) -> None:
        self.wakes += 1

    def is_asleep(self) -> bool:
        return self.sleeping

    def end_burst(self) -> None:
        self._may_end.release()


class Waiting:
    """A call on a thread of its own."""

    def __init__(self, call: object) -> None:
        self._thread = threading.Thread(target=call, daemon=True)  # type: ignore[arg-type]
        self._thread.start()

    def is_over(self, within: float = SOON) -> bool:
        self._thread.join(within)
        return not self._thread.is_alive()


@pytest.fixture
def job() -> Iterator[SlowJob]:
    """A job; its last bursts are let go at the end of the test."""
    slow = SlowJob()
    yield slow
    slow.stop()
    for _ in range(4):
        slow.end_burst()


@pytest.fixture
def lcores(job: SlowJob) -> Lcores:
    """Lcores of the test's own, of which number 1 is within a burst."""
    own = Lcores()
    own.launch(1, os.sched_getaffinity(0), job)
    assert job.is_inside.wait(SOON)
    return own


def test_quiesce_waits_for_the_burst_that_is_under_way(lcores: Lcores, job: SlowJob) -> None:
    waiting = Waiting(lcores.quiesce)
    assert not waiting.is_over(0.03)
    job.end_burst()
    assert waiting.is_over()


def test_quiesce_waits_for_one_burst_and_not_for_the_next(lcores: Lcores, job: SlowJob) -> None:
    for _ in range(3):
        waiting = Waiting(lcores.quiesce)
        job.end_burst()
        assert waiting.is_over()


def test_quiesce_waits_for_the_last_burst_of_an_lcore_that_is_being_stopped(lcores: Lcores, job: SlowJob) -> None:
    stopping = Waiting(lcores.stop)
    time.sleep(0.02)
    waiting = Waiting(lcores.quiesce)
    assert not waiting.is_over(0.03), "a front-end that leaves during `stop` would lose its memory under the lcore"
    job.end_burst()
    assert waiting.is_over()
    assert stopping.is_over()


def test_quiesce_waits_for_lcores_that_run_a_number_of_turns(lcores: Lcores, job: SlowJob) -> None:
    ending = Waiting(lcores.wait)
    time.sleep(0.02)
    waiting = Waiting(lcores.quiesce)
    assert not waiting.is_over(0.03)
    job.stop()
    job.end_burst()
    assert waiting.is_over()
    assert ending.is_over()


def test_quiesce_does_not_wait_where_nothing_runs() -> None:
    Lcores().quiesce()
    LCORES.quiesce()


def test_an_lcore_that_has_ended_is_not_waited_for(lcores: Lcores, job: SlowJob) -> None:
    job.stop()
    job.end_burst()
    lcores.wait()
    lcores.quiesce()


def test_stop_returns_when_the_job_has_ended(lcores: Lcores, job: SlowJob) -> None:
    stopping = Waiting(lcores.stop)
    assert not stopping.is_over(0.03)
    job.end_burst()
    assert stopping.is_over()
    assert job.turns() == 1


def test_an_lcore_runs_on_its_cpus_alone(job: SlowJob) -> None:
    own = Lcores()
    cpu = max(os.sched_getaffinity(0))
    mine = os.sched_getaffinity(0)
    own.launch(3, {cpu}, job)
    assert job.is_inside.wait(SOON)
    assert job.cpus == {cpu}
    assert os.sched_getaffinity(0) == mine
    job.stop()
    job.end_burst()
    own.wait()


class HangingJob(SlowJob):
    """A burst that hangs in a system call, as a write to an eventfd does that a peer has filled at the wrong moment."""

    def __init__(self, read: int) -> None:
        super().__init__()
        self._read = read
        self.error = 0

    def run(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.is_inside.set()
        assert libc.read(self._read, ctypes.create_string_buffer(1), 1) == -1
        self.error = ctypes.get_errno()


@pytest.fixture
def silent_pipe() -> Iterator[int]:
    read, write = os.pipe()
    yield read
    os.close(write)
    os.close(read)


def test_an_lcore_that_hangs_in_a_system_call_is_freed(silent_pipe: int) -> None:
    own, job = Lcores(), HangingJob(silent_pipe)
    own.launch(1, os.sched_getaffinity(0), job)
    assert job.is_inside.wait(SOON)
    waiting = Waiting(own.wait)
    began = time.monotonic()
    own.nudge_stuck()
    assert not waiting.is_over(0.03), "it may just be slow"
    while not waiting.is_over(0.02):
        own.nudge_stuck()
        assert time.monotonic() < began + SOON
    assert job.error == errno.EINTR


def test_control_threads_free_what_hangs(silent_pipe: int) -> None:
    job = HangingJob(silent_pipe)
    control = ControlThread("control-test", lambda: None)
    control.start()
    LCORES.launch(1, os.sched_getaffinity(0), job)
    assert Waiting(LCORES.quiesce).is_over()
    LCORES.wait()
    control.stop()
    assert job.error == errno.EINTR


def test_an_lcore_that_turns_is_not_disturbed(lcores: Lcores, job: SlowJob, monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[int] = []
    monkeypatch.setattr("pytestpmd.eal.lcore.lib", SimpleNamespace(lcore_nudge=nudged.append))
    monkeypatch.setattr("pytestpmd.eal.lcore.STUCK_S", 0.02)
    for _ in range(10):
        turns = job.turns()
        job.end_burst()
        while job.turns() == turns:
            time.sleep(0.001)
        lcores.nudge_stuck()
        time.sleep(0.005)
    assert nudged == []
    time.sleep(0.03)
    lcores.nudge_stuck()
    assert len(nudged) == 1


def test_threads_are_named_after_their_lcore(lcores: Lcores) -> None:
    assert "lcore-worker-1" in {thread.name for thread in threading.enumerate()}
