"""``pytestpmd [EAL options] -- [testpmd options]``: from the command line to the prompt or to forwarding, and out.

The order of things is the original's (DPDK ``app/test-pmd/testpmd.c``, ``main``), because scripts wait for its lines:
EAL, devices, options, pools, ports, files of commands, then the prompt or ``start``.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pytestpmd import telemetry
from pytestpmd.app import TestPmd
from pytestpmd.app.recorder import Period, Recorder
from pytestpmd.cli import argv as options
from pytestpmd.cli import console
from pytestpmd.cli.commands.forwarding import stop
from pytestpmd.cli.commands.members import replan
from pytestpmd.cli.commands.queues import limits
from pytestpmd.cli.commands.run import CONSOLES
from pytestpmd.cli.commands.show import nic_stats
from pytestpmd.cli.console import JsonOutput, Limits, Outcome, Proof, Stop
from pytestpmd.cli.facts import run as facts
from pytestpmd.cli.launch import complain, launch, probe, read_options, start_eal
from pytestpmd.cli.registry import Registry, discover
from pytestpmd.cli.render.packet import dump
from pytestpmd.config import Config, Facts, LaunchError, validate
from pytestpmd.eal import args as eal
from pytestpmd.errors import ConfigError, TestpmdError, WaitExpired
from pytestpmd.ethdev.ports import OPERATING
from pytestpmd.fwd import ENGINES
from pytestpmd.log import TESTPMD, log_type

#: Of the rates in a result, where --stats-period does not say: seconds, and so many in a short run.
PERIOD_S, LEAST_PERIODS = 1.0, 5
MCL_CURRENT, MCL_FUTURE = 1, 2
#: Back-ends try once a second.
PEERS_PATIENCE_S, PEERS_STEP_S = 2.0, 0.02

_VIRTIO = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    return launch(registry, lambda *given: Program(*given).run(), argv)


def registry() -> Registry:
    """Every command and option."""
    return discover()


@dataclass
class Program:
    """One run of the program, step by step."""

    registry: Registry
    words: eal.Words
    stop: Stop
    outcome: Outcome = field(default_factory=Outcome)
    began: datetime = field(default_factory=facts.now)

    def run(self) -> int:
        """Everything between the command line and the exit status."""
        arguments = read_options(self.registry, self.words)
        if arguments.wants_help:
            return 0
        given = {one.option.name for one in arguments.given}
        self.outcome.fail_fast = "fail-fast" in given
        if "json" not in given:
            return self._run(arguments)
        with JsonOutput() as output:
            self.outcome.json = output
            try:
                return self._run(arguments)
            except TestpmdError as error:
                output.write(facts.failure(sys.argv, self.began, error.exit_code, str(error)))
                raise

    def _run(self, arguments: options.Arguments) -> int:
        proof = self._who_sits_there(arguments)
        with (
            start_eal(self.registry.program, self.words) as args,
            TestPmd(Config(), args, console.say) as app,
            telemetry.serving(app),
            ExitStack() as undo,
        ):
            self.stop.on_request.append(app.request_quit)
            app.show_packets = lambda packets, lost: app.say(dump(packets, lost, app.pools[0].name, app.config.marks))
            app.stop_forwarding = lambda: app.say(stop(app))
            app.start_forwarding = lambda: app.say(console.execute(app, self.registry, "start"))
            probe(app)
            try:
                with OPERATING:
                    prepare(app, arguments)
                serve_metrics(app, undo)
            except TestpmdError as error:
                if self.outcome.json:
                    self.outcome.json.write(facts.failure(sys.argv, self.began, error.exit_code, str(error)))
                return give_up(app, error)
            self._await_peers(app)
            self._play(app, proof)
            return self.outcome.status

    def _play(self, app: TestPmd, proof: Proof) -> None:
        """Files, then the prompt or forwarding, and out."""
        run = app.config.run
        limits = Limits(run.duration_s, run.packets)
        recorder = self._recorder(app)
        self._run_files(app)
        if self.outcome.status:
            ended_by = "error"
        elif run.interactive:
            ended_by = self._prompt(app, proof, limits)
        else:
            ended_by = self._forward(app, limits)
        if recorder:
            recorder.close()
        leave(app, lambda: self._tell_result(app, ended_by, recorder))

    def _recorder(self, app: TestPmd) -> Recorder | None:
        """Looks on for the result, if one is asked for."""
        output, run = self.outcome.json, app.config.run
        if output is None:
            return None
        period_s = float(run.stats_period) or min(PERIOD_S, run.duration_s / LEAST_PERIODS or PERIOD_S)

        def tell(period: Period) -> None:
            if run.stats_period:
                output.write(facts.period(period))

        recorder = Recorder(app, period_s, tell)
        app.session.on_start = recorder.begin
        recorder.start()
        return recorder

    def _tell_result(self, app: TestPmd, ended_by: str, recorder: Recorder | None) -> None:
        if self.outcome.json and recorder:
            ending = facts.Ending(self.began, facts.now(), ended_by, self.outcome.status, self.outcome.errors)
            self.outcome.json.write(facts.result(app, sys.argv, ending, list(recorder.periods)))

    def _who_sits_there(self, arguments: options.Arguments) -> Proof:
        """Asked before the first line of output, and only where there will be a prompt."""
        given: dict[str, Any] = {one.option.name: one.text for one in arguments.given}
        mode = given.get("console", "auto")
        asked = given.keys() & {"interactive", "dashboard"} and "json" not in given and mode in CONSOLES
        proof = console.find_out(mode, self.stop) if asked else Proof()
        if "dashboard" in given and not proof.person:
            raise ConfigError("--dashboard needs a terminal with a person at it: use --stats-period=1 without one")
        return proof

    def _await_peers(self, app: TestPmd) -> None:
        """Ports that listen get their peers, if there are any: scripts start both programs and send at once.

        The original waits without end where a port is made (``drivers/net/virtio/virtio_user/vhost_user.c``).
        """
        for port in app.ports:
            if path := port.awaited_peer():
                _VIRTIO.notice("(%s) waiting for client connection...", path)
        deadline = time.monotonic() + PEERS_PATIENCE_S
        while (
            any(port.awaited_peer() for port in app.ports) and time.monotonic() < deadline and not self.stop.requested
        ):
            time.sleep(PEERS_STEP_S)

    def _run_files(self, app: TestPmd) -> None:
        for path, echo in app.config.run.cmdline_files:
            try:
                console.run_file(app, self.registry, path, echo, self.stop, self.outcome)
            except ConfigError as error:
                app.say(f"{error}\nFailed to process cmdline file: {path}")
                self.outcome.add("--cmdline-file", error)
                return
            if self.outcome.status:
                return

    def _prompt(self, app: TestPmd, proof: Proof, limits: Limits) -> str:
        """What ended it."""
        if app.config.run.auto_start:
            app.say("Start automatic packet forwarding")
            app.say(console.execute(app, self.registry, "start"))
        if limits:
            return self._wait(app, limits)
        if app.config.run.dashboard:
            console.watch(app, self.stop)
        console.run_console(app, self.registry, proof, self.stop, self.outcome)
        if self.outcome.status:
            return "error"
        return "signal" if self.stop.requested else "quit"

    def _forward(self, app: TestPmd, limits: Limits) -> str:
        """Forward at once, until a limit, Enter, the end of input or a signal; which it was."""
        app.say("No commandline core given, start packet forwarding")
        session = console.Session(app, self.registry, self.stop, self.outcome)
        app.say(session.execute("start tx_first" if app.config.run.tx_first else "start"))
        if not app.session.running:
            self.outcome.status = 1
            return "error"
        if limits or app.config.run.stats_period or app.config.run.dashboard:
            return self._wait(app, limits)
        return console.wait_for_enter(self.stop)

    def _wait(self, app: TestPmd, limits: Limits) -> str:
        """Until a limit or a signal, with reports for people where those are asked for."""
        period_s = 0 if self.outcome.json else app.config.run.stats_period
        if app.config.run.dashboard:
            ended_by = console.watch(app, self.stop, limits, lambda: forwarded(app))
        elif period_s:
            ended_by = console.stats_loop(
                self.stop, period_s, lambda: port_statistics(app), limits, lambda: forwarded(app)
            )
        else:
            ended_by = console.forward_until(self.stop, limits, lambda: forwarded(app))
        if ended_by == "duration" and limits.packets:
            counted = f"{forwarded(app)} of {limits.packets} packets within {limits.duration_s:g} s"
            self.outcome.add("--packets", WaitExpired(counted))
            app.say(counted)
        if limits and not forwarded(app):
            app.say("No packets came: where nobody else sends, --tx-first or --forward-mode=txonly does")
        return ended_by


def forwarded(app: TestPmd) -> int:
    """What ``--packets`` counts: received since ``start`` by all forwarding ports, or sent by an engine that only
    sends."""
    plan, counted = app.session.plan, app.session.counted().values()
    receives = plan is None or ENGINES[plan.engine].receives
    return sum(stats.ipackets if receives else stats.opackets for stats in counted)


def prepare(app: TestPmd, arguments: options.Arguments) -> None:
    """Options, pools, ports. Raises :class:`TestpmdError` for what ends the program."""
    if not app.worker_lcores:
        raise LaunchError("No cores defined for forwarding\nCheck the core mask argument")
    arguments.apply(app, app.say)
    for line in validate(app.config, Facts(app.main_lcore, app.worker_lcores, limits(app.ports))):
        app.say(line)
    app.say(numa_warning(app))
    if app.config.run.mlockall:
        lock_memory()
    app.create_pools()
    app.say(replan(app))
    if not app.config.ports.disable_device_start and not app.start_ports(app.ports.ids()):
        if not app.config.run.interactive:
            raise LaunchError("Start ports failed")
        app.say("Start ports failed")
    app.enable_promiscuous()
    app.measure()


def serve_metrics(app: TestPmd, undo: ExitStack) -> None:
    """Open the endpoint of ``--metrics-port``, and say where it is."""
    port = app.config.run.metrics_port
    if port is not None:
        from pytestpmd.telemetry.endpoint import Endpoint

        endpoint = Endpoint(app, port)
        undo.callback(endpoint.close)
        app.say(f"Metrics at http://127.0.0.1:{endpoint.port}/metrics")


def numa_warning(app: TestPmd) -> str:
    """What the original says of ports that sit on no NUMA node; "" if none does."""
    told = app.config.ports.port_numa
    if app.config.ports.numa and any(port.numa_node < 0 and port.port_id not in told for port in app.ports):
        return (
            "Warning: NUMA should be configured manually by using --port-numa-config and --ring-numa-config "
            "parameters along with --numa."
        )
    return ""


def lock_memory() -> None:
    """Keep all memory, present and future, from being swapped out; a refusal is logged, and that is all."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE):
        TESTPMD.notice('mlockall() failed with error "%s"', os.strerror(ctypes.get_errno()))


def port_statistics(app: TestPmd) -> str:
    """The report of ``--stats-period``."""
    with OPERATING:
        return "\n".join(nic_stats(app, app.ports[port_id]).text for port_id in app.fwd_ports()).removeprefix("\n")


def give_up(app: TestPmd, error: TestpmdError) -> int:
    """Say why the options cannot be, close the ports, and give the exit status."""
    before = error.before if isinstance(error, LaunchError) else ""
    complain("\n".join(line for line in (before, options.exit_text(error)) if line))
    closed = app.ports.ids()
    app.release()
    for port_id in closed:
        app.say(f"Port {port_id} is closed")
    return error.exit_code


def leave(app: TestPmd, tell: Callable[[], None] = lambda: None) -> None:
    """Stop forwarding, stop and close the ports, and say Bye; ``tell`` is called when nothing is forwarded any more."""
    app.hotplug.end()
    app.metrics.close()
    if app.session.running:
        app.say(stop(app))
    tell()
    app.say("\nPrimary: Sending 'stop_req' request to secondary...")
    app.config.ports.no_link_check = True
    for port_id in app.ports.ids():
        app.say(f"\nStopping port {port_id}...")
        app.stop_ports([port_id])
    for port_id in app.ports.ids():
        app.say(f"\nShutting down port {port_id}...")
        app.close_ports([port_id])
    app.say("\nBye...")
