"""What is asked of single queues, at ports whose drivers are ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.app import FakeApp
from fakes.appliance import Appliance
from fakes.console import answer
from fakes.leaks import eventually
from fakes.packets import frames, packet, receive, transmit

from pytestpmd.app import TestPmd


@pytest.fixture
def app(tmp_path: Path) -> Iterator[TestPmd]:
    """Port 0 is a back-end, port 1 its front-end, port 2 has no rings; all are started."""
    path = tmp_path / "socket"
    pair = (f"net_vhost0,iface={path},queues=2", f"net_virtio_user0,path={path},queues=2,queue_size=128")
    with Appliance(*pair, "net_null0", options="--rxq=2 --txq=2") as appliance:
        yield appliance.app


def test_a_queue_is_described(app: TestPmd) -> None:
    received = answer(app, "show rxq info 1 1").splitlines()
    assert received[1] == f"{'*' * 21} Infos for port 1 , RX queue 1  {'*' * 21}"
    assert {"Mempool: mb_pool_0", "Rx queue state: started", "Number of RXDs: 128"} <= set(received)
    assert {"TX deferred start: off", "Number of TXDs: 128"} <= set(answer(app, "show txq info 1 0").splitlines())


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("show rxq info 2 0", "Failed to retrieve information for port: 2, RX queue: 0\nerror desc: {95}"),
        ("show txq info 0 1", "Failed to retrieve information for port: 0, TX queue: 1\nerror desc: {95}"),
        (
            "show rxq info 1 2",
            "ETHDEV: Invalid Rx queue_id=2\nFailed to retrieve information for port: 1, RX queue: 2\n"
            "error desc: Invalid argument(-22)",
        ),
        (
            "show txq info 9 0",
            "ETHDEV: Invalid port_id=9\nFailed to retrieve information for port: 9, TX queue: 0\n"
            "error desc: No such device(-19)",
        ),
        ("show port 2 rxq 0 desc 0 status", "Invalid input: queue id = 0, desc id = 0"),
        ("show port 1 rxq 0 desc 128 status", "Invalid input: queue id = 0, desc id = 128"),
        (
            "show port 1 txq 2 desc 0 status",
            "ETHDEV: Invalid Tx queue_id=2 of device with port_id=1\nInvalid input: port id = 1, queue id = 2",
        ),
        ("show port 9 rxq 0 desc used count", "ETHDEV: Invalid port_id=9\nInvalid input: port id = 9, queue id = 0"),
        ("port config 9 rxq 0 ring_size 64", "Invalid port 9"),
        ("port config 1 rxq 2 ring_size 64", "Invalid RX queue 2 (must be < nb_rxq=2)"),
        ("port config 1 rxq 0 ring_size 70000", "Bad arguments"),
        ("port 1 txq 5 setup", "Invalid TX queue 5 (must be < nb_txq=2)\nInvalid tx queue"),
        ("port 1 txq 0 setup", "Failed to setup TX queue: Device or resource busy"),
        ("port 1 rxq 0 deferred_start on", "Please stop port 1 first"),
        ("port cleanup 2 txq 0 0", "Failed to get port 2 Tx queue 0 info"),
        ("port cleanup 1 txq 2 0", "ETHDEV: Invalid Tx queue_id=2\nFailed to get port 1 Tx queue 2 info"),
        ("port cleanup 9 txq 0 0", "ETHDEV: Invalid port_id=9\nFailed to get port 9 Tx queue 0 info"),
        ("port cleanup 1 rxq 0 0", "Bad arguments"),
    ],
)
def test_what_cannot_be_is_refused_in_the_originals_words(app: TestPmd, line: str, text: str) -> None:
    before = repr(app.config)
    assert answer(app, line) == text.replace("{95}", "Operation not supported(-95)")
    assert repr(app.config) == before


def test_a_deferred_queue_is_told_of_after_the_next_start(app: TestPmd) -> None:
    answer(app, "port stop 1")
    assert answer(app, "port 1 rxq 1 deferred_start on") == ""
    assert "Rx queue state: stopped" in answer(app, "show rxq info 1 1")
    answer(app, "port start 1")
    assert "RX deferred start: on" in answer(app, "show rxq info 1 1")
    assert "RX deferred start: off" in answer(app, "show rxq info 1 0")
    answer(app, "port stop 1")
    assert answer(app, "port 1 rxq 1 deferred_start off") == ""
    answer(app, "port start 1")
    assert "RX deferred start: off" in answer(app, "show rxq info 1 1")


def test_a_ring_size_is_checked_when_the_port_starts(app: TestPmd) -> None:
    answer(app, "port stop 1")
    assert answer(app, "port config 1 txq 1 ring_size 3") == ""
    answer(app, "port start 1")
    assert any("Invalid value for nb_tx_desc(=3)" in said for said in appliance_said(app))
    assert answer(app, "port config 1 txq 1 ring_size 64") == ""
    answer(app, "port start 1")
    assert "Number of TXDs: 128" in answer(app, "show txq info 1 1"), "the device has as many as it says"


def appliance_said(app: TestPmd) -> list[str]:
    said: list[str] = app.say.__self__
    return said


def test_a_queue_of_a_stopped_port_is_set_up_as_settings_say(app: TestPmd) -> None:
    answer(app, "port stop 1")
    answer(app, "port config 1 rxq 0 ring_size 3")
    assert "nb_rx_desc(=3)" in answer(app, "port 1 rxq 0 setup")
    answer(app, "port config 1 rxq 0 ring_size 64")
    assert answer(app, "port 1 rxq 0 setup") == ""
    assert app.ports[1].conf == app.port_conf(app.ports[1])
    answer(app, "port config 1 txq 0 ring_size 1")
    answer(app, "set txpkts 64,64")
    assert answer(app, "port 1 txq 0 setup") == "Failed to setup TX queue: not enough descriptors"


def test_a_ring_is_longer_than_its_free_threshold() -> None:
    app = FakeApp()
    app.config.queues.rxfreet = 32
    assert answer(app, "port config 0 rxq 0 ring_size 32") == "Invalid rx ring_size, must > rx_free_thresh: 32"
    assert answer(app, "port config 0 rxq 0 ring_size 0") == ""
    assert answer(app, "port config 0 txq 0 ring_size 32") == ""


def test_what_waits_is_counted_and_what_was_sent_is_given_back(app: TestPmd) -> None:
    """Without lcores: the front-end sends to its back-end, which receives."""
    front, back = app.ports[1], app.ports[0]
    pool = app.pools[0]
    sent = frames(5)
    queue = front.tx_queues[0]
    assert transmit(queue.burst, queue.handle, [packet(pool, data) for data in sent]) == 5
    transmit(queue.burst, queue.handle, [])
    assert answer(app, "show port 1 txq 0 desc used count") == "TxQ 0 used desc count = 5"
    assert answer(app, "show port 1 txq 0 desc 127 status") == "Desc status = FULL"
    assert answer(app, "show port 1 txq 0 desc 122 status") == "Desc status = DONE"
    received: list[bytes] = []
    ring = back.rx_queues[0]
    assert eventually(lambda: bool(received.extend(receive(ring.burst, ring.handle, 32)) or received))
    assert received == sent
    assert answer(app, "show port 1 txq 0 desc used count") == "TxQ 0 used desc count = 0"
    assert answer(app, "port cleanup 1 txq 0 2") == "Cleanup port 1 Tx queue 0 mbuf nums: 2"
    assert answer(app, "port cleanup 1 txq 0 0") == "Cleanup port 1 Tx queue 0 mbuf nums: 3"
    assert answer(app, "show port 1 rxq 0 desc 0 status") == "Desc status = AVAILABLE"
    queue = back.tx_queues[0]
    assert transmit(queue.burst, queue.handle, [packet(pool, data) for data in sent]) == 5
    assert answer(app, "show port 1 rxq 0 desc used count") == "RxQ 0 used desc count = 5"
    assert answer(app, "show port 1 rxq 0 desc 4 status") == "Desc status = DONE"
    assert answer(app, "show port 1 rxq 0 desc 5 status") == "Desc status = AVAILABLE"


def test_nothing_is_taken_from_a_queue_that_forwards(app: TestPmd) -> None:
    answer(app, "start")
    assert answer(app, "port cleanup 1 txq 0 0") == "Please stop forwarding first"
    answer(app, "stop")
    answer(app, "port stop 1")
    assert answer(app, "port cleanup 1 txq 0 0") == "Tx queue 0 not started"


@pytest.mark.parametrize("layout", ["", ",packed_vq=1"])
def test_what_a_front_end_has_sent_waits_at_its_back_end(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "socket"
    with Appliance(f"net_vhost0,iface={path}", f"net_virtio_user0,path={path}{layout}") as appliance:
        assert appliance.are_joined()
        front, app = appliance.app.ports[1].tx_queues[0], appliance.app
        assert transmit(front.burst, front.handle, [packet(app.pools[0], data) for data in frames(7)]) == 7
        assert answer(app, "show port 0 rxq 0 desc used count") == "RxQ 0 used desc count = 7"
        back = app.ports[0].rx_queues[0]
        assert len(receive(back.burst, back.handle, 3)) == 3
        assert answer(app, "show port 0 rxq 0 desc used count") == "RxQ 0 used desc count = 4"
        assert answer(app, "show port 0 txq 0 desc used count") == "TxQ 0 used desc count = 0"
        answer(app, "port stop 1")
        assert answer(app, "show port 0 rxq 0 desc used count") == "RxQ 0 used desc count = 0"
