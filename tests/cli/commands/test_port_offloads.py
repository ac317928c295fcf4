"""Offloads of single ports: texts of the original, and what the next start asks for."""

from dataclasses import replace

import pytest
from fakes.app import VIRTIO_INFO, FakeApp, VirtioLikePort
from fakes.console import answer
from transcripts import printed, session, typed

from pytestpmd.config import offloads_of
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import PortConf


@pytest.fixture
def app() -> FakeApp:
    """A virtio port that is stopped, and a null port."""
    app = FakeApp(0)
    app.ports.attach(VirtioLikePort())
    return app


def test_an_offload_is_wished_for_and_shown_and_not_yet_in_force(app: FakeApp) -> None:
    for name in ("vlan_strip", "tcp_lro", "udp_cksum"):
        assert answer(app, f"port config 0 rx_offload {name} on") == ""
    assert answer(app, "port config 0 tx_offload tcp_cksum on") == ""
    assert answer(app, "show port 0 rx_offload configuration").splitlines() == [
        "Rx Offloading Configuration of port 0 :",
        "  Port :",
        "  Queue[ 0] : VLAN_STRIP UDP_CKSUM TCP_LRO",
        "",
    ]
    assert offloads_of(app.config.queues, 0).rx == RxOffload.VLAN_STRIP | RxOffload.TCP_LRO | RxOffload.UDP_CKSUM
    assert answer(app, "port config 0 rx_offload tcp_lro off") == ""
    assert offloads_of(app.config.queues, 0).rx == RxOffload.VLAN_STRIP | RxOffload.UDP_CKSUM


def test_all_is_what_the_device_can_do(app: FakeApp) -> None:
    assert answer(app, "port config 0 rx_offload all on") == ""
    assert offloads_of(app.config.queues, 0).rx == VIRTIO_INFO.rx_offload_capa
    assert answer(app, "port config 0 tx_offload all off") == ""
    assert offloads_of(app.config.queues, 0).tx & VIRTIO_INFO.tx_offload_capa == 0


def test_every_port_is_changed_by_all_that_can_be(app: FakeApp) -> None:
    other = VirtioLikePort(1)
    other.device = replace(VIRTIO_INFO, rx_offload_capa=0)
    app.ports.attach(other)
    assert answer(app, "port config all rx_offload udp_cksum on") == "Error: port 1 doesn't support offload: udp_cksum."
    assert offloads_of(app.config.queues, 0).rx == RxOffload.UDP_CKSUM
    assert offloads_of(app.config.queues, 1).rx == 0


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("port config 0 rx_offload keep_crc on", "Error: port 0 doesn't support offload: keep_crc."),
        ("port config 0 rx_offload keep_crc off", "Error: port 0 doesn't support offload: keep_crc."),
        ("port config 0 tx_offload mbuf_fast_free on", "Error: port 0 doesn't support offload: mbuf_fast_free."),
        ("port 0 rxq 0 rx_offload vlan_strip on", "Error: port 0 doesn't support per queue offload: vlan_strip."),
        ("port 0 txq 0 tx_offload multi_segs off", "Error: port 0 doesn't support per queue offload: multi_segs."),
        ("port 0 rxq 1 rx_offload vlan_strip on", "Error: input queue_id should be 0 ... 0"),
        ("port 0 rxq 0 rx_offload all on", ""),
        ("port config 0 rx_offload sctp_cksum on", "Bad arguments"),
        ("port config 0 rx_offload tcp_tso on", "Bad arguments"),
        (
            "port config 9 rx_offload vlan_strip on",
            "ETHDEV: Invalid port_id=9\nError during getting device (port 9) info: No such device",
        ),
        (
            "port 9 txq 0 tx_offload multi_segs on",
            "ETHDEV: Invalid port_id=9\nError during getting device (port 9) info: No such device",
        ),
    ],
)
def test_what_cannot_be_is_refused(app: FakeApp, line: str, verdict: str) -> None:
    assert answer(app, line) == verdict
    assert offloads_of(app.config.queues, 0).rx == 0


@pytest.mark.parametrize(
    "line",
    [
        "port config 0 rx_offload vlan_strip on",
        "port config 0 tx_offload multi_segs on",
        "port 0 rxq 0 rx_offload vlan_strip on",
    ],
)
def test_a_started_port_keeps_its_offloads(app: FakeApp, line: str) -> None:
    """No runtime configuration (47.4): the port must be stopped."""
    app.ports[0].start()
    assert answer(app, line) == "Error: Can't config offload when Port 0 is not stopped"
    assert not app.config.queues.port_offloads


def test_fast_free_is_left_out_where_there_is_none_of_it(app: FakeApp) -> None:
    asked = offloads_of(app.config.queues, 0)
    assert asked.of_port(0).tx == 0
    assert asked.of_port(int(TxOffload.MBUF_FAST_FREE)).tx == TxOffload.MBUF_FAST_FREE


@pytest.mark.parametrize("name", ["offloads-started", "offloads-stopped"])
def test_a_session_of_the_original_s_is_answered_as_it_was(name: str) -> None:
    """DPDK 26.07 with net_virtio_user, two queues, and net_vhost at the other end."""
    app = FakeApp(0)
    port = VirtioLikePort()
    port.device = replace(VIRTIO_INFO, max_rx_queues=2, max_tx_queues=2, tx_offload_capa=0x802D)
    port.change_vlan_offloads = lambda wanted: None  # type: ignore[method-assign]
    app.ports.attach(port)
    port.configure(PortConf(nb_rxq=2, nb_txq=2), None)
    if name == "offloads-started":
        port.start()
    original = session(name)
    ours = "".join(f"testpmd> {line}\n{printed(answer(app, line))}" for line in typed(original))
    assert ours == original
