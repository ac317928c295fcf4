"""``mac_addr``, ``mcast_addr``, ``rx_vlan`` and what ``show`` says of them, in the original's words."""

import errno
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes.app import FakeApp, FakePort, VirtioLikePort
from fakes.console import answer

from pytestpmd.errors import OperationError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import PortConf

A = "02:11:22:33:44:56"
GROUP = "01:00:5E:00:00:01"
MANY = "Number of Multicast MAC address added"


class FilteringPort(FakePort):
    """Has every filter, unless ``refuse`` is the errno of its refusals."""

    max_mac_addrs = 64
    refuse = 0

    def _apply(self) -> None:
        if self.refuse:
            raise OperationError(self.refuse)

    def apply_mac(self, address: bytes) -> None:
        self._apply()

    def apply_macs(self, macs: Sequence[bytes], mcast_addrs: Sequence[bytes]) -> None:
        self._apply()

    def apply_mcast_addrs(self, addresses: Sequence[bytes]) -> None:
        self._apply()

    def apply_vlan(self, vlan_id: int, on: bool) -> None:
        self._apply()


class NoTablePort(VirtioLikePort):
    """As a virtio port without the commands for addresses."""

    max_mac_addrs = 64

    def apply_macs(self, macs: Sequence[bytes], mcast_addrs: Sequence[bytes]) -> None:
        raise OperationError(errno.EPERM)


def app_with(port: FakePort) -> FakeApp:
    app = FakeApp(0)
    app.ports.attach(port)
    return app


@pytest.fixture
def app() -> FakeApp:
    """A port that has every filter."""
    port = FilteringPort()
    port.device = replace(port.device, rx_offload_capa=int(RxOffload.VLAN_FILTER))
    port.configure(PortConf(rx_offloads=RxOffload.VLAN_FILTER), None)
    return app_with(port)


def test_what_works_is_silent_and_shown(app: FakeApp) -> None:
    for line in (f"mac_addr add 0 {A}", "mac_addr set 0 02:11:22:33:44:55", f"mcast_addr add 0 {GROUP}"):
        assert answer(app, line) == ""
    assert answer(app, "show port 0 macs") == f"Number of MAC address added: 2\n  02:11:22:33:44:55\n  {A}"
    assert answer(app, "show port 0 mcast_macs") == f"{MANY}: 1\n  {GROUP}"
    for line in (f"mac_addr remove 0 {A}", f"mcast_addr remove 0 {GROUP}"):
        assert answer(app, line) == ""
    assert answer(app, "show port 0 macs") == "Number of MAC address added: 1\n  02:11:22:33:44:55"
    assert answer(app, "show port 0 mcast_macs") == f"{MANY}: 0"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("mac_addr add 0 00:00:00:00:00:00", "Invalid argument"),
        ("mac_addr set 0 00:00:00:00:00:00", "Invalid argument"),
        (f"mac_addr set 0 {GROUP}", "Invalid argument"),
        ("mac_addr remove 0 02:00:00:00:00:01", "Address already in use"),
        (f"mac_addr set 0 {A}", "File exists"),
    ],
)
def test_addresses_that_cannot_be_get_the_system_s_word_for_it(app: FakeApp, line: str, verdict: str) -> None:
    answer(app, f"mac_addr add 0 {A}")
    assert answer(app, line) == f"mac_addr_cmd error: ({verdict})"


def test_what_is_there_may_be_added_again_and_what_is_not_removed(app: FakeApp) -> None:
    for line in (f"mac_addr remove 0 {A}", f"mac_addr add 0 {A}", f"mac_addr add 0 {A}"):
        assert answer(app, line) == ""
    assert answer(app, "show port 0 macs").startswith("Number of MAC address added: 2")


def test_the_table_ends_at_its_size(app: FakeApp) -> None:
    answers = [answer(app, f"mac_addr add 0 02:00:00:00:01:{i:02x}") for i in range(64)]
    assert answers == [""] * 63 + ["mac_addr_cmd error: (No space left on device)"]


def test_groups_are_told_once_and_must_be_groups(app: FakeApp) -> None:
    assert answer(app, f"mcast_addr add 0 {A}") == f"Invalid multicast addr {A}"
    assert answer(app, f"mcast_addr add 0 {GROUP}") == ""
    assert answer(app, f"mcast_addr add 0 {GROUP}") == "multicast address already filtered by port"
    assert answer(app, "mcast_addr flush 0") == ""
    assert answer(app, f"mcast_addr remove 0 {GROUP}") == "multicast address not filtered by port 0"


def test_vlan_ids_go_to_the_port(app: FakeApp) -> None:
    port = app.ports[0]
    assert answer(app, "rx_vlan add 10 0") == ""
    assert port.vlan_ids == {10}
    assert answer(app, "rx_vlan add all 0") == ""
    assert port.vlan_ids == set(range(4096))
    assert answer(app, "rx_vlan rm 4095 0") == ""
    assert answer(app, "rx_vlan rm all 0") == ""
    assert port.vlan_ids == set()


def test_vlan_ids_that_cannot_be(app: FakeApp) -> None:
    assert answer(app, "rx_vlan add 4096 0") == "Invalid vlan_id 4096 (must be < 4096)"
    assert answer(app, "rx_vlan add 65536 0") == "Bad arguments"


def test_the_first_vlan_that_is_refused_ends_all(app: FakeApp) -> None:
    port = app.ports[0]
    assert isinstance(port, FilteringPort)
    port.refuse = errno.EAGAIN
    assert answer(app, "rx_vlan add all 0") == (
        f"rte_eth_dev_vlan_filter(port_pi=0, vlan_id=0, on=1) failed diag={-errno.EAGAIN}"
    )


# The original's answers where the port has none of it.


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"mac_addr add 0 {A}", "mac_addr_cmd error: (Operation not supported)"),
        (f"mac_addr remove 0 {A}", "mac_addr_cmd error: (Operation not supported)"),
        (f"mcast_addr add 0 {GROUP}", "rte_eth_dev_set_mc_addr_list(port=0, nb=1) failed. diag=-95"),
        (f"mcast_addr remove 0 {GROUP}", "multicast address not filtered by port 0"),
        ("mcast_addr add 0 02:00:5e:00:00:01", "Invalid multicast addr 02:00:5E:00:00:01"),
        ("mcast_addr flush 0", "Failed to flush all multicast MAC addresses on port_id 0"),
        (
            "rx_vlan add 10 0",
            "ETHDEV: Port 0: VLAN-filtering disabled\n"
            "rte_eth_dev_vlan_filter(port_pi=0, vlan_id=10, on=1) failed diag=-38",
        ),
        (
            "rx_vlan rm 10 0",
            "ETHDEV: Port 0: VLAN-filtering disabled\n"
            "rte_eth_dev_vlan_filter(port_pi=0, vlan_id=10, on=0) failed diag=-38",
        ),
        (
            "rx_vlan add all 0",
            "ETHDEV: Port 0: VLAN-filtering disabled\n"
            "rte_eth_dev_vlan_filter(port_pi=0, vlan_id=0, on=1) failed diag=-38",
        ),
        ("show port 0 mcast_macs", "Number of Multicast MAC address added: 0"),
        ("mac_addr add 0 zz", "Bad arguments"),
        ("mcast_addr add 9 01:00:5e:00:00:01", "Invalid port 9"),
        ("rx_vlan add 10 9", "Invalid port 9"),
        (f"mac_addr add 9 {A}", "ETHDEV: Invalid port_id=9\nmac_addr_cmd error: (No such device)"),
    ],
)
def test_a_port_without_filters_answers_as_net_null_does(line: str, text: str) -> None:
    assert answer(FakeApp(), line) == text


def test_a_virtio_port_without_the_commands_answers_as_the_original_does() -> None:
    app = app_with(NoTablePort())
    assert answer(app, f"mac_addr add 0 {A}") == "mac_addr_cmd error: (Operation not permitted)"
    assert answer(app, f"mac_addr remove 0 {A}") == ""
    assert answer(app, f"mcast_addr add 0 {GROUP}") == "rte_eth_dev_set_mc_addr_list(port=0, nb=1) failed. diag=-95"
