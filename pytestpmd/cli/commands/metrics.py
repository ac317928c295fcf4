"""What is measured beside the counters: latencies and bit rates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer, Json
from pytestpmd.cli.params import INT32
from pytestpmd.cli.registry import command, option
from pytestpmd.cli.render.metrics import metrics
from pytestpmd.config import LaunchError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "forwarding"


@option(
    "--latencystats=LCORE", "measure how long packets are here (show metrics); the lcore is as good as any", type=INT32
)
def latencystats(app: "TestPmd", lcore: int) -> None:
    if lcore < 0:
        raise LaunchError(f"invalid lcore id {lcore} for latencystats must be >= 0")
    app.config.metrics.latency_lcore = lcore


@option(
    "--bitrate-stats=LCORE", "compute bit rates each second (show metrics); the lcore is as good as any", type=INT32
)
def bitrate_stats(app: "TestPmd", lcore: int) -> None:
    if lcore < 0:
        raise LaunchError(f"invalid lcore id {lcore} for bitrate stats must be >= 0")
    app.config.metrics.bitrate_lcore = lcore


@command("show metrics", "Show what --latencystats and --bitrate-stats have measured.", "display")
def show_metrics(app: "TestPmd") -> Answer:
    of_all = app.metrics.of_all()
    of_ports = {port.port_id: app.metrics.of_port(port.port_id) for port in app.ports}
    return Answer(metrics(of_all, of_ports), lambda: _facts(of_all, of_ports))


def _facts(of_all: Mapping[str, int], of_ports: Mapping[int, Mapping[str, int]]) -> Mapping[str, Json]:
    return {"all": of_all, "ports": [{"port_id": port_id, **found} for port_id, found in of_ports.items()]}
