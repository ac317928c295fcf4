"""uio_pci_generic, igb_uio and no module, on a sysfs of files: what is opened, what is written, what is refused."""

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.pci_tree import ADDRESS, PciTree

from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.pci.access import PciAccess, open_device
from pytestpmd.eal.pci.bus import IORESOURCE_IO, IORESOURCE_MEM
from pytestpmd.errors import DeviceError

WAYS = {None: "no module", "uio_pci_generic": "uio_pci_generic", "igb_uio": "igb_uio"}
IO, MEMORY, MASTER, INTX_DISABLE = 1, 2, 4, 0x400


@pytest.fixture
def tree(tmp_path: Path) -> PciTree:
    return PciTree(tmp_path)


class Opened:
    """Opens devices, and closes them in the end."""

    def __init__(self, tree: PciTree) -> None:
        self.tree = tree
        self.all: list[PciAccess] = []

    def __call__(self, driver: str | None, **more: Any) -> PciAccess:
        self.all.append(open_device(self.tree.plug(driver, **more), self.tree.dev))
        return self.all[-1]


@pytest.fixture
def opened(tree: PciTree) -> Iterator[Opened]:
    made = Opened(tree)
    yield made
    for access in made.all:
        access.close()


def nb_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("driver", WAYS)
def test_the_way_is_that_of_the_driver(opened: Opened, driver: str | None) -> None:
    access = opened(driver)
    assert access.way == WAYS[driver]
    assert access.needs_physical
    assert access.nb_vectors == 0
    assert not access.is_gone


@pytest.mark.parametrize("driver", WAYS)
def test_io_and_memory_are_on_and_the_bus_is_not_mastered_before_it_is_asked_for(
    tree: PciTree, opened: Opened, driver: str | None
) -> None:
    access = opened(driver)
    assert tree.command() & (IO | MEMORY | MASTER) == IO | MEMORY
    access.set_bus_master()
    assert tree.command() & MASTER
    access.set_bus_master(False)
    assert not tree.command() & MASTER


def test_without_a_module_the_line_is_off(tree: PciTree, opened: Opened) -> None:
    access = opened(None)
    assert tree.command() & INTX_DISABLE
    assert access.intx_fd() == -1


@pytest.mark.parametrize("driver", WAYS)
def test_the_end_leaves_a_device_that_reaches_nothing_and_no_fd(
    tree: PciTree, opened: Opened, driver: str | None
) -> None:
    before = nb_fds()
    access = opened(driver)
    access.set_bus_master()
    access.window(0).read(0, 4)
    access.window(4).read(0, 4)
    access.close()
    access.close()
    assert nb_fds() == before
    assert tree.command() & (MASTER | INTX_DISABLE) == INTX_DISABLE


@pytest.mark.parametrize("driver", WAYS)
def test_ports_are_a_file_and_memory_is_mapped(tree: PciTree, opened: Opened, driver: str | None) -> None:
    access = opened(driver)
    tree.bar(0).write_bytes(bytes(range(32)))
    ports, memory = access.window(0), access.window(4)
    assert (ports.size, memory.size) == (32, 0x4000)
    assert ports.read(8, 4) == 0x0B0A0908
    ports.write(18, 1, 0xFF)
    assert tree.bar(0).read_bytes()[17:20] == bytes([17, 0xFF, 19])
    memory.write(0x3FFC, 4, 0x01020304)
    assert tree.bar(4).read_bytes()[-4:] == b"\4\3\2\1"
    assert access.window(4) is memory


def test_a_tree_that_is_not_the_kernels_never_leads_to_this_machines_ports(opened: Opened) -> None:
    doorbell = opened(None).window(0).doorbell(16, 1)
    assert doorbell == Doorbell.pwrite(doorbell.fd, 16, 1)


@pytest.mark.parametrize("bar", [-1, 2, 6, 99])
def test_a_bar_that_is_not_there_is_told(opened: Opened, bar: int) -> None:
    with pytest.raises(DeviceError, match=f"^{ADDRESS} BAR {bar}: the device has none$"):
        opened(None).window(bar)


UNSET = 0x20000000


@pytest.mark.parametrize(
    ("bar", "why"),
    [
        ((0, 0xFFF, IORESOURCE_MEM), "the kernel found no room for it"),
        ((0, 0x1F, IORESOURCE_IO), "the kernel found no room for it"),
        ((0xFE000000, 0xFE000FFF, IORESOURCE_MEM | UNSET), "the kernel found no room for it"),
        ((0xFE000000, 0xFE000FFF, 0), "it is neither memory nor ports"),
        ((0xFE000000, 0xFD000000, IORESOURCE_MEM), "the device has none"),
    ],
)
def test_a_bar_that_cannot_be_used_is_told(opened: Opened, bar: tuple[int, int, int], why: str) -> None:
    with pytest.raises(DeviceError, match=f"^{ADDRESS} BAR 0: {why}$"):
        opened(None, bars=(bar,)).window(0)


@pytest.mark.parametrize("bar", [0, 4])
def test_a_bar_whose_file_is_missing_is_told_and_costs_no_fd(tree: PciTree, opened: Opened, bar: int) -> None:
    access = opened(None)
    tree.bar(bar).unlink()
    before = nb_fds()
    with pytest.raises(DeviceError, match=f"^{ADDRESS} BAR {bar}: cannot open .*/resource{bar}: No such file"):
        access.window(bar)
    assert nb_fds() == before


def test_a_file_that_is_shorter_than_its_bar_is_told(tree: PciTree, opened: Opened) -> None:
    access = opened(None)
    os.truncate(tree.bar(4), 0x1000)
    with pytest.raises(DeviceError, match=f"^cannot map {ADDRESS} BAR 4: "):
        access.window(4)
    os.truncate(tree.bar(0), 2)
    with pytest.raises(DeviceError, match="only 2 of 4 bytes"):
        access.window(0).read(0, 4)


def test_configuration_space_ends_where_its_file_ends(opened: Opened) -> None:
    access = opened(None)
    assert access.read_config(0, 4) == b"\xf4\x1a\x00\x10"
    with pytest.raises(DeviceError, match="only 2 of 4 bytes could be read at 0xfe"):
        access.read_config(254, 4)


# Interrupts by UIO.


@pytest.mark.parametrize("driver", ["uio_pci_generic", "igb_uio"])
def test_an_interrupt_is_readable_until_it_is_acknowledged(tree: PciTree, opened: Opened, driver: str) -> None:
    access = opened(driver)
    tree.set_config(4, (INTX_DISABLE | IO | MEMORY).to_bytes(2, "little"))
    fd = access.intx_fd()
    _drain(fd, driver)
    assert not select.select([fd], [], [], 0)[0]
    tree.ring()
    assert select.select([fd], [], [], 0)[0]
    access.acknowledge_intx()
    if driver == "igb_uio":
        assert os.read(fd, 8) == b"\1\0\0\0", "it is told on the fd to let the interrupt ring again"
    assert not select.select([fd], [], [], 0)[0]
    assert bool(tree.command() & INTX_DISABLE) == (driver == "igb_uio")


def _drain(fd: int, driver: str) -> None:
    """What igb_uio was told; a fifo gives it back."""
    if driver == "igb_uio":
        assert os.read(fd, 4) == b"\1\0\0\0"


def test_an_acknowledgement_without_an_interrupt_waits_for_none(opened: Opened) -> None:
    access = opened("uio_pci_generic")
    access.intx_fd()
    access.acknowledge_intx()


@pytest.mark.parametrize("text", ["0\n", "none\n", None])
def test_a_device_without_a_line_has_no_fd(tree: PciTree, opened: Opened, text: str | None) -> None:
    access = opened("uio_pci_generic")
    irq = tree.folder(ADDRESS) / "irq"
    irq.unlink() if text is None else irq.write_text(text)
    assert access.intx_fd() == -1


@pytest.mark.parametrize("kind", ["msix", "msi", None])
def test_igb_uio_tells_of_a_vector_where_it_uses_one(tree: PciTree, kind: str | None) -> None:
    device = tree.plug("igb_uio")
    if kind:
        (device.path / "msi_irqs").mkdir()
        (device.path / "msi_irqs/24").write_text(f"{kind}\n")
    access = open_device(device, tree.dev)
    assert access.intx_is_vector == (kind == "msix")
    access.close()


def test_no_vectors_by_uio(opened: Opened) -> None:
    with pytest.raises(DeviceError, match=f"^{ADDRESS}: no MSI-X by way of uio_pci_generic$"):
        opened("uio_pci_generic").enable_vectors([1])


# What cannot be opened.


def test_a_uio_device_without_its_node_is_told(tree: PciTree) -> None:
    device = tree.plug("uio_pci_generic")
    (tree.dev / "uio3").unlink()
    before = nb_fds()
    with pytest.raises(DeviceError, match=f"^{ADDRESS}: cannot open {tree.dev}/uio3: No such file or directory$"):
        open_device(device, tree.dev)
    (device.path / "uio/uio3").rmdir()
    with pytest.raises(DeviceError, match=f"^{ADDRESS}: uio_pci_generic has made no uio device for it: bind it again$"):
        open_device(device, tree.dev)
    assert nb_fds() == before


def test_a_device_that_a_driver_of_the_kernels_has_is_left_alone(tree: PciTree) -> None:
    device = tree.plug("virtio-pci")
    with pytest.raises(
        DeviceError, match=f"^{ADDRESS} is bound to virtio-pci: unbind it, or bind it to one of .*uio_pci"
    ):
        open_device(device, tree.dev)


def test_a_device_is_opened_by_one_process_at_a_time(tree: PciTree, opened: Opened) -> None:
    access = opened(None)
    device, before = tree.device(ADDRESS), nb_fds()
    with pytest.raises(DeviceError, match=f"^{ADDRESS}: another process uses it$"):
        open_device(device, tree.dev)
    assert nb_fds() == before
    access.close()
    open_device(device, tree.dev).close()


# Gone under us.


@pytest.mark.parametrize("driver", WAYS)
def test_a_device_that_is_bound_elsewhere_is_gone(tree: PciTree, opened: Opened, driver: str | None) -> None:
    access = opened(driver)
    access.set_bus_master()
    tree.bind(ADDRESS, "virtio-pci")
    assert access.is_gone
    access.close()
    assert tree.command() & MASTER, "its registers are somebody else's"


def test_a_device_that_is_unbound_is_gone(tree: PciTree, opened: Opened) -> None:
    access = opened("uio_pci_generic")
    tree.unbind(ADDRESS)
    assert access.is_gone


def test_a_device_that_was_unbound_reaches_no_memory_any_more(tree: PciTree, opened: Opened) -> None:
    access = opened("uio_pci_generic")
    access.set_bus_master()
    tree.unbind(ADDRESS)
    access.abandon()
    assert not tree.command() & MASTER


def test_a_device_that_somebody_else_has_by_now_is_left_alone(tree: PciTree, opened: Opened) -> None:
    access = opened("uio_pci_generic")
    access.set_bus_master()
    tree.bind(ADDRESS, "virtio-pci")
    access.abandon()
    assert tree.command() & MASTER


def test_a_device_whose_registers_read_all_ones_is_gone(tree: PciTree, opened: Opened) -> None:
    access = opened(None)
    tree.set_config(0, b"\xff" * 256)
    assert access.is_gone


def test_a_device_whose_files_end_is_gone(tree: PciTree, opened: Opened) -> None:
    access = opened(None)
    os.truncate(tree.folder(ADDRESS) / "config", 0)
    assert access.is_gone
    access.close()


def test_a_device_whose_mapping_was_lost_is_gone(tree: PciTree, opened: Opened) -> None:
    access = opened(None)
    window = access.window(4)
    os.truncate(tree.bar(4), 0)
    assert not access.is_gone
    with pytest.raises(DeviceError, match=f"^{ADDRESS} BAR 4: the device is gone$"):
        window.read(0x14, 1)
    assert access.is_gone
