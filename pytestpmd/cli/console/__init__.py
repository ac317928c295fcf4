"""The console, driven three ways with one result: by a script on a terminal, by a pipe or a file, by a person.

``session.py`` runs lines; ``plain.py`` (with ``keys.py``) reads them for scripts and pipes, ``rich.py`` for a person
whom ``probe.py`` has proven to sit there.
"""

import os
from collections.abc import Callable
from typing import Any, Literal

from pytestpmd.cli.console import probe
from pytestpmd.cli.console.oneshot import NO_LIMITS, Limits, forward_until, stats_loop, wait_for_enter
from pytestpmd.cli.console.outcome import JsonOutput, Outcome
from pytestpmd.cli.console.plain import run_plain
from pytestpmd.cli.console.probe import Proof
from pytestpmd.cli.console.session import PROMPT, Quit, Session, say, write
from pytestpmd.cli.console.stop import Stop, StopRequested
from pytestpmd.cli.console.terminal import settle_standard_files
from pytestpmd.cli.registry import Registry

__all__ = [
    "PROMPT",
    "JsonOutput",
    "Limits",
    "Mode",
    "Outcome",
    "Proof",
    "Quit",
    "Session",
    "Stop",
    "StopRequested",
    "execute",
    "find_out",
    "forward_until",
    "run_console",
    "run_file",
    "say",
    "settle_standard_files",
    "stats_loop",
    "wait_for_enter",
    "watch",
    "write",
]

Mode = Literal["plain", "rich", "auto"]


def find_out(mode: Mode, stop: Stop) -> Proof:
    """Which console it will be; call it before the first line of output. StopRequested on a signal.

    A person asked for (``rich``) still needs a terminal to sit at.
    """
    if mode == "auto":
        return probe.look(stop)
    return Proof(person=mode == "rich" and os.isatty(0) and os.isatty(1))


def run_console(app: Any, registry: Registry, proof: Proof, stop: Stop, outcome: Outcome | None = None) -> None:
    """Read and run commands until ``quit``, Ctrl-D, the end of input or a signal; the terminal is as it was then.

    What goes wrong on a pipe counts for the outcome. A person at a terminal has seen it.
    """
    if os.isatty(0):
        outcome = Outcome(json=outcome.json if outcome else None)
    session = Session(app, registry, stop, outcome)
    if stop.requested:
        return
    if proof.person:
        from pytestpmd.cli.console.rich import run_rich

        run_rich(session, proof.typed)
    else:
        run_plain(session, proof.typed)


def watch(app: Any, stop: Stop, limits: Limits = NO_LIMITS, counted: Callable[[], int] = lambda: 0) -> str:
    """Show the dashboard to a person who has been proven, until q, a limit or a signal; what ended it is as of
    ``forward_until``, or ``quit``."""
    from pytestpmd.cli.dashboard.screen import Dashboard

    try:
        return Dashboard(app, stop).show(limits, counted)
    except StopRequested:
        return "signal"


def run_file(app: Any, registry: Registry, path: str, echo: bool, stop: Stop, outcome: Outcome | None = None) -> None:
    """Run the commands of a file; ConfigError if it cannot be read."""
    Session(app, registry, stop, outcome).run_file(path, echo=echo)


def execute(app: Any, registry: Registry, line: str, stop: Stop | None = None) -> str:
    """Run one line; the text to print. TestpmdError becomes its text here, Quit passes."""
    return Session(app, registry, stop or Stop()).execute(line)
