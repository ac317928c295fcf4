import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fakes.leaks import eventually

from pytestpmd.eal import control
from pytestpmd.eal.control import ControlThread
from pytestpmd.log import REGISTRY, Level, log_type

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., ControlThread]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make control threads that tick fast; stopped at the end."""
    made: list[ControlThread] = []

    def make_thread(on_tick: Callable[[], None] = lambda: None) -> ControlThread:
        made.append(ControlThread("control-test", on_tick))
        return made[-1]

    yield make_thread
    for thread in made:
        thread.stop()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_watched_fd_is_called_back_when_readable_on_the_control_thread(make: Make, pipe: tuple[int, int]) -> None:
    read, write = pipe
    threads: list[str] = []

    def callback() -> None:
        os.read(read, 1)
        threads.append(threading.current_thread().name)

    thread = make()
    thread.watch(read, callback)
    thread.start()
    for count in range(1, 4):
        os.write(write, b"x")
        assert eventually(lambda count=count: len(threads) == count)
    assert set(threads) == {"control-test"}


def test_what_is_watched_while_it_runs_is_called_back_too(make: Make, pipe: tuple[int, int]) -> None:
    read, write = pipe
    called = threading.Event()
    thread = make()
    thread.start()
    os.write(write, b"x")
    thread.watch(read, lambda: (os.read(read, 1), called.set()))
    assert called.wait(5)


def test_a_peer_that_closes_its_end_is_called_back(make: Make) -> None:
    read, write = os.pipe()
    called = threading.Event()
    thread = make()
    thread.watch(read, lambda: (thread.unwatch(read), called.set()))
    thread.start()
    os.close(write)
    assert called.wait(5)
    os.close(read)


def test_what_is_not_watched_any_more_is_not_called_back(make: Make, pipe: tuple[int, int]) -> None:
    read, write = pipe
    calls: list[int] = []
    thread = make()
    thread.watch(read, lambda: calls.append(1))
    thread.unwatch(read)
    thread.unwatch(read)
    thread.start()
    os.write(write, b"x")
    time.sleep(0.03)
    assert calls == []


def test_a_callback_may_end_the_watch_of_another_that_is_due(make: Make) -> None:
    pipes = [os.pipe(), os.pipe()]
    calls: list[int] = []
    thread = make()

    def callback(which: int) -> None:
        calls.append(which)
        for read, _ in pipes:
            thread.unwatch(read)

    for which, (read, write) in enumerate(pipes):
        os.write(write, b"x")
        thread.watch(read, lambda which=which: callback(which))
    thread.start()
    assert eventually(lambda: calls)
    time.sleep(0.02)
    assert len(calls) == 1
    for ends in pipes:
        for end in ends:
            os.close(end)


def test_the_clock_ticks_whether_or_not_anything_is_read(
    make: Make, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "TICK_S", 0.005)
    ticks: list[float] = []
    thread = make(lambda: ticks.append(time.monotonic()))
    thread.watch(pipe[0], lambda: None)  # never read: readable at every look
    os.write(pipe[1], b"x")
    thread.start()
    assert eventually(lambda: len(ticks) > 5)


def test_what_the_log_kept_back_is_said_in_time_and_at_the_end(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(control, "TICK_S", 0.005)
    monkeypatch.setattr(REGISTRY._limiter, "_interval_s", 0.02)
    log, said = log_type("test.control", "CONTROL", Level.INFO), ""
    thread = make()
    thread.start()

    def both() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return said == "CONTROL: line 1\nCONTROL: line 2\n"

    for number in (1, 2):
        log.limited("key", Level.ERROR, "line %d", number)
    assert eventually(both)
    monkeypatch.setattr(REGISTRY._limiter, "_interval_s", 3600)
    for number in (3, 4):
        log.limited("key", Level.ERROR, "line %d", number)
    thread.stop()
    assert capsys.readouterr().err == "CONTROL: line 4 (and 1 more)\n"


def test_stop_waits_for_the_callback_that_is_under_way(make: Make, pipe: tuple[int, int]) -> None:
    read, write = pipe
    inside, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def callback() -> None:
        inside.set()
        may_end.wait(5)
        ended.set()

    thread = make()
    thread.watch(read, callback)
    thread.start()
    os.write(write, b"x")
    assert inside.wait(5)
    threading.Timer(0.05, may_end.set).start()
    thread.stop()
    assert ended.is_set()


def test_nothing_is_called_back_after_stop(make: Make, pipe: tuple[int, int]) -> None:
    read, write = pipe
    calls: list[int] = []
    thread = make(lambda: calls.append(0))
    thread.watch(read, lambda: calls.append(1))
    thread.start()
    thread.stop()
    seen = len(calls)
    os.write(write, b"x")
    time.sleep(0.02)
    assert len(calls) == seen


@pytest.mark.parametrize("started", [False, True])
def test_stop_is_harmless_when_repeated_and_when_nothing_was_started(make: Make, started: bool) -> None:
    thread = make()
    if started:
        thread.start()
    thread.stop()
    thread.stop()
