"""The live view, for a person at a terminal; a script gets the statistics as text."""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.commands.show import show_port
from pytestpmd.cli.console.session import Session
from pytestpmd.cli.registry import command, option

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@command(
    "dashboard",
    "Show ports, queues, streams and lcores live, ? tells the keys; without a person at a terminal, port stats.",
    "display",
)
def dashboard(app: "TestPmd", *, session: Session) -> Answer | str:
    stats = show_port(app, "stats", "all")
    if session.ask_dashboard is None:
        return stats
    session.ask_dashboard()
    return Answer("", stats.data) if isinstance(stats, Answer) else ""


@command("show port stats all (watch|--watch)", "Show the same as dashboard.", "display")
def watch(app: "TestPmd", word: str, *, session: Session) -> Answer | str:
    return dashboard(app, session=session)


@option(
    "--dashboard",
    "show a full screen of what is forwarded, live (see dashboard in pytestpmd(7))",
    group="run",
    ours=True,
)
def dashboard_option(app: "TestPmd") -> None:
    app.config.run.dashboard = True
