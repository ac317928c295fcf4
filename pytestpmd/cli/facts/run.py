"""A run without a prompt: what it was, what came of it, and each of its periods."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytestpmd import __version__
from pytestpmd.app.recorder import Period
from pytestpmd.cli.answer import Json
from pytestpmd.cli.facts.port import identity
from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.report import FeatureReport
from pytestpmd.ethdev.stats import Rates, Stats

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

Facts = Mapping[str, Json]
#: Of the objects of a run; raised when a key goes or changes its meaning.
SCHEMA = 1
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Ending:
    """When a run began and ended (UTC), what ended it, its exit status, and what went wrong on the way."""

    began: datetime
    ended: datetime
    by: str
    status: int
    errors: Sequence[str] = ()


def host(cpuinfo: Path = CPUINFO) -> Facts:
    """The machine: what a figure means nothing without."""
    return {
        "cpu": _cpu_model(cpuinfo) or os.uname().machine,
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": os.uname().release,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _cpu_model(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def result(app: "TestPmd", command_line: Sequence[str], ending: Ending, periods: Sequence[Period]) -> Facts:
    """What came of a run: its last forwarding, which must have been stopped, while the ports are still there."""
    stats = app.session.stats()
    counted = app.session.counted()
    return {
        **_run(command_line, ending),
        "engine": stats.engine,
        "forwarded": bool(app.session.sample()),
        "periods": len(periods),
        "measured_s": round(sum(period.duration_s for period in periods), 6),
        "ports": [
            {
                **identity(port),
                **_callbacks(port),
                **_features(port),
                **totals(counted[port.port_id], dropped(app, port.port_id)),
                "rates": _rates(periods, _of_port(port.port_id)),
            }
            for port in app.ports
            if port.port_id in counted
        ],
        "total": {
            **totals(sum(counted.values(), Stats()), app.session.balance().dropped),
            "rates": _rates(periods, lambda period: period.total),
        },
        "conservation": conservation(app),
    }


def _of_port(port_id: int) -> Callable[[Period], Stats]:
    return lambda period: period.counted.get(port_id, Stats())


def failure(command_line: Sequence[str], began: datetime, status: int, error: str) -> Facts:
    """The result of a run that could not begin."""
    return _run(command_line, Ending(began, now(), "error", status, [error]))


def _run(command_line: Sequence[str], ending: Ending) -> dict[str, Json]:
    """What is in every result."""
    return {
        "type": "result",
        "schema": SCHEMA,
        "version": __version__,
        "command_line": list(command_line),
        "host": host(),
        "started_at": _iso(ending.began),
        "ended_at": _iso(ending.ended),
        "ended_by": ending.by,
        "status": ending.status,
        "errors": list(ending.errors),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dropped(app: "TestPmd", port_id: int) -> int:
    """Packets that engines dropped because this port did not take them."""
    return app.session.balance().dropped_at.get(port_id, 0)


def _callbacks(port: EthPort) -> Facts:
    return {f"{choice.way.lower()}_callback": choice.callback for choice in port.burst_choices()}


def _features(port: EthPort) -> Facts:
    """Those that both ends agreed on, by name; null for a port that has none to agree on."""
    report = port.device_report()
    return {
        "features": _agreed(report.features) if report else None,
        "protocol_features": _agreed(report.protocol_features) if report else None,
    }


def _agreed(features: Iterable[FeatureReport]) -> Sequence[str]:
    return [feature.name for feature in features if feature.agreed]


def totals(stats: Stats, tx_dropped: int) -> Facts:
    """Packets and bytes, and what was lost, by reason: ``tx_dropped`` is what the engine could not send."""
    drops = {
        "rx_missed": stats.imissed,
        "rx_errors": stats.ierrors,
        "rx_nombuf": stats.rx_nombuf,
        "tx_errors": stats.oerrors,
        "tx_dropped": tx_dropped,
    }
    return {
        "rx_packets": stats.ipackets,
        "rx_bytes": stats.ibytes,
        "tx_packets": stats.opackets,
        "tx_bytes": stats.obytes,
        "drops": sum(drops.values()),
        "drops_by_reason": drops,
    }


def _rates(periods: Sequence[Period], of: Callable[[Period], Stats]) -> Facts | None:
    """The lowest, the middle and the highest of all whole periods; null where there was none."""
    if not periods:
        return None
    rows = [asdict(period.rates(of(period))) for period in periods]
    return {name: _spread([row[name] for row in rows]) for name in rows[0]}


def _spread(values: Sequence[int]) -> Facts:
    ranked = sorted(values)
    middle = ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]
    return {"min": ranked[0], "median": middle // 2, "max": ranked[-1]}


def conservation(app: "TestPmd") -> Facts:
    """Whether every packet that ports received or engines made was sent, dropped or freed.

    Ports and engines count apart from each other. Exact once lcores have stopped.
    """
    total = sum(app.session.counted().values(), Stats())
    balance = app.session.balance()
    into, out = total.ipackets + balance.made, total.opackets + total.oerrors + balance.dropped + balance.freed
    return {
        "rx_packets": total.ipackets,
        "made": balance.made,
        "tx_packets": total.opackets,
        "dropped": balance.dropped + total.oerrors,
        "freed": balance.freed,
        "holds": into == out,
    }


def period(of: Period) -> Facts:
    """One period, as it is over."""
    return {
        "type": "period",
        "schema": SCHEMA,
        "number": of.number,
        "duration_s": round(of.duration_s, 6),
        "ports": [{"port_id": port_id, **_counted(of, stats)} for port_id, stats in of.counted.items()],
        "total": _counted(of, of.total),
    }


def _counted(of: Period, stats: Stats) -> Facts:
    rates: Rates = of.rates(stats)
    return {
        "rx_packets": stats.ipackets,
        "rx_bytes": stats.ibytes,
        "rx_missed": stats.imissed,
        "rx_errors": stats.ierrors,
        "rx_nombuf": stats.rx_nombuf,
        "tx_packets": stats.opackets,
        "tx_bytes": stats.obytes,
        "tx_errors": stats.oerrors,
        **asdict(rates),
    }


def answer(line: str, data: Json) -> Facts:
    """What a line of a script asked for."""
    return {"type": "answer", "schema": SCHEMA, "line": line, "answer": data}
