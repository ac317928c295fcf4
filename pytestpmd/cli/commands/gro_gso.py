"""``set port N gro|gso``: TCP packets that the csum engine merges as they come, long ones that it cuts as they go."""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.params import UINT8
from pytestpmd.cli.preconditions import refuse_while_forwarding
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError
from pytestpmd.fwd.streams import gro_max_pkts

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

GRO_MAX_FLUSH_CYCLES = 4
#: Ethernet, IPv4 and TCP headers, and one byte.
GSO_MIN_SEGSZ = 55
GSO_TYPES = "TCP/IPv4, UDP/IPv4, VxLAN with inner TCP/IPv4 packet, GRE with inner TCP/IPv4 packet"


def _check_port(app: "TestPmd", port_id: int, complaint: str = "invalid port id {}") -> None:
    if port_id not in app.ports:
        raise ConfigError(complaint.format(port_id))


@command("set port (port_id) gro (on|off)", "Set whether csum merges the TCP packets that a port receives.", "config")
def set_gro(app: "TestPmd", port_id: int, mode: str) -> None:
    _check_port(app, port_id)
    refuse_while_forwarding(app, "Before enable/disable GRO, please stop forwarding first")
    ports = app.config.forward.gro_ports
    if mode == "on" and port_id in ports:
        raise ConfigError(f"Port {port_id} has enabled GRO. Please disable GRO first")
    if mode == "off" and port_id not in ports:
        raise ConfigError(f"Port {port_id} has disabled GRO")
    ports ^= {port_id}


@command("set gro flush (cycles)", "Set over how many bursts csum merges TCP packets.", "config", cycles=UINT8)
def set_gro_flush(app: "TestPmd", cycles: int) -> str | None:
    refuse_while_forwarding(app, "Before change flush interval for GRO, please stop forwarding first.")
    is_legal = 1 <= cycles <= GRO_MAX_FLUSH_CYCLES
    app.config.forward.gro_flush_cycles = cycles if is_legal else 1
    if is_legal:
        return None
    return f"The flushing cycle be in the range of 1 to {GRO_MAX_FLUSH_CYCLES}. Revert to the default value 1."


@command("show port (port_id) gro", "Show whether csum merges what a port receives.", "display")
def show_gro(app: "TestPmd", port_id: int) -> Answer:
    _check_port(app, port_id, "Invalid port id {}.")
    forward = app.config.forward
    is_on, cycles, most = port_id in forward.gro_ports, forward.gro_flush_cycles, gro_max_pkts(forward.gro_flush_cycles)
    lines = ["GRO type: TCP/IPv4", f"Max number of packets to perform GRO: {most}", f"Flushing cycles: {cycles}"]
    text = "\n".join(lines) if is_on else f"Port {port_id} doesn't enable GRO."
    return Answer(text, lambda: {"port_id": port_id, "gro": is_on, "max_packets": most, "flush_cycles": cycles})


@command("set port (port_id) gso (on|off)", "Set whether csum cuts long packets that a port sends.", "config")
def set_gso(app: "TestPmd", port_id: int, mode: str) -> None:
    _check_port(app, port_id)
    refuse_while_forwarding(
        app, f"before {'enabling' if mode == 'on' else 'disabling'} GSO, please stop forwarding first"
    )
    ports = app.config.forward.gso_ports
    (ports.add if mode == "on" else ports.discard)(port_id)


@command("set gso segsz (length)", "Set the longest frame, in bytes, that csum makes of a longer packet.", "config")
def set_gso_segsz(app: "TestPmd", length: int) -> None:
    refuse_while_forwarding(app, "Before setting GSO segsz, please first stop forwarding")
    if length < GSO_MIN_SEGSZ:
        raise ConfigError(f"gso_size should be larger than {GSO_MIN_SEGSZ}. Please input a legal value")
    app.config.forward.gso_segsz = length


@command("show port (port_id) gso", "Show whether csum cuts long packets that a port sends.", "display")
def show_gso(app: "TestPmd", port_id: int) -> Answer:
    _check_port(app, port_id)
    is_on, size = port_id in app.config.forward.gso_ports, app.config.forward.gso_segsz
    text = f"GSO is not enabled on Port {port_id}"
    if is_on:
        text = f"Max GSO'd packet size: {size}B\nSupported GSO types: {GSO_TYPES}"
    return Answer(text, lambda: {"port_id": port_id, "gso": is_on, "max_packet_bytes": size})
