"""``mac_addr``, ``mcast_addr``, ``rx_vlan``: which frames a port receives."""

import errno
from typing import TYPE_CHECKING

from pytestpmd.cli.registry import command
from pytestpmd.eal.ether import mac_text
from pytestpmd.errors import ConfigError, OperationError
from pytestpmd.ethdev.filters import MAX_VLAN_ID, is_group
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import EthPort

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@command("mac_addr (add|remove|set) (port_id) (mac_addr)", "Add, remove or set a MAC address of a port.", "config")
def mac_addr(app: "TestPmd", what: str, port_id: int, address: bytes) -> str:
    failed = "mac_addr_cmd error: ({})"
    if port_id not in app.ports:
        return f"ETHDEV: Invalid port_id={port_id}\n{failed.format('No such device')}"
    port = app.ports[port_id]
    change = {"add": port.add_mac, "remove": port.remove_mac, "set": port.set_mac}[what]
    try:
        change(address)
    except OperationError as error:
        return failed.format(error)
    return ""


@command("mcast_addr (add|remove) (port_id) (mac_addr)", "Add or remove a multicast address of a port.", "config")
def mcast_addr(app: "TestPmd", what: str, port_id: int, address: bytes) -> str:
    if not is_group(address):
        raise ConfigError(f"Invalid multicast addr {mac_text(address)}")
    port = app.ports[port_id]
    held = address in port.mcast_addrs
    if what == "add" and held:
        raise ConfigError("multicast address already filtered by port")
    if what == "remove" and not held:
        raise ConfigError(f"multicast address not filtered by port {port_id}")
    others = [known for known in port.mcast_addrs if known != address]
    return _set_mcast_addrs(port, [*others, address] if what == "add" else others)


def _set_mcast_addrs(port: EthPort, addresses: list[bytes]) -> str:
    try:
        port.set_mcast_addrs(addresses)
    except OperationError as error:
        return f"rte_eth_dev_set_mc_addr_list(port={port.port_id}, nb={len(addresses)}) failed. diag={-error.code}"
    return ""


@command("mcast_addr flush (port_id)", "Remove all multicast addresses of a port.", "config")
def mcast_addr_flush(app: "TestPmd", port_id: int) -> str:
    try:
        app.ports[port_id].set_mcast_addrs([])
    except OperationError:
        return f"Failed to flush all multicast MAC addresses on port_id {port_id}"
    return ""


@command("rx_vlan (add|rm) (vlan_id|all) (port_id)", "Add or remove the VLAN ids that a port receives.", "config")
def rx_vlan(app: "TestPmd", what: str, vlan_id: int | str, port_id: int) -> str:
    """The first id that fails ends ``all``."""
    port = app.ports[port_id]
    ids = range(MAX_VLAN_ID + 1) if isinstance(vlan_id, str) else [vlan_id]
    return next((failed for each in ids if (failed := _filter_vlan(port, each, what == "add"))), "")


def _filter_vlan(port: EthPort, vlan_id: int, on: bool) -> str:
    """What went wrong, or ""."""
    if vlan_id > MAX_VLAN_ID:
        return f"Invalid vlan_id {vlan_id} (must be < {MAX_VLAN_ID + 1})"
    failed = f"rte_eth_dev_vlan_filter(port_pi={port.port_id}, vlan_id={vlan_id}, on={int(on)}) failed"
    if not port.conf or not port.conf.rx_offloads & RxOffload.VLAN_FILTER:
        return f"ETHDEV: Port {port.port_id}: VLAN-filtering disabled\n{failed} diag={-errno.ENOSYS}"
    try:
        port.set_vlan(vlan_id, on)
    except OperationError as error:
        return f"{failed} diag={-error.code}"
    return ""
