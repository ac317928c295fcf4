"""Tags: ``vlan set`` and ``tx_vlan``, in the original's texts."""

from dataclasses import replace

import pytest
from fakes.app import VIRTIO_INFO, FakeApp, VirtioLikePort
from fakes.console import answer

from pytestpmd.config import offloads_of
from pytestpmd.errors import NotSupported
from pytestpmd.ethdev.offloads import RxOffload, TxOffload


class VlanPort(VirtioLikePort):
    """A port that strips and inserts."""

    def __init__(self) -> None:
        super().__init__()
        self.in_force: list[int] = []

    def change_vlan_offloads(self, wanted: int) -> None:
        self.in_force.append(wanted)


@pytest.fixture
def port() -> VlanPort:
    """Stopped, and configured."""
    return VlanPort()


@pytest.fixture
def app(port: VlanPort) -> FakeApp:
    app = FakeApp(0)
    app.ports.attach(port)
    return app


@pytest.mark.parametrize("started", [False, True])
def test_stripping_changes_at_once_and_for_the_next_start(app: FakeApp, port: VlanPort, started: bool) -> None:
    if started:
        port.start()
    assert answer(app, "vlan set strip on 0") == ""
    assert answer(app, "vlan set strip on 0") == ""
    assert port.in_force == [RxOffload.VLAN_STRIP]
    assert port.conf
    assert port.conf.rx_offloads == RxOffload.VLAN_STRIP
    assert offloads_of(app.config.queues, 0).rx == RxOffload.VLAN_STRIP
    assert answer(app, "vlan set strip off 0") == ""
    assert port.in_force[1:] == [0]
    assert offloads_of(app.config.queues, 0).rx == 0


@pytest.mark.parametrize(
    ("what", "bit", "function"),
    [
        ("filter", 0x200, "rx_vlan_filter_set"),
        ("qinq_strip", 0x20, "rx_vlan_qinq_strip_set"),
        ("extend", 0x400, "vlan_extend_set"),
    ],
)
def test_what_the_device_cannot_do_is_refused(app: FakeApp, port: VlanPort, what: str, bit: int, function: str) -> None:
    assert answer(app, f"vlan set {what} on 0").splitlines() == [
        f"ETHDEV: Ethdev port_id=0 requested new added VLAN offloads 0x{bit:x} must be within Rx offloads capabilities "
        "0x201d in rte_eth_dev_set_vlan_offload()",
        f"{function}(port_pi=0, on=1) failed diag=-22",
    ]
    assert answer(app, f"vlan set {what} off 0") == ""
    assert not port.in_force
    assert offloads_of(app.config.queues, 0).rx == 0


def test_a_driver_without_tags_says_so() -> None:
    app = FakeApp(0)
    port = VirtioLikePort()

    def refuse(offloads: int) -> None:
        raise NotSupported("Operation not supported")

    port.change_vlan_offloads = refuse  # type: ignore[method-assign]
    app.ports.attach(port)
    assert answer(app, "vlan set strip on 0") == "rx_vlan_strip_set(port_pi=0, on=1) failed diag=-95"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("vlan set stripq on 0,0", "rx_vlan_strip_set_on_queue(port_pi=0, queue_id=0, on=1) failed diag=-95"),
        ("vlan set stripq off 0,3", "rx_vlan_strip_set_on_queue(port_pi=0, queue_id=3, on=0) failed diag=-95"),
        ("vlan set stripq on 0", "must specify (port,queue_id)"),
        ("vlan set stripq on 0,65536", ""),
        ("vlan set stripq on 9,0", "Invalid port 9"),
        ("vlan set inner tpid 0x8100 0", "vlan_tpid_set(port_pi=0, vlan_type=1, tpid=33024) failed diag=-95"),
        ("vlan set outer tpid 0x8100 0", "vlan_tpid_set(port_pi=0, vlan_type=2, tpid=33024) failed diag=-95"),
        ("vlan set foo on 0", "Bad arguments"),
        ("vlan set strip on 9", "Invalid port 9"),
        ("tx_vlan set 0 10 20", "Error: qinq insert not supported by port 0"),
        ("tx_vlan set pvid 0 10 on", ""),
        ("tx_vlan set 9 10", "Invalid port 9"),
        ("tx_vlan set 0 65536", "Bad arguments"),
    ],
)
def test_what_the_original_says(app: FakeApp, line: str, verdict: str) -> None:
    assert answer(app, line) == verdict
    assert not app.config.forward.tx_vlans


def test_a_tag_is_inserted_from_the_next_start_on(app: FakeApp) -> None:
    assert answer(app, "tx_vlan set 0 10") == ""
    assert offloads_of(app.config.queues, 0).tx & TxOffload.VLAN_INSERT
    assert app.config.forward.tx_vlans == {0: 10}
    assert "  Queue[ 0] : VLAN_INSERT" in answer(app, "show port 0 tx_offload configuration")
    assert answer(app, "tx_vlan reset 0") == ""
    assert not offloads_of(app.config.queues, 0).tx & TxOffload.VLAN_INSERT
    assert not app.config.forward.tx_vlans


@pytest.mark.parametrize("line", ["tx_vlan set 0 10", "tx_vlan set 0 10 20", "tx_vlan reset 0"])
def test_insertion_waits_for_the_port_to_stop(app: FakeApp, port: VlanPort, line: str) -> None:
    port.start()
    assert answer(app, line) == "Please stop port 0 first"


def test_a_port_that_inserts_nothing_says_so(app: FakeApp, port: VlanPort) -> None:
    port.device = replace(VIRTIO_INFO, tx_offload_capa=0)
    assert answer(app, "tx_vlan set 0 10") == "Error: vlan insert is not supported by port 0"
    assert not app.config.queues.port_offloads
