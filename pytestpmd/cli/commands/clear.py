"""``clear port|fwd ...``: count from zero."""

from typing import TYPE_CHECKING

from pytestpmd.cli.commands.show import each_port
from pytestpmd.cli.registry import command
from pytestpmd.cli.render import stats as render
from pytestpmd.ethdev.port import EthPort

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@command("clear port (info|stats|xstats|summary) (port_id|all)", "Clear what a port has counted.", "display")
def clear_port(app: "TestPmd", what: str, which: int | str) -> str:
    def clear(port: EthPort) -> str:
        if what in ("stats", "xstats"):
            port.clear_stats()
            app.session.clear_port(port.port_id)
        return render.cleared(port.port_id) if what == "stats" else ""

    return each_port(app, which, clear)


@command("clear fwd stats all", "Clear what was forwarded since start.", "display")
def clear_fwd_stats(app: "TestPmd") -> None:
    app.session.clear_stats()
