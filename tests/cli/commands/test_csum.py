"""``csum`` and ``tso``: the original's words, and what they ask of ports and of the engine."""

from dataclasses import replace

import pytest
from fakes.app import FakeApp, FakePort
from fakes.console import answer
from transcripts import printed, session, typed

from pytestpmd.config import offloads_of
from pytestpmd.ethdev.offloads import TxOffload

#: What a virtio port can do, as ``show port 0 tx_offload capabilities`` has it.
VIRTIO_TX = TxOffload.VLAN_INSERT | TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM | TxOffload.TCP_TSO | TxOffload.MULTI_SEGS


def stopped(tx_offload_capa: int | None = None) -> FakeApp:
    app = FakeApp()
    app.stop_all()
    port = app.ports[0]
    assert isinstance(port, FakePort)
    if tx_offload_capa is not None:
        port.device = replace(port.device, tx_offload_capa=tx_offload_capa)
    return app


def asked(app: FakeApp, port_id: int = 0) -> int:
    return offloads_of(app.config.queues, port_id).tx & ~TxOffload.MBUF_FAST_FREE


@pytest.mark.parametrize(
    ("name", "app"),
    [
        ("csum-null", stopped()),
        ("csum-virtio", stopped(VIRTIO_TX)),
        ("csum-refused", stopped(VIRTIO_TX)),
        ("csum-started", FakeApp()),
    ],
)
def test_the_answers_are_the_originals(name: str, app: FakeApp) -> None:
    original = session(name)
    assert "".join(f"testpmd> {line}\n{printed(answer(app, line))}" for line in typed(original)) == original


def test_what_is_asked_of_one_port_is_not_asked_of_another() -> None:
    app = stopped(VIRTIO_TX)
    answer(app, "csum set udp hw 0")
    answer(app, "csum set tcp hw 0")
    assert asked(app) == TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM
    assert asked(app, 1) == 0
    answer(app, "csum set udp sw 0")
    assert asked(app) == TxOffload.TCP_CKSUM


def test_what_a_port_cannot_do_is_not_asked_of_it() -> None:
    app = stopped(VIRTIO_TX)
    answer(app, "csum set ip hw 0")
    answer(app, "csum set sctp hw 0")
    answer(app, "tso set 800 1")
    assert asked(app) == asked(app, 1) == 0


def test_segmentation_is_asked_for_as_long_as_there_is_a_size() -> None:
    app = stopped(VIRTIO_TX)
    answer(app, "tso set 1400 0")
    assert (asked(app), app.config.forward.csum[0].tso_segsz) == (TxOffload.TCP_TSO, 1400)
    answer(app, "tso show 0")
    assert asked(app) == TxOffload.TCP_TSO
    answer(app, "tso set 0 0")
    assert (asked(app), app.config.forward.csum[0].tso_segsz) == (0, 0)


def test_a_port_that_can_do_both_gets_both_without_a_warning() -> None:
    app = stopped(VIRTIO_TX | TxOffload.UDP_TSO)
    assert answer(app, "tso set 900 0") == "segment size for non-tunneled packets is 900"
    assert asked(app) == TxOffload.TCP_TSO | TxOffload.UDP_TSO


def test_addresses_are_written_by_default_and_may_be_left_alone_while_the_port_runs() -> None:
    app = FakeApp()
    assert app.config.forward.csum[0].mac_swap
    answer(app, "csum mac-swap off 0")
    assert (app.config.forward.csum[0].mac_swap, app.config.forward.csum[1].mac_swap) == (False, True)
    answer(app, "csum mac-swap on 0")
    assert app.config.forward.csum[0].mac_swap


def test_tunnels_are_looked_into_where_that_is_asked_for_while_the_port_runs() -> None:
    app = FakeApp()
    assert answer(app, "csum parse-tunnel on 0").startswith("Parse tunnel is on\nIP checksum offload is sw")
    assert (app.config.forward.csum[0].parse_tunnel, app.config.forward.csum[1].parse_tunnel) == (True, False)
    assert answer(app, "csum parse-tunnel off 0").startswith("Parse tunnel is off\n")
    assert not app.config.forward.csum[0].parse_tunnel


@pytest.mark.parametrize(
    "line",
    ["csum set ip hw 9", "csum show 9", "csum parse-tunnel on 9", "csum mac-swap on 9", "tso set 800 9", "tso show 9"],
)
def test_a_port_that_is_not_there(line: str) -> None:
    app = FakeApp()
    assert answer(app, line) == "Invalid port 9"
    assert 9 not in app.config.forward.csum


@pytest.mark.parametrize(
    "line", ["csum set ip maybe 0", "csum set icmp hw 0", "csum mac-swap 0", "tso set -1 0", "tso set 70000 0"]
)
def test_what_cannot_be_read(line: str) -> None:
    assert answer(FakeApp(), line) == "Bad arguments"
