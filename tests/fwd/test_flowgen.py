"""flowgen: frames of many flows, and what is received dropped."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes import wire_dump
from fakes.packets import MakePool, frames, free, take
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytestpmd._dataplane import lib
from pytestpmd.config import ForwardConfig
from pytestpmd.fwd.flowgen import flows

MakeWire = Callable[..., Any]


def flowgen(make_wire: MakeWire, *, pool: Any = None, burst: int = 32, **config: Any) -> Any:
    wire = make_wire("flowgen", pool=pool, burst=burst)
    wire.stream.flowgen = wire.memory.struct("struct flowgen")
    flows(ForwardConfig(**config)).fill(wire.stream.flowgen)
    return wire


def made(wire: Any, turns: int = 1) -> list[bytes]:
    wire.turn(turns)
    sent: list[bytes] = wire.right.device.collect()
    return sent


def destinations(sent: list[bytes]) -> list[int]:
    """The flows that frames are of."""
    return [int.from_bytes(data[30:34], "big") - 0x0AFD0000 for data in sent]


def test_the_first_frames_are_the_original_s_to_the_byte(make_wire: MakeWire) -> None:
    assert made(flowgen(make_wire, burst=4)) == wire_dump.frames("flowgen", "out")


def test_clones_are_the_original_s_to_the_byte(make_wire: MakeWire) -> None:
    wire = flowgen(make_wire, burst=4, flowgen_flows=2, flowgen_clones=1)
    assert made(wire) == wire_dump.frames("flowgen-flows-2-clones-1", "out")


def test_every_flow_has_a_right_checksum(make_wire: MakeWire) -> None:
    for data in made(flowgen(make_wire, burst=250, flowgen_flows=1 << 30)):
        parsed = Ether(data)
        checksum = parsed[IP].chksum
        assert (parsed[IP].len, parsed[UDP].len) == (46, 26)
        del parsed[IP].chksum
        assert Ether(bytes(parsed))[IP].chksum == checksum


@pytest.mark.parametrize(("flow", "address"), [(0xFFFF, "10.253.255.255"), (0x10000, "10.254.0.0")])
def test_flows_go_on_over_the_address_s_words(make_wire: MakeWire, flow: int, address: str) -> None:
    wire = flowgen(make_wire, burst=1, flowgen_flows=1 << 30)
    wire.stream.flowgen.next_flow = flow
    parsed = Ether(made(wire)[0])
    checksum = parsed[IP].chksum
    assert parsed[IP].dst == address
    del parsed[IP].chksum
    assert Ether(bytes(parsed))[IP].chksum == checksum


def test_flows_go_round_over_bursts(make_wire: MakeWire) -> None:
    wire = flowgen(make_wire, burst=10, flowgen_flows=7)
    assert destinations(made(wire, turns=5)) == [i % 7 for i in range(50)]


@pytest.mark.parametrize(
    ("clones", "burst", "expected"),
    [
        (1, 6, [0, 0, 2, 2, 4, 4]),
        (2, 6, [0, 0, 0, 3, 3, 3]),
        (3, 6, [0, 0, 0, 0, 4, 4]),
        (5, 6, [0] * 6),
        (500, 6, [0] * 6),
        (1, 1, [0]),
    ],
)
def test_each_clone_is_the_frame_again_and_counts_as_a_flow(
    make_wire: MakeWire, clones: int, burst: int, expected: list[int]
) -> None:
    wire = flowgen(make_wire, burst=burst, flowgen_clones=clones)
    assert destinations(made(wire)) == expected
    assert wire.stream.flowgen.next_flow == burst


@pytest.mark.parametrize("clones", [0, 1, 4, 31, 100])
def test_no_mbuf_is_lost_however_often_it_is_sent(make_wire: MakeWire, clones: int) -> None:
    """The pool's audit says so when the queues are closed."""
    wire = flowgen(make_wire, flowgen_clones=clones)
    for _ in range(40):
        assert len(made(wire)) == 32


def test_flows_of_packets_that_were_not_sent_come_again(make_wire: MakeWire) -> None:
    wire = flowgen(make_wire, burst=100, flowgen_flows=30)
    assert destinations(made(wire, turns=3)) == [i % 30 for i in range(256)]  # the ring has room for no more
    assert wire.stream.fwd_dropped == 44
    assert wire.stream.flowgen.next_flow == 256 % 30


def test_more_flows_than_there_are_may_come_again(make_wire: MakeWire) -> None:
    wire = flowgen(make_wire, burst=100, flowgen_flows=7)
    wire.turn(6)
    assert wire.stream.fwd_dropped == 344
    assert wire.stream.flowgen.next_flow == 256 % 7


def test_what_is_received_is_counted_and_dropped(make_wire: MakeWire) -> None:
    wire = flowgen(make_wire, burst=8)
    assert len(wire.forward(*frames(20))) == 8
    assert (wire.stream.rx_packets, wire.stream.tx_packets) == (8, 8)


@pytest.mark.parametrize(("txpkts", "length"), [([64], 60), ([64, 64], 124), ([1518], 1514), ([42], 38)])
def test_lengths_are_those_of_txonly_without_the_check_sequence(
    make_wire: MakeWire, txpkts: list[int], length: int
) -> None:
    assert {len(data) for data in made(flowgen(make_wire, txpkts=txpkts))} == {length}


@pytest.mark.parametrize("left", [0, 1, 5, 16, 31])
def test_it_makes_do_with_the_mbufs_there_are(make_pool: MakePool, make_wire: MakeWire, left: int) -> None:
    pool = make_pool(512)
    wire = flowgen(make_wire, pool=pool)
    held = list(take(pool, 256 - left))
    sent = made(wire, turns=5)
    assert len(sent) == left
    assert destinations(sent) == list(range(left))
    free(*held)


def test_a_tag_is_inserted_where_the_port_does_that(make_wire: MakeWire) -> None:
    plain, wire = made(flowgen(make_wire, burst=3)), flowgen(make_wire, burst=3)
    wire.stream.tx_flags, wire.stream.tx_vlan_tci = lib.MBUF_F_TX_VLAN, 0x2345
    assert made(wire) == [data[:12] + b"\x81\0\x23\x45" + data[12:] for data in plain]
