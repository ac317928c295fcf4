"""``wait``, ``assert``: what a script counts on. What does not hold ends the file and makes the run's exit status."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytestpmd.app import sampling
from pytestpmd.cli.console.session import Session
from pytestpmd.cli.expression import Expression
from pytestpmd.cli.facts.checks import Names
from pytestpmd.cli.params import UINT64, Rest
from pytestpmd.cli.registry import command
from pytestpmd.errors import CheckFailed, WaitExpired
from pytestpmd.ethdev.stats import Stats

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: How long a wait is where it does not say, how often it looks, and over how long a rate is taken; seconds.
TIMEOUT_S, LOOK_S, RATE_S = 10.0, 0.02, 0.5


@command(
    "assert (expression)",
    "Claim something of the ports: port[0].rx_packets > 0 and total.drops == 0.",
    expression=Rest("EXPRESSION"),
)
def check(app: "TestPmd", text: str) -> None:
    expression = Expression(text)
    if not expression.value(Names(app)):
        values = expression.values()
        raise CheckFailed(f"Assertion failed: {text}{f' ({values})' if values else ''}")


@command("wait seconds (seconds)", "Let some time pass.")
def wait_seconds(app: "TestPmd", seconds: float, *, session: Session) -> None:
    session.pause(seconds)


@command(
    "wait link (up|down) (port_id|all) [timeout (seconds)]",
    "Wait until a port's link, or all of them, are up or down; 10 seconds if no time is said.",
)
def wait_link(
    app: "TestPmd",
    status: str,
    which: int | str,
    given: str | None = None,
    timeout_s: float = TIMEOUT_S,
    *,
    session: Session,
) -> None:
    ports = app.ports.chosen(which)

    def look() -> str:
        return ", ".join(f"port {port.port_id} is {now}" for port in ports if (now := port.link().status) != status)

    _wait(session, look, f"link {status}", timeout_s)


@command(
    "wait packets (rx|tx) (port_id|all) (count) [timeout (seconds)]",
    "Wait until a port, or all together, have received or sent so many packets, as show port stats counts them.",
    count=UINT64,
)
def wait_packets(
    app: "TestPmd",
    way: str,
    which: int | str,
    count: int,
    given: str | None = None,
    timeout_s: float = TIMEOUT_S,
    *,
    session: Session,
) -> None:
    ports = app.ports.chosen(which)

    def look() -> str:
        counted = sum(_packets(port.stats(), way) for port in ports)
        return "" if counted >= count else f"{counted} so far"

    _wait(session, look, f"packets {way} {count}", timeout_s)


@command(
    "wait rate (rx|tx) (port_id|all) >= (pps) [timeout (seconds)]",
    "Wait until a port, or all together, receive or send so many packets a second, over half a second.",
    pps=UINT64,
)
def wait_rate(
    app: "TestPmd",
    way: str,
    which: int | str,
    pps: int,
    given: str | None = None,
    timeout_s: float = TIMEOUT_S,
    *,
    session: Session,
) -> None:
    ids = [port.port_id for port in app.ports.chosen(which)]
    samples = [sampling.take(app)]

    def look() -> str:
        samples.append(now := sampling.take(app))
        while sampling.seconds(samples[1], now) > RATE_S:
            samples.pop(0)
        passed_s = sampling.seconds(samples[0], now)
        counted = sampling.counted(samples[0], now)
        rate = round(sum(_packets(counted[i], way) for i in ids if i in counted) / passed_s) if passed_s else 0
        return "" if passed_s >= RATE_S and rate >= pps else f"{rate} a second"

    _wait(session, look, f"rate {way} >= {pps}", timeout_s)


def _packets(stats: Stats, way: str) -> int:
    return stats.ipackets if way == "rx" else stats.opackets


def _wait(session: Session, look: Callable[[], str], what: str, timeout_s: float) -> None:
    """Until ``look`` has nothing to say against it; WaitExpired with what it said last."""
    end = time.monotonic() + timeout_s
    while against := look():
        if time.monotonic() >= end:
            raise WaitExpired(f"Waited {timeout_s:g} s for {what}: {against}")
        session.pause(LOOK_S)
