"""Rates of a run, period by period."""

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually

from pytestpmd.app.recorder import Period, Recorder
from pytestpmd.ethdev.stats import Rates, Stats

pytestmark = pytest.mark.usefixtures("no_leaks")
LONG_S = 3600.0


def test_periods_are_those_of_forwarding_and_add_up() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        session, told = appliance.app.session, list[Period]()
        recorder = Recorder(appliance.app, 0.02, told.append)
        session.on_start = recorder.begin
        recorder.start()
        session.start()
        assert eventually(lambda: len(recorder.periods) > 3)
        recorder.close()
        counted = session.stop()
        assert list(recorder.periods) == told
        assert [period.number for period in told] == list(range(1, len(told) + 1))
        assert 0 < sum(period.total.ipackets for period in told) <= counted.total.rx_packets


def test_nothing_is_noted_while_nothing_is_forwarded() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        recorder = Recorder(appliance.app, LONG_S)
        recorder.start()
        for _ in range(3):
            recorder.look()
        recorder.close()
        recorder.close()
        assert not recorder.periods


def test_another_start_begins_anew() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        recorder = Recorder(appliance.app, LONG_S)
        for _ in range(2):
            appliance.app.session.start()
            recorder.look()
            recorder.look()
            assert [period.number for period in recorder.periods] == [1]
            appliance.app.session.stop()


def test_a_rest_that_is_too_short_to_tell_a_rate_is_left_out() -> None:
    with Appliance("net_null0", "net_null1") as appliance:
        recorder = Recorder(appliance.app, LONG_S)
        recorder.start()
        appliance.app.session.start()
        recorder.begin()
        recorder.close()
        assert not recorder.periods


def test_a_period_knows_its_rates() -> None:
    period = Period(1, 0.5, {0: Stats(ipackets=10, ibytes=640), 1: Stats(opackets=4, obytes=256)})
    assert period.rates(period.counted[0]) == Rates(rx_pps=20, rx_bps=10240)
    assert period.total == Stats(ipackets=10, ibytes=640, opackets=4, obytes=256)
