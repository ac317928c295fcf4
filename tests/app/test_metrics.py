"""Bit rates and what shows them."""

from typing import Any

import pytest
from fakes.appliance import Appliance

from pytestpmd.app.metrics import RATES, BitRates, Metrics, PortRates, Rate
from pytestpmd.config import MetricsConfig
from pytestpmd.ethdev.stats import Stats


class CountingPort:
    """A port with the counters that a test gives it."""

    port_id = 3
    ibytes = obytes = 0

    def lifetime_stats(self) -> Stats:
        return Stats(ibytes=self.ibytes, obytes=self.obytes)


class FakeSession:
    running = False
    latency: Any = None


class App:
    def __init__(self, *ports: Any) -> None:
        self.ports: Any = list(ports)
        self.session: Any = FakeSession()


def after(*bits: int) -> Rate:
    rate = Rate()
    for count in bits:
        rate.add(count)
    return rate


@pytest.mark.parametrize(
    ("bits", "ewma"),
    [
        ((1000,), 200),
        ((1000, 1000), 360),
        ((1000, 0), 160),
        ((2,), 0),  # 0.4
        ((3,), 1),  # 0.6
        ((1000, 200, 198), 200),  # 0.4 down
        ((1000, 200, 197), 199),  # 0.6 down
        ((10, 0), 0),
    ],
)
def test_a_mean_moves_a_fifth_of_the_way_in_whole_bits(bits: tuple[int, ...], ewma: int) -> None:
    assert after(*bits).ewma == ewma


def test_a_mean_gets_down_to_nothing() -> None:
    rate = after(*[10**9] * 20)
    for _ in range(200):
        rate.add(0)
    assert rate == Rate(mean=0, peak=10**9, ewma=0)


def test_the_last_period_and_the_highest_are_kept() -> None:
    rate = after(5, 900, 70)
    assert (rate.mean, rate.peak) == (70, 900)


def test_rates_are_bits_per_second_however_long_a_period_was() -> None:
    port = CountingPort()
    rates = PortRates(port)  # type: ignore[arg-type]
    port.ibytes, port.obytes = 1000, 500
    rates.count(2.0)
    assert rates.values() == dict(zip(RATES, (800, 400, 4000, 2000, 4000, 2000), strict=True))


def test_time_without_forwarding_counts_nothing() -> None:
    port = CountingPort()
    app = App(port)
    rates = BitRates(app)
    rates.close()  # the test is the clock
    app.session.running = True
    rates.tick(10.0)
    port.ibytes = 100
    rates.tick(10.9)
    assert rates.values(3)["mean_bits_in"] == 0
    rates.tick(11.0)
    assert rates.values(3)["mean_bits_in"] == 800
    app.session.running = False
    rates.tick(12.5)
    port.ibytes = 10_000
    app.session.running = True
    rates.tick(20.0)
    port.ibytes = 10_025
    rates.tick(21.0)
    assert rates.values(3)["mean_bits_in"] == 200
    assert rates.values(3)["peak_bits_in"] == 800


def test_a_port_that_takes_another_s_id_begins_anew() -> None:
    app = App(CountingPort())
    rates = BitRates(app)
    rates.close()
    app.session.running = True
    rates.tick(0.0)
    app.ports[0].ibytes = 100
    rates.tick(1.0)
    app.ports = [CountingPort()]
    rates.tick(2.0)
    assert rates.values(3)["peak_bits_in"] == 0
    app.ports = []
    rates.tick(3.0)
    assert rates.values(3) == dict.fromkeys(RATES, 0)


def test_nothing_is_measured_that_nobody_asked_for() -> None:
    app = App(CountingPort())
    metrics = Metrics(app, MetricsConfig())
    assert (metrics.of_all(), metrics.of_port(3), app.session.latency) == ({}, {}, None)
    metrics.close()


def test_the_console_shows_them_as_proc_info_does() -> None:
    with Appliance("net_null0", "net_null1", options="--latencystats=1 --bitrate-stats=1") as appliance:
        assert "Latencystats running on lcore 1" in appliance.said
        lines = appliance.run("show metrics").splitlines()
        border = "#" * 52
        assert lines[:3] == ["###### Non port specific metrics  #########", border, "min_latency_ns: 0"]
        assert lines[7:10] == [border, "###### metrics for port 0  #########", border]
        assert lines[10:16] == [f"{name}: 0" for name in RATES]
        assert lines[16:18] == [border, "###### metrics for port 1  #########"]


def test_the_console_says_when_there_are_none() -> None:
    with Appliance("net_null0") as appliance:
        assert appliance.run("show metrics") == "No metrics to display (none have been registered)"
