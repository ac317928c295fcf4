"""Traffic management: no driver here schedules, shapes or marks."""

import re
from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, no
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import PortState

CAUSE = "cause unspecified: Function not implemented (error 1)"
MAX_SHARED_SHAPERS = 256


def started(app: Any, port_id: int | None) -> None:
    """`` Port 0 not started (error)``."""
    if port_id is not None and app.ports[port_id].state is not PortState.STARTED:
        raise ConfigError(f" Port {port_id} not started (error)")


def not_started(app: Any, port_id: int | None) -> None:
    """`` Port 0 not stopped (error)``."""
    if port_id is not None and app.ports[port_id].state is PortState.STARTED:
        raise ConfigError(f" Port {port_id} not stopped (error)")


def shared_shaper_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Added while the port is stopped, changed while it is started."""
    (not_started if given[0] == "add" else started)(app, given[1])
    return CAUSE


def _rate(rate: int) -> str:
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "K")):
        if rate >= unit:
            return f"{rate / unit:.1f}{letter}"
    return str(rate)


def shaper_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """What is asked for is said before the port is looked at."""
    port_id, shaper_id, rate, size, peak_rate, peak_size, adjust, pkt_mode = given
    return "\n".join(
        [
            f"adding node shaper on port {port_id}, with id {shaper_id}",
            f"# committed rate: {_rate(rate)}, t.b. size: {size}",
            f"# peak rate: {_rate(peak_rate)}, t.b. size: {peak_size}",
            f"# pkt length adjust: {adjust}",
            f"# packet mode: {'true' if pkt_mode else 'false (bytes mode)'}",
            CAUSE if port_id in app.ports else f"Invalid port {port_id}",
        ]
    )


def _shared_shapers(text: str) -> str:
    """The verdict on a count and as many ids."""
    count, *ids = text.split()
    if count.isdigit() and int(count) >= MAX_SHARED_SHAPERS:
        return " Number of shared shapers exceed the max (error)\n Shared shapers params string parse error"
    if not all(re.fullmatch(r"[0-9]{1,10}", word) for word in (count, *ids)) or int(count) != len(ids):
        return " Shared shapers params string parse error"
    return CAUSE


def _said(given: list[Any], names: list[str], *, leaf: bool) -> list[str]:
    port_id, node_id, parent, priority, weight, level, shaper = given[:7]
    place = "as root node" if parent < 0 else f"and parent node {parent}"
    return [
        f"adding {'leaf ' if leaf else ''}node on port {port_id}, with id {node_id} {place}",
        f"# priority: {priority}",
        f"# weight: {weight}",
        f"# level_id: {level}",
        f"# shaper_profile_id: {shaper}",
        *(f"# {name}: {value}" for name, value in zip(names, given[7:-2], strict=True)),
        f"# stats_mask: {given[-2]:x}",
        f"# shared shapers: '{given[-1]}'",
        _shared_shapers(given[-1]),
    ]


def nonleaf_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """What is asked for, and the refusal."""
    return "\n".join(_said(given, ["num SP priorities"], leaf=False))


def leaf_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """What is asked for, and the refusal."""
    return "\n".join(_said(given, ["cman_mode", "wred_profile_id"], leaf=True))


def pktmode_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The original says nothing first here."""
    return _shared_shapers(given[-1])


COMMANDS = [
    no("show port tm cap (port_id)", "Traffic manager capabilities.", CAUSE),
    no("show port tm level cap (port_id) (level_id:u32)", "Level capabilities.", CAUSE),
    no("show port tm node (port_id) (node_id:u32)", "Node parameters.", CAUSE),
    no("show port tm node cap (port_id) (node_id:u32)", "Node capabilities.", CAUSE),
    no("show port tm node type (port_id) (node_id:u32)", "Node type.", CAUSE),
    no("show port tm node stats (port_id) (node_id:u32) (clear:u32)", "Node statistics.", CAUSE, check=started),
    no(
        "add port tm node shaper profile (port_id) (shaper_id:u32) (cmit_tb_rate:u64) (cmit_tb_size:u64) "
        "(peak_tb_rate:u64) (peak_tb_size:u64) (pktlen_adjust:u32) (pkt_mode:u32)",
        "Add shaper profile.",
        shaper_answer,
        section="traffic_management",
        check=any_port,
    ),
    no(
        "del port tm node shaper profile (port_id) (shaper_id:u32)",
        "Delete shaper profile.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "(add|set) port tm node shared shaper (port_id) (shared_shaper_id:u32) (shaper_profile_id:u32)",
        "Add or change shared shaper.",
        shared_shaper_answer,
        section="traffic_management",
    ),
    no(
        "del port tm node shared shaper (port_id) (shared_shaper_id:u32)",
        "Delete shared shaper.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "add port tm node wred profile (port_id) (wred_profile_id:u32) (G|g) (min_th_g:u64) (max_th_g:u64) "
        "(maxp_inv_g:u16) (wq_log2_g:u16) (Y|y) (min_th_y:u64) (max_th_y:u64) (maxp_inv_y:u16) "
        "(wq_log2_y:u16) (R|r) (min_th_r:u64) (max_th_r:u64) (maxp_inv_r:u16) (wq_log2_r:u16)",
        "Add WRED profile.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "del port tm node wred profile (port_id) (wred_profile_id:u32)",
        "Delete WRED profile.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "set port tm node shaper profile (port_id) (node_id:u32) (shaper_profile_id:u32)",
        "Change shaper of a node.",
        CAUSE,
        section="traffic_management",
        check=started,
    ),
    no(
        "add port tm nonleaf node (port_id) (node_id:u32) (parent_node_id:i32) (priority:u32) (weight:u32) "
        "(level_id:u32) (shaper_profile_id:i32) (n_sp_priorities:u32) (stats_mask:u64) (words:words)",
        "Add non-leaf node.",
        nonleaf_answer,
        section="traffic_management",
    ),
    no(
        "add port tm nonleaf node pktmode (port_id) (node_id:u32) (parent_node_id:i32) (priority:u32) "
        "(weight:u32) (level_id:u32) (shaper_profile_id:i32) (n_sp_priorities:u32) (stats_mask:u64) "
        "(words:words)",
        "Add non-leaf node in packet mode.",
        pktmode_answer,
        section="traffic_management",
    ),
    no(
        "add port tm leaf node (port_id) (node_id:u32) (parent_node_id:i32) (priority:u32) (weight:u32) "
        "(level_id:u32) (shaper_profile_id:i32) (cman_mode:u32) (wred_profile_id:u32) (stats_mask:u64) "
        "(words:words)",
        "Add leaf node.",
        leaf_answer,
        section="traffic_management",
    ),
    no(
        "del port tm node (port_id) (node_id:u32)",
        "Delete node.",
        CAUSE,
        section="traffic_management",
        check=not_started,
    ),
    no(
        "set port tm node parent (port_id) (node_id:u32) (parent_id:u32) (priority:u32) (weight:u32)",
        "Move node.",
        CAUSE,
        section="traffic_management",
        check=started,
    ),
    no("suspend port tm node (port_id) (node_id:u32)", "Suspend node.", CAUSE, section="traffic_management"),
    no("resume port tm node (port_id) (node_id:u32)", "Resume node.", CAUSE, section="traffic_management"),
    no("port tm hierarchy commit (port_id) (yes|no)", "Commit hierarchy.", CAUSE, section="traffic_management"),
    no(
        "set port tm mark ip_ecn (port_id) (green:u16) (yellow:u16) (red:u16)",
        "ECN marking per colour.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "set port tm mark ip_dscp (port_id) (green:u16) (yellow:u16) (red:u16)",
        "DSCP marking per colour.",
        CAUSE,
        section="traffic_management",
    ),
    no(
        "set port tm mark vlan_dei (port_id) (green:u16) (yellow:u16) (red:u16)",
        "VLAN DEI marking per colour.",
        CAUSE,
        section="traffic_management",
    ),
]
