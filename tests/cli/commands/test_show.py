import re
from itertools import count
from unittest.mock import patch

import pytest
from fakes.app import FakeApp, FakePort
from fakes.console import answer, launch
from transcripts import printed, transcript

from pytestpmd.ethdev.stats import Stats

SECOND = 10**9


def fake_clock() -> "patch[object]":  # type: ignore[type-arg]
    return patch("time.monotonic_ns", side_effect=(SECOND * second for second in count(1)))


def port_of(app: FakeApp, port_id: int) -> FakePort:
    port = app.ports[port_id]
    assert isinstance(port, FakePort)
    return port


def test_rates_are_those_since_the_last_show_and_the_first_has_none() -> None:
    app = FakeApp()
    with fake_clock():
        assert "Rx-pps:            0" in answer(app, "show port stats 0")
        port_of(app, 0).counted = Stats(ipackets=1165, opackets=1194, ibytes=74612, obytes=76476)
        text = answer(app, "show port stats 0")
    assert re.findall(r"[RT]x-[pb]ps: +(\d+)", text) == ["1165", "596896", "1194", "611808"]


def test_rates_of_one_port_are_not_those_of_another() -> None:
    app = FakeApp()
    with fake_clock():
        answer(app, "show port stats all")
        port_of(app, 1).counted = Stats(ipackets=10)
        assert "Rx-pps:            0" in answer(app, "show port stats 0")
        assert "Rx-pps:            5" in answer(app, "show port stats 1")


def test_a_cleared_port_has_no_negative_rate() -> None:
    app = FakeApp()
    port_of(app, 0).counted = Stats(ipackets=100)
    with fake_clock():
        answer(app, "show port stats 0")
        answer(app, "clear port stats 0")
        assert "Rx-pps:            0" in answer(app, "show port stats 0")


def test_watched_xstats_are_shown_with_the_statistics() -> None:
    app = FakeApp()
    launch(app, "--display-xstats=rx_good_packets,,nosuch")
    port_of(app, 0).counted = Stats(ipackets=3)
    with fake_clock():
        answer(app, "show port stats 0")
        port_of(app, 0).counted = Stats(ipackets=13)
        text = answer(app, "show port stats 0")
    [line] = [line for line in text.splitlines() if "rx_good_packets" in line]
    assert line.split()[:2] == ["rx_good_packets", "13"]
    assert "nosuch" not in text


@pytest.mark.parametrize("what", ["info", "stats", "xstats"])
@pytest.mark.parametrize("verb", ["show", "clear"])
def test_a_port_that_is_not_there_is_answered_with_those_that_are(verb: str, what: str) -> None:
    assert printed(answer(FakeApp(), f"{verb} port {what} 9")) == transcript("show-port-info-9")


def test_summary_of_a_port_that_is_not_there_keeps_its_heading() -> None:
    text = answer(FakeApp(), "show port summary 9")
    assert text.startswith("Number of available ports: 2\nPort MAC Address ")
    assert text.endswith("\nInvalid port 9\nThe valid ports array is [ 0 1 ]")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("show port 9 macs", "Error during getting device (port 9) info: No such device"),
        ("show port 9 rx_offload capabilities", "Error during getting device (port 9) info: No such device"),
        (
            "show port 9 tx_offload configuration",
            "Error during getting device configuration (port 9): No such device",
        ),
    ],
)
def test_ethdev_names_the_port_it_does_not_know(line: str, text: str) -> None:
    assert answer(FakeApp(), line) == f"ETHDEV: Invalid port_id=9\n{text}"


def test_a_port_without_a_virtio_device_is_answered_in_one_line() -> None:
    app = FakeApp()
    assert answer(app, "show port 1 virtio") == "Port 1 (net_null1) is no virtio device: its driver is net_null"
    assert answer(app, "show port 1 virtio json").endswith(',"driver":"net_null","virtio":null}]}')
    assert printed(answer(app, "show port 9 virtio")) == transcript("show-port-info-9")
    assert answer(app, "show port 1 virtio xml") == "Bad arguments"
    assert answer(app, "show port 1 virtio json json") == '{"error":"Bad arguments"}'


def test_a_device_of_a_known_driver_that_is_not_there_has_no_info() -> None:
    assert answer(FakeApp(), "show device info net_null7") == ""


def test_without_ports_there_is_nothing_to_show() -> None:
    app = FakeApp(0)
    assert answer(app, "show port stats all") == answer(app, "show port info all") == ""


def test_clearing_reaches_the_ports_and_the_session() -> None:
    app = FakeApp()
    for line in ("clear port stats all", "clear port xstats 1", "clear fwd stats all"):
        answer(app, line)
    assert [port_of(app, i).cleared for i in (0, 1)] == [1, 2]
    assert app.session.cleared == 1
    assert app.session.ports_cleared == [0, 1, 1]


def test_extended_statistics_come_with_their_state_when_that_is_asked_for() -> None:
    app = FakeApp()
    answer(app, "set xstats-show-state on")
    assert answer(app, "show port xstats 0").splitlines()[1] == "state: -\trx_good_packets: 0"
    answer(app, "set xstats-show-state off")
    answer(app, "set xstats-hide-disabled on")
    assert answer(app, "show port xstats 0").splitlines()[1] == "rx_good_packets: 0"


def test_clearing_a_summary_clears_nothing() -> None:
    app = FakeApp()
    assert answer(app, "clear port summary 0") == ""
    assert answer(app, "clear port summary all") == ""
    assert not app.session.ports_cleared
