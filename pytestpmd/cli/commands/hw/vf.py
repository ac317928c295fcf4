"""Virtual functions of a NIC, and what is set in its physical function for them: no port here has any."""

from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, no

#: The counters follow the refusal.
VF_STATS = """\
function not implemented

  ######################## NIC statistics for port {port:<2} vf {1:<2} ########################
  RX-packets: 0          RX-missed: 0          RX-bytes:  0
  RX-errors: 0
  RX-nombuf:  0        \x20
  TX-packets: 0          TX-errors: 0          TX-bytes:  0
  ############################################################################"""


def traffic_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """``VF Rx setting not supported for port 0``."""
    return f"VF {given[2].capitalize()} setting not supported for port {given[0]}"


def uta_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """No port has a table, so there is no room in it, and nothing to be taken out."""
    port_id, mac, mode = given
    if port_id not in app.ports:
        return "bad unicast hash table parameter, return code = {code}"
    if mac == bytes(6):
        text, code = f"Port {port_id}: Cannot add NULL MAC address", -22
    elif mode == "off":
        text, code = f"Port {port_id}: the MAC address was not set in UTA", -22
    else:
        text, code = f"Port {port_id}: MAC address array full", -28
    return f"ETHDEV: {text}\nbad unicast hash table parameter, return code = {code}"


COMMANDS = [
    no("set port (port_id) uta (mac:mac) (on|off)", "Unicast hash filter entry.", uta_answer, check=any_port),
    no(
        "set port (port_id) uta all (on|off)",
        "Unicast hash filter for all.",
        "bad unicast hash table parameter, return code = {code}",
        check=any_port,
    ),
    no(
        "mac_addr add port (port_id) vf (vf_id:u8) (mac:mac)",
        "MAC filter for a VF.",
        "vf_mac_addr_cmd error: (Operation not supported)",
        check=any_port,
    ),
    no("set vf vlan antispoof (port_id) (vf_id:u32) (on|off)", "VF VLAN anti-spoof.", "function not implemented"),
    no("set vf mac antispoof (port_id) (vf_id:u32) (on|off)", "VF MAC anti-spoof.", "function not implemented"),
    no("set vf vlan stripq (port_id) (vf_id:u16) (on|off)", "VF VLAN strip.", "function not implemented"),
    no("set vf vlan insert (port_id) (vf_id:u16) (vlan_id)", "VF VLAN insertion.", "function not implemented"),
    no("set tx loopback (port_id) (on|off)", "Tx loopback between VFs.", "function not implemented"),
    no("set all queues drop (port_id) (on|off)", "Drop enable on all queues.", "function not implemented"),
    no("set port (port_id) vf (vf_id:u8) (tx|rx) (on|off)", "VF Rx or Tx on/off.", traffic_answer, check=any_port),
    no(
        "set port (port_id) vf (vf_id:u8) rxmode (AUPE|ROPE|BAM|MPE) (on|off)",
        "VF receive mode.",
        "bad VF receive mode parameter, return code = -95",
        check=any_port,
    ),
    no(
        "set port (port_id) vf (vf_id:u8) rate (rate_num:u32) queue_mask (q_msk_val:u64)",
        "VF queue rate limit.",
        "set_vf_rate_limit for port_id={port} failed diag=-95\nvf_rate_limit_cmd error: (Operation not supported)",
        check=any_port,
    ),
    no(
        "rx_vlan (add|rm) (vlan_id) port (port_id) vf (vf_mask:u64)",
        "VLAN filter for VFs.",
        "function not implemented or supported",
        check=any_port,
    ),
    no("set vf mac addr (port_id) (vf_id:u16) (mac:mac)", "VF MAC address.", "function not implemented"),
    no("show vf stats (port_id) (vf_id:u16)", "VF statistics.", VF_STATS),
    no("clear vf stats (port_id) (vf_id:u16)", "Clear VF statistics.", "function not implemented"),
]
