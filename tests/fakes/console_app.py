"""A program with a console and no ports: enough of an app to drive each console as a whole.

Run as ``python -m fakes.console_app MODE [file]``: MODE is plain, rich, auto, patient (auto, but waiting for an answer
as long as a busy machine may take), enter or stats.
"""

import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from pytestpmd.cli import console, registry
from pytestpmd.cli.commands import session
from pytestpmd.cli.console import probe
from pytestpmd.cli.registry import command
from pytestpmd.errors import PortError


@dataclass
class Port:
    port_id: int

    @property
    def name(self) -> str:
        return f"net_null{self.port_id}"


@dataclass
class Forwarding:
    running: bool = False


@dataclass
class App:
    ports: list[Port] = field(default_factory=lambda: [Port(0), Port(1)])
    session: Forwarding = field(default_factory=Forwarding)
    has_own_pair: bool = "OWN_PAIR" in os.environ


@command("show port (info|stats) (port_id|all)", "Show what a port is and has counted.", "display")
def show_port(app: App, what: str, port_id: int | str) -> str:
    if isinstance(port_id, int) and port_id >= len(app.ports):
        raise PortError(f"Invalid port {port_id}")
    return f"{what} of {port_id}"


@command("set burst (num)", "Set the packets per burst.", "config")
def set_burst(app: App, num: int) -> None: ...


@command("say (name)", "Say it.")
def say(app: App, name: str) -> str:
    return name


@command("later", "Say something while the prompt waits.")
def later(app: App) -> None:
    threading.Timer(0.2, console.say, ["Port 0: link state change event"]).start()


@command("sleep (num)", "Do nothing for so many milliseconds.")
def sleep(app: App, num: int) -> str:
    time.sleep(num / 1000)
    return "slept"


@command("start", "Forward.")
def start(app: App) -> str:
    app.session.running = True
    return "forwarding"


@command("stop", "Forward no more.")
def stop(app: App) -> str:
    app.session.running = False
    return "stopped"


@command("dashboard", "Look on.")
def dashboard(app: App, *, session: console.Session) -> None:
    if session.ask_dashboard:
        session.ask_dashboard()


@command("break", "Be a bug.")
def bug(app: App) -> Any:
    return {}["no such key"]


def commands() -> registry.Registry:
    made = registry.of([show_port, set_burst, say, later, sleep, start, stop, dashboard, bug])
    made.add_module(session)
    return made


def main(mode: Any, *files: str) -> None:
    console.settle_standard_files()
    with console.Stop() as stop:
        if mode == "enter":
            console.wait_for_enter(stop)
        elif mode == "stats":
            console.stats_loop(stop, 0.1, lambda: "one report")
        else:
            proof = probe.look(stop, patience_s=20) if mode == "patient" else console.find_out(mode, stop)
            console.say("Interactive-mode selected")
            for path in files:
                console.run_file(App(), commands(), path, True, stop)
            console.run_console(App(), commands(), proof, stop)
        console.say("\nBye...")


if __name__ == "__main__":
    main(*sys.argv[1:])
