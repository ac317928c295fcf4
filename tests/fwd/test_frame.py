"""The frame that txonly sends, read back by another program's eyes."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytestpmd.config import ForwardConfig
from pytestpmd.errors import ConfigError
from pytestpmd.fwd.frame import HEADERS_LEN, check_segments, checksum, txonly_frame

OWN, PEER = bytes.fromhex("0200000000aa"), bytes.fromhex("0200000000bb")


def headers(**config: Any) -> Any:
    return Ether(txonly_frame(ForwardConfig(**config), OWN, PEER).headers)


def test_the_headers_are_those_of_the_original() -> None:
    frame = headers()
    assert (frame.dst, frame.src, frame.type) == ("02:00:00:00:00:bb", "02:00:00:00:00:aa", 0x0800)
    assert (frame[IP].src, frame[IP].dst) == ("198.18.0.1", "198.18.0.2")
    assert (frame[IP].version, frame[IP].ihl, frame[IP].tos, frame[IP].id, frame[IP].frag) == (4, 5, 0, 0, 0)
    assert (frame[IP].ttl, frame[IP].proto) == (64, 17)
    assert (frame[UDP].sport, frame[UDP].dport, frame[UDP].chksum) == (9, 9, 0)
    assert len(txonly_frame(ForwardConfig(), OWN, PEER).headers) == HEADERS_LEN == 42


@pytest.mark.parametrize("length", [42, 60, 64, 1514, 9000, 65535])
def test_the_length_fields_say_how_long_the_packet_is(length: int) -> None:
    frame = headers(txpkts=[length])
    assert (frame[IP].len, frame[UDP].len) == (length - 14, length - 34)


def test_the_checksum_is_right() -> None:
    frame = headers(txpkts=[300])
    right = frame[IP].chksum
    del frame[IP].chksum
    assert Ether(bytes(frame))[IP].chksum == right


def test_addresses_and_ports_are_those_of_the_configuration() -> None:
    frame = headers(tx_ip=(int(IPv4Address("10.1.2.3")), int(IPv4Address("255.255.255.255"))), tx_udp=(1, 65535))
    assert (frame[IP].src, frame[IP].dst) == ("10.1.2.3", "255.255.255.255")
    assert (frame[UDP].sport, frame[UDP].dport) == (1, 65535)


def test_segments_are_counted_together() -> None:
    frame = txonly_frame(ForwardConfig(txpkts=[64, 100, 200]), OWN, PEER)
    assert frame.segments == (64, 100, 200)
    assert Ether(frame.headers)[IP].len == 364 - 14


@pytest.mark.parametrize("segments", [[2048] * 40, [2048] * 255, [65535, 65535]])
def test_a_packet_longer_than_ip_can_say_has_a_field_that_wraps(segments: list[int]) -> None:
    frame = headers(txpkts=segments)
    assert frame[IP].len == (sum(segments) - 14) % 65536
    assert frame[UDP].len == (sum(segments) - 34) % 65536


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0" * 20, 0xFFFF),
        (b"\xff" * 20, 0x0000),
        (bytes.fromhex("4500003c1c4640004006") + b"\0\0" + bytes.fromhex("ac100a63ac100a0c"), 0xB1E6),
    ],
)
def test_the_internet_checksum(data: bytes, expected: int) -> None:
    assert checksum(data) == expected


@pytest.mark.parametrize(("txpkts", "longest"), [([2049], 2049), ([64, 2049, 3], 2049)])
def test_a_segment_longer_than_an_mbuf_s_room_is_refused(txpkts: list[int], longest: int) -> None:
    with pytest.raises(ConfigError, match=rf"^Tx segment of {longest} bytes > 2048 "):
        check_segments(ForwardConfig(txpkts=txpkts), 2048)
    check_segments(ForwardConfig(txpkts=[2048]), 2048)


def test_headers_need_room_in_the_first_mbuf_however_short_its_segment() -> None:
    with pytest.raises(ConfigError, match=r"^Tx segment of 42 bytes > 41 "):
        check_segments(ForwardConfig(txpkts=[20, 22]), 41)
    check_segments(ForwardConfig(txpkts=[20, 22]), 42)
