"""What an lcore runs: turns over its streams, until it is told to stop."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes.packets import frames

from pytestpmd._dataplane import ffi, lib

MakeWire = Callable[..., Any]
LONG = 30.0


def wait_for(claim: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_number_of_turns_is_run_and_no_more(make_wire: MakeWire) -> None:
    wire = make_wire("io", burst=1)
    wire.send(*frames(20))
    for turns, seen in ((3, 3), (4, 7), (1, 8)):
        wire.turn(turns)
        assert (wire.lcore.turns, wire.stream.rx_packets) == (seen, seen)


def test_every_stream_gets_its_turn(make_wire: MakeWire) -> None:
    one, other = make_wire("io"), make_wire("io")
    one.lcore.streams[1] = other.stream
    one.lcore.nb_streams = 2
    one.send(*frames(5))
    other.send(*frames(7))
    one.turn()
    assert one.right.device.collect() == frames(5)
    assert other.right.device.collect() == frames(7)


def test_without_streams_the_loop_still_ends(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.lcore.nb_streams = 0
    wire.turn(10)
    assert wire.lcore.turns == 10


def test_a_loop_that_was_stopped_before_does_not_begin(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.send(*frames(3))
    lib.fwd_stop(wire.lcore)
    wire.turn(0)
    assert wire.stream.rx_packets == 0


def test_stop_ends_the_loop_and_python_runs_meanwhile(make_wire: MakeWire) -> None:
    """The GIL is free while C forwards: this thread plays both devices."""
    wire = make_wire("macswap")
    thread = threading.Thread(target=lib.fwd_run, args=(wire.lcore, 0))
    thread.start()
    received = []
    for number in range(0, 200, 10):
        wire.send(*frames(10, first=number))
        wait_for(lambda number=number: wire.stream.tx_packets == number + 10)
        received += wire.right.device.collect()
    lib.fwd_stop(wire.lcore)
    thread.join(LONG)
    assert not thread.is_alive()
    assert [data[12:] for data in received] == [data[12:] for data in frames(200)]


def test_turns_tell_when_a_burst_is_over(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    thread = threading.Thread(target=lib.fwd_run, args=(wire.lcore, 0))
    thread.start()
    before = lib.fwd_turns(wire.lcore)
    wait_for(lambda: lib.fwd_turns(wire.lcore) > before + 1)
    lib.fwd_stop(wire.lcore)
    thread.join(LONG)
    assert lib.fwd_turns(wire.lcore) == wire.lcore.turns > before


@pytest.mark.parametrize("lcore_id", [0, 2, 127])
def test_the_thread_is_that_lcore_while_it_runs(make_wire: MakeWire, lcore_id: int) -> None:
    """The mbufs it frees go to that lcore's cache; afterwards the thread is none again."""
    wire = make_wire("rxonly")
    wire.lcore.lcore_id = lcore_id
    wire.send(*frames(32))
    wire.turn(2)
    held = {i for i in range(lib.MAX_LCORES) if wire.pool.ptr.caches[i].len}
    assert held == {lcore_id}
    before = wire.pool.ptr.caches[lcore_id].len
    wire.send(*frames(1))
    lib.fwd_flush(wire.stream, 1)
    assert wire.pool.ptr.caches[lcore_id].len == before


def test_cycles_are_counted_when_asked_for(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.turn(100)
    assert (wire.lcore.total_cycles, wire.stream.busy_cycles) == (0, 0)
    wire.lcore.record_cycles = 1
    wire.turn(100)
    idle = wire.lcore.total_cycles
    assert idle > 0
    assert wire.stream.busy_cycles == 0
    wire.send(*frames(32))
    wire.turn()
    assert 0 < wire.stream.busy_cycles <= wire.lcore.total_cycles - idle


def test_the_cycle_counter_runs_at_a_plausible_rate() -> None:
    assert 1e6 < lib.lcore_cycles_hz(2000) < 1e11


def test_the_queues_are_settled_when_the_loop_ends(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    bursts = []

    @ffi.callback("tx_burst_t")
    def sending(queue: Any, pkts: Any, nb: int) -> int:
        bursts.append(nb)
        return int(lib.virtio_xmit_pkts(queue, pkts, nb))

    wire.stream.tx_burst = sending
    wire.send(*frames(20))
    wire.turn(2)
    assert bursts == [20, 0]
    wire.turn(40)
    assert bursts == [20, 0, 0, 0]  # after some turns of nothing, and at the end
