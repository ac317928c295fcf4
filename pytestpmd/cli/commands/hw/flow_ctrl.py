"""Pause frames and priority flow control: a virtio device has neither."""

from pytestpmd.cli.refusal import any_port, no

COMMANDS = [
    no(
        "set flow_ctrl rx (on|off) tx (on|off) (high_water:u32) (low_water:u32) (pause_time:u16) "
        "(send_xon:u16) mac_ctrl_frame_fwd (on|off) autoneg (on|off) (port_id)",
        "Set all flow control parameters.",
        "bad flow control parameter, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl rx (on|off) (port_id)",
        "Rx pause on or off.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl tx (on|off) (port_id)",
        "Tx pause on or off.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl high_water (high_water:u32) (port_id)",
        "High water mark.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl low_water (low_water:u32) (port_id)",
        "Low water mark.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl pause_time (pause_time:u16) (port_id)",
        "Pause time.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl send_xon (send_xon:u16) (port_id)",
        "Send XON.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl mac_ctrl_frame_fwd (on|off) (port_id)",
        "Forward MAC control frames.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "set flow_ctrl autoneg (on|off) (port_id)",
        "Flow control autonegotiation.",
        "cannot get current flow ctrl parameters, return code = {code}",
        check=any_port,
    ),
    no(
        "show port (port_id) flow_ctrl",
        "Flow control state.",
        "Failed to get current flow ctrl information: err = {code}",
        check=any_port,
    ),
    no(
        "set pfc_ctrl rx (on|off) tx (on|off) (high_water:u32) (low_water:u32) (pause_time:u16) (priority:u8) "
        "(port_id)",
        "Priority flow control.",
        "bad priority flow control parameter, return code = {code}",
    ),
    no(
        "set pfc_queue_ctrl (port_id) rx (on|off) (tx_qid:u16) (tx_tc:u8) tx (on|off) (rx_qid:u16) (rx_tc:u8) "
        "(pause_time:u16)",
        "Queue priority flow control.",
        "bad queue priority flow control parameter, rc = {code}",
        check=any_port,
    ),
]
