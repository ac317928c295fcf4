"""What only a port of the ixgbe driver does: MACsec, bypass, bandwidth of classes."""

import re
from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, bandwidths, of_driver, stopped
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import PortState

NO_BYPASS = "Bypass is not enabled on this port."


def bypass_stopped(app: Any, port_id: int | None) -> None:
    """Only of a port that is not started."""
    if port_id in app.ports and app.ports[port_id].state is PortState.STARTED:
        raise ConfigError("Cannot change bypass configuration while port is started, please stop it and retry")


def key_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """A key is hexadecimal digits."""
    if not re.fullmatch(r"[0-9a-fA-F]*", given[-1]):
        return "invalid key: {5}"
    return "not supported on port {port}"


def bandwidths_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The list is read before the driver is asked."""
    return bandwidths(given[-1]) or "function not implemented"


COMMANDS = [
    of_driver(
        "set vf split drop (port_id) (vf_id:u16) (on|off)",
        "VF split drop.",
        "not supported on port {port}",
    ),
    of_driver(
        "set macsec offload (port_id) on encrypt (on|off) replay-protect (on|off)",
        "MACsec on.",
        "not supported on port {port}",
        check=stopped,
    ),
    of_driver(
        "set macsec offload (port_id) off",
        "MACsec off.",
        "not supported on port {port}",
        check=stopped,
    ),
    of_driver(
        "set macsec sc (tx|rx) (port_id) (mac:mac) (pi:u16)",
        "MACsec connection.",
        "not supported on port {port}",
        check=any_port,
    ),
    of_driver(
        "set macsec sa (tx|rx) (port_id) (idx:u8) (an:u8) (pn:u32) (key:text)",
        "MACsec association.",
        key_answer,
        check=any_port,
    ),
    of_driver(
        "set tc tx min-bandwidth (port_id) (bw_list:text)",
        "Class minimum bandwidth.",
        bandwidths_answer,
        check=stopped,
    ),
    of_driver("port config bypass (port_id) (on|off)", "Bypass enable.", "", check=bypass_stopped),
    of_driver(
        "set bypass mode (normal|bypass|isolate) (port_id)",
        "Bypass mode.",
        NO_BYPASS,
        check=any_port,
    ),
    of_driver(
        "set bypass event (timeout|os_on|os_off|power_on|power_off) mode (normal|bypass|isolate) (port_id)",
        "Bypass event.",
        NO_BYPASS,
        check=any_port,
    ),
    of_driver("set bypass timeout (0|1.5|2|3|4|8|16|32)", "Bypass watchdog.", "", check=any_port),
    of_driver("show bypass config (port_id)", "Bypass configuration.", NO_BYPASS, check=any_port),
]
