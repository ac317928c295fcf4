"""``show port ... ptypes``, ``set port ... ptype_mask``: the kinds of packets that a device tells apart.

No driver of ours has a device that does: what is told of a packet's layers is found in software.
"""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.params import UINT32
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

LAYERS = ("L2", "L3", "L4", "Tunnel", "Inner L2", "Inner L3", "Inner L4")


@command("show port (port_id) ptypes", "Show the kinds of packets that a port's device tells apart.", "display")
def show_ptypes(app: "TestPmd", port_id: int) -> Answer:
    _check(app, port_id)
    text = "\n".join(f"{layer} ptypes unsupported" for layer in LAYERS)
    kinds: dict[str, list[str]] = {layer.lower().replace(" ", "_"): [] for layer in LAYERS}
    return Answer(text, lambda: {"port_id": port_id, "ptypes": kinds})


@command("set port (port_id) ptype_mask (mask)", "Set the kinds that are told apart.", "config", mask=UINT32)
def set_ptype_mask(app: "TestPmd", port_id: int, mask: int) -> None:
    none = f"Port {port_id} doesn't support any ptypes."
    _check(app, port_id, none)
    raise ConfigError(none)


def _check(app: "TestPmd", port_id: int, then: str = "") -> None:
    if port_id not in app.ports:
        raise ConfigError(f"ETHDEV: Invalid port_id={port_id}\n{then}".rstrip("\n"))
