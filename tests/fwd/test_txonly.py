"""txonly's packets that differ from one to the next."""

from collections.abc import Callable
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytestpmd.config import ForwardConfig
from pytestpmd.errors import ConfigError
from pytestpmd.fwd.frame import check_segments, txonly_frame

MakeWire = Callable[..., Any]
PEER_MAC = bytes.fromhex("02000000000a")
OWN_MAC = bytes.fromhex("02000000000b")


def source_ports(frames: list[bytes]) -> list[int]:
    return [int.from_bytes(data[34:36], "big") for data in frames]


def test_flows_use_their_source_ports_in_turn(make_wire: MakeWire) -> None:
    wire = make_wire("txonly", burst=10)
    config = ForwardConfig(txonly_multi_flow=True, txonly_flows=4)
    txonly_frame(config, OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.turn(2)
    expected = [(0xC0 + i % 4) << 8 | 2 for i in range(20)]  # lcore 2
    assert source_ports(wire.right.device.collect()) == expected


def test_flows_of_packets_that_were_not_sent_come_again(make_wire: MakeWire) -> None:
    wire = make_wire("txonly", burst=100)
    txonly_frame(ForwardConfig(txonly_multi_flow=True, txonly_flows=64), OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.turn(3)  # the ring has room for 256
    first = source_ports(wire.right.device.collect())
    wire.turn()
    then = source_ports(wire.right.device.collect())
    assert [port >> 8 for port in first + then] == [0xC0 + i % 64 for i in range(356)]


def test_random_splits_send_packets_whose_headers_are_right(make_wire: MakeWire) -> None:
    wire = make_wire("txonly", burst=30)
    txonly_frame(ForwardConfig(txpkts=[64, 100, 200], txsplit="rand"), OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.turn(2)
    frames = wire.right.device.collect()
    assert {len(data) for data in frames} == {64, 164, 364}
    for data in frames:
        parsed = Ether(data)
        checksum = parsed[IP].chksum
        assert (parsed[IP].len, parsed[UDP].len) == (len(data) - 14, len(data) - 34)
        del parsed[IP].chksum
        assert Ether(bytes(parsed))[IP].chksum == checksum


@pytest.mark.parametrize("config", [{"txonly_multi_flow": True}, {"txsplit": "rand"}])
def test_headers_that_vary_must_lie_in_the_first_segment(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"tx_pkt_seg_lengths\[0\] 20 < 42 \(needed\)"):
        check_segments(ForwardConfig(txpkts=[20, 64], **config), 2048)
    check_segments(ForwardConfig(txpkts=[42, 64], **config), 2048)


def test_a_frame_may_have_as_many_segments_as_a_ring_has_buffers(make_wire: MakeWire) -> None:
    wire = make_wire("txonly", burst=1)
    txonly_frame(ForwardConfig(txpkts=[42, *([1] * 254)]), OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.turn()
    (data,) = wire.right.device.collect()
    assert len(data) == 42 + 254
