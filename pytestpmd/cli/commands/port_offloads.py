"""``port config 0 rx_offload vlan_strip on`` and its kin: what single ports are asked to do to packets."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytestpmd.cli.commands.show_queue import nb_queues
from pytestpmd.cli.params import OneOf
from pytestpmd.cli.registry import command
from pytestpmd.config import ask_offloads
from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import EthPort, PortState

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: Offloads that the original's commands have no word for.
UNNAMED = (
    RxOffload.SCTP_CKSUM,
    RxOffload.OUTER_UDP_CKSUM,
    TxOffload.UDP_TNL_TSO,
    TxOffload.IP_TNL_TSO,
    TxOffload.OUTER_UDP_CKSUM,
)


def _words(kind: type[RxOffload] | type[TxOffload]) -> dict[str, int]:
    return {"all": 0} | {str(bit.name).lower(): int(bit) for bit in kind if bit not in UNNAMED}


RX_WORDS, TX_WORDS = _words(RxOffload), _words(TxOffload)
RX_OFFLOAD = OneOf("RX_OFFLOAD", lambda: RX_WORDS)
TX_OFFLOAD = OneOf("TX_OFFLOAD", lambda: TX_WORDS)


@command(
    "port config (port_id|all) rx_offload (offload) (on|off)",
    "Ask a port for a receive offload.",
    "ports",
    offload=RX_OFFLOAD,
)
def config_rx_offload(app: "TestPmd", which: int | str, offload: str, mode: str) -> str:
    return _each(app, which, lambda port: set_rx_offload(app, port, offload, mode == "on"))


@command(
    "port config (port_id|all) tx_offload (offload) (on|off)",
    "Ask a port for a transmit offload.",
    "ports",
    offload=TX_OFFLOAD,
)
def config_tx_offload(app: "TestPmd", which: int | str, offload: str, mode: str) -> str:
    return _each(app, which, lambda port: set_tx_offload(app, port, offload, mode == "on"))


def set_rx_offload(app: "TestPmd", port: EthPort, name: str, on: bool) -> None:
    """Change the wish, which the next ``port start`` brings into force."""
    offloads = _can_be(port, port.info().rx_offload_capa, RX_WORDS, name)
    ask_offloads(app.config.queues, port.port_id, on, rx=offloads)


def set_tx_offload(app: "TestPmd", port: EthPort, name: str, on: bool) -> None:
    """Change the wish, which the next ``port start`` brings into force."""
    offloads = _can_be(port, port.info().tx_offload_capa, TX_WORDS, name)
    ask_offloads(app.config.queues, port.port_id, on, tx=offloads)


def _can_be(port: EthPort, capable: int, words: dict[str, int], name: str) -> int:
    _refuse_unless_stopped(port)
    if name != "all" and not words[name] & capable:
        raise ConfigError(f"Error: port {port.port_id} doesn't support offload: {name}.")
    return words[name] or capable


def _refuse_unless_stopped(port: EthPort) -> None:
    if port.state is not PortState.STOPPED:
        raise ConfigError(f"Error: Can't config offload when Port {port.port_id} is not stopped")


def _each(app: "TestPmd", which: int | str, change: Callable[[EthPort], None]) -> str:
    """Change each port; silent where it worked."""
    if isinstance(which, int) and which not in app.ports:
        return _no_such_device(which)
    said = []
    for port in app.ports.chosen(which):
        try:
            change(port)
        except TestpmdError as error:
            said.append(str(error))
    return "\n".join(said)


def _no_such_device(port_id: int) -> str:
    return f"ETHDEV: Invalid port_id={port_id}\nError during getting device (port {port_id}) info: No such device"


@command(
    "port (port_id) rxq (queue_id) rx_offload (offload) (on|off)",
    "Ask one queue for a receive offload.",
    "ports",
    offload=RX_OFFLOAD,
)
def config_rxq_offload(app: "TestPmd", port_id: int, queue_id: int, offload: str, mode: str) -> str:
    return _refuse_queue(app, port_id, queue_id, offload, "rxq")


@command(
    "port (port_id) txq (queue_id) tx_offload (offload) (on|off)",
    "Ask one queue for a transmit offload.",
    "ports",
    offload=TX_OFFLOAD,
)
def config_txq_offload(app: "TestPmd", port_id: int, queue_id: int, offload: str, mode: str) -> str:
    return _refuse_queue(app, port_id, queue_id, offload, "txq")


def _refuse_queue(app: "TestPmd", port_id: int, queue_id: int, offload: str, kind: str) -> str:
    """No driver here has offloads that its queues could differ in, so that "all" of them are none."""
    if port_id not in app.ports:
        return _no_such_device(port_id)
    port = app.ports[port_id]
    _refuse_unless_stopped(port)
    count = nb_queues(port, kind)
    if queue_id >= count:
        raise ConfigError(f"Error: input queue_id should be 0 ... {count - 1}")
    if offload != "all":
        raise ConfigError(f"Error: port {port_id} doesn't support per queue offload: {offload}.")
    return ""
