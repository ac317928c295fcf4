import pytest
from fakes.app import FakeApp, VirtioLikePort
from transcripts import printed, transcript

from pytestpmd.cli.render import config as render
from pytestpmd.config import Config
from pytestpmd.fwd.topology import plan


def start_text(config: Config, app: FakeApp) -> str:
    dealt = plan(app.ports.ids(), 1, 1, [1])
    config.forward.nb_ports = len(app.ports)
    forwarding = render.forwarding(config, config.forward.engine, len(app.ports), dealt.lcores)
    return printed(forwarding + render.rxtx(config, list(app.ports)))


def test_start_says_who_forwards_what_and_how() -> None:
    assert start_text(Config(), FakeApp()) == transcript("start")


def test_start_without_ports_still_says_how() -> None:
    text = start_text(Config(), FakeApp(0))
    assert text.splitlines() == [
        "io packet forwarding - ports=0 - cores=0 - streams=0 - NUMA support enabled, MP allocation mode: native",
        "",
        "  io packet forwarding packets/burst=32",
        "  nb forwarding cores=1 - nb forwarding ports=0",
    ]


def test_an_engine_that_makes_packets_says_how_long_they_are() -> None:
    app = FakeApp(0)
    app.ports.attach(VirtioLikePort())
    config = Config()
    config.forward.engine, config.forward.burst = "txonly", 2
    assert start_text(config, app) == transcript("virtio-txonly-start")


def test_retry_is_said_twice_and_with_its_numbers() -> None:
    config = Config()
    config.forward.retry = True
    dealt = plan([0, 1], 1, 1, [1])
    assert render.forwarding(config, "io", 2, dealt.lcores) == transcript("show-config-fwd-retry")
    assert render.rxtx(config, []).startswith("  io packet forwarding with retry packets/burst=32\n")


def test_two_queues_are_two_streams() -> None:
    dealt = plan([0], 2, 2, [1])
    assert render.forwarding(Config(), "io", 1, dealt.lcores) == transcript("show-config-fwd-two-queues")


def test_a_peer_that_was_set_is_shown() -> None:
    config = Config()
    config.forward.eth_peers[0] = bytes.fromhex("001122334455")
    dealt = plan([0, 1], 1, 1, [1])
    assert "TX P=0/Q=0 (socket 0) peer=00:11:22:33:44:55" in render.forwarding(config, "io", 2, dealt.lcores)


def test_thresholds_that_were_set_are_shown() -> None:
    config = Config()
    config.forward.burst, config.forward.nb_ports = 64, 2
    queues = config.queues
    queues.rxfreet = queues.txfreet = queues.txrst = 32
    queues.rxpt = queues.txpt = 8
    assert render.rxtx(config, list(FakeApp().ports)) + "\n" == transcript("show-config-rxtx-thresholds")


@pytest.mark.parametrize(("lcores", "text"), [([1], "  1"), ([1, 12], "  1 12"), ([], "")])
def test_lcores_are_listed_two_columns_wide(lcores: list[int], text: str) -> None:
    assert render.cores(lcores) == f"List of forwarding lcores:{text}"


def test_txpkts_lists_the_segments() -> None:
    config = Config()
    config.forward.txpkts = [64, 128, 256]
    assert render.txpkts(config.forward) + "\n" == transcript("show-config-txpkts")
