"""A port whose device is on the PCI bus, from its probe to its end, with packets through what the device was told."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.packets import frame, packet, receive, transmit
from fakes.pci import MAC, OFFERED, FakePci
from fakes.pci_control import ServedPci

from pytestpmd.drivers import PCI_DRIVERS, LeftToOthers
from pytestpmd.drivers.virtio import ctrlq, pci_port
from pytestpmd.drivers.virtio.pci_port import VirtioPciPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal import iova, window
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, DeviceError, OperationError
from pytestpmd.ethdev.port import PortConf, PortState

F = Feature
CONTROL = (
    F.VIRTIO_NET_F_CTRL_VQ
    | F.VIRTIO_NET_F_CTRL_RX
    | F.VIRTIO_NET_F_CTRL_VLAN
    | F.VIRTIO_NET_F_CTRL_MAC_ADDR
    | F.VIRTIO_NET_F_GUEST_ANNOUNCE
)
OTHER_MAC = bytes([2, 0, 0, 0, 0, 0xA])
FORMS: dict[str, dict[str, Any]] = {
    "modern": {},
    "legacy": {"modern": False},
    "packed": {"offered": OFFERED | F.VIRTIO_F_RING_PACKED},
}

Make = Callable[..., VirtioPciPort]


@pytest.fixture
def make(no_leaks: None, make_pool: Callable[..., Mempool], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make ports of opened devices, configured; each has a pool of its own, which must be whole at the end."""
    made: list[tuple[VirtioPciPort, FakePci]] = []
    # nobody translates addresses here, and a legacy device finds rings by pages of 32 bits; AddressSanitizer leaves
    # only the first 2 GB of those
    monkeypatch.setattr(window, "LOW", 512 << 20)
    low = iova._Iova()
    low.window = window.Window(256 << 20)
    monkeypatch.setattr(iova, "_IOVA", low)

    def make_port(pci: FakePci | None = None, devargs: str = "", **conf: Any) -> VirtioPciPort:
        pci = pci or FakePci()
        monkeypatch.setattr(pci_port, "open_device", lambda device: pci)
        port = VirtioPciPort(str(pci.device.address), devargs, VirtioPciPort.Args.parse(devargs), pci.device)
        made.append((port, pci))
        port.port_id = len(made) - 1
        port.configure(PortConf(**conf), make_pool(2048))
        return port

    yield make_port
    for port, pci in made:
        port.close()
        assert pci.is_closed


def echo(port: VirtioPciPort, pci: FakePci, number: int = 0) -> None:
    """A frame comes in by the first queue, another goes out, as the device sees both."""
    rx, tx = pci.far_end(0), pci.far_end(1)
    rx.deliver(frame(100, number), mergeable=port.agreed.mergeable)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100, number)]
    out = packet(port._pools[0], frame(200, number))
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [out]) == 1
    assert tx.collect() == [frame(200, number)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("devargs", ["", "mrg_rxbuf=0"])
def test_packets_go_both_ways_in_every_form(make: Make, form: str, devargs: str) -> None:
    pci = FakePci(**FORMS[form])
    port = make(pci, devargs)
    assert port.agreed.mergeable == (not devargs)
    for number in range(2):  # the second time after a reset, from which a ring begins anew
        port.start()
        echo(port, pci, number)
        assert pci.notifications(0)
        assert pci.notifications(1)
        port.stop()
        assert pci.status == 0


def test_a_port_says_what_it_is(make: Make) -> None:
    port = make()
    assert (port.name, port.driver_name, port.numa_node, port.mac) == ("0000:00:05.0", "net_virtio", -1, MAC)
    info = port.info()
    assert (info.max_rx_queues, info.rx_ring_size, info.tx_ring_size, info.max_mtu) == (1, 256, 256, 1500)
    assert (port.link().up, port.link().speed) == (False, 0)
    port.start()
    assert port.link().up


def test_the_driver_takes_the_transitional_device_and_the_modern_one() -> None:
    assert {ids for ids, driver in PCI_DRIVERS.items() if driver.cls is VirtioPciPort} == {
        (0x1AF4, 0x1000),
        (0x1AF4, 0x1041),
    }


def test_a_device_that_keeps_to_the_platform_s_order_is_told_so_where_our_barriers_do(make: Make) -> None:
    port = make(FakePci(offered=OFFERED | F.VIRTIO_F_ORDER_PLATFORM))
    assert port.agreed.has(F.VIRTIO_F_ORDER_PLATFORM) == (os.uname().machine == "x86_64")


def test_a_device_without_an_address_gets_one(make: Make) -> None:
    first, second = (make(FakePci(offered=OFFERED & ~F.VIRTIO_NET_F_MAC)).mac for _ in range(2))
    assert first != second
    assert first[0] & 3 == 2


def test_the_speed_is_the_device_s_unless_it_is_given(make: Make) -> None:
    for devargs, speed in (("", 10_000), ("speed=25000", 25_000)):
        port = make(FakePci(offered=OFFERED | F.VIRTIO_NET_F_SPEED_DUPLEX), devargs)
        port.start()
        assert port.link().speed == speed


def test_a_device_that_is_for_vdpa_is_not_opened(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LeftToOthers):
        make(devargs="vdpa=1")


def test_a_device_that_sees_physical_addresses_is_refused_where_ours_are_told(make: Make) -> None:
    pci = FakePci()
    pci.needs_physical = True
    with pytest.raises(ConfigError, match="Expecting 'PA' IOVA mode but current mode is 'VA'"):
        make(pci)
    assert pci.is_closed


def test_in_order_is_taken_where_the_device_has_it_and_it_was_not_forbidden(make: Make) -> None:
    offered = OFFERED | F.VIRTIO_F_IN_ORDER
    assert make(FakePci(offered=offered)).choice.rx.callback == "virtio_recv_mergeable_pkts_inorder"
    assert make(FakePci(offered=offered), "in_order=0").choice.rx.callback == "virtio_recv_mergeable_pkts"


def test_another_ring_size_than_the_device_s_is_told_of_and_not_used(make: Make, logged: Logged) -> None:
    pci = FakePci()
    pci.queue_sizes = {0: 1024}
    port = make(pci, nb_rxd=512, nb_txd=256)
    assert [vq.layout.size for vq in port._virtqueues] == [1024, 256]
    assert "Rx queue size 512 differs from the device's, falling back to 1024" in logged
    port.start()
    assert pci.far_end(0).waiting() == 1024


@pytest.mark.parametrize("size", [0, 100])
def test_a_device_with_a_ring_that_cannot_be_is_refused_and_closed(make: Make, size: int) -> None:
    pci = FakePci()
    pci.queue_sizes = {0: size}
    with pytest.raises((DeviceError, ConfigError)):
        make(pci)
    assert pci.is_closed


def test_a_device_that_wants_the_net_header_apart_is_refused(make: Make) -> None:
    pci = FakePci(modern=False, offered=OFFERED & ~F.VIRTIO_F_ANY_LAYOUT)
    with pytest.raises(DeviceError, match="neither VIRTIO_F_VERSION_1 nor VIRTIO_F_ANY_LAYOUT"):
        make(pci)
    assert pci.is_closed


def test_a_configuration_that_never_settles_is_refused(make: Make) -> None:
    pci = FakePci()

    def move() -> None:
        pci.generation += 1

    pci.on_generation_read = move
    with pytest.raises(DeviceError, match="the configuration space changed during each of 16 reads"):
        make(pci)
    assert pci.is_closed


def test_a_port_that_cannot_start_says_why_and_may_be_started_later(make: Make, logged: Logged) -> None:
    pci = FakePci()
    port = make(pci)
    pci.accepts_features = False
    with pytest.raises(DeviceError, match="does not accept the features"):
        port.start()
    assert "(0000:00:05.0) the device is of no use: the device does not accept the features" in logged
    assert not pci.is_bus_master
    pci.accepts_features = True
    port.start()
    echo(port, pci)


# What the device tells of.


@pytest.mark.parametrize("way", [{"vectors": 4}, {"intx": True}, {}], ids=["msix", "intx", "none"])
def test_a_link_that_goes_and_comes_is_told(make: Make, way: dict[str, Any]) -> None:
    pci = FakePci(**way)
    port = make(pci)
    seen: list[bool] = []
    port.on_link_change = lambda port: seen.append(port.link().up)
    port.start()
    pci.change_config(6, b"\0\0")
    assert eventually(lambda: seen == [False])
    pci.change_config(6, b"\1\0")
    assert eventually(lambda: seen == [False, True])


@pytest.mark.parametrize("form", FORMS)
def test_a_device_that_needs_a_reset_gets_one_and_the_rings_begin_anew(make: Make, form: str) -> None:
    pci = FakePci(vectors=4, **FORMS[form])
    port = make(pci)
    port.start()
    echo(port, pci)
    before = pci.queues[0]
    pci.need_reset()
    assert eventually(lambda: pci.queues[0] is not before and pci.status & 4 and port.link().up)
    echo(port, pci, 1)


@pytest.mark.parametrize("form", FORMS)
def test_an_unplugged_device_takes_its_link_down_and_no_other_port(make: Make, form: str, logged: Logged) -> None:
    pci, other = FakePci(**FORMS[form]), FakePci()
    port, beside = make(pci), make(other)
    seen: list[bool] = []
    removed: list[Any] = []
    port.on_link_change = lambda port: seen.append(port.link().up)
    port.on_removal = removed.append
    port.start()
    beside.start()
    echo(port, pci)
    pci.unplug()
    assert eventually(lambda: removed)
    assert (seen, removed) == ([False], [port])
    assert "(0000:00:05.0) the device is gone: the device does not answer" in logged
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    echo(beside, other)
    port.stop()
    with pytest.raises(DeviceError, match="the device is gone"):
        port.start()
    assert port.state is PortState.STOPPED
    port.info()


def test_the_removal_of_a_stopped_port_s_device_is_told_too(make: Make) -> None:
    pci = FakePci()
    port = make(pci)
    removed: list[Any] = []
    port.on_removal = removed.append
    pci.is_gone = True
    assert eventually(lambda: removed)


def test_a_port_reports_its_way(make: Make) -> None:
    report = make(FakePci(vectors=4)).device_report()
    assert report
    assert (report.connection.role, report.connection.path) == ("PCI device", "0000:00:05.0")
    assert report.connection.note == "modern, uio_pci_generic, MSI-X, 2 vectors"
    assert report.side == "driver"
    assert make().private_info().endswith("pci: modern, uio_pci_generic, no interrupts, it is polled")
    notes = {feature.name: feature.note for feature in report.features}
    assert notes["VIRTIO_NET_F_MAC"] == ""
    assert notes["VIRTIO_NET_F_MQ"] == "not offered by the device"


# The control queue.


@pytest.mark.parametrize("form", FORMS)
def test_commands_go_to_the_device(make: Make, form: str) -> None:
    settings = FORMS[form] | {"offered": FORMS[form].get("offered", OFFERED) | CONTROL}
    pci = ServedPci(**settings)
    port = make(pci)
    port.start()
    port.set_promiscuous(True)
    port.set_mac(OTHER_MAC)
    assert pci.commands == [bytes([0, 0, 1]), bytes([1, 1]) + OTHER_MAC]
    port.stop()
    port.start()
    assert pci.commands[2:] == [bytes([0, 0, 1]), bytes([1, 1]) + OTHER_MAC]


@pytest.mark.parametrize("form", FORMS)
def test_several_queues_are_asked_for_by_command(make: Make, form: str) -> None:
    settings = FORMS[form] | {"offered": FORMS[form].get("offered", OFFERED) | CONTROL | F.VIRTIO_NET_F_MQ}
    pci = ServedPci(nb_pairs=4, vectors=8, **settings)
    port = make(pci, nb_rxq=2, nb_txq=2)
    assert port.info().max_rx_queues == 4
    port.start()
    assert pci.commands == [bytes([4, 0, 2, 0])]
    for index in (0, 2):
        pci.far_end(index).deliver(frame(60, index))
        queue = port.rx_queues[index // 2]
        assert receive(queue.burst, queue.handle) == [frame(60, index)]


def test_an_announcement_is_sent_and_acknowledged(make: Make) -> None:
    pci = ServedPci(offered=OFFERED | CONTROL, vectors=4)
    port = make(pci)
    port.start()
    pci.change_config(6, b"\3\0")
    assert eventually(lambda: pci.commands == [bytes([3, 0])])
    (rarp,) = pci.far_end(1).collect()
    assert rarp[12:14] == b"\x80\x35"


def test_a_device_that_is_unplugged_while_it_owes_an_answer_is_not_waited_for(
    make: Make, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(ctrlq, "BUS_ANSWER_S", 3600.0)
    pci = FakePci(offered=OFFERED | CONTROL)
    port = make(pci)
    port.start()
    unplugging = threading.Timer(0.05, pci.unplug)
    unplugging.start()
    with pytest.raises(OperationError, match="Resource temporarily unavailable"):
        port.set_promiscuous(True)
    unplugging.join()
    assert "Failed to enable promisc: the device is gone" in logged


def test_a_device_without_the_command_has_its_address_written_if_it_is_a_legacy_one(make: Make) -> None:
    pci = FakePci(modern=False)
    port = make(pci)
    port.set_mac(OTHER_MAC)
    assert bytes(pci.net_config[:6]) == OTHER_MAC
    with pytest.raises(OperationError, match="Operation not supported"):
        make(FakePci()).set_mac(OTHER_MAC)


# Receive interrupts.


def test_a_receive_queue_s_interrupt_is_its_vector(make: Make) -> None:
    pci = FakePci(vectors=4)
    port = make(pci)
    port.start()
    assert port.rx_interrupt(0).fd == pci.vector_fds[1]
