"""``pytestpmd-l3fwd-power [EAL options] -- [options]``: from the command line to routing, and out on a signal."""

import time
from collections.abc import Sequence
from contextlib import suppress
from math import inf

from pytestpmd.cli import console
from pytestpmd.cli.console import Stop, StopRequested
from pytestpmd.cli.launch import launch, probe, read_options, start_eal
from pytestpmd.cli.registry import Registry, discover
from pytestpmd.eal import args as eal
from pytestpmd.fwd.l3fwd import LcoreCounts, Router
from pytestpmd.programs.l3fwd_power import options, report
from pytestpmd.programs.l3fwd_power.app import L3FWD_POWER, RouterApp
from pytestpmd.telemetry import serving

#: How often lcores that sleep are woken to see how long that takes.
PROBE_S = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    return launch(registry, run, argv)


def registry() -> Registry:
    """The options."""
    return discover("pytestpmd.programs.l3fwd_power", options.PROGRAM)


def run(registry: Registry, words: eal.Words, stop: Stop) -> int:
    """Everything between the command line and the exit status."""
    options.check_refused(words.app_argv)
    arguments = read_options(registry, words)
    if arguments.wants_help:
        return 0
    with start_eal(options.PROGRAM, words) as args, RouterApp(args) as app, serving(app):
        probe(app)
        arguments.apply(app.settings, console.say)
        app.bring_up()
        with app.routing() as router:
            watch(app, router, stop)
        show(app, router)
    console.say("\nBye...")
    return 0


def watch(app: RouterApp, router: Router, stop: Stop) -> None:
    """Until a signal: see how long lcores take to wake, tell who woke, and show what they did when it is time."""
    period = app.settings.stats_period_s
    due, before = time.monotonic() + (period or inf), router.counts()
    with suppress(StopRequested):
        while True:
            stop.wait(timeout=max(0.0, min(PROBE_S, due - time.monotonic())))
            router.probe()
            before = tell_wakes(before, router.counts())
            if time.monotonic() >= due:
                show(app, router)
                due += period


def tell_wakes(before: list[LcoreCounts], now: list[LcoreCounts]) -> list[LcoreCounts]:
    """Log, in the original's words, which queues have woken lcores since the last look; the later counts."""
    for was, one in zip(before, now, strict=True):
        if one.sleep.by_packets == was.sleep.by_packets:
            continue
        for (port_id, queue_id), count in one.received.items():
            if count > was.received[port_id, queue_id]:
                line = "lcore %d is waked up from rx interrupt on port %d queue %d"
                L3FWD_POWER.info(line, one.lcore_id, port_id, queue_id)
        if one.sleep.asleep:
            L3FWD_POWER.info("lcore %d sleeps until interrupt triggers", one.lcore_id)
    return now


def show(app: RouterApp, router: Router) -> None:
    """What the lcores did since they were launched."""
    write = report.as_json if app.settings.json else report.text
    console.say(write(router.counts(), app.polls))
