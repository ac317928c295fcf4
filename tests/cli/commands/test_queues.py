import pytest
from fakes.app import FakeApp, VirtioLikePort
from fakes.console import answer

EVERY = ["rxq", "txq", "rxd", "txd", "burst", "txpt", "rxwt", "txfreet", "rxfreet", "txrst"]


def stopped_app(*, virtio: bool = False) -> FakeApp:
    app = FakeApp(0 if virtio else 2)
    if virtio:
        app.ports.attach(VirtioLikePort())
    app.stop_all()
    return app


@pytest.mark.parametrize("what", EVERY)
def test_queues_change_only_while_every_port_is_stopped(what: str) -> None:
    assert answer(FakeApp(), f"port config all {what} 1") == "Please stop all ports first"


@pytest.mark.parametrize("what", [what for what in EVERY if what != "burst"])
def test_a_value_that_can_be_is_taken_silently(what: str) -> None:
    app = stopped_app()
    assert answer(app, f"port config all {what} 8") == ""
    assert getattr(app.config.queues, what) == 8


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("rxd 16", "Fail: input rxd (16) can't be less than min_rxds (32) of port 0"),
        ("rxd 40000", "Fail: input rxd (40000) can't be greater than max_rxds (32768) of port 0"),
        ("txd 1", "Fail: input txd (1) can't be less than min_txds (32) of port 0"),
        ("rxq 3", "Fail: input rxq (3) can't be greater than max_rx_queues (1) of port 0"),
        ("txq 3", "Fail: input txq (3) can't be greater than max_tx_queues (1) of port 0"),
        ("rxd 70000", "Bad arguments"),
        ("txpt 256", "Bad arguments"),
        ("foo 1", "Bad arguments"),
        ("burst 0", "PMD does not recommend a burst size.\nUser provided value must be between 1 and 512"),
        ("burst 600", "burst must be >= 1 && <= 512"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_changes_nothing(setting: str, text: str) -> None:
    app = stopped_app(virtio=True)
    before = (vars(app.config.queues).copy(), app.config.forward.burst)
    assert answer(app, f"port config all {setting}") == text
    assert (vars(app.config.queues), app.config.forward.burst) == before


def test_one_of_both_queue_counts_may_be_0() -> None:
    app = stopped_app()
    assert answer(app, "port config all rxq 0") == ""
    assert answer(app, "port config all txq 0") == "Warning: Either rx or tx queues should be non zero"


def test_more_queues_are_more_streams() -> None:
    app = stopped_app()
    answer(app, "port config all rxq 2")
    answer(app, "port config all txq 2")
    assert "streams=4" in answer(app, "show config fwd")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("port 0 rxq 0 start", "Function not supported in PMD"),
        ("port 0 rxq 0 stop", "Function not supported in PMD"),
        ("port 0 txq 0 stop", "Function not supported in PMD"),
        ("port 0 rxq 5 stop", "Invalid RX queue 5 (must be < nb_rxq=1)"),
        ("port 0 txq 1 start", "Invalid TX queue 1 (must be < nb_txq=1)"),
        ("port 9 rxq 0 stop", "Invalid port 9"),
        ("port 0 rxq 0 pause", "Bad arguments"),
    ],
)
def test_single_queues_of_these_drivers_are_neither_started_nor_stopped(line: str, text: str) -> None:
    assert answer(FakeApp(), line) == text


def test_a_single_queue_is_for_a_started_port_that_does_not_forward() -> None:
    app = FakeApp()
    app.session.start()
    assert answer(app, "port 0 rxq 0 stop") == "Please stop forwarding first"
    app.session.running = False
    app.ports[0].stop()
    assert answer(app, "port 0 rxq 0 stop") == "Please start port 0 first"
