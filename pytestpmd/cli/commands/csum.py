"""``csum``, ``tso``: what the csum engine asks of the port that sends, and what it does itself."""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.preconditions import stopped_port
from pytestpmd.cli.registry import command
from pytestpmd.cli.render import csum as render
from pytestpmd.config import ask_offloads, offloads_of
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import TxOffload

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

SEGMENTATION = TxOffload.TCP_TSO | TxOffload.UDP_TSO


def _ask(app: "TestPmd", port_id: int, offloads: int, on: bool) -> None:
    """Have these offloads, or not, from the port's next start on."""
    ask_offloads(app.config.queues, port_id, on, tx=offloads)


def _shown(app: "TestPmd", port_id: int) -> str:
    return render.csum(offloads_of(app.config.queues, port_id).tx, app.config.forward.csum[port_id].parse_tunnel)


@command(
    "csum set (ip|udp|tcp|sctp|outer-ip|outer-udp) (hw|sw) (port_id)",
    "Set whether a port or the csum engine makes a checksum.",
    "config",
)
def csum_set(app: "TestPmd", header: str, where: str, port_id: int) -> str:
    port = stopped_port(app, port_id)
    _, name, offload = render.CHECKSUMS[header]
    if where == "hw" and not port.info().tx_offload_capa & offload:
        return f"{name} checksum offload is not supported by port {port_id}\n{_shown(app, port_id)}"
    _ask(app, port_id, offload, where == "hw")
    return _shown(app, port_id)


@command("csum show (port_id)", "Show which checksums a port makes, and which the csum engine.", "display")
def csum_show(app: "TestPmd", port_id: int) -> Answer:
    stopped_port(app, port_id)
    offloads, tunnels = offloads_of(app.config.queues, port_id).tx, app.config.forward.csum[port_id].parse_tunnel
    return Answer(_shown(app, port_id), lambda: {"port_id": port_id, **render.facts(offloads, tunnels)})


@command("csum parse-tunnel (on|off) (port_id)", "Set whether the csum engine looks into tunnels.", "config")
def csum_parse_tunnel(app: "TestPmd", mode: str, port_id: int) -> str:
    app.config.forward.csum[app.ports[port_id].port_id].parse_tunnel = mode == "on"
    app.session.follow_settings()
    return _shown(app, port_id)


@command("csum mac-swap (on|off) (port_id)", "Set whether the csum engine writes the MAC addresses.", "config")
def csum_mac_swap(app: "TestPmd", mode: str, port_id: int) -> None:
    app.config.forward.csum[app.ports[port_id].port_id].mac_swap = mode == "on"
    app.session.follow_settings()


@command("tso set (segsize) (port_id)", "Set how much TCP data a port sends in each packet; 0: as it comes.", "config")
def tso_set(app: "TestPmd", size: int, port_id: int) -> str:
    capable = stopped_port(app, port_id).info().tx_offload_capa
    app.config.forward.csum[port_id].tso_segsz = size
    _ask(app, port_id, SEGMENTATION & capable if size else SEGMENTATION, bool(size))
    return _tso(app, port_id)


@command("tso show (port_id)", "Show how much TCP data a port sends in each packet.", "display")
def tso_show(app: "TestPmd", port_id: int) -> Answer:
    stopped_port(app, port_id)
    size = app.config.forward.csum[port_id].tso_segsz
    return Answer(_tso(app, port_id), lambda: {"port_id": port_id, "tso_segsz": size})


def _tso(app: "TestPmd", port_id: int) -> str:
    capable = stopped_port(app, port_id).info().tx_offload_capa
    size = app.config.forward.csum[port_id].tso_segsz
    if not size:
        return "TSO and UFO for non-tunneled packets is disabled"
    if not capable & SEGMENTATION:
        raise ConfigError(f"Error: both TSO and UFO are not supported by port {port_id}")
    kinds = {"TSO": TxOffload.TCP_TSO, "UFO": TxOffload.UDP_TSO}
    lines = [f"Warning: port {port_id} doesn't support {name}" for name, bit in kinds.items() if not capable & bit]
    return "\n".join([*lines, f"segment size for non-tunneled packets is {size}"])
