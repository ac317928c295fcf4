from pathlib import Path

import pytest
from fakes.app import FakeApp
from fakes.console import answer, launch
from fakes.forward import forward_stats, port_stats
from transcripts import masked, printed, transcript

from pytestpmd.errors import TestpmdError


@pytest.mark.parametrize(("line", "bursts"), [("start", 0), ("start tx_first", 1), ("start tx_first 32", 32)])
def test_start_sends_as_many_bursts_first_as_asked(line: str, bursts: int) -> None:
    app = FakeApp()
    assert printed(answer(app, line)) == transcript("start")
    assert app.session.tx_first == bursts


@pytest.mark.parametrize("line", ["start 1", "start foo", "start tx_first foo"])
def test_start_takes_nothing_else(line: str) -> None:
    app = FakeApp()
    assert answer(app, line) == "Bad arguments"
    assert not app.session.running


def test_a_second_start_and_a_second_stop_are_refused() -> None:
    app = FakeApp()
    app.session.result = forward_stats(port_stats(0), port_stats(1))
    answer(app, "start")
    assert answer(app, "start") == "Packet forwarding already started"
    assert masked(printed(answer(app, "stop"))) == masked(transcript("stop"))
    assert answer(app, "stop") == "Packet forwarding not started"


def test_rxonly_cannot_retry() -> None:
    app = FakeApp()
    assert answer(app, "set fwd rxonly retry") == "Bad arguments"
    assert app.config.forward.engine == "io"


def test_retry_lasts_until_the_next_set_fwd() -> None:
    app = FakeApp()
    answer(app, "set fwd mac retry")
    assert app.config.forward.retry
    answer(app, "set fwd mac")
    assert not app.config.forward.retry


def test_burst_retries_are_set() -> None:
    app = FakeApp()
    assert answer(app, "set burst tx delay 10 retry 20") == ""
    assert (app.config.forward.burst_tx_delay_us, app.config.forward.burst_tx_retry) == (10, 20)


def test_a_peer_reaches_the_text_of_start() -> None:
    app = FakeApp()
    assert answer(app, "set eth-peer 0 00:11:22:33:44:55") == ""
    assert "peer=00:11:22:33:44:55" in answer(app, "start")


def test_an_unknown_mode_is_said_and_io_stays() -> None:
    app = FakeApp()
    assert launch(app, "--forward-mode=foo") == ["Invalid foo packet forwarding mode"]
    assert launch(app, "--forward-mode=mac") == ["Set mac packet forwarding mode"]
    assert app.config.forward.engine == "mac"


def test_peers_come_from_a_file_a_line_a_port(tmp_path: Path) -> None:
    app = FakeApp()
    file = tmp_path / "peers"
    file.write_text("00:11:22:33:44:55\n02:00:00:00:00:09\n")
    launch(app, f"--eth-peers-configfile={file}")
    assert app.config.forward.eth_peers == {0: bytes.fromhex("001122334455"), 1: bytes.fromhex("020000000009")}


@pytest.mark.parametrize(("text", "before"), [("zz\n", "Bad MAC address format on line 1"), (None, "No such file")])
def test_a_peer_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, before: str) -> None:
    file = tmp_path / "peers"
    if text is not None:
        file.write_text(text)
    with pytest.raises(TestpmdError, match="Cannot open logfile") as caught:
        launch(FakeApp(), f"--eth-peers-configfile={file}")
    assert before in caught.value.before  # type: ignore[attr-defined]
