"""Our program in a process of its own, without a console, that can be killed as ``kill -9`` does.

The processes are forked from one that has imported everything, so that a hundred of them are a matter of seconds.
"""

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from _pytest.monkeypatch import MonkeyPatch
from fakes.appliance import CPUS, Appliance
from fakes.leaks import PATIENCE_S, eventually, open_fds

from pytestpmd.drivers import discover

CONTEXT = get_context("forkserver")
discover()  # once, in the process that the others are forked from
#: Between two looks for the other end, in seconds.
EAGER_S = 0.01


def prepare() -> None:
    """Start the process that the others are forked from; it stays as long as this one."""
    CONTEXT.set_forkserver_preload([__name__])
    with MonkeyPatch().context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # without it Python 3.11's does not find the module
        forkserver.ensure_running()


def be_eager(setattr_: Callable[..., None]) -> None:
    """Have ports look for their other ends sooner; a test hands in its ``monkeypatch.setattr``."""
    for name in (
        "pytestpmd.drivers.vhost.RECONNECT_S",
        "pytestpmd.drivers.virtio.transport.user.RECONNECT_S",
        "pytestpmd.eal.control.TICK_S",
    ):
        setattr_(name, EAGER_S)


class Mortal:
    """A program with one port, which forwards what it gets once it is told to :meth:`begin`."""

    def __init__(self, device: str, options: str = "") -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_live, args=(theirs, device, options), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def ask(self, what: str) -> Any:
        """Have it do something, and wait for the answer."""
        self._pipe.send(what)
        assert self._pipe.poll(3 * PATIENCE_S), f"no answer to {what}"
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise AssertionError(answer)
        return answer

    def is_ready(self) -> None:
        """Wait until its port is started."""
        self.ask("packets")

    def begin(self, tx_first: bool = True) -> None:
        """Forward, after a burst of its own when its link is up."""
        self.ask("begin" if tx_first else "forward")

    def packets(self) -> int:
        """Received so far."""
        return int(self.ask("packets"))

    def nb_fds(self) -> int:
        return int(self.ask("fds"))

    def finish(self) -> None:
        """Stop and give everything back; every mbuf must then be free."""
        self.ask("finish")
        self._process.join(PATIENCE_S)
        assert self._process.exitcode == 0

    def kill(self) -> None:
        """As ``kill -9`` does; harmless when repeated."""
        if self._pipe.closed:
            return
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.join(PATIENCE_S)
        self._pipe.close()
        self._process.close()


def _live(pipe: Connection, device: str, options: str) -> None:
    be_eager(MonkeyPatch().setattr)
    CPUS.reverse()  # its lcore shall not share a CPU with its peer's
    try:
        with Appliance(device, options=options) as program:
            deeds: dict[str, Callable[[], object]] = {
                "begin": lambda: _begin(program, 1),
                "forward": lambda: _begin(program, 0),
                "packets": lambda: program.packets(0)[0],
                "fds": lambda: len(open_fds()),
            }
            while (what := pipe.recv()) != "finish":
                pipe.send(deeds[what]())
            if program.app.session.running:
                program.app.session.stop()
        pipe.send(True)
    except (EOFError, BrokenPipeError):
        return  # the test is over
    except BaseException as error:
        pipe.send(repr(error))


def _begin(program: Appliance, tx_first: int) -> bool:
    if tx_first:
        assert program.are_up(), "the link is down"
    program.app.session.start(tx_first)
    return True


__all__ = ["Mortal", "be_eager", "eventually", "prepare"]
