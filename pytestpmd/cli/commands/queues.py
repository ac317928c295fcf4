"""``port config all rxq|txq|rxd|txd|burst|...`` and the options of the same names: the queues of every port."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytestpmd.cli.commands.members import replan
from pytestpmd.cli.commands.single_queue import check_queue_id
from pytestpmd.cli.params import INT32, UINT8
from pytestpmd.cli.preconditions import refuse_unless_stopped, refuse_while_forwarding
from pytestpmd.cli.registry import command, option
from pytestpmd.config import MAX_PKT_BURST, PortLimits, QueueConfig, check_queue_count
from pytestpmd.errors import ConfigError, NotSupported
from pytestpmd.ethdev.port import EthPort, PortState

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "queues"


def limits(ports: Iterable[EthPort]) -> list[PortLimits]:
    """How many queues each port can have."""
    return [
        PortLimits(port.port_id, info.max_rx_queues, info.max_tx_queues)
        for port, info in ((port, port.info()) for port in ports)
    ]


@command("port config all (rxq|txq) (value)", "Set the number of receive or transmit queues of every port.", "ports")
def config_queue_count(app: "TestPmd", kind: str, value: int) -> str:
    refuse_unless_stopped(app)
    queues = app.config.queues
    other = queues.txq if kind == "rxq" else queues.rxq
    if not value and not other:
        raise ConfigError("Warning: Either rx or tx queues should be non zero")
    check_queue_count(kind, value, limits(app.ports))
    setattr(queues, kind, value)
    return replan(app)


@command("port config all (rxd|txd) (value)", "Set the number of descriptors of every queue.", "ports")
def config_ring_size(app: "TestPmd", kind: str, value: int) -> None:
    refuse_unless_stopped(app)
    for port in app.ports:
        bounds = port.info().rx_desc if kind == "rxd" else port.info().tx_desc
        if value > bounds.max:
            raise ConfigError(
                f"Fail: input {kind} ({value}) can't be greater than max_{kind}s ({bounds.max}) of port {port.port_id}"
            )
        if value < bounds.min:
            raise ConfigError(
                f"Fail: input {kind} ({value}) can't be less than min_{kind}s ({bounds.min}) of port {port.port_id}"
            )
    setattr(app.config.queues, kind, value)


@command("port (port_id) (rxq|txq) (queue_id) (start|stop)", "Start or stop one queue of a started port.", "ports")
def port_queue(app: "TestPmd", port_id: int, kind: str, queue_id: int, operation: str) -> None:
    refuse_while_forwarding(app)
    port = app.ports[port_id]
    if port.state is not PortState.STARTED:
        raise ConfigError(f"Please start port {port_id} first")
    check_queue_id(app, kind, queue_id)
    try:
        port.set_queue(kind, queue_id, operation == "start")
    except NotSupported:
        raise ConfigError("Function not supported in PMD") from None


@command("port config all burst (value)", "Set the number of packets per burst.", "ports")
def config_burst(app: "TestPmd", value: int) -> None:
    refuse_unless_stopped(app)
    if value == 0:
        raise ConfigError(
            f"PMD does not recommend a burst size.\nUser provided value must be between 1 and {MAX_PKT_BURST}"
        )
    if value > MAX_PKT_BURST:
        raise ConfigError(f"burst must be >= 1 && <= {MAX_PKT_BURST}")
    app.config.forward.burst = value


@command(
    "port config all (txpt|txht|txwt|rxpt|rxht|rxwt) (value)",
    "Set a threshold register of every queue.",
    "ports",
    value=UINT8,
)
def config_register(app: "TestPmd", name: str, value: int) -> None:
    refuse_unless_stopped(app)
    setattr(app.config.queues, name, value)


@command("port config all (txfreet|txrst|rxfreet) (value)", "Set a free threshold of every queue.", "ports")
def config_threshold(app: "TestPmd", name: str, value: int) -> None:
    refuse_unless_stopped(app)
    setattr(app.config.queues, name, value)


@option("--rxq=N", "number of receive queues per port", type=INT32)
def rxq(app: "TestPmd", num: int) -> None:
    _at_least_0("rxq", num)
    app.config.queues.rxq = num


@option("--txq=N", "number of transmit queues per port", type=INT32)
def txq(app: "TestPmd", num: int) -> None:
    _at_least_0("txq", num)
    app.config.queues.txq = num


def _at_least_0(kind: str, num: int) -> None:
    if num < 0:
        raise ConfigError(f"{kind} {num} invalid - must be >= 0")


@option("--rxd=N", "number of descriptors of a receive queue", type=INT32)
def rxd(app: "TestPmd", num: int) -> None:
    if not 0 < num <= 0xFFFF:
        raise ConfigError(f"rxd({num}) invalid - must be > 0")
    if (app.config.queues.rxfreet or -1) >= num:
        raise ConfigError(f"rxd must be > rx_free_thresh({app.config.queues.rxfreet})")
    app.config.queues.rxd = num


@option("--txd=N", "number of descriptors of a transmit queue", type=INT32)
def txd(app: "TestPmd", num: int) -> None:
    if not 0 < num <= 0xFFFF:
        raise ConfigError("txd must be in > 0")
    app.config.queues.txd = num


def _threshold(queues: QueueConfig, name: str, num: int) -> None:
    if not 0 <= num <= 0xFFFF:
        raise ConfigError(f"{name} must be >= 0")
    setattr(queues, name, num)


@option("--rxfreet=N", "free threshold of receive descriptors", type=INT32)
def rxfreet(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "rxfreet", num)


@option("--txfreet=N", "free threshold of transmit descriptors", type=INT32)
def txfreet(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "txfreet", num)


@option("--rxpt=N", "prefetch threshold of receive queues (shown only)", type=INT32)
def rxpt(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "rxpt", num)


@option("--rxht=N", "host threshold of receive queues (shown only)", type=INT32)
def rxht(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "rxht", num)


@option("--rxwt=N", "write-back threshold of receive queues (shown only)", type=INT32)
def rxwt(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "rxwt", num)


@option("--txpt=N", "prefetch threshold of transmit queues (shown only)", type=INT32)
def txpt(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "txpt", num)


@option("--txht=N", "host threshold of transmit queues (shown only)", type=INT32)
def txht(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "txht", num)


@option("--txwt=N", "write-back threshold of transmit queues (shown only)", type=INT32)
def txwt(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "txwt", num)


@option("--txrst=N", "RS bit threshold of transmit queues (shown only)", type=INT32)
def txrst(app: "TestPmd", num: int) -> None:
    _threshold(app.config.queues, "txrst", num)
