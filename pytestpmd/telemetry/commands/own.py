"""``/pytestpmd/...``: what DPDK has no command for."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from pytestpmd.errors import NotSupported
from pytestpmd.telemetry import params as read
from pytestpmd.telemetry.drops import drops_by_reason
from pytestpmd.telemetry.registry import Json, telemetry

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@telemetry("/pytestpmd/fwd/stats", "What was forwarded since start, by port and by stream. No parameters")
def fwd_stats(app: "TestPmd", params: str) -> Json:
    stats = app.session.stats()
    return {
        "engine": stats.engine,
        "running": app.session.running,
        "total": _counted(asdict(stats.total)),
        "ports": [_counted(asdict(port)) for port in stats.ports],
        "streams": [asdict(stream) for stream in app.session.sample()],
    }


def _counted(stats: dict[str, Json]) -> dict[str, Json]:
    """Without the bursts by size, of which there may be many."""
    return {name: value for name, value in stats.items() if name not in ("rx_bursts", "tx_bursts")}


@telemetry(
    "/pytestpmd/callbacks",
    "Which functions move packets, and why those. Parameters: int port_id",
)
def callbacks(app: "TestPmd", params: str) -> Json:
    return {
        choice.way.lower(): {
            "callback": choice.callback,
            "because": choice.because,
            "others": {name: list(missing) for name, missing in choice.others},
        }
        for choice in read.port(app, params).burst_choices()
    }


@telemetry("/pytestpmd/virtio", "The two ends of a virtio device. Parameters: int port_id")
def virtio(app: "TestPmd", params: str) -> Json:
    report = read.port(app, params).device_report()
    if report is None:
        raise NotSupported("no virtio device")
    return asdict(report)


@telemetry("/pytestpmd/drops", "A port's packets that were lost, by reason. Parameters: int port_id")
def drops(app: "TestPmd", params: str) -> Json:
    return dict(drops_by_reason(app, read.port(app, params)))
