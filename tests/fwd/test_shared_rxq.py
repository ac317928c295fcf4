"""shared_rxq: rxonly, where packets of several ports may come by one queue."""

from collections.abc import Callable, Sequence
from typing import Any

from fakes.packets import frames, packet

from pytestpmd._dataplane import ffi
from pytestpmd.fwd import ENGINES

MakeWire = Callable[..., Any]


def test_what_is_received_is_counted_and_dropped(make_wire: MakeWire) -> None:
    wire = make_wire("shared_rxq")
    wire.stream.rx_port = wire.left.vq.port_id
    assert wire.forward(*frames(20)) == []
    assert (wire.stream.rx_packets, wire.stream.tx_packets, wire.stream.fwd_dropped) == (20, 0, 0)
    assert wire.pool.in_use() == 256


def test_an_idle_turn_is_not_busy(make_wire: MakeWire) -> None:
    wire = make_wire("shared_rxq")
    assert not ENGINES["shared_rxq"].packet_fwd(wire.stream)
    wire.send(*frames(1))
    assert ENGINES["shared_rxq"].packet_fwd(wire.stream)


def counted(make_wire: MakeWire, ports: Sequence[int]) -> tuple[list[int], int, int]:
    """What streams of ports 0 and 1 count when a burst of packets of these ports comes by port 0's queue; what is
    dropped there; mbufs left."""
    wire = make_wire("shared_rxq")
    mbufs = []
    for port, data in zip(ports, frames(len(ports)), strict=True):
        mbufs.append(packet(wire.pool, data))
        mbufs[-1].port = port

    @ffi.callback("rx_burst_t")
    def receive(queue: Any, pkts: Any, nb: int) -> int:
        burst, mbufs[:] = list(mbufs), []
        pkts[0 : len(burst)] = burst
        return len(burst)

    other = wire.memory.struct("struct fwd_stream")
    elsewhere = wire.memory.struct("struct fwd_stream")
    wire.stream.rx_burst = receive
    wire.stream.rx_port, other.rx_port, elsewhere.rx_port, elsewhere.rx_queue_id = 0, 1, 2, 1
    neighbours = ffi.new("struct fwd_stream *[]", [elsewhere, wire.stream, other])
    wire.stream.neighbours, wire.stream.nb_neighbours = neighbours, 3
    ENGINES["shared_rxq"].packet_fwd(wire.stream)
    return [wire.stream.rx_packets, other.rx_packets], wire.stream.fwd_dropped, wire.pool.in_use() - 256


def test_packets_are_counted_by_the_stream_of_their_port(make_wire: MakeWire) -> None:
    assert counted(make_wire, [0] * 5) == ([5, 0], 0, 0)
    assert counted(make_wire, [1] * 5) == ([0, 5], 0, 0)
    assert counted(make_wire, [0, 1, 1, 0, 0, 1, 0, 1, 1, 1]) == ([4, 6], 0, 0)


def test_packets_of_a_port_that_nobody_polls_for_are_dropped_and_counted(make_wire: MakeWire) -> None:
    assert counted(make_wire, [7, 0, 7, 1, 2]) == ([1, 1], 3, 0)
