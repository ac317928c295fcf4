"""The items of a pattern and their fields (DPDK doc/guides/testpmd_app_ug/testpmd_funcs.rst, "Pattern items").

A field is ``name:kind`` with a letter of ``reader.KINDS`` or words with bars between, ``-`` for a word without a value.
``@offset+width`` is where the header has it, in bits; ``!`` marks what an item without fields has all ones in, when
``set raw_encap`` makes it bytes.
"""

from dataclasses import dataclass
from functools import cache

_FIELDS_OF_PACKETS = (
    "start|mac_dst|mac_src|vlan_type|vlan_id|mac_type|ipv4_dscp|ipv4_ttl|ipv4_src|ipv4_dst|ipv6_dscp|ipv6_hoplimit|"
    "ipv6_src|ipv6_dst|tcp_port_src|tcp_port_dst|tcp_seq_num|tcp_ack_num|tcp_flags|udp_port_src|udp_port_dst|vxlan_vni|"
    "geneve_vni|gtp_teid|tag|mark|meta|pointer|value|ipv4_ecn|ipv6_ecn|gtp_psc_qfi|meter_color|ipv6_proto|flex_item|"
    "hash_result|geneve_opt_type|geneve_opt_class|geneve_opt_data|mpls|tcp_data_off|ipv4_ihl|ipv4_total_len|"
    "ipv6_payload_len|ipv4_proto|ipv6_flow_label|ipv6_traffic_class|esp_spi|esp_seq_num|esp_proto|random|"
    "vxlan_last_rsvd"
)
FIELD_IDS = _FIELDS_OF_PACKETS
_GTP = "v_pt_rsv_flags:u@0+8 msg_type:u@8+8 teid:u@32+32!"
_ECHO = "ident:u seq:u"
_COMPARED = " ".join(
    f"{side}_type:{FIELD_IDS} {side}_level:u {side}_tag_index:u {side}_type_id:u {side}_class:u {side}_offset:u"
    for side in "ab"
)

ITEMS = {
    "void": "",
    "invert": "",
    "any": "num:u",
    "port_id": "id:u",
    "mark": "id:u",
    "raw": "relative:b search:b offset:i limit:u pattern:s pattern_hex:h",
    "eth": "dst:m@0+48! src:m@48+48! type:u@96+16 has_vlan:u",
    "vlan": "tci:u@0+16 pcp:u@0+3 dei:u@3+1 vid:u@4+12! inner_type:u@16+16 has_more_vlan:u",
    "ipv4": "version_ihl:u@0+8 tos:u@8+8 length:u@16+16 packet_id:u@32+16 fragment_offset:u@48+16 ttl:u@64+8 "
    "proto:u@72+8 src:4@96+32! dst:4@128+32!",
    "ipv6": "tc:u@4+8 flow:u@12+20 length:u@32+16 proto:u@48+8 hop:u@56+8 src:6@64+128! dst:6@192+128! has_frag_ext:u",
    "icmp": "type:u code:u ident:u seq:u",
    "udp": "src:u@0+16! dst:u@16+16!",
    "tcp": "src:u@0+16! dst:u@16+16! flags:u@104+8",
    "sctp": "src:u dst:u tag:u cksum:u",
    "vxlan": "vni:u@32+24! flag_g:u@0+1 flag_ver:u@2+2 flag_i:u@4+1 flag_p:u@5+1 flag_b:u@6+1 flag_o:u@7+1 "
    "flag_d:u@9+1 flag_a:u@12+1 group_policy_id:u@16+16 protocol:u@24+8 first_rsvd:u@8+8 second_rsvd:u@16+8 "
    "third_rsvd:u@24+8 last_rsvd:u@56+8",
    "e_tag": "grp_ecid_b:u",
    "nvgre": "tni:u@32+24!",
    "mpls": "label:u@0+20! tc:u@20+3 s:u@23+1 ttl:u@24+8",
    "gre": "protocol:u@16+16! c_rsvd0_ver:u@0+16 c_bit:b@0+1 k_bit:b@2+1 s_bit:b@3+1",
    "fuzzy": "thresh:u",
    "gtp": _GTP,
    "gtpc": _GTP,
    "gtpu": _GTP,
    "geneve": "vni:u@32+24! protocol:u@16+16 optlen:u@2+6",
    "vxlan-gpe": "vni:u@32+24! protocol:u@24+8 flags:u@0+8 rsvd0:u@8+16 rsvd1:u@56+8",
    "arp_eth_ipv4": "sha:m spa:4 tha:m tpa:4",
    "ipv6_ext": "next_hdr:u",
    "ipv6_frag_ext": "next_hdr:u frag_data:u packet_id:u",
    "ipv6_routing_ext": "ext_type:u@16+8! ext_next_hdr:u@0+8! ext_seg_left:u@24+8",
    "icmp6": "type:u code:u",
    "icmp6_echo_request": _ECHO,
    "icmp6_echo_reply": _ECHO,
    "icmp6_nd_ns": "target_addr:6",
    "icmp6_nd_na": "target_addr:6",
    "icmp6_nd_opt": "type:u",
    "icmp6_nd_opt_sla_eth": "sla:m",
    "icmp6_nd_opt_tla_eth": "tla:m",
    "meta": "data:u",
    "random": "value:u",
    "gre_key": "value:u@0+32!",
    "gre_option": "checksum:u key:u sequence:u",
    "gtp_psc": "qfi:u@18+6! pdu_t:u@8+4",
    "pppoes": "seid:u",
    "pppoed": "seid:u",
    "pppoe_proto_id": "",
    "higig2": "classification:u vid:u",
    "tag": "data:u index:u",
    "l2tpv3oip": "session_id:u@0+32!",
    "esp": "spi:u@0+32!",
    "ah": "spi:u@32+32!",
    "pfcp": "s_field:u@0+8 seid:u@32+64!",
    "ecpri": "common:- type:- iq_data:- pc_id:u rtc_ctrl:- rtc_id:u delay_measure:- msr_id:u",
    "geneve-opt": "class:u@0+16 type:u@16+8! length:u@24+8 data:h",
    "integrity": "level:u value:u",
    "conntrack": "",
    "port_representor": "port_id:u",
    "represented_port": "ethdev_port_id:u",
    "flex": "item:u pattern:u",
    "l2tpv2": "type:- data:- data_l:- data_s:- data_o:- data_l_s:- control:- length:u tunnel_id:u session_id:u ns:u "
    "nr:u offset:u",
    "ppp": "addr:u ctrl:u proto_id:u",
    "meter": "color:green|yellow|red|all",
    "quota": "quota_state:pass|block",
    "aggr_affinity": "affinity:u",
    "tx_queue": "tx_queue_value:u",
    "ib_bth": "opcode:u pkey:u dst_qp:u psn:u",
    "ptype": "packet_type:u",
    "nsh": "",
    "compare": f"op:eq|ne|lt|le|gt|ge {_COMPARED} width:u",
}


@dataclass(frozen=True)
class Field:
    """A field of an item: its kind, where the header has it, in bits, and whether it is all ones by default."""

    name: str
    kind: str
    offset: int = 0
    width: int = 0
    is_default: bool = False

    @property
    def bits(self) -> int:
        """How large a value may be."""
        return self.width or 64


@cache
def fields(item: str) -> dict[str, Field]:
    """The fields of an item."""
    return {field.name: field for field in map(_field, ITEMS[item].split())}


def _field(text: str) -> Field:
    name, _, rest = text.partition(":")
    kind, _, place = rest.partition("@")
    offset, _, width = place.rstrip("!").partition("+")
    return Field(name, kind, int(offset or 0), int(width or 0), place.endswith("!"))
