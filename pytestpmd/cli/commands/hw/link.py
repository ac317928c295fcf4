"""What only a NIC in hardware has: EEPROM, FEC, LED, lanes, loopback, descriptors in a ring of its own."""

from typing import TYPE_CHECKING, Any

from pytestpmd.cli.refusal import Refused, all_stopped, any_port, known_id, no, stopped
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError, PortError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

_SPEEDS = "10|100|1000|2500|5000|10000|25000|40000|50000|100000|200000|400000|800000|auto"


def known_led(app: Any, port_id: int | None) -> None:
    """``Error: Invalid port number 9``."""
    if port_id not in app.ports:
        raise PortError(f"Error: Invalid port number {port_id}")


def eeprom_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The bytes and the offset are read before the driver is asked."""
    data, *more = given[2].split()
    if len(data) % 2:
        return f"Bad Argument: {data}\nHex string must be in multiples of 2 Bytes"
    try:
        bytes.fromhex(data)
    except ValueError:
        return f"Bad Argument: {data}\nValue must be a hex string"
    if more and more[0] != "offset":
        return f"Bad Argument: {more[0]}"
    if len(more) == 1:
        return "No offset specified"
    if more and not more[1].isdigit():
        return f"Bad Argument: {more[1]}"
    return "Unable to get EEPROM length: {why}"


def ring_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """No ring here lies in a zone of memory with a name."""
    port_id, queue_id, _ = given
    kind = command.syntax.split()[1][:2]
    port = app.ports[port_id]
    queues = port.rx_queues if kind == "rx" else port.tx_queues
    if queue_id >= len(queues):
        return f"Invalid {kind.upper()} queue {queue_id} (must be < nb_{kind}q={len(queues)})"
    return (
        f"{kind}_ring ring memory zoneof (port {port_id}, queue {queue_id}) not found "
        f"(zone name = eth_p{port_id}_q{queue_id}_{kind}_ring"
    )


def counter_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """A counter that there is cannot be switched; one that there is not is not found."""
    names = [name for name, _ in app.ports[given[0]].xstats()]
    return "operation not supported by device" if given[2] in names else "Cannot find xstats with a given name"


def speed_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Half duplex is for the two lowest speeds; what can be is taken, and the other end decides."""
    speed, duplex = given[-2:]
    if duplex == "half" and speed not in ("10", "100"):
        raise ConfigError("Invalid speed/duplex parameters")
    return ""


def lanes_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Asked of every port, so without one there is nothing to refuse."""
    return "Function not implemented" if len(app.ports) else ""


@command("port config all drop-en (on|off)", "Set what queues show of dropping without descriptors.", "ports")
def config_drop_en(app: "TestPmd", mode: str) -> None:
    """A virtio device waits or drops as its back-end likes; the setting is kept and shown, as in the original."""
    all_stopped(app, None)
    app.config.queues.rx_drop_en = mode == "on"


COMMANDS = [
    no("show port (port_id) module_eeprom", "Dump transceiver module EEPROM.", "operation not supported by device"),
    no("show port (port_id) eeprom", "Dump device EEPROM.", "operation not supported by device"),
    no(
        "set port (port_id) eeprom accept_risk magic (magic:u32) value (words:words)",
        "Write device EEPROM.",
        eeprom_answer,
    ),
    no(
        "show port info (port_id) representor",
        "Representor ranges of a port.",
        "Failed to get the number of representor info ranges for port {port}: {why}",
        check=known_id,
    ),
    no("read rxd (port_id) (queue_id) (desc_id)", "Dump one Rx descriptor.", ring_answer, section="display"),
    no("read txd (port_id) (queue_id) (desc_id)", "Dump one Tx descriptor.", ring_answer, section="display"),
    no(
        "port (port_id) (enable|disable) (counter_name:words)",
        "Switch one xstat counter.",
        counter_answer,
        section="ports",
    ),
    no(
        f"port config all speed ({_SPEEDS}) duplex (half|full|auto)",
        "Force speed and duplex on all ports.",
        speed_answer,
        section="ports",
        check=all_stopped,
    ),
    no(
        f"port config (port_id) speed ({_SPEEDS}) duplex (half|full|auto)",
        "Force speed and duplex on one port.",
        speed_answer,
        section="ports",
        check=stopped,
    ),
    no(
        "port config all speed_lanes (lanes:u32)",
        "Lanes for a forced speed, all ports.",
        lanes_answer,
        section="ports",
        check=all_stopped,
    ),
    no(
        "port config (port_id) speed_lanes (lanes:u32)",
        "Lanes for a forced speed.",
        "Function not implemented",
        section="ports",
        check=stopped,
    ),
    no(
        "show port (port_id) speed_lanes capabilities",
        "Supported speed lanes.",
        "Function not implemented",
        check=known_id,
    ),
    no("port config all loopback (mode:u32)", "Loopback mode of all ports.", "", section="ports", check=all_stopped),
    no("port config (port_id) loopback (mode:u32)", "Loopback mode of one port.", "", section="ports", check=stopped),
    no(
        "show port (port_id) flow transfer proxy",
        "Proxy port for transfer flows.",
        "\nFailed to pick transfer proxy: {flow_why}",
        check=any_port,
    ),
    no("show port (port_id) fec_mode", "FEC mode.", "Function not implemented", check=known_id),
    no(
        "set port (port_id) fec_mode (auto|off|rs|baser|llrs)",
        "Set FEC mode.",
        "Function not implemented",
        check=any_port,
    ),
    no("show port (port_id) fec capabilities", "FEC capabilities.", "Function not implemented", check=known_id),
    no(
        "set port (port_id) led (on|off)",
        "Port LED.",
        "Error: Unable to change LED state for port {port}: {why}",
        check=known_led,
    ),
]
