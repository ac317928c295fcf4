"""Meters and their profiles: no driver here has any."""

import re
from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, colours, no

CAUSE = "cause unspecified: Function not implemented (error 1)"
DSCP_ENTRIES, VLAN_ENTRIES = 64, 16


def create_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """After the colour comes 1, or 0 and the colours of all DSCP values and perhaps of all VLAN priorities."""
    previous, *entries = given[-1].split()
    is_number = re.fullmatch(r"[+-]?[0-9]+", previous)
    tables = (0, DSCP_ENTRIES, DSCP_ENTRIES + VLAN_ENTRIES)
    if not is_number or (not int(previous) and not (len(entries) in tables and colours(entries))):
        return " Meter input color params string parse error"
    return CAUSE


def table_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Port, meter, protocol, and then no entry or all of them."""
    numbers, entries = given[0].split()[:2], given[0].split()[3:]
    count = DSCP_ENTRIES if "dscp" in command.syntax else VLAN_ENTRIES
    is_good = all(re.fullmatch(r"[0-9]{1,10}", number) for number in numbers) and int(numbers[0]) <= 0xFFFF
    if not is_good or (entries and not (len(entries) >= count and colours(entries[:count]))):
        return " Multi token string parse error"
    return CAUSE if int(numbers[0]) in app.ports else f"Invalid port {int(numbers[0])}"


COMMANDS = [
    no("show port meter cap (port_id)", "Meter capabilities.", CAUSE),
    no(
        "add port meter profile srtcm_rfc2697 (port_id) (profile_id:u32) (cir:u64) (cbs:u64) (ebs:u64) "
        "(packet_mode:u32)",
        "Add srTCM profile (RFC 2697).",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "add port meter profile trtcm_rfc2698 (port_id) (profile_id:u32) (cir:u64) (pir:u64) (cbs:u64) "
        "(pbs:u64) (packet_mode:u32)",
        "Add trTCM profile (RFC 2698).",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "add port meter profile trtcm_rfc4115 (port_id) (profile_id:u32) (cir:u64) (eir:u64) (cbs:u64) "
        "(ebs:u64) (packet_mode:u32)",
        "Add trTCM profile (RFC 4115).",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "del port meter profile (port_id) (profile_id:u32)",
        "Delete meter profile.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "create port meter (port_id) (mtr_id:u32) (profile_id:u32) (policy_id:u32) (yes|no) (stats_mask:u64) "
        "(shared:u32) (R|Y|G|r|y|g) (words:words)",
        "Create meter.",
        create_answer,
        section="traffic_management",
    ),
    no("enable port meter (port_id) (mtr_id:u32)", "Enable meter.", CAUSE, section="traffic_management"),
    no("disable port meter (port_id) (mtr_id:u32)", "Disable meter.", CAUSE, section="traffic_management"),
    no("del port meter (port_id) (mtr_id:u32)", "Delete meter.", CAUSE, section="traffic_management"),
    no("del port meter policy (port_id) (policy_id:u32)", "Delete meter policy.", CAUSE, section="traffic_management"),
    no(
        "set port meter profile (port_id) (mtr_id:u32) (profile_id:u32)",
        "Change profile of a meter.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "set port meter dscp table (words:words)",
        "DSCP colour table of a meter.",
        table_answer,
        section="traffic_management",
        check=any_port,
    ),
    no(
        "set port meter vlan table (words:words)",
        "VLAN colour table of a meter.",
        table_answer,
        section="traffic_management",
        check=any_port,
    ),
    no(
        "set port meter proto (port_id) (mtr_id:u32) (outer_vlan|inner_vlan|outer_ip|inner_ip) (prio:u32)",
        "Meter input protocol priority.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "get port meter proto (port_id) (mtr_id:u32)",
        "Read meter input protocol.",
        CAUSE + "\nEnabled protocols:",
        section="traffic_management",
    ),
    no(
        "get port meter proto_prio (port_id) (mtr_id:u32) (outer_vlan|inner_vlan|outer_ip|inner_ip)",
        "Read meter protocol priority.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "set port meter stats mask (port_id) (mtr_id:u32) (stats_mask:u64)",
        "Meter statistics mask.",
        CAUSE,
        section="traffic_management",
    ),
    no("show port meter stats (port_id) (mtr_id:u32) (yes|no)", "Meter statistics.", CAUSE),
]
