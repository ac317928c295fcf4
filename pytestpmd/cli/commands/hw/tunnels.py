"""Headers that flow rules would put on and take off, and UDP ports by which a NIC would know tunnels.

Headers are checked and accepted: they are for rules, and no port here takes one (``cli/flow``).
"""

import re
from typing import Any

from pytestpmd.cli.refusal import Refused, any_port, no, stopped

MAX_PATTERNS = 16


def flex_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Bytes as hexadecimal digits; ``set flex_pattern`` numbers patterns, not ports."""
    number, *texts = given
    if number >= MAX_PATTERNS:
        return "Bad flex pattern id"
    for what, text in zip(("spec", "mask"), texts, strict=False):
        if not re.fullmatch(r"(0[xX])?([0-9a-fA-F]{2})+", text):
            return f"Bad flex pattern {what}"
    if len({len(text.lower().removeprefix("0x")) for text in texts}) > 1:
        return "Spec length do not match mask length"
    return f"created pattern #{number}"


def tso_answer(app: Any, command: Refused, given: list[Any]) -> str:
    """Disabling it is possible anywhere."""
    if given[0] == 0 and len(given) == 2:
        return "TSO for tunneled packets is disabled"
    return "Error: port={port} don't support tunnel TSO offloads."


COMMANDS = [
    no("tunnel_tso set (tso_segsz:u16) (port_id)", "TSO size for tunnelled packets.", tso_answer, check=stopped),
    no("tunnel_tso show (port_id)", "Tunnel TSO size.", tso_answer, section="display", check=stopped),
    no(
        "rx_vxlan_port (add|rm) (udp_port:u16) (port_id)",
        "VXLAN UDP port for filters.",
        "udp tunneling add error: ({why})",
        check=any_port,
    ),
    no(
        "set vxlan ip-version (ipv4|ipv6) vni (vni:u32) udp-src (udp_src:u16) udp-dst (udp_dst:u16) ip-src "
        "(ip_src:ip) ip-dst (ip_dst:ip) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "VXLAN encapsulation header for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set vxlan-tos-ttl ip-version (ipv4|ipv6) vni (vni:u32) udp-src (udp_src:u16) udp-dst (udp_dst:u16) "
        "ip-tos (tos:u8) ip-ttl (ttl:u8) ip-src (ip_src:ip) ip-dst (ip_dst:ip) eth-src (eth_src:mac) eth-dst "
        "(eth_dst:mac)",
        "VXLAN header with TOS and TTL for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set vxlan-with-vlan ip-version (ipv4|ipv6) vni (vni:u32) udp-src (udp_src:u16) udp-dst (udp_dst:u16) "
        "ip-src (ip_src:ip) ip-dst (ip_dst:ip) vlan-tci (tci:u16) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "VXLAN header with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set nvgre ip-version (ipv4|ipv6) tni (tni:u32) ip-src (ip_src:ip) ip-dst (ip_dst:ip) eth-src "
        "(eth_src:mac) eth-dst (eth_dst:mac)",
        "NVGRE header for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set nvgre-with-vlan ip-version (ipv4|ipv6) tni (tni:u32) ip-src (ip_src:ip) ip-dst (ip_dst:ip) "
        "vlan-tci (tci:u16) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "NVGRE header with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set l2_encap ip-version (ipv4|ipv6) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "L2 encapsulation header for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set l2_encap-with-vlan ip-version (ipv4|ipv6) vlan-tci (tci:u16) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "L2 header with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no("set l2_decap", "L2 decapsulation for flow actions.", "", section="filters", check=any_port),
    no("set l2_decap-with-vlan", "L2 decapsulation with VLAN for flow actions.", "", section="filters", check=any_port),
    no(
        "set mplsogre_encap ip-version (ipv4|ipv6) label (label:u32) ip-src (ip_src:ip) ip-dst (ip_dst:ip) "
        "eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "MPLS over GRE header for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsogre_encap-with-vlan ip-version (ipv4|ipv6) label (label:u32) ip-src (ip_src:ip) ip-dst "
        "(ip_dst:ip) vlan-tci (tci:u16) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "MPLS over GRE with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsogre_decap ip-version (ipv4|ipv6)",
        "MPLS over GRE decapsulation for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsogre_decap-with-vlan ip-version (ipv4|ipv6)",
        "MPLS over GRE decapsulation with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsoudp_encap ip-version (ipv4|ipv6) label (label:u32) udp-src (udp_src:u16) udp-dst "
        "(udp_dst:u16) ip-src (ip_src:ip) ip-dst (ip_dst:ip) eth-src (eth_src:mac) eth-dst (eth_dst:mac)",
        "MPLS over UDP header for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsoudp_encap-with-vlan ip-version (ipv4|ipv6) label (label:u32) udp-src (udp_src:u16) udp-dst "
        "(udp_dst:u16) ip-src (ip_src:ip) ip-dst (ip_dst:ip) vlan-tci (tci:u16) eth-src (eth_src:mac) eth-dst "
        "(eth_dst:mac)",
        "MPLS over UDP with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsoudp_decap ip-version (ipv4|ipv6)",
        "MPLS over UDP decapsulation for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set mplsoudp_decap-with-vlan ip-version (ipv4|ipv6)",
        "MPLS over UDP decapsulation with VLAN for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set conntrack com peer (peer_port:u16) is_orig (is_original:u32) enable (en:u32) live (is_live:u32) "
        "sack (s_ack:u32) cack (c_ack:u32) last_dir (ld:u32) liberal (lb:u32) state (stat:u8) max_ack_win "
        "(factor:u8) r_lim (re_num:u8) last_win (lw:u16) last_seq (ls:u32) last_ack (la:u32) last_end "
        "(le:u32) last_index (li:u8)",
        "Connection tracking common state for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "set conntrack (orig|rply) scale (factor:u32) fin (f:u32) acked (as:u32) unack_data (un:u32) sent_end "
        "(se:u32) reply_end (re:u32) max_win (mw:u32) max_ack (ma:u32)",
        "Connection tracking direction state for flow actions.",
        "",
        section="filters",
        check=any_port,
    ),
    no(
        "port config (port_id) udp_tunnel_port (add|rm) (vxlan|geneve|vxlan-gpe|ecpri) (udp_port:u16)",
        "UDP port for tunnel offload.",
        "udp tunneling port add error: ({why})",
        section="ports",
    ),
    no(
        "set flex_pattern (port_id) is (spec_data:text)",
        "Flex item exact pattern.",
        flex_answer,
        section="filters",
        check=any_port,
    ),
    no(
        "set flex_pattern (port_id) spec (spec_data:text) mask (mask_data:text)",
        "Flex item pattern with mask.",
        flex_answer,
        section="filters",
        check=any_port,
    ),
]
