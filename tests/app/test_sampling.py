"""A look at everything that counts, while it counts."""

from itertools import count

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually

from pytestpmd.app.sampling import NS, Sample, counted, rates, rates_of, seconds, take
from pytestpmd.ethdev.stats import Rates, Stats

pytestmark = pytest.mark.usefixtures("no_leaks")


def sample(at_s: float, **ports: Stats) -> Sample:
    return Sample(round(at_s * NS), {int(name[1:]): stats for name, stats in ports.items()}, {}, {}, ())


def test_a_sample_of_a_running_program_agrees_with_its_counters() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        app = appliance.app
        app.config.forward.flush_rx = False
        first = take(app)
        assert first.streams == ()
        app.session.start()
        assert eventually(lambda: take(app).total.ipackets > first.total.ipackets + 1000)
        app.session.stop()
        last = take(app)
        stats = app.session.stats()
        assert last.total.ipackets - first.total.ipackets == stats.total.rx_packets
        assert last.ports[0].ipackets == last.rx_queues[0, 0].packets
        assert last.ports[1].opackets == last.tx_queues[1, 0].packets
        received = {stream.spec.rx_port: stream.rx_packets for stream in last.streams}
        assert received == {port_id: counts.ipackets for port_id, counts in counted(first, last).items()}
        assert set(last.busy_cycles) == {stream.lcore_id for stream in last.streams}


def test_what_is_cleared_is_still_in_a_sample() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        appliance.forward(0.01)
        before = take(appliance.app)
        appliance.app.ports[0].clear_stats()
        appliance.app.session.clear_stats()
        assert take(appliance.app).total == before.total
        assert take(appliance.app).streams == before.streams
        assert before.total.ipackets > 0


def test_time_is_that_of_the_clock() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        ticks = count(5 * NS, 2 * NS)
        first, second = (take(appliance.app, lambda: next(ticks)) for _ in range(2))
    assert (first.taken_ns, seconds(first, second)) == (5 * NS, 2.0)


def test_rates_are_packets_and_bits_a_second_of_each_port() -> None:
    before = sample(1, p0=Stats(ipackets=100, ibytes=6400), p1=Stats())
    after = sample(3, p0=Stats(ipackets=300, ibytes=19200), p1=Stats(opackets=5, obytes=300))
    assert rates(before, after) == {0: Rates(100, 51200, 0, 0), 1: Rates(0, 0, 2, 1200)}


def test_a_port_that_is_new_or_another_counts_from_nothing() -> None:
    before, after = sample(1, p0=Stats(ipackets=100)), sample(2, p0=Stats(ipackets=7), p1=Stats(opackets=3))
    assert counted(before, after) == {0: Stats(ipackets=7), 1: Stats(opackets=3)}


def test_no_time_has_no_rate() -> None:
    assert rates_of(Stats(ipackets=9), 0.0) == Rates()
