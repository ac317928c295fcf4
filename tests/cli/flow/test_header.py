"""Headers from items: as scapy makes them, and as DPDK's testpmd (22.11) does where it sets what a user leaves out."""

import pytest
from fakes.app import FakeApp
from fakes.console import answer
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from pytestpmd.cli.flow.header import build
from pytestpmd.cli.flow.reader import Reader
from pytestpmd.cli.flow.rules import pattern
from pytestpmd.errors import ConfigError


def made(text: str) -> bytes:
    return build(pattern(Reader(f"{text} / end".split()), "end"))


MACS = "dst is 02:00:00:00:00:01 src is 02:00:00:00:00:02"
ETHER = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
ADDRESSES = {"src": "198.18.0.1", "dst": "198.18.0.2"}
IPV4 = "ipv4 src is 198.18.0.1 dst is 198.18.0.2 ttl is 64"


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        (f"eth {MACS} / vlan vid is 5 pcp is 3 inner_type is 0x0800", ETHER / Dot1Q(vlan=5, prio=3, type=0x0800)),
        (f"eth {MACS} / ipv6 src is ::1 dst is ::2 hop is 64", ETHER / IPv6(src="::1", dst="::2", nh=0, hlim=64)),
        ("udp src is 4789 dst is 53", UDP(sport=4789, dport=53, len=0, chksum=0)),
        (
            "tcp src is 80 dst is 81 flags is 0x12",
            TCP(sport=80, dport=81, flags="SA", dataofs=0, window=0, chksum=0),
        ),
        ("vxlan vni is 0x123456", VXLAN(vni=0x123456, flags="Instance")),
        ("gre protocol is 0x6558", GRE(proto=0x6558)),
    ],
)
def test_a_header_is_what_scapy_makes(text: str, packet: object) -> None:
    assert made(text).hex() == bytes(packet).hex()  # type: ignore[call-overload]


def test_what_comes_next_is_said_by_each_header() -> None:
    packet = Ether(made(f"eth {MACS} / {IPV4} / udp dst is 4789 / vxlan vni is 7 / eth {MACS} / ipv6 dst is ::5 / tcp"))
    assert packet.type == 0x0800
    assert packet[IP].proto == 17
    assert packet[VXLAN].vni == 7
    assert packet[VXLAN][Ether].type == 0x86DD
    assert packet[IPv6].nh == 6


def test_an_item_without_values_has_its_usual_fields_all_ones() -> None:
    """The example of a session of the original: Ethernet with a source, IPv4 without anything."""
    assert made("eth src is 00:11:22:33:44:55 / ipv4") == bytes.fromhex(
        "000000000000 001122334455 0800 4500 0000 0000 0000 0000 0000 ffffffff ffffffff"
    )


def test_a_gtp_extension_has_the_word_that_announces_it() -> None:
    packet = made("gtp teid is 99 msg_type is 255 v_pt_rsv_flags is 0x34 / gtp_psc qfi is 9 pdu_t is 1")
    assert packet == bytes.fromhex("34ff0000 00000063 00000085 01100900")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("eth / any num is 2", "Error - Not supported item"),
        ("gtp / udp / gtp_psc", "Error - GTP PSC does not follow GTP"),
        ("gtp v_pt_rsv_flags is 2 / gtp_psc", "Error - GTP unsupported flags"),
        ("ipv6_routing_ext ext_seg_left is 255", "Error - headers of 4088 bytes, 512 at most"),
    ],
)
def test_what_is_no_header_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        made(text)


def test_headers_are_shown_as_the_original_shows_them() -> None:
    app = FakeApp()
    app.config.forward.verbose = 1
    line = "set raw_encap 0 eth src is 00:11:22:33:44:55 / ipv4 / end_set"
    assert answer(app, line) == "total data size is 34"
    heading, *rows = answer(app, "show raw_encap 0").strip("\n").split("\n")
    assert heading.startswith("index: 0 at [0x")
    assert heading.endswith("], len=34")
    assert rows == [
        '00000000: 00 00 00 00 00 00 00 11 22 33 44 55 08 00 45 00 | ........"3DU..E.',
        "00000010: 00 00 00 00 00 00 00 00 00 00 FF FF FF FF FF FF | ................",
        "00000020: FF FF                                           | ..",
    ]
    assert answer(app, "show raw_encap 8") == "index should be 0-7"
    assert answer(app, "show raw_decap all").count("len=0") == 8
    assert '"0":"' in answer(app, "show raw_encap all json")


def test_a_refused_header_leaves_none_behind() -> None:
    app = FakeApp()
    answer(app, "set raw_encap 0 eth / end_set")
    answer(app, "set raw_encap 0 eth / any / end_set")
    assert answer(app, "show raw_encap 0 json") == '{"raw_encap":{}}'
