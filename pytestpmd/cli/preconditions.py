"""What must hold before a command does anything: ports are stopped, nothing is forwarded."""

from typing import TYPE_CHECKING

from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import EthPort, PortState

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


def refuse_while_forwarding(app: "TestPmd", complaint: str = "Please stop forwarding first") -> None:
    """The lists of ports and lcores, and the queues of each, stand still while lcores run."""
    if app.session.running:
        raise ConfigError(complaint)


def refuse_unless_stopped(app: "TestPmd") -> None:
    """What holds for every port changes only while none is started."""
    if any(port.state is not PortState.STOPPED for port in app.ports):
        raise ConfigError("Please stop all ports first")


def stopped_port(app: "TestPmd", port_id: int) -> EthPort:
    """A port that there is, and that is not started."""
    port = app.ports[port_id]
    if port.state is not PortState.STOPPED:
        raise ConfigError(f"Please stop port {port_id} first")
    return port
