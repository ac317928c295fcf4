"""``port config 0 tx_metadata 5`` and ``dynf foo set``: what a port's packets are marked with when they are sent.

The marks are for devices that make use of them, which none of ours does; ``set verbose`` shows them.
"""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.params import UINT32
from pytestpmd.cli.registry import command
from pytestpmd.config import MAX_DYNF_NAME, MAX_DYNFS
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@command(
    "port config (port_id) tx_metadata (value)",
    "Mark what a port sends with a number, 0 for none.",
    "ports",
    value=UINT32,
)
def config_tx_metadata(app: "TestPmd", port_id: int, value: int) -> None:
    app.config.marks.metadata[app.ports[port_id].port_id] = value


@command("show port (port_id) tx_metadata", "Show the number that what a port sends is marked with.", "display")
def show_tx_metadata(app: "TestPmd", port_id: int) -> Answer:
    if port_id not in app.ports:
        raise ConfigError(f"invalid port id {port_id}")
    value = app.config.marks.metadata.get(port_id, 0)
    return Answer(f"Port {port_id} tx_metadata: {value}", lambda: {"port_id": port_id, "tx_metadata": value})


@command("port config (port_id) dynf (name) (set|clear)", "Mark what a port sends with a flag, or not.", "ports")
def config_dynf(app: "TestPmd", port_id: int, name: str, mode: str) -> None:
    port, marks = app.ports[port_id], app.config.marks
    if name not in marks.names:
        if len(name) >= MAX_DYNF_NAME:
            raise ConfigError("Flag name too long")
        if len(marks.names) == MAX_DYNFS:
            raise ConfigError("Can't register flag")
        marks.names.append(name)
    flags = marks.flags.setdefault(port.port_id, set())
    (flags.add if mode == "set" else flags.discard)(name)
