"""What only a port of the i40e driver does."""

from typing import Any

from pytestpmd.cli.refusal import Refused, all_stopped, any_port, bandwidths, of_driver

#: The empty list comes before the refusal.
REGIONS = """\
there is no region has been set before
\t------- All queue region info for port={port:2d} -------
function not implemented or supported"""


def bandwidths_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """The list is read before the driver is asked."""
    return bandwidths(given[-1]) or "function not implemented"


COMMANDS = [
    of_driver(
        "set port (port_id) queue-region region_id (value:u8) queue_start_index (value:u8) queue_num (value:u8)",
        "Queue region.",
        "function not implemented or supported",
    ),
    of_driver(
        "set port (port_id) queue-region region_id (value:u8) flowtype (value:u8)",
        "Region flow type.",
        "function not implemented or supported",
    ),
    of_driver(
        "set port (port_id) queue-region UP (value:u8) region_id (value:u8)",
        "Priority to region.",
        "function not implemented or supported",
    ),
    of_driver(
        "set port (port_id) queue-region flush (on|off)",
        "Apply or flush regions.",
        "function not implemented or supported",
    ),
    of_driver("show port (port_id) queue-region", "Show regions.", REGIONS),
    of_driver(
        "flow_director_filter (port_id) mode raw (add|del|update) flow (flow_id:text) (drop|fwd) queue "
        "(queue_id) fd_id (id:u32) packet (file)",
        "Raw flow director filter.",
        "Invalid flow type specified.",
        check=any_port,
    ),
    of_driver(
        "set vf promisc (port_id) (vf_id:u32) (on|off)",
        "VF promiscuous.",
        "function not implemented",
    ),
    of_driver(
        "set vf allmulti (port_id) (vf_id:u32) (on|off)",
        "VF allmulticast.",
        "function not implemented",
    ),
    of_driver(
        "set vf broadcast (port_id) (vf_id:u16) (on|off)",
        "VF broadcast.",
        "function not implemented",
    ),
    of_driver("set vf vlan tag (port_id) (vf_id:u16) (on|off)", "VF VLAN tag.", "function not implemented"),
    of_driver(
        "set vf tx max-bandwidth (port_id) (vf_id:u16) (bandwidth:u32)",
        "VF bandwidth.",
        "function not implemented",
    ),
    of_driver(
        "set vf tc tx min-bandwidth (port_id) (vf_id:u16) (bw_list:text)",
        "VF class minimum.",
        bandwidths_answer,
    ),
    of_driver(
        "set vf tc tx max-bandwidth (port_id) (vf_id:u16) (tc_no:u8) (bandwidth:u32)",
        "VF class maximum.",
        "function not implemented",
    ),
    of_driver(
        "set tx strict-link-priority (port_id) (tc_bitmap:u8)",
        "Strict priority classes.",
        "function not implemented",
    ),
    of_driver(
        "port config (port_id) pctype (pctype_id:u8) (hash_inset|fdir_inset|fdir_flx_inset) (get|set|clear) "
        "field (field_idx:u8)",
        "Input set field.",
        "Failed to get input set.",
        check=all_stopped,
    ),
    of_driver(
        "port config (port_id) pctype (pctype_id:u8) (hash_inset|fdir_inset|fdir_flx_inset) clear all",
        "Clear input set.",
        "Failed to clear input set.",
        check=all_stopped,
    ),
    of_driver("ptype mapping get (port_id) (valid_only:u8)", "Ptype mapping.", "function not implemented"),
    of_driver(
        "ptype mapping replace (port_id) (target:u32) (mask:u8) (pkt_type:u32)",
        "Replace ptype.",
        "function not implemented",
    ),
    of_driver("ptype mapping reset (port_id)", "Reset ptype mapping.", "function not implemented"),
    of_driver(
        "ptype mapping update (port_id) (hw_ptype:u8) (sw_ptype:u32)",
        "Update ptype mapping.",
        "function not implemented",
    ),
    of_driver("show port (port_id) pctype mapping", "Pctype mapping.", "function not implemented"),
    of_driver(
        "port config (port_id) pctype mapping reset",
        "Reset pctype mapping.",
        "function not implemented",
    ),
    of_driver(
        "port config (port_id) pctype mapping update (pctype_list:text) (flow_type_id:u16)",
        "Update pctype mapping.",
        "function not implemented",
    ),
    of_driver("port config all i40e_src_prune (on|off)", "Source pruning all ports.", "", check=any_port),
    of_driver("port config (port_id) i40e_src_prune (on|off)", "Source pruning.", "", check=any_port),
]
