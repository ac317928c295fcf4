"""``clear port|fwd ...``: count from zero."""

from typing import TYPE_CHECKING

from pytestpmd.cli.commands.show import each_port
from pytestpmd.cli.registry import command
from pytestpmd.cli.render import stats as render
from pytestpmd.ethdev.port import EthPort

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@command("clear port (info|stats|xstats) (port_id|all)", "Clear what a port has counted.", "display")
def clear_port(app: "TestPmd", what: str, which: int | str) -> str:
    return each_port(app, which, _stats if what == "stats" else _silently if what == "xstats" else lambda port: "")


def _stats(port: EthPort) -> str:
    port.clear_stats()
    return render.cleared(port.port_id)


def _silently(port: EthPort) -> str:
    port.clear_stats()
    return ""


@command("clear fwd stats all", "Clear what was forwarded since start.", "display")
def clear_fwd_stats(app: "TestPmd") -> None:
    app.session.clear_stats()
