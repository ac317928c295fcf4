"""The console about itself: help, quit and commands from a file."""

from typing import Any

from pytestpmd.cli.console.session import Quit, Session
from pytestpmd.cli.registry import SECTIONS, command
from pytestpmd.errors import ConfigError

TITLES = {
    "control": "Control forwarding:",
    "display": "Display:",
    "config": "Configuration:",
    "ports": "Port Operations:",
    "filters": "filters:",
    "traffic_management": "Traffic Management:",
    "devices": "Device Operations:",
    "drivers": "Driver specific:",
}


@command("help", "List the sections of the help.")
def help_sections(app: Any) -> str:
    lines = [
        f"    help {name:<27}: {about}" for name, about in {**SECTIONS, "all": "All of the above sections."}.items()
    ]
    return "\n".join(["", "Help is available for the following sections:", "", *lines, "", ""])


@command(
    f"help (all|{'|'.join(SECTIONS)})",
    "Show the commands of one section, or of all of them.",
)
def help_section(app: Any, section: str, *, session: Session) -> str:
    names = list(SECTIONS) if section == "all" else [section]
    return "".join(_section(name, session) for name in names)


def _section(name: str, session: Session) -> str:
    title = TITLES[name]
    blocks = [f"{one.syntax}\n    {one.help}\n" for one in session.registry.commands if one.section == name]
    return "\n".join(["", title, "-" * len(title), "", *blocks, *([""] if blocks else [])])


@command("quit", "Stop forwarding, close the ports and leave; in a file, leave the file.")
def leave(app: Any) -> None:
    raise Quit


@command("load (file)", "Run the commands of a file; a line that is no command is passed over.")
def load(app: Any, path: str, *, session: Session) -> None:
    _load(path, session, echo=False)


@command("load_echo (file)", "Run the commands of a file, showing each and what was wrong with it.")
def load_echo(app: Any, path: str, *, session: Session) -> None:
    _load(path, session, echo=True)


def _load(path: str, session: Session, *, echo: bool) -> None:
    try:
        session.run_file(path, echo=echo)
    except ConfigError as error:
        raise ConfigError(f"{error}\nFailed to load commands from file: {path}") from error
