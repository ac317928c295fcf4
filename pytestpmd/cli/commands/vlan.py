"""``vlan set``, ``tx_vlan``: tags that ports take out of frames and put into them."""

import errno
from typing import TYPE_CHECKING

from pytestpmd.cli.params import TEXT
from pytestpmd.cli.preconditions import stopped_port
from pytestpmd.cli.registry import command
from pytestpmd.config import ask_offloads
from pytestpmd.errors import ConfigError, NotSupported, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.ports import MAX_PORTS

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: The offloads, and the functions of the original that its verdict names.
KINDS = {
    "strip": (RxOffload.VLAN_STRIP, "rx_vlan_strip_set"),
    "filter": (RxOffload.VLAN_FILTER, "rx_vlan_filter_set"),
    "qinq_strip": (RxOffload.QINQ_STRIP, "rx_vlan_qinq_strip_set"),
    "extend": (RxOffload.VLAN_EXTEND, "vlan_extend_set"),
}


@command("vlan set (strip|filter|qinq_strip|extend) (on|off) (port_id)", "Set what a port does to VLAN tags.", "config")
def vlan_set(app: "TestPmd", what: str, mode: str, port_id: int) -> str:
    offload, function = KINDS[what]
    port, on = app.ports[port_id], mode == "on"
    try:
        port.set_vlan_offload(offload, on)
    except NotSupported:
        return f"{function}(port_pi={port_id}, on={int(on)}) failed diag={-errno.ENOTSUP}"
    except TestpmdError as error:
        return f"{error}\n{function}(port_pi={port_id}, on={int(on)}) failed diag={-errno.EINVAL}"
    ask_offloads(app.config.queues, port_id, on, rx=offload)
    return ""


@command("vlan set stripq (on|off) (port_and_queue)", "Set VLAN stripping of one queue.", "config", port_and_queue=TEXT)
def vlan_set_stripq(app: "TestPmd", mode: str, port_and_queue: str) -> str:
    """No driver here strips by queue."""
    port_text, comma, queue_text = port_and_queue.partition(",")
    if not comma:
        raise ConfigError("must specify (port,queue_id)")
    port_id, queue_id = _leading_number(port_text), _leading_number(queue_text)
    if port_id >= MAX_PORTS or queue_id > 0xFFFF:
        return ""
    app.ports[port_id]
    return (
        f"rx_vlan_strip_set_on_queue(port_pi={port_id}, queue_id={queue_id}, on={int(mode == 'on')}) "
        f"failed diag={-errno.ENOTSUP}"
    )


def _leading_number(text: str) -> int:
    """What strtoul makes of a word: the digits in front."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or 0)


TPID_KINDS = {"inner": 1, "outer": 2}


@command("vlan set (inner|outer) tpid (value) (port_id)", "Set the Ethernet type of a VLAN tag.", "config")
def vlan_set_tpid(app: "TestPmd", which: str, tpid: int, port_id: int) -> str:
    app.ports[port_id]
    return f"vlan_tpid_set(port_pi={port_id}, vlan_type={TPID_KINDS[which]}, tpid={tpid}) failed diag={-errno.ENOTSUP}"


@command("tx_vlan set (port_id) (vlan_id)", "Have a tag inserted into the packets that a port sends.", "config")
def tx_vlan_set(app: "TestPmd", port_id: int, tci: int) -> None:
    port = stopped_port(app, port_id)
    if not port.info().tx_offload_capa & TxOffload.VLAN_INSERT:
        raise ConfigError(f"Error: vlan insert is not supported by port {port_id}")
    ask_offloads(app.config.queues, port_id, True, tx=TxOffload.VLAN_INSERT)
    app.config.forward.tx_vlans[port_id] = tci


@command("tx_vlan set (port_id) (vlan_id) (outer_vlan_id)", "Have two tags inserted.", "config")
def tx_vlan_set_qinq(app: "TestPmd", port_id: int, tci: int, outer: int) -> None:
    """No driver here inserts two."""
    stopped_port(app, port_id)
    raise ConfigError(f"Error: qinq insert not supported by port {port_id}")


@command("tx_vlan reset (port_id)", "Have no tag inserted any more.", "config")
def tx_vlan_reset(app: "TestPmd", port_id: int) -> None:
    stopped_port(app, port_id)
    ask_offloads(app.config.queues, port_id, False, tx=TxOffload.VLAN_INSERT)
    app.config.forward.tx_vlans.pop(port_id, None)


@command(
    "tx_vlan set pvid (port_id) (vlan_id) (on|off)", "Set port based insertion, which no driver here has.", "config"
)
def tx_vlan_set_pvid(app: "TestPmd", port_id: int, vlan_id: int, mode: str) -> None:
    """As in the original the refusal is not said."""
    app.ports[port_id]
