"""``port config 0 rxq 1 ring_size 512`` and its kin: what is asked of single queues."""

from typing import TYPE_CHECKING

from pytestpmd.cli.commands.show_queue import nb_queues
from pytestpmd.cli.params import UINT16, UINT32
from pytestpmd.cli.preconditions import refuse_while_forwarding, stopped_port
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError, OperationError, TestpmdError
from pytestpmd.ethdev.port import EthPort, PortState

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


def check_queue_id(app: "TestPmd", kind: str, queue_id: int) -> None:
    """Raise :class:`ConfigError` unless ports are to have a queue of this number."""
    count = app.config.queues.rxq if kind == "rxq" else app.config.queues.txq
    if queue_id >= count:
        raise ConfigError(f"Invalid {kind[:2].upper()} queue {queue_id} (must be < nb_{kind}={count})")


@command(
    "port config (port_id) (rxq|txq) (queue_id) ring_size (size)",
    "Ask for so many descriptors of one queue, from the next port start on; a device that fixes them keeps its own.",
    "ports",
    size=UINT16,
)
def config_queue_ring_size(app: "TestPmd", port_id: int, kind: str, queue_id: int, size: int) -> None:
    port = app.ports[port_id]
    check_queue_id(app, kind, queue_id)
    thresh = app.config.queues.rxfreet or 0
    if kind == "rxq" and 0 < size <= thresh:
        raise ConfigError(f"Invalid rx ring_size, must > rx_free_thresh: {thresh}")
    app.config.queues.ring_sizes[port.port_id, kind, queue_id] = size


@command(
    "port (port_id) (rxq|txq) (queue_id) deferred_start (on|off)",
    "Ask that one queue starts by command only: shown, but no driver here starts queues one by one.",
    "ports",
)
def config_deferred_start(app: "TestPmd", port_id: int, kind: str, queue_id: int, mode: str) -> None:
    stopped_port(app, port_id)
    check_queue_id(app, kind, queue_id)
    deferred = app.config.queues.deferred
    (deferred.add if mode == "on" else deferred.discard)((port_id, kind, queue_id))


@command(
    "port (port_id) (rxq|txq) (queue_id) setup", "Set up one queue of a stopped port as the settings now say.", "ports"
)
def setup_queue(app: "TestPmd", port_id: int, kind: str, queue_id: int) -> None:
    port = app.ports[port_id]
    try:
        check_queue_id(app, kind, queue_id)
    except ConfigError as error:
        raise ConfigError(f"{error}\nInvalid {kind[:2]} queue") from None
    why = _why_not(app, port, kind, queue_id)
    if why:
        raise ConfigError(f"Failed to setup {kind[:2].upper()} queue: {why}")


def _why_not(app: "TestPmd", port: EthPort, kind: str, queue_id: int) -> str:
    """Set the queue up, and with it the others, which are the same as before unless settings changed."""
    if kind == "txq" and 0 < app.port_conf(port).ring_size(kind, queue_id) < len(app.config.forward.txpkts):
        return "not enough descriptors"
    if port.state is PortState.STARTED:
        return "Device or resource busy"
    if queue_id >= nb_queues(port, kind):
        return "Invalid argument"
    try:
        port.configure(app.port_conf(port), app.pools[0])
    except TestpmdError as error:
        return str(error)
    return ""


@command(
    "port cleanup (port_id) txq (queue_id) (free_cnt)",
    "Free up to so many packets (0: all) that a transmit queue is done with, while nothing is forwarded.",
    "ports",
    free_cnt=UINT32,
)
def cleanup_txq(app: "TestPmd", port_id: int, queue_id: int, most: int) -> str:
    refuse_while_forwarding(app)
    port = _with_info(app, port_id, queue_id)
    if port.state is not PortState.STARTED:
        raise ConfigError(f"Tx queue {queue_id} not started")
    try:
        freed = port.free_sent(queue_id, most)
    except OperationError as error:
        raise ConfigError(
            f"Failed to cleanup mbuf for port {port_id} Tx queue {queue_id} error desc: {error}({-error.code})"
        ) from None
    return f"Cleanup port {port_id} Tx queue {queue_id} mbuf nums: {freed}"


def _with_info(app: "TestPmd", port_id: int, queue_id: int) -> EthPort:
    """The port, whose driver tells of such a queue."""
    failed = f"Failed to get port {port_id} Tx queue {queue_id} info"
    if port_id not in app.ports:
        raise ConfigError(f"ETHDEV: Invalid port_id={port_id}\n{failed}")
    port = app.ports[port_id]
    if queue_id >= nb_queues(port, "txq"):
        raise ConfigError(f"ETHDEV: Invalid Tx queue_id={queue_id}\n{failed}")
    try:
        port.queue_info("txq", queue_id)
    except OperationError:
        raise ConfigError(failed) from None
    return port
