import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from transcripts import transcript

from pytestpmd.cli.render.packet import dump, headers
from pytestpmd.fwd.dump import DumpedPacket

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
