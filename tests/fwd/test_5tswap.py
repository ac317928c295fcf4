"""5tswap: what is exchanged in which frames, and what is left alone."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from fakes import wire_dump
from fakes.internet import TCP, UDP, datagram
from fakes.packets import frame
from scapy.layers.inet import ICMP, IP, IPOption_Router_Alert
from scapy.layers.inet import TCP as Tcp
from scapy.layers.inet import UDP as Udp
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

MakeWire = Callable[..., Any]
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
TAGS = {"plain": [], "tagged": [Dot1Q(vlan=5)], "QinQ": [Dot1AD(vlan=6), Dot1Q(vlan=5)], "nine": [Dot1Q(vlan=1)] * 9}
PAYLOAD = Raw(bytes(range(97)))


def built(dst: str, src: str, tags: list[Packet], above: Packet) -> bytes:
    packet = Ether(dst=dst, src=src)
    for tag in tags:
        packet /= tag
    return bytes(packet / above)


def ip(version: int, src: int, dst: int, **changes: Any) -> Packet:
    if version == 4:
        return IP(src=f"198.18.0.{src}", dst=f"198.18.77.{dst}", **changes)
    return IPv6(src=f"2001:db8::{src}:1", dst=f"2001:db8:1::{dst}:9", **changes)


def swapped_ip(packet: Packet) -> Packet:
    swapped = packet.copy()
    swapped.src, swapped.dst = packet.dst, packet.src
    return swapped


def test_frames_leave_as_from_the_original_to_the_byte(make_wire: MakeWire) -> None:
    assert make_wire("5tswap").forward(*wire_dump.frames("5tswap", "in")) == wire_dump.frames("5tswap", "out")


@pytest.mark.parametrize("tags", TAGS.values(), ids=TAGS.keys())
@pytest.mark.parametrize(("version", "l4"), list(product((4, 6), (Udp, Tcp))))
def test_all_five_are_exchanged_and_the_checksums_stay_right(
    make_wire: MakeWire, tags: list[Packet], version: int, l4: type[Packet]
) -> None:
    """scapy computes the checksums of either direction by itself."""
    there = built(A, B, tags, ip(version, 1, 2) / l4(sport=1234, dport=80) / PAYLOAD)
    back = built(B, A, tags, swapped_ip(ip(version, 1, 2)) / l4(sport=80, dport=1234) / PAYLOAD)
    assert make_wire("5tswap").forward(there, back) == [back, there]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("above", [ICMP(id=3), SCTP(sport=1, dport=2), Raw(b"\1\2\3\4")], ids=["ICMP", "SCTP", "raw"])
def test_of_other_protocols_the_addresses_alone(make_wire: MakeWire, version: int, above: Packet) -> None:
    there = built(A, B, [], ip(version, 1, 2) / above)
    assert make_wire("5tswap").forward(there) == [built(B, A, [], swapped_ip(ip(version, 1, 2)) / above)]


def test_options_are_skipped(make_wire: MakeWire) -> None:
    header = IP(src="198.18.0.1", dst="198.18.0.2", options=[IPOption_Router_Alert()])
    there = built(A, B, [], header / Udp(sport=5, dport=6) / PAYLOAD)
    back = built(B, A, [], swapped_ip(header) / Udp(sport=6, dport=5) / PAYLOAD)
    assert make_wire("5tswap").forward(there) == [back]


def test_extensions_are_not_skipped(make_wire: MakeWire) -> None:
    header = ip(6, 1, 2) / IPv6ExtHdrDestOpt()
    there = bytes(Ether(dst=A, src=B) / header / Udp(sport=5, dport=6, chksum=7) / PAYLOAD)
    back = bytes(Ether(dst=B, src=A) / swapped_ip(ip(6, 1, 2)) / IPv6ExtHdrDestOpt() / Udp(sport=5, dport=6, chksum=7))
    assert make_wire("5tswap").forward(there) == [back[:18] + there[18:22] + back[22:62] + there[62:]]


def test_the_first_fragment_has_ports_and_the_others_have_data(make_wire: MakeWire) -> None:
    first, later = ip(4, 1, 2, flags="MF"), ip(4, 1, 2, flags="MF", frag=3)
    data = Udp(sport=5, dport=6, chksum=7, len=500) / PAYLOAD
    there = [built(A, B, [], header / data) for header in (first, later)]
    data_back = Udp(sport=6, dport=5, chksum=7, len=500) / PAYLOAD
    back = [built(B, A, [], swapped_ip(first) / data_back), built(B, A, [], swapped_ip(later) / data)]
    assert make_wire("5tswap").forward(*there) == back


@pytest.mark.parametrize("above", [ARP(psrc="10.0.0.1", pdst="10.0.0.2"), PAYLOAD], ids=["ARP", "raw"])
def test_of_what_is_no_ip_the_ethernet_addresses_alone(make_wire: MakeWire, above: Packet) -> None:
    there = built(A, B, [], above)
    assert make_wire("5tswap").forward(there) == [there[6:12] + there[:6] + there[12:]]


@pytest.mark.parametrize("length", [14, 60, 1514, 2100, 9000])
def test_the_rest_of_a_frame_stays_as_it_is(make_wire: MakeWire, length: int) -> None:
    data = frame(length, 5)
    assert make_wire("5tswap").forward(data) == [data[6:12] + data[:6] + data[12:]]


@pytest.mark.parametrize(("version", "proto"), list(product((4, 6), (UDP, TCP))))
def test_headers_that_are_cut_short_are_left_alone(make_wire: MakeWire, version: int, proto: int) -> None:
    """Whatever is there whole is exchanged, and nothing behind the end is looked at."""
    whole = datagram(version, proto, tags=b"\x81\0\0\5")
    ip_end = 18 + (20 if version == 4 else 40)
    wire = make_wire("5tswap")
    for length in range(14, len(whole)):
        (data,) = wire.forward(whole[:length])
        is_swapped = data[18:ip_end] != whole[18 : min(ip_end, length)]
        assert data[:14] == whole[6:12] + whole[:6] + whole[12:14]
        assert is_swapped == (length >= ip_end)
        assert data[ip_end:] == whole[ip_end:length]  # both ports are 9
        assert sorted(data) == sorted(whole[:length])


def test_a_header_that_says_it_is_shorter_than_one_is_not_believed(make_wire: MakeWire) -> None:
    there = bytearray(built(A, B, [], ip(4, 1, 2) / Udp(sport=5, dport=6)))
    there[14] = 0x42
    (data,) = make_wire("5tswap").forward(bytes(there))
    assert data[14:26] == there[14:26]
    assert data[26:34] == there[30:34] + there[26:30]
    assert data[34:] == there[34:]
