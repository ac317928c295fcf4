"""A signal wakes whatever waits, once; and a console without a prompt ends on Enter, on the end of input or on it."""

import os
import signal
import threading
import time

import pytest

from pytestpmd.cli.console import Stop, StopRequested, stats_loop, wait_for_enter
from pytestpmd.cli.console.stop import SIGNALS


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def signal_soon(number: int = signal.SIGTERM) -> None:
    threading.Timer(0.1, os.kill, [os.getpid(), number]).start()


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_wakes_a_wait_without_end(number: int, pipe: tuple[int, int]) -> None:
    with Stop() as stop:
        signal_soon(number)
        with pytest.raises(StopRequested):
            stop.wait(pipe[0])
        with pytest.raises(StopRequested):
            stop.wait(pipe[0])
        assert stop.requested


def test_a_signal_wakes_a_wait_after_someone_took_the_wake_up_fd(pipe: tuple[int, int]) -> None:
    with Stop() as stop:
        signal.set_wakeup_fd(-1)
        signal_soon()
        with pytest.raises(StopRequested):
            stop.wait(pipe[0], 20)


def test_a_wait_ends_with_input_or_its_time(pipe: tuple[int, int]) -> None:
    with Stop() as stop:
        assert stop.wait(pipe[0], 0.01) is False
        assert stop.wait(timeout=0.01) is False
        os.write(pipe[1], b"x")
        assert stop.wait(pipe[0]) is True


def test_another_signal_does_not_end_a_wait(pipe: tuple[int, int]) -> None:
    previous = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    try:
        with Stop() as stop:
            signal_soon(signal.SIGUSR1)
            begun = time.monotonic()
            assert stop.wait(pipe[0], 0.3) is False
            assert time.monotonic() - begun >= 0.25
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_the_handlers_before_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_request_is_told_to_who_asked() -> None:
    told: list[str] = []
    with Stop() as stop:
        stop.on_request.append(lambda: told.append("stop"))
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(StopRequested):
            stop.wait(timeout=5)
    assert told == ["stop"]


@pytest.mark.parametrize("end", ["byte", "end of input", "signal"])
def test_press_enter_to_exit_ends_on(end: str, pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    read_fd, write_fd = pipe
    with Stop() as stop:
        if end == "byte":
            os.write(write_fd, b"\nrest")
        elif end == "signal":
            signal_soon()
        else:
            read_fd = os.open(os.devnull, os.O_RDONLY)
        wait_for_enter(stop, read_fd)
        if end == "byte":
            assert os.read(read_fd, 10) == b"rest"
        elif end == "end of input":
            os.close(read_fd)
    assert capsys.readouterr().out == "Press enter to exit\n"


def test_reports_come_at_once_and_each_period_until_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    reports = []

    def render() -> str:
        reports.append(time.monotonic())
        if len(reports) == 3:
            signal_soon(signal.SIGINT)
        return f"report {len(reports)}"

    with Stop() as stop:
        begun = time.monotonic()
        stats_loop(stop, 0.2, render)
    assert capsys.readouterr().out.startswith(
        "\nPort statistics ====================================\nreport 1\n"
        "\nPort statistics ====================================\nreport 2\n"
    )
    assert reports[0] - begun < 0.2
    assert reports[2] - begun >= 0.4
