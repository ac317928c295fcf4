"""``show rxq|txq info`` and ``show port ... desc ...``: how single queues are set up, and how full they are."""

import errno
from dataclasses import asdict
from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer, Json
from pytestpmd.cli.registry import command
from pytestpmd.cli.render import queue as render
from pytestpmd.errors import ConfigError, OperationError
from pytestpmd.ethdev.port import EthPort

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


def nb_queues(port: EthPort, kind: str) -> int:
    """Queues that are set up."""
    return len(port.rx_queues if kind == "rxq" else port.tx_queues)


def way(kind: str) -> str:
    """``Rx`` or ``Tx``."""
    return kind[:2].capitalize()


@command("show (rxq|txq) info (port_id) (queue_id)", "Show how a queue is set up.", "display")
def show_queue_info(app: "TestPmd", kind: str, port_id: int, queue_id: int) -> Answer:
    try:
        port = _port_with(app, kind, port_id, queue_id)
        info = port.queue_info(kind, queue_id)
    except OperationError as error:
        raise ConfigError(
            f"{_said(kind, port_id, queue_id, error)}"
            f"Failed to retrieve information for port: {port_id}, {kind[:2].upper()} queue: {queue_id}\n"
            f"error desc: {error}({-error.code})"
        ) from None
    is_rx = kind == "rxq"
    text = render.rx_info(port, queue_id, info, app.config.queues) if is_rx else render.tx_info(port, queue_id, info)
    return Answer(text, lambda: {**_which(port_id, kind, queue_id), **asdict(info)})


def _which(port_id: int, kind: str, queue_id: int) -> dict[str, Json]:
    return {"port_id": port_id, "direction": way(kind).lower(), "queue_id": queue_id}


def _port_with(app: "TestPmd", kind: str, port_id: int, queue_id: int) -> EthPort:
    if port_id not in app.ports:
        raise OperationError(errno.ENODEV)
    port = app.ports[port_id]
    if queue_id >= nb_queues(port, kind):
        raise OperationError(errno.EINVAL)
    return port


def _said(kind: str, port_id: int, queue_id: int, error: OperationError) -> str:
    """What ethdev logs of a port or a queue that is not there."""
    if error.code == errno.ENODEV:
        return f"ETHDEV: Invalid port_id={port_id}\n"
    return f"ETHDEV: Invalid {way(kind)} queue_id={queue_id}\n" if error.code == errno.EINVAL else ""


def queue_of(app: "TestPmd", kind: str, port_id: int, queue_id: int) -> EthPort:
    """The port, which has such a queue; :class:`ConfigError` in the original's words."""
    invalid = f"Invalid input: port id = {port_id}, queue id = {queue_id}"
    if port_id not in app.ports:
        raise ConfigError(f"ETHDEV: Invalid port_id={port_id}\n{invalid}")
    port = app.ports[port_id]
    if queue_id >= nb_queues(port, kind):
        raise ConfigError(
            f"ETHDEV: Invalid {way(kind)} queue_id={queue_id} of device with port_id={port_id}\n{invalid}"
        )
    return port


@command(
    "show port (port_id) (rxq|txq) (queue_id) desc (desc_id) status",
    "Show whose a descriptor is: so far behind the next one to be received, or to be filled.",
    "display",
)
def show_desc_status(app: "TestPmd", port_id: int, kind: str, queue_id: int, desc_id: int) -> Answer:
    port = queue_of(app, kind, port_id, queue_id)
    try:
        status = port.desc_status(kind, queue_id, desc_id).value
    except OperationError:
        raise ConfigError(f"Invalid input: queue id = {queue_id}, desc id = {desc_id}") from None
    data = {**_which(port_id, kind, queue_id), "desc_id": desc_id, "status": status}
    return Answer(f"Desc status = {status}", lambda: data)


@command(
    "show port (port_id) (rxq|txq) (queue_id) desc used count",
    "Show how many descriptors have packets in them: that wait to be received, or to be sent.",
    "display",
)
def show_desc_used_count(app: "TestPmd", port_id: int, kind: str, queue_id: int) -> Answer:
    count = queue_of(app, kind, port_id, queue_id).used_count(kind, queue_id)
    data = {**_which(port_id, kind, queue_id), "used": count}
    return Answer(f"{way(kind)}Q {queue_id} used desc count = {count}", lambda: data)
