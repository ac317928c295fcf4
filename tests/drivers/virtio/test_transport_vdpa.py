"""net_virtio_user over /dev/vhost-vdpa-N, against a kernel and a device that a test plays."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.packets import frame, packet, receive, transmit
from fakes.vhost_kernel import VDPA_FEATURES, VDPA_MAC, FakeKernel, FakeVdpa, reachable
from fakes.virtio_device import SplitDevice

from pytestpmd.drivers.virtio import user_port
from pytestpmd.drivers.virtio.backend_type import BackendType
from pytestpmd.drivers.virtio.transport.iotlb import Kind
from pytestpmd.drivers.virtio.transport.vdpa import VhostVdpaTransport
from pytestpmd.drivers.virtio.transport.vhost_file import Request
from pytestpmd.drivers.virtio.user_port import VirtioUserPort
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal import iova
from pytestpmd.eal.memory import Region
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.port import PortConf

pytestmark = pytest.mark.usefixtures("no_leaks")

F = Feature
SIZE = 64
PATH = "/dev/vhost-vdpa-0"
#: Without a control queue, which would have to be served.
SIMPLE = VDPA_FEATURES & ~(F.VIRTIO_NET_F_CTRL_VQ | F.VIRTIO_NET_F_MQ)
DRIVER_OK = Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK | Status.DRIVER_OK

Make = Callable[..., VirtioUserPort]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    found = FakeKernel(FakeVdpa, SIMPLE)

    def transport(path: str) -> VhostVdpaTransport:
        return VhostVdpaTransport(path, kernel=found, reset_s=0.1)

    monkeypatch.setattr(user_port, "backend_type", lambda path: BackendType.VHOST_VDPA)
    monkeypatch.setattr(user_port, "VhostVdpaTransport", transport)
    return found


@pytest.fixture
def make(kernel: FakeKernel, pool: Mempool) -> Iterator[Make]:
    """Ports, configured; closed at the end, and every device with them."""
    made: list[VirtioUserPort] = []

    def make_port(more: str = "", **conf: Any) -> VirtioUserPort:
        text = f"path=/dev/vhost-vdpa-0,queue_size={SIZE}{more}"
        port = VirtioUserPort(f"net_virtio_user{len(made)}", text, VirtioUserPort.Args.parse(text))
        made.append(port)
        port.port_id = len(made) - 1
        port.configure(PortConf(**conf), pool)
        return port

    yield make_port
    for port in made:
        port.close()
    assert kernel.nb_open == 0


def device_of(kernel: FakeKernel) -> FakeVdpa:
    """The one that was opened last."""
    device = kernel.devices[-1]
    assert isinstance(device, FakeVdpa)
    return device


def far_end(device: FakeVdpa, index: int) -> SplitDevice:
    """Who moves the packets, with nothing but what was told and mapped."""
    return device.device(index, reachable(device.mapped.items()))


# The greeting.


def test_what_is_asked_before_anything_else(kernel: FakeKernel, make: Make) -> None:
    make()
    assert device_of(kernel).asked[:8] == [
        "SET_OWNER",
        "VDPA_GET_DEVICE_ID",
        "GET_BACKEND_FEATURES",
        "SET_BACKEND_FEATURES",
        "GET_FEATURES",
        "VDPA_GET_VRING_NUM",
        "VDPA_GET_IOVA_RANGE",
        "VDPA_GET_CONFIG_SIZE",
    ]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"device_id": 2}, "Invalid vdpa device ID: 2"),
        ({"backend_features": 0b100}, "IOTLB_MSG_V2 not supported by the backend."),
        ({"max_ring_size": 0}, "the device says that its queues have 0 descriptors"),
        ({"nb_queues": 1}, f"{PATH} has no queue 1: the kernel counts 1 of them"),
        ({"config": bytearray(4)}, "the configuration space ends before byte 12"),
        ({"refuses": {Request.SET_OWNER: errno.EBUSY}}, f"({PATH}) VHOST_SET_OWNER failed: Device or resource busy"),
    ],
)
def test_a_device_that_is_of_no_use_is_one_line(
    kernel: FakeKernel, make: Make, settings: dict[str, Any], line: str
) -> None:
    kernel.settings = settings
    with pytest.raises(DeviceError) as refused:
        make()
    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.EBUSY, "Device or resource busy (another program has it)"),
        (errno.ENXIO, "No such device or address (modprobe vhost_vdpa, and a device by vdpa dev add, make it)"),
        (524, "Unknown error 524 (its device needs an IOMMU to reach memory through)"),
    ],
)
def test_a_device_that_cannot_be_opened_is_one_line(kernel: FakeKernel, make: Make, code: int, hint: str) -> None:
    kernel.open_error = code
    with pytest.raises(DeviceError) as refused:
        make()
    assert str(refused.value) == f"fail to open /dev/vhost-vdpa-0, {hint}"


def test_address_and_mtu_are_the_device_s(kernel: FakeKernel, make: Make) -> None:
    port = make()
    assert port.mac == VDPA_MAC
    assert port.info().max_mtu == 9000


def test_an_address_that_is_given_is_told_to_the_device(kernel: FakeKernel, make: Make) -> None:
    assert make(",mac=02:00:00:00:00:77").mac == bytes.fromhex("020000000077")
    assert device_of(kernel).config[:6] == bytes.fromhex("020000000077")


def test_a_device_that_keeps_its_address_keeps_it(kernel: FakeKernel, make: Make, logged: Logged) -> None:
    kernel.settings["takes_mac"] = False
    assert make(",mac=02:00:00:00:00:77").mac == VDPA_MAC


def test_a_kernel_that_does_not_tell_the_size_of_the_configuration_has_one_anyway(
    kernel: FakeKernel, make: Make
) -> None:
    kernel.settings["knows_config_size"] = False
    assert make().info().max_mtu == 9000


def test_no_ring_is_longer_than_the_device_can_have_it(kernel: FakeKernel, make: Make) -> None:
    kernel.settings["max_ring_size"] = 32
    port = make()
    assert port.info().rx_ring_size == 32
    port.start()
    assert {ring.size for ring in device_of(kernel).rings.values()} == {32}


# Bringing up.


def test_the_steps_are_the_specification_s(kernel: FakeKernel, make: Make) -> None:
    port = make()
    device = device_of(kernel)
    device.asked.clear()
    port.start()
    ring = ["SET_VRING_NUM", "SET_VRING_ADDR", "SET_VRING_CALL", "SET_VRING_KICK"]
    steps = [name for name in device.asked if name != "VDPA_GET_CONFIG"]
    assert steps == [
        *("VDPA_SET_STATUS", "VDPA_GET_STATUS", "VDPA_SET_STATUS", "VDPA_SET_STATUS"),
        *("SET_FEATURES", "VDPA_SET_CONFIG_CALL", "VDPA_SET_STATUS", "VDPA_GET_STATUS"),
        *ring,
        *ring,
        *("VDPA_SET_VRING_ENABLE", "VDPA_SET_VRING_ENABLE", "VDPA_SET_STATUS"),
    ]
    assert device.status == DRIVER_OK
    assert device.features == port.agreed.features
    assert F.VIRTIO_F_ACCESS_PLATFORM in port.agreed.features


def test_packets_move_both_ways_in_what_was_mapped(kernel: FakeKernel, make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    rx, tx = far_end(device_of(kernel), 0), far_end(device_of(kernel), 1)
    rx.deliver(frame(100))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100)]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(200))]) == 1
    assert tx.collect() == [frame(200)]


def test_the_device_reaches_nothing_while_the_port_is_stopped(kernel: FakeKernel, make: Make) -> None:
    port = make()
    device = device_of(kernel)
    for _ in range(2):
        port.start()
        assert all(iova._IOVA.window.holds(address) for address in device.mapped), "beyond what an IOMMU may know"
        assert device.mapped == {region.address: region.size for region in port._regions()}
        port.stop()
        assert device.status == 0
        assert device.mapped == {}


@pytest.mark.parametrize("batches", [True, False])
def test_mappings_come_in_batches_where_the_kernel_can(kernel: FakeKernel, make: Make, batches: bool) -> None:
    kernel.settings["backend_features"] = 0b110 if batches else 0b010
    make().start()
    device = device_of(kernel)
    updates = [Kind.UPDATE] * len(device.mapped)
    assert device.messages[-len(updates) - 2 * batches :] == (
        [Kind.BATCH_BEGIN, *updates, Kind.BATCH_END] if batches else updates
    )


def test_physical_addresses_are_mapped_page_by_page(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the device is told them, which is how they are told where other devices have no IOMMU."""
    huge = 2 << 20
    physical = {4 * huge: 0x4000_0000, 5 * huge: 0x1000_0000}
    monkeypatch.setattr(iova._IOVA, "pages", SimpleNamespace(to_iova=lambda at: physical[at - at % huge] + at % huge))
    transport = VhostVdpaTransport("/dev/vhost-vdpa-0", kernel=kernel)
    transport.share_memory([Region(5 * huge - 4096, 8192, -1)])
    assert device_of(kernel).mapped == {0x4000_0000 + huge - 4096: 4096, 0x1000_0000: 4096}
    transport.close()


def test_a_ring_is_never_told_to_stop_but_by_a_reset(kernel: FakeKernel, make: Make) -> None:
    port = make()
    port.start()
    device = device_of(kernel)
    device.asked.clear()
    port.stop()
    assert device.asked == ["VDPA_SET_STATUS", "VDPA_GET_STATUS"]


def test_a_device_with_a_control_queue_has_it_behind_all_its_pairs(kernel: FakeKernel, make: Make) -> None:
    kernel._offered = VDPA_FEATURES
    port = make()
    assert port.info().max_rx_queues == 2
    assert port._control is not None
    assert port._control.virtqueue.index == 4
    assert not port.transport.serves_control


# The configuration.


def test_a_link_that_changes_is_told(kernel: FakeKernel, make: Make) -> None:
    port = make()
    heard: list[bool] = []
    port.on_link_change = lambda changed: heard.append(changed.link().up)
    port.start()
    device = device_of(kernel)
    device.config[6] = 0
    os.eventfd_write(device.config_call, 1)
    assert eventually(lambda: heard == [False])
    device.config[6] = 1
    os.eventfd_write(device.config_call, 1)
    assert eventually(lambda: heard == [False, True])


def test_a_device_that_needs_a_reset_gets_one(kernel: FakeKernel, make: Make, logged: Logged) -> None:
    port = make()
    port.start()
    device = device_of(kernel)
    resets = device.messages.count(Kind.BATCH_BEGIN)
    device.status |= Status.NEEDS_RESET
    os.eventfd_write(device.config_call, 1)
    assert "port 0: the device needs a reset" in logged
    assert eventually(lambda: device.status == DRIVER_OK)
    assert eventually(lambda: device.messages.count(Kind.BATCH_BEGIN) > resets)
    assert eventually(lambda: port.link().up)
    rx = far_end(device, 0)
    rx.deliver(frame(60))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(60)]


# What goes wrong.


def test_memory_beyond_the_device_s_reach_is_one_line(kernel: FakeKernel, make: Make) -> None:
    kernel.settings["iova_range"] = (0x1000, 0xFFFF)
    with pytest.raises(DeviceError, match=r"^the device reaches addresses from 0x1000 to 0xffff, and memory is at 0x"):
        make().start()


@pytest.mark.parametrize(("first", "last", "fits"), [(0, 0x2FFF, True), (0, 0x2FFE, False), (0x1001, 0x3000, False)])
def test_a_range_holds_a_region_up_to_its_last_byte(kernel: FakeKernel, first: int, last: int, fits: bool) -> None:
    kernel.settings["iova_range"] = (first, last)
    transport = VhostVdpaTransport("/dev/vhost-vdpa-0", kernel=kernel)
    try:
        transport.share_memory([Region(0x1000, 0x2000, -1)])
        assert fits
    except DeviceError:
        assert not fits
    assert device_of(kernel).mapped == ({0x1000: 0x2000} if fits else {})
    transport.close()


@pytest.mark.parametrize(
    ("code", "limit", "why"),
    [
        (errno.EFAULT, 64 << 10, "the limit of what may be locked is 64 kB (ulimit -l unlimited lifts it)"),
        (errno.ENOMEM, 64 << 10, "the limit of what may be locked is 64 kB (ulimit -l unlimited lifts it)"),
        (errno.EFAULT, resource.RLIM_INFINITY, "Bad address"),
        (errno.EINVAL, 64 << 10, "Invalid argument"),
    ],
)
def test_the_limit_of_locked_memory_is_named(
    kernel: FakeKernel, make: Make, monkeypatch: pytest.MonkeyPatch, code: int, limit: int, why: str
) -> None:
    """The kernel answers EFAULT, whatever went wrong with a mapping."""
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    kernel.settings["map_error"] = code
    port = make()
    with pytest.raises(DeviceError, match=r"^the device cannot be given \d+ kB of memory: ") as refused:
        port.start()
    assert str(refused.value).endswith(why)
    assert device_of(kernel).mapped == {}


def test_a_device_that_does_not_accept_the_features_fails_the_start(kernel: FakeKernel, make: Make) -> None:
    kernel.settings["takes_features"] = False
    with pytest.raises(DeviceError, match="the device does not accept the features"):
        make().start()


def test_a_device_that_is_never_reset_is_given_up_in_time(kernel: FakeKernel, make: Make) -> None:
    kernel.settings["is_stuck"] = True
    with pytest.raises(DeviceError, match=r"the device was not reset within 0\.1 s"):
        make().start()


def test_a_device_that_was_given_up_is_closed_and_opened_anew_by_the_next_start(kernel: FakeKernel, make: Make) -> None:
    port = make()
    device_of(kernel).refuses[Request.SET_VRING_ADDR] = errno.EFAULT
    with pytest.raises(DeviceError, match=r"VHOST_SET_VRING_ADDR failed: Bad address$"):
        port.start()
    assert kernel.nb_open == 0
    port.start()
    assert len(kernel.devices) == 2
    assert port.link().up


def test_a_port_whose_device_was_given_up_can_be_configured_anew(kernel: FakeKernel, make: Make, pool: Mempool) -> None:
    port = make()
    device_of(kernel).refuses[Request.SET_VRING_ADDR] = errno.EFAULT
    with pytest.raises(DeviceError):
        port.start()
    port.configure(PortConf(mtu=1400), pool)
    port.start()
    assert port.link().up
