"""How long packets are here: what is noted, of which packets, and what becomes of the marks."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.packets import frames, free, packet
from fakes.wire_dump import frames as dumped

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import ForwardConfig
from pytestpmd.fwd.flowgen import flows
from pytestpmd.fwd.latency import NAMES, Latency
from pytestpmd.fwd.streams import clock_hz

MakeWire = Callable[..., Any]
SAMPLED = lib.MBUF_F_RX_TIMESTAMP


def tapped(make_wire: MakeWire, engine: str, **settings: Any) -> Any:
    """A wire whose stream has taps; ``stats`` is what they count in."""
    wire = make_wire(engine, **settings)
    wire.pool.keep_stamps()
    wire.stats = wire.memory.struct("struct latency_stats")
    rx, tx = wire.memory.struct("struct latency_tap"), wire.memory.struct("struct latency_tap")
    stream = wire.stream
    rx.burst, rx.queue, rx.stats = stream.rx_burst, stream.rx_queue, wire.stats
    tx.burst, tx.queue, tx.stats = stream.tx_burst, stream.tx_queue, wire.stats
    stream.rx_burst, stream.rx_queue = lib.latency_receive, rx
    stream.tx_burst, stream.tx_queue = lib.latency_transmit, tx
    return wire


@pytest.mark.parametrize("engine", ["io", "mac", "macswap", "5tswap", "csum"])
def test_one_packet_of_each_burst_is_timed_and_none_is_changed(make_wire: MakeWire, engine: str) -> None:
    sent = dumped("5tswap", "in")
    wire, plain = tapped(make_wire, engine), make_wire(engine)
    for turn in range(5):
        assert wire.forward(*sent) == plain.forward(*sent)
        assert wire.stats.samples == turn + 1
    assert 0 < wire.stats.min <= wire.stats.avg / lib.LATENCY_AVG_SCALE <= wire.stats.max


def test_a_turn_without_packets_times_nothing(make_wire: MakeWire) -> None:
    wire = tapped(make_wire, "io")
    wire.turn(100)
    assert wire.stats.samples == 0


@pytest.mark.parametrize("engine", ["mac", "5tswap"])
def test_a_tag_that_is_asked_for_leaves_the_mark(make_wire: MakeWire, engine: str) -> None:
    wire = tapped(make_wire, engine)
    wire.stream.tx_flags = lib.MBUF_F_TX_VLAN
    wire.forward(*frames(3))
    assert wire.stats.samples == 1


def test_what_is_dropped_is_not_timed_and_its_mark_is_gone_with_it(make_wire: MakeWire) -> None:
    """The same mbufs come back, as flowgen's own packets."""
    wire = tapped(make_wire, "flowgen")
    wire.stream.flowgen = wire.memory.struct("struct flowgen")
    flows(ForwardConfig()).fill(wire.stream.flowgen)
    for _ in range(20):
        assert wire.forward(*frames(32))
    assert wire.stats.samples == 0


def test_copies_that_csum_makes_are_not_timed_by_what_their_mbufs_were(make_wire: MakeWire) -> None:
    wire = tapped(make_wire, "csum")
    wire.frame.nb_segs, wire.frame.seg_len[0], wire.frame.seg_len[1] = 2, 30, 30
    wire.stream.csum.split = 1
    for _ in range(20):
        wire.forward(*frames(32))
    assert wire.stats.samples == 0


def test_a_packet_that_finds_no_room_is_timed_once(make_wire: MakeWire) -> None:
    wire = tapped(make_wire, "io")
    wire.stream.retry_num = 5
    for _ in range(10):
        wire.send(*frames(32))
        wire.turn()
    assert wire.stream.fwd_dropped == 64
    assert wire.stats.samples == 10


def test_packets_of_a_pool_that_keeps_no_times_pass_unmarked(make_wire: MakeWire) -> None:
    wire = tapped(make_wire, "io")
    wire.pool.ptr.stamps = ffi.NULL
    assert wire.forward(*frames(5)) == frames(5)
    assert wire.stats.samples == 0


# The arithmetic, with times that a test writes.


def noted(make_wire: MakeWire, latencies: Sequence[int]) -> Any:
    """What counts of packets that were here for so many cycles, or a little longer."""
    wire = tapped(make_wire, "io")
    pkts = ffi.new("struct mbuf *[]", [packet(wire.pool, frames(1)[0])])

    @ffi.callback("tx_burst_t")
    def through(queue: Any, pkts: Any, nb: int) -> int:
        return nb

    tap = wire.memory.struct("struct latency_tap")
    tap.burst, tap.stats = through, wire.stats
    stamp = wire.pool.ptr.stamps + (pkts[0] - wire.pool.ptr.mbufs)
    for latency in latencies:
        lib.latency_receive(tap, pkts, 1)
        assert pkts[0].ol_flags == SAMPLED
        stamp[0] -= latency
        lib.latency_transmit(tap, pkts, 1)
        assert pkts[0].ol_flags == 0
    free(*pkts)
    return wire.stats


#: Beside this, in cycles, what the test itself takes is nothing.
LONG = 1 << 31


def test_the_least_the_longest_and_the_mean_of_a_quarter(make_wire: MakeWire) -> None:
    stats = noted(make_wire, [4 * LONG, 8 * LONG, 2 * LONG])
    assert stats.samples == 3
    assert stats.min / LONG == pytest.approx(2, abs=0.1)
    assert stats.max / LONG == pytest.approx(8, abs=0.1)
    mean = (4 * 0.75 + 8 * 0.25) * 0.75 + 2 * 0.25
    assert stats.avg / LONG / lib.LATENCY_AVG_SCALE == pytest.approx(mean, abs=0.1)


def test_jitter_is_the_mean_distance_of_one_to_the_next(make_wire: MakeWire) -> None:
    """RFC 3550, 6.4.1: J += (|D| - J) / 16; the first is taken to come from nowhere."""
    stats = noted(make_wire, [8 * LONG, LONG, 8 * LONG])
    jitter = 8 / 16
    for distance in (7, 7):
        jitter += (distance - jitter) / 16
    assert stats.jitter / LONG / lib.LATENCY_JITTER_SCALE == pytest.approx(jitter, abs=0.05)


def test_a_clock_that_goes_back_counts_as_no_time(make_wire: MakeWire) -> None:
    """Reads of the cycle counter may overtake each other."""
    stats = noted(make_wire, [-LONG])
    assert (stats.samples, stats.max) == (1, 0)


def test_values_are_nanoseconds_of_all_lcores() -> None:
    latency = Latency()
    assert latency.values() == dict.fromkeys(NAMES, 0)
    hz = clock_hz()
    for lcore, (samples, least, longest, average, jitter) in {1: (3, 2, 9, 4, 1), 5: (1, 1, 4, 8, 5)}.items():
        one = latency._lcores[lcore]
        one.samples, one.min, one.max = samples, least * hz, longest * hz
        one.avg, one.jitter = average * hz * lib.LATENCY_AVG_SCALE, jitter * hz * lib.LATENCY_JITTER_SCALE
    s = 1_000_000_000
    assert latency.values() == dict(zip(NAMES, (s, 5 * s, 9 * s, 2 * s, 4), strict=True))


# In the program.


def test_a_burst_that_a_port_changes_goes_behind_the_tap() -> None:
    with Appliance("net_null0", "net_null1", options="--latencystats=1") as appliance:
        session, port = appliance.app.session, appliance.app.ports[0]
        session.start()
        assert session._made
        stream = session._made.streams[0]
        session.follow_bursts(port)
        assert stream.ptr.rx_burst == ffi.addressof(lib, "latency_receive")
        assert stream.rx_tap.burst == ffi.addressof(lib, "null_rx")
        session.stop()


def test_nothing_stands_before_the_queues_when_nobody_asked() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        session = appliance.app.session
        session.start()
        assert session._made
        stream = session._made.streams[0]
        assert stream.ptr.rx_burst == ffi.addressof(lib, "null_rx")
        assert appliance.app.pools[0].ptr.stamps == ffi.NULL
        session.stop()


def test_times_go_on_over_starts_and_lcores() -> None:
    with Appliance("net_null0", "net_null1", workers=2, options="--latencystats=7") as appliance:
        samples = 0
        for _ in range(2):
            appliance.forward(0.01)
            values = appliance.app.metrics.of_all()
            assert values["samples"] > samples
            assert 0 <= values["min_latency_ns"] <= values["avg_latency_ns"] <= values["max_latency_ns"] > 0
            samples = values["samples"]
