from dataclasses import replace
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from transcripts import transcript

from pytestpmd._dataplane import lib
from pytestpmd.cli.render.packet import dump, headers
from pytestpmd.fwd.dump import DumpedPacket, Summed

FRAME = bytes(
    Ether(src="52:9e:12:3b:93:4d", dst="02:00:00:00:00:00") / IP(src="198.18.0.1", dst="198.18.0.2") / UDP(dport=9)
).ljust(64, b"\0")


def packet(nb_burst: int, sent: bool = False, data: bytes = FRAME) -> DumpedPacket:
    return DumpedPacket(0, 0, sent, nb_burst, 1, len(data), 0, data)


def test_received_packets_are_shown_as_the_original_shows_them() -> None:
    expected = transcript("verbose-received").splitlines()
    assert dump([packet(2), packet(0)], 0, "mb_pool_0").splitlines() == [*expected, *expected[1:]]


def test_sent_packets_say_so() -> None:
    first, second, third = dump([packet(1, sent=True)], 0, "mb_pool_0").splitlines()
    assert first == "port 0/queue 0: sent 1 packets"
    assert second.endswith(" - Send queue=0x0")
    assert third == "  ol_flags: RTE_MBUF_F_TX_L4_NO_CKSUM "


def ol_flags(flags: int, *, sent: bool = False) -> str:
    shown = replace(packet(1, sent), ol_flags=flags)
    return dump([shown], 0, "mb_pool_0").splitlines()[2].removeprefix("  ol_flags: ").replace("RTE_MBUF_F_", "")


def test_flags_have_dpdks_names() -> None:
    both = lib.MBUF_F_RX_IP_CKSUM_BAD | lib.MBUF_F_RX_L4_CKSUM_GOOD
    assert ol_flags(both) == "RX_L4_CKSUM_GOOD RX_IP_CKSUM_BAD RX_OUTER_L4_CKSUM_UNKNOWN "
    large = lib.MBUF_F_RX_LRO | lib.MBUF_F_RX_L4_CKSUM_NONE
    assert ol_flags(large) == "RX_L4_CKSUM_NONE RX_IP_CKSUM_UNKNOWN RX_LRO RX_OUTER_L4_CKSUM_UNKNOWN "
    for name in ("TCP", "UDP", "SCTP"):
        assert ol_flags(getattr(lib, f"MBUF_F_TX_{name}_CKSUM"), sent=True) == f"TX_{name}_CKSUM "
    cut_up = lib.MBUF_F_TX_TCP_SEG | lib.MBUF_F_TX_IP_CKSUM | lib.MBUF_F_TX_IPV4
    assert ol_flags(cut_up, sent=True) == "TX_IP_CKSUM TX_L4_NO_CKSUM TX_TCP_SEG TX_IPV4 "


def test_tags_and_hashes_are_shown_where_there_are_such() -> None:
    flags = lib.MBUF_F_RX_VLAN | lib.MBUF_F_RX_VLAN_STRIPPED | lib.MBUF_F_RX_RSS_HASH
    received = replace(packet(1), ol_flags=flags, hash_rss=0xBEEF, vlan_tci=0x2005)
    line = dump([received], 0, "mb_pool_0").splitlines()[1]
    assert " - nb_segs=1 - RSS hash=0xbeef - RSS queue=0x0 - VLAN tci=0x2005 - sw ptype: " in line
    sent = replace(packet(1, sent=True), ol_flags=lib.MBUF_F_TX_VLAN, vlan_tci=7)
    assert " - nb_segs=1 - VLAN tci=0x7 - sw ptype: " in dump([sent], 0, "mb_pool_0")
    assert "VLAN tci" not in dump([packet(1)], 0, "mb_pool_0")


def summed(data: bytes, rx_flags: int, **found: Any) -> list[str]:
    values = {"address": 0x7F00, "tx_flags": 0, "asks": False, "lro_segsz": 0, "tso_segsz": 0}
    lengths = {"l2_len": 14, "l3_len": 20, "l4_len": 8}
    noted = replace(packet(1, data=data), ol_flags=rx_flags, summed=Summed(**{**values, **lengths, **found}))
    return dump([noted], 0, "mb_pool_0").replace("RTE_MBUF_F_", "").splitlines()


def test_the_csum_engine_tells_what_it_found_and_did() -> None:
    """As ``app/test-pmd/csumonly.c`` prints it."""
    assert summed(FRAME, 0, tx_flags=lib.MBUF_F_TX_IPV4) == [
        "-----------------",
        "port=0, mbuf=0x7f00, pkt_len=64, nb_segs=1:",
        "rx: l2_len=14 ethertype=800 l3_len=20 l4_proto=17 l4_len=8 "
        "flags=RX_L4_CKSUM_UNKNOWN RX_IP_CKSUM_UNKNOWN RX_OUTER_L4_CKSUM_UNKNOWN ",
        "tx: flags=TX_L4_NO_CKSUM TX_IPV4 ",
    ]


def test_the_csum_engine_tells_what_it_asks_the_port_for() -> None:
    data = bytes(Ether() / Dot1Q() / IPv6() / TCP())
    flags = lib.MBUF_F_TX_TCP_SEG | lib.MBUF_F_TX_IPV6
    lines = summed(
        data, lib.MBUF_F_RX_LRO, l2_len=18, l3_len=40, l4_len=20, tx_flags=flags, asks=True, lro_segsz=1, tso_segsz=2
    )
    assert lines[2].startswith("rx: l2_len=18 ethertype=86dd l3_len=40 l4_proto=6 l4_len=20 flags=")
    assert lines[3:] == [
        "rx: m->lro_segsz=1",
        "tx: m->l2_len=18 m->l3_len=40 m->l4_len=20",
        "tx: m->tso_segsz=2",
        "tx: flags=TX_L4_NO_CKSUM TX_TCP_SEG TX_IPV6 ",
    ]


def test_the_csum_engine_tells_of_what_it_did_not_understand() -> None:
    assert summed(bytes(Ether() / ARP()), 0, l3_len=0, l4_len=0)[2].startswith(
        "rx: l2_len=14 ethertype=806 l3_len=0 l4_proto=0 l4_len=0 flags="
    )
    assert summed(b"", 0, l2_len=14)[2].startswith("rx: l2_len=14 ethertype=0 ")


def test_what_passed_too_fast_is_counted() -> None:
    assert dump([], 7, "mb_pool_0") == "7 packets passed too fast to be shown"


@pytest.mark.parametrize(
    ("frame", "names", "lengths"),
    [
        (Ether() / ARP(), ["L2_ETHER"], [14]),
        (Ether() / IP() / TCP(options=[("MSS", 1460)]), ["L2_ETHER", "L3_IPV4", "L4_TCP"], [14, 20, 24]),
        (Ether() / IP(flags="MF") / UDP(), ["L2_ETHER", "L3_IPV4", "L4_FRAG"], [14, 20]),
        (Ether() / IP(options=b"\x01\x01\x01\x00") / UDP(), ["L2_ETHER", "L3_IPV4_EXT", "L4_UDP"], [14, 24, 8]),
        (Ether() / IPv6() / UDP(), ["L2_ETHER", "L3_IPV6", "L4_UDP"], [14, 40, 8]),
        (Ether() / Dot1Q(vlan=5) / IP() / UDP(), ["L2_ETHER_VLAN", "L3_IPV4", "L4_UDP"], [18, 20, 8]),
        (Ether() / Dot1AD() / Dot1Q() / IP() / UDP(), ["L2_ETHER_QINQ", "L3_IPV4", "L4_UDP"], [22, 20, 8]),
    ],
)
def test_headers_are_named_with_their_lengths(frame: Ether, names: list[str], lengths: list[int]) -> None:
    found = headers(bytes(frame))
    assert found.names == names
    assert [length for _, length in found.lengths] == lengths


@pytest.mark.parametrize("length", range(len(FRAME)))
def test_a_frame_cut_short_is_shown_as_far_as_it_goes(length: int) -> None:
    assert dump([packet(1, data=FRAME[:length])], 0, "mb_pool_0").count("\n") == 2
