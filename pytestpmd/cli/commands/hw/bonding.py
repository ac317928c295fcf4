"""Ports made of other ports: there is no bonding driver here, so none is one."""

from typing import Any

from pytestpmd.cli.preconditions import refuse_while_forwarding
from pytestpmd.cli.refusal import Refused, any_port, of_driver, stopped
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import PortState


def bond_stopped(app: Any, port_id: int | None) -> None:
    """Only a stopped port changes its mode."""
    if port_id in app.ports and app.ports[port_id].state is not PortState.STOPPED:
        raise ConfigError(f"\t Error: Can't set bonding mode when port {port_id} is not stopped")


def not_forwarding(app: Any, port_id: int | None) -> None:
    """``Please stop forwarding first``."""
    refuse_while_forwarding(app)


def lacp_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Said differently of both."""
    doing, what = ("Enabling", "control packets") if given[1] == "enable" else ("Disabling", "control traffic")
    return f"{doing} dedicate{'d' if doing == 'Disabling' else ''} queues for LACP {what} on port {given[0]} failed"


COMMANDS = [
    of_driver(
        "set bonding mode (value:u8) (port_id)",
        "Bonding mode.",
        "\t Failed to set bonding mode for port = {port}.",
        check=bond_stopped,
    ),
    of_driver(
        "show bonding config (port_id)",
        "Bonding configuration.",
        "\tFailed to get bonding mode for port = {port}",
        check=any_port,
    ),
    of_driver(
        "set bonding primary (member_id:u16) (port_id)",
        "Primary member.",
        "\t Failed to set primary member for port = {port}.",
        check=any_port,
    ),
    of_driver(
        "add bonding member (member_id:u16) (port_id)",
        "Add member.",
        "\t Failed to add member {0} to main port = {port}.",
        check=any_port,
    ),
    of_driver(
        "remove bonding member (member_id:u16) (port_id)",
        "Remove member.",
        "\t Failed to remove member {0} from main port = {port}.",
        check=any_port,
    ),
    of_driver(
        "create bonding device (mode:u8) (socket:u8)",
        "Create bonding port.",
        "\t Failed to create bonding device.",
        check=not_forwarding,
    ),
    of_driver(
        "set bonding mac_addr (port_id) (mac:mac)",
        "Bonding MAC.",
        "set_bond_mac_addr error: (Operation not permitted)",
    ),
    of_driver(
        "set bonding balance_xmit_policy (port_id) (l2|l23|l34)",
        "Balance policy.",
        "\t Failed to set bonding balance xmit policy for port = {port}.",
        check=any_port,
    ),
    of_driver(
        "set bonding mon_period (port_id) (ms:u32)",
        "Link polling period.",
        "set_bond_mac_addr error: (Operation not permitted)",
        check=any_port,
    ),
    of_driver(
        "set bonding lacp dedicated_queues (port_id) (enable|disable)",
        "LACP queues.",
        lacp_answer,
        check=stopped,
    ),
    of_driver(
        "set bonding mode IEEE802.3AD aggregator policy (port_id) (name)",
        "Aggregator policy.",
        "bond_agg_mode error: (Operation not permitted)",
        check=any_port,
    ),
]
