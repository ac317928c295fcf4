"""``pytestpmd-kni [EAL options] -- [kni options]``: from the command line to the interfaces, and out at a signal.

SIGUSR1 prints the statistics, SIGUSR2 zeroes them; they are printed at the end as well.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import FrameType

from pytestpmd.app import TestPmd
from pytestpmd.cli import console
from pytestpmd.cli.console import Stop, StopRequested
from pytestpmd.cli.launch import launch, probe, read_options, start_eal
from pytestpmd.cli.registry import Program, Registry, discover
from pytestpmd.config import Config, LaunchError
from pytestpmd.eal import args as eal
from pytestpmd.errors import TestpmdError
from pytestpmd.programs.kni import sock
from pytestpmd.programs.kni.kni import Kni, log
from pytestpmd.programs.kni.lanes import Lanes
from pytestpmd.programs.kni.render import statistics
from pytestpmd.programs.kni.settings import Settings, check
from pytestpmd.telemetry import serving

PROGRAM = Program("pytestpmd-kni", "kni options", file_prefix="kni")
MBUFS, MBUFS_PER_PORT = 4096, 8192
TICK_S = 0.1
#: So long what another program sent before it ended is still moved, and how often we look; in seconds.
DRAIN_S, DRAIN_STEP_S = 1.0, 0.001


def registry() -> Registry:
    """The program's options."""
    return discover("pytestpmd.programs.kni", PROGRAM)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] == "sock":
        return sock.become(words[1:])
    return launch(registry, run, words)


class KniApp(TestPmd):
    """The ports; without any there is nothing to do."""

    makes_pair = False


def run(found: Registry, words: eal.Words, stop: Stop) -> int:
    """Everything between the command line and the exit status."""
    arguments = read_options(found, words)
    if arguments.wants_help:
        return 0
    settings = Settings()
    with start_eal(PROGRAM, words) as args, KniApp(Config(), args, console.say) as app, serving(app):
        probe(app)
        arguments.apply(settings, app.say)
        check(settings, app.ports.ids(), [app.main_lcore, *app.worker_lcores])
        with ExitStack() as undo:
            KniRun(app, settings, stop, undo).run()
    return 0


class KniRun:
    """The program with its ports found and its options checked."""

    def __init__(self, app: TestPmd, settings: Settings, stop: Stop, undo: ExitStack) -> None:
        self._app, self._settings, self._stop = app, settings, stop
        self._wanted: set[signal.Signals] = set()
        self._listen_to_signals(undo)
        self._start_ports()
        self._changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        undo.callback(os.close, self._changed)
        self._knis = self._make_interfaces(undo)
        self._lanes = Lanes(app, self._knis, interrupt=settings.interrupt)
        self._servers = [self._serve(kni, undo) for kni in self._knis]

    def _listen_to_signals(self, undo: ExitStack) -> None:
        def want(number: int, frame: FrameType | None) -> None:
            self._wanted.add(signal.Signals(number))

        for number in (signal.SIGUSR1, signal.SIGUSR2):
            undo.callback(signal.signal, number, signal.signal(number, want))

    def _start_ports(self) -> None:
        ports = self._settings.port_ids
        self._app.config.pool.total_num_mbufs = MBUFS + MBUFS_PER_PORT * len(ports)
        self._app.create_pools()
        if not self._app.start_ports(ports):
            raise LaunchError("Start ports failed")
        for port_id in ports if self._settings.promiscuous else []:
            try:
                self._app.ports[port_id].set_promiscuous(True)
            except TestpmdError as error:
                self._app.say(f"Error during enabling promiscuous mode for port {port_id}: {error} - ignore")

    def _make_interfaces(self, undo: ExitStack) -> list[Kni]:
        made: list[Kni] = []
        for port_id in self._settings.port_ids:
            first_free_id = max(self._app.ports.ids()) + 1 + len(made)
            lcores = self._settings.lcores_of(port_id)
            kni = Kni(self._app.ports[port_id], lcores, self._app.pools[0], first_free_id)
            undo.callback(kni.close)
            kni.interface.on_change = self._wake
            made.append(kni)
            self._app.say(
                f"Port {port_id}: interface {kni.name}, lcore {lcores.lcore_rx} (RX), lcore {lcores.lcore_tx} (TX)"
            )
        return made

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full is as good
            os.eventfd_write(self._changed, 1)

    def _serve(self, kni: Kni, undo: ExitStack) -> sock.SockServer:
        def enter() -> int:
            with self._lanes.paused():
                return kni.enter_sock()

        def leave() -> None:
            deadline = time.monotonic() + DRAIN_S
            while not kni.is_drained and time.monotonic() < deadline:
                time.sleep(DRAIN_STEP_S)
            with self._lanes.paused():
                try:
                    kni.leave_sock()
                except TestpmdError as error:
                    log.error("%s: %s", kni.name, error)

        server = sock.SockServer(kni.name, enter, leave)
        undo.callback(server.close)
        return server

    def run(self) -> None:
        """Move packets until a signal ends it."""
        self._lanes.start()
        try:
            with suppress(StopRequested):
                while True:
                    self._turn()
        finally:
            self._lanes.stop()
            self._print()

    def _turn(self) -> None:
        """Wait for something to happen, and see to it."""
        with select.epoll() as watched:
            sources = {fd: server for server in self._servers for fd in server.fds()}
            for fd in (self._changed, *sources):
                watched.register(fd, select.EPOLLIN)
            self._stop.wait(watched.fileno(), TICK_S)
            ready = [fd for fd, _ in watched.poll(0)]
        for fd in ready:
            if fd in sources:
                sources[fd].handle(fd)
        if self._changed in ready:
            os.eventfd_read(self._changed)
            self._carry()
        if self._settings.monitor_link:
            for kni in self._knis:
                kni.follow_carrier()
        self._heed_signals()

    def _carry(self) -> None:
        steps = [step for kni in self._knis for step in kni.pending()]
        if steps:
            with self._lanes.paused():
                for step in steps:
                    step()

    def _heed_signals(self) -> None:
        wanted, self._wanted = self._wanted, set()
        if signal.SIGUSR1 in wanted:
            self._print()
        if signal.SIGUSR2 in wanted:
            self._lanes.clear()
            self._app.say("\n** Statistics have been reset **")

    def _print(self) -> None:
        self._app.say(statistics([(kni.lcores, self._lanes.stats(kni)) for kni in self._knis]))
