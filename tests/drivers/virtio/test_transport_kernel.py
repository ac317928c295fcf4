"""net_virtio_user over /dev/vhost-net, against a kernel that a test plays, and with no interface that is real."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.packets import frame, packet, receive, transmit
from fakes.vhost_kernel import NET_FEATURES, FakeKernel, FakeTap, FakeVhostNet, moving, reachable
from fakes.virtio_device import SplitDevice

from pytestpmd.drivers.virtio import user_port
from pytestpmd.drivers.virtio.backend_type import BackendType
from pytestpmd.drivers.virtio.transport import kernel as kernel_module
from pytestpmd.drivers.virtio.transport.kernel import OWN_FEATURES, TAP_FEATURES, UNUSABLE, VhostKernelTransport
from pytestpmd.drivers.virtio.transport.vhost_file import Request
from pytestpmd.drivers.virtio.user_port import VirtioUserPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.memory import Region
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import PortConf

pytestmark = pytest.mark.usefixtures("no_leaks")

F = Feature
SIZE = 64
MAC = bytes.fromhex("020000000001")
IDLE, BUSY = (-1, -1), (1000, 1000)


class Host:
    """The kernel and the interface that a port finds."""

    def __init__(self) -> None:
        self.kernel = FakeKernel(FakeVhostNet, NET_FEATURES)
        self.taps: list[FakeTap] = []
        self.tap_error = ""

    def open_tap(self, name: str, nb_pairs: int) -> FakeTap:
        if self.tap_error:
            raise DeviceError(self.tap_error)
        self.taps.append(FakeTap(name, nb_pairs))
        return self.taps[-1]

    @property
    def tap(self) -> FakeTap:
        return self.taps[-1]

    @property
    def devices(self) -> list[Any]:
        return list(self.kernel.devices)


Make = Callable[..., VirtioUserPort]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host()

    def transport(path: str, nb_pairs: int, **settings: Any) -> VhostKernelTransport:
        return VhostKernelTransport(path, nb_pairs, **settings, kernel=found.kernel, open_tap=found.open_tap)

    monkeypatch.setattr(user_port, "backend_type", lambda path: BackendType.VHOST_KERNEL)
    monkeypatch.setattr(user_port, "VhostKernelTransport", transport)
    return found


@pytest.fixture
def make(host: Host, pool: Mempool) -> Iterator[Make]:
    """Ports, configured; closed at the end, and every device with them."""
    made: list[VirtioUserPort] = []

    def make_port(more: str = "", **conf: Any) -> VirtioUserPort:
        text = f"path=/dev/vhost-net,queue_size={SIZE}{more}"
        port = VirtioUserPort(f"net_virtio_user{len(made)}", text, VirtioUserPort.Args.parse(text))
        made.append(port)
        port.port_id = len(made) - 1
        port.configure(PortConf(**conf), pool)
        return port

    yield make_port
    for port in made:
        port.close()
    assert host.kernel.nb_open == 0
    assert all(tap.is_closed for tap in host.taps)


def far_end(device: FakeVhostNet, index: int, hdr_size: int = 12) -> SplitDevice:
    """Whoever is at the other end of a ring, with nothing but what the kernel was told."""
    return device.device(index, reachable((at, size) for at, size, _ in device.regions), hdr_size)


# What is asked of the kernel.


def test_a_device_of_the_kernel_s_is_opened_for_each_pair(host: Host, make: Make) -> None:
    make(",queues=3")
    assert host.kernel.nb_open == 3
    assert [device.asked[0] for device in host.devices] == ["SET_OWNER"] * 3
    assert host.tap.nb_pairs == 3


def test_features_are_vhost_s_the_tap_s_and_our_own(host: Host, make: Make) -> None:
    port = make()
    assert port.transport.features() == NET_FEATURES & ~UNUSABLE | TAP_FEATURES | OWN_FEATURES


def test_vhost_is_asked_for_nothing_but_what_it_offers_and_we_can_bear(host: Host, make: Make) -> None:
    port = make(",queues=2,mac=02:00:00:00:00:01", rx_offloads=int(RxOffload.TCP_LRO | RxOffload.TCP_CKSUM))
    port.start()
    assert port.agreed.has(F.VIRTIO_NET_F_GUEST_TSO4)
    assert port.agreed.has(F.VIRTIO_NET_F_MQ)
    expected = (
        F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_RING_F_INDIRECT_DESC | F.VIRTIO_RING_F_EVENT_IDX | F.VIRTIO_F_VERSION_1
    )
    assert [device.features for device in host.devices] == [expected, expected]


def test_the_order_of_a_ring_is_the_kernel_s(host: Host, make: Make) -> None:
    make().start()
    asked = host.devices[0].asked
    ring = ["SET_VRING_NUM", "SET_VRING_ADDR", "SET_VRING_BASE", "SET_VRING_CALL", "SET_VRING_ERR", "SET_VRING_KICK"]
    assert asked == [
        "SET_OWNER",
        "GET_FEATURES",
        "SET_FEATURES",
        "SET_MEM_TABLE",
        *ring,
        *ring,
        *["NET_SET_BACKEND"] * 2,
    ]


def test_the_kernel_learns_where_rings_and_buffers_are(host: Host, make: Make) -> None:
    port = make()
    port.start()
    told = {(at, size) for at, size, _ in host.devices[0].regions}
    assert told == {(region.address, region.size) for region in port._regions()}
    assert all(at == user for at, _, user in host.devices[0].regions)
    assert host.devices[0].rings[0].desc == port._virtqueues[0].addresses.desc


def test_more_memory_than_the_kernel_takes_is_one_line(host: Host, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "max_regions", lambda: 1)
    with pytest.raises(DeviceError, match=r"^/dev/vhost-net takes 1 regions of memory, and there are 2$"):
        make().start()


def test_the_kernel_s_own_limit_of_regions_is_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "max_mem_regions"
    monkeypatch.setattr(kernel_module, "MAX_REGIONS_FILE", limit)
    assert kernel_module.max_regions() == 64
    limit.write_text("509\n")
    assert kernel_module.max_regions() == 509


# The interface.


@pytest.mark.parametrize(("more", "name"), [("", "tap0"), (",iface=vk7", "vk7")])
def test_the_interface_has_the_name_that_was_asked_for_or_one_of_the_kernel_s(
    host: Host, make: Make, more: str, name: str
) -> None:
    port = make(more)
    assert host.tap.name == name
    assert port.transport.report().connection.note == f"interface {name}"


def test_the_interface_has_the_port_s_address_and_mtu(host: Host, make: Make) -> None:
    port = make(",mac=02:00:00:00:00:01", mtu=1400)
    port.start()
    assert host.tap.last("mac") == [MAC]
    assert host.tap.last("mtu") == [1400]
    port.set_mac(bytes.fromhex("020000000099"))
    assert host.tap.last("mac") == [bytes.fromhex("020000000099")]


@pytest.mark.parametrize(
    ("missing", "hdr_size"),
    [(F(0), 12), (F.VIRTIO_F_VERSION_1, 12), (F.VIRTIO_F_VERSION_1 | F.VIRTIO_NET_F_MRG_RXBUF, 10)],
)
def test_frames_have_the_header_that_was_agreed(host: Host, make: Make, missing: Feature, hdr_size: int) -> None:
    host.kernel = FakeKernel(FakeVhostNet, NET_FEATURES & ~missing)
    port = make()
    port.start()
    assert host.tap.last("begin") == [hdr_size, port.agreed.features]


@pytest.mark.parametrize(
    ("rx", "tx", "features"),
    [
        (RxOffload(0), TxOffload(0), F(0)),
        (RxOffload.UDP_CKSUM, TxOffload.UDP_CKSUM, F.VIRTIO_NET_F_GUEST_CSUM | F.VIRTIO_NET_F_CSUM),
        (RxOffload.TCP_LRO, TxOffload.TCP_TSO, TAP_FEATURES),
    ],
)
def test_offloads_are_asked_of_the_tap(host: Host, make: Make, rx: RxOffload, tx: TxOffload, features: Feature) -> None:
    port = make(rx_offloads=int(rx), tx_offloads=int(tx))
    port.start()
    assert port.agreed.features & TAP_FEATURES == features
    assert host.tap.last("begin")[1] & TAP_FEATURES == features


# Packets.


def test_packets_move_both_ways(host: Host, make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    rx, tx = far_end(host.devices[0], 0), far_end(host.devices[0], 1)
    rx.deliver(frame(100))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100)]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(200))]) == 1
    assert tx.collect() == [frame(200)]


def test_a_stopped_port_s_rings_have_no_back_end_and_a_started_one_s_begin_anew(host: Host, make: Make) -> None:
    port = make()
    for _ in range(2):
        port.start()
        assert moving(host.devices) == [BUSY]
        rx = far_end(host.devices[0], 0)
        assert host.devices[0].rings[0].base == 0
        rx.deliver(frame(60))
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(60)]
        port.stop()
        assert moving(host.devices) == [IDLE]


# Several pairs.


def test_pairs_that_are_used_take_part_in_the_interface_and_no_others(host: Host, make: Make) -> None:
    port = make(",queues=3", nb_rxq=2, nb_txq=2)
    assert host.tap.attached == {0}
    port.start()
    assert host.tap.attached == {0, 1}
    assert moving(host.devices) == [(1000, 1000), (1001, 1001)]
    port.stop()
    assert host.tap.attached == {0}
    assert moving(host.devices) == [IDLE, IDLE]


def test_a_pair_of_which_one_ring_is_polled_takes_part(host: Host, make: Make) -> None:
    port = make(",queues=2", nb_rxq=2, nb_txq=1)
    port.start()
    assert host.tap.attached == {0, 1}
    assert moving(host.devices) == [(1000, 1000), (1001, -1)]


def test_the_commands_are_carried_out_here(host: Host, make: Make) -> None:
    port = make(",cq=1")
    port.start()
    port.set_promiscuous(True)
    assert port.transport.control.promiscuous  # type: ignore[attr-defined]


# The link.


def test_the_interface_is_the_link(host: Host, make: Make) -> None:
    port = make()
    heard: list[bool] = []
    port.on_link_change = lambda changed: heard.append(changed.link().up)
    host.tap.down = True
    port.start()
    assert not port.link().up
    host.tap.down = False
    assert eventually(lambda: heard == [True])
    host.tap.down = True
    assert eventually(lambda: heard == [True, False])
    assert moving(host.devices) == [BUSY]


def test_an_interface_that_is_deleted_takes_the_link_down_with_one_line(host: Host, make: Make, logged: Logged) -> None:
    port, other = make(",iface=vk0"), make(",iface=vk1")
    heard: list[bool] = []
    port.on_link_change = lambda changed: heard.append(changed.link().up)
    port.start()
    other.start()
    logged.clear()
    host.taps[0].gone = True
    assert eventually(lambda: heard == [False])
    assert [line for line in logged.lines if "gone" in line] == [
        "VIRTIO_DRIVER: (/dev/vhost-net) the interface vk0 is gone"
    ]
    assert moving(host.devices) == [IDLE, BUSY]
    assert other.link().up
    port.stop()


def test_a_port_that_is_started_again_makes_its_interface_again(host: Host, make: Make) -> None:
    port = make(",iface=vk0,queues=2", nb_rxq=2, nb_txq=2)
    port.start()
    host.tap.gone = True
    assert eventually(lambda: not port.link().up)
    port.stop()
    port.start()
    assert [tap.name for tap in host.taps] == ["vk0", "vk0"]
    assert host.taps[0].is_closed
    assert host.tap.attached == {0, 1}
    assert port.link().up
    assert moving(host.devices) == [(1000, 1000), (1001, 1001)]


def test_an_interface_that_cannot_be_made_again_is_one_line_and_may_come_later(host: Host, make: Make) -> None:
    port = make()
    port.start()
    host.tap.gone = True
    assert eventually(lambda: not port.link().up)
    port.stop()
    host.tap_error = "tap0: the interface is there already, and in use"
    with pytest.raises(DeviceError, match=r"^tap0: the interface is there already, and in use$"):
        port.start()
    host.tap_error = ""
    port.start()
    assert port.link().up


# What goes wrong.


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (errno.EACCES, "Permission denied (its user needs the right to read and write it)"),
        (errno.ENODEV, "No such device (modprobe vhost_net makes it)"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_a_device_that_cannot_be_opened_is_one_line(host: Host, make: Make, code: int, line: str) -> None:
    host.kernel.open_error = code
    with pytest.raises(DeviceError) as refused:
        make()
    assert str(refused.value) == f"fail to open /dev/vhost-net, {line}"


def test_an_interface_that_is_taken_loses_the_device_and_leaves_nothing_open(host: Host, make: Make) -> None:
    host.tap_error = "vk0: the interface is there already, and in use"
    with pytest.raises(DeviceError, match=r"^vk0: the interface is there already, and in use$"):
        make(",iface=vk0,queues=2")
    assert host.kernel.nb_open == 0


def test_a_file_that_is_no_vhost_device_is_one_line(host: Host, make: Make) -> None:
    host.kernel.settings["refuses"] = {Request.SET_OWNER: errno.ENOTTY}
    with pytest.raises(
        DeviceError, match=r"^\(/dev/vhost-net\) VHOST_SET_OWNER failed: Inappropriate ioctl for device$"
    ):
        make()
    assert host.kernel.nb_open == 0


@pytest.mark.parametrize(
    "request_", [Request.SET_FEATURES, Request.SET_MEM_TABLE, Request.SET_VRING_ADDR, Request.NET_SET_BACKEND]
)
def test_whatever_the_kernel_refuses_the_start_fails_and_a_later_one_may_not(
    host: Host, make: Make, request_: Request
) -> None:
    port = make()
    host.devices[0].refuses[request_] = errno.EINVAL
    with pytest.raises(DeviceError, match=rf"^\(/dev/vhost-net\) VHOST_{request_.name} failed: Invalid argument$"):
        port.start()
    assert not port.link().up
    host.devices[0].refuses.clear()
    port.start()
    assert port.link().up


def test_an_address_that_the_interface_does_not_take_fails_the_start(host: Host, make: Make) -> None:
    port = make()
    host.tap.refuses = "mac"
    with pytest.raises(DeviceError, match=r"^interface tap0: it does not take the address$"):
        port.start()


def test_a_ring_that_the_kernel_calls_broken_is_reset(host: Host, make: Make, logged: Logged) -> None:
    port = make()
    port.start()
    before = host.devices[0].asked.count("SET_FEATURES")
    os.eventfd_write(host.devices[0].rings[0].fds[Request.SET_VRING_ERR], 1)
    assert "(/dev/vhost-net) the kernel tells of a broken ring" in logged
    assert eventually(lambda: host.devices[0].asked.count("SET_FEATURES") == before + 1)
    assert eventually(lambda: moving(host.devices) == [BUSY])
    assert port.link().up


def test_memory_of_a_region_is_what_is_told(host: Host) -> None:
    transport = VhostKernelTransport("/dev/vhost-net", 1, kernel=host.kernel, open_tap=host.open_tap)
    transport.share_memory([Region(0x1000, 0x2000, -1)])
    assert host.devices[0].regions == ((0x1000, 0x2000, 0x1000),)
    transport.close()
