"""Rates, drops and shares are those of the time between two looks."""

import pytest
from fakes.moments import a_look

from pytestpmd.cli.dashboard.figures import DROPS, moment
from pytestpmd.ethdev.stats import Rates


def test_rates_are_those_of_the_period() -> None:
    made = moment(a_look(10, 1000), a_look(12, 5000))
    assert made.period_s == 2.0
    assert [port.rates for port in made.ports.values()] == [Rates(2000, 2000 * 512, 2000, 2000 * 512)] * 2
    assert made.total.rx_pps == 4000
    assert {(queue.kind, queue.port_id): (queue.pps, queue.bps) for queue in made.queues.values()} == {
        (kind, port_id): (2000, 1_024_000) for kind in ("rxq", "txq") for port_id in (0, 1)
    }
    assert [(one.rx_pps, one.tx_pps, one.dropped) for one in made.streams] == [(2000, 2000, 0)] * 2
    assert [(one.lcore_id, one.streams, one.pps) for one in made.lcores] == [(1, 2, 4000)]


def test_queues_of_a_port_stand_together() -> None:
    made = moment(a_look(0, 0), a_look(1, 0))
    assert [(queue.port_id, queue.kind) for queue in made.queues.values()] == [
        (0, "rxq"),
        (0, "txq"),
        (1, "rxq"),
        (1, "txq"),
    ]


def test_drops_are_told_by_reason_a_second_and_in_all() -> None:
    before, after = a_look(0, 100, missed=10, dropped=4), a_look(2, 300, missed=30, dropped=10)
    port = moment(before, after).ports[0]
    assert dict(zip(DROPS, port.drops, strict=True)) == {
        "missed": 10,
        "rx errors": 0,
        "no mbuf": 0,
        "tx full": 3,
        "tx errors": 0,
    }
    assert dict(zip(DROPS, port.dropped, strict=True))["missed"] == 30
    assert dict(zip(DROPS, port.dropped, strict=True))["tx full"] == 10


def test_cycles_are_spread_over_packets_and_time() -> None:
    made = moment(a_look(0, 0, cycles=(1000, 4000)), a_look(1, 100, cycles=(4000, 8000)))
    assert made.lcores[0].busy_percent == 75.0
    assert made.lcores[0].cycles_per_packet == 15.0


def test_cycles_that_are_not_recorded_are_unknown() -> None:
    assert moment(a_look(0, 0), a_look(1, 9)).lcores[0].busy_percent is None


@pytest.mark.parametrize(("before", "after", "rate"), [(None, None, None), (None, 8, 4), (3, 9, 3), (9, 4, 2)])
def test_sleeps_are_those_of_lcores_that_sleep(before: int | None, after: int | None, rate: int | None) -> None:
    assert moment(a_look(0, 0, sleeps=before), a_look(2, 0, sleeps=after)).lcores[0].sleeps == rate


def test_a_new_start_counts_from_nothing() -> None:
    """Streams and cycles began anew between the looks, ports did not."""
    made = moment(a_look(0, 5000, cycles=(10, 10_000)), a_look(1, 100, cycles=(50, 100)))
    assert made.streams[0].rx_pps == 100
    assert made.lcores[0].busy_percent == 50.0


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, None, None),
        (None, {32: 5}, {32: 5}),
        ({32: 5, 1: 2}, {32: 9, 1: 2}, {32: 4}),
        ({32: 500}, {32: 3}, {32: 3}),
    ],
    ids=["not recorded", "just begun", "more", "cleared"],
)
def test_bursts_are_those_of_the_period(
    before: dict[int, int] | None, after: dict[int, int] | None, shown: dict[int, int] | None
) -> None:
    assert moment(a_look(0, 0, bursts=before), a_look(1, 0, bursts=after)).rx_bursts == shown


def test_no_time_at_all_is_no_rate() -> None:
    assert moment(a_look(1, 0), a_look(1, 100)).ports[0].rates == Rates()


def test_a_port_that_has_just_come_and_one_that_has_gone() -> None:
    assert list(moment(a_look(0, 7, ports=1), a_look(1, 7, ports=2)).ports) == [0, 1]
    assert list(moment(a_look(0, 7, ports=2), a_look(1, 7, ports=1)).ports) == [0]
