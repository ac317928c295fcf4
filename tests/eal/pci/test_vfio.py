"""VFIO with the kernel played by a fake: groups and containers, regions, interrupts, reach, refusals."""

import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.pci_tree import ADDRESS, PciTree
from fakes.vfio import FakeVfio

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal import iova
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Arena, Region
from pytestpmd.eal.pci.vfio import VfioAccess
from pytestpmd.errors import DeviceError

OTHER = "0000:00:06.0"
MASTER, ENABLED = 4, 3


class Machine:
    """Devices by VFIO, in group 7 unless said otherwise; closed in the end."""

    def __init__(self, root: Path) -> None:
        self.tree = PciTree(root)
        self.vfio = FakeVfio(self.tree, "7", "8")
        self.all: list[VfioAccess] = []

    def open(self, address: str = ADDRESS, group: int | None = 7) -> VfioAccess:
        device = self.tree.plug("vfio-pci", address, iommu_group=group)
        self.all.append(VfioAccess(device, self.tree.dev, self.vfio))
        return self.all[-1]

    def use_noiommu(self) -> None:
        for group in ("7", "8"):
            (self.tree.dev / "vfio" / group).rename(self.tree.dev / f"vfio/noiommu-{group}")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    for access in made.all:
        access.close()
    made.vfio.close()


def nb_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


# Ways in.


def test_a_device_behind_an_iommu_sees_our_addresses(machine: Machine) -> None:
    access = machine.open()
    assert (access.way, access.needs_physical) == ("vfio-pci", False)
    assert machine.vfio.iommus == [3], "Type 1 version 2, once"
    assert int.from_bytes(machine.vfio.get(7, 4, 2), "little") & 3 == ENABLED
    assert 11 in machine.vfio.told, "it was reset"
    assert not access.is_gone


def test_an_older_kernel_has_the_older_model(machine: Machine) -> None:
    machine.vfio.extensions = {1}
    machine.open()
    assert machine.vfio.iommus == [1]


def test_a_device_without_an_iommu_sees_physical_addresses(machine: Machine) -> None:
    machine.use_noiommu()
    access = machine.open()
    assert (access.way, access.needs_physical) == ("vfio-noiommu", True)
    assert machine.vfio.iommus == [8]
    access.map_memory([Region(0x1000, 4096, -1)])
    assert not machine.vfio.maps


def test_a_device_that_cannot_be_reset_is_used_all_the_same(machine: Machine) -> None:
    machine.vfio.has_reset = False
    machine.open()
    assert 11 not in machine.vfio.told


def test_groups_share_a_container(machine: Machine) -> None:
    first, second = machine.open(), machine.open(OTHER, group=8)
    assert machine.vfio.iommus == [3]
    assert machine.vfio.told.count(0) == 1
    first.close()
    assert not second.is_gone
    second.close()
    assert machine.open("0000:00:07.0").way == "vfio-pci", "and a new one is made when the last was left"


def test_devices_of_one_group_open_it_once(machine: Machine) -> None:
    first, second = machine.open(), machine.open(OTHER)
    assert machine.vfio.told.count(4) == 1
    first.close()
    assert second.read_config(0, 2) == b"\xf4\x1a"


def test_the_end_leaves_a_device_that_reaches_nothing_and_no_fd(machine: Machine) -> None:
    before = nb_fds()
    machine.vfio.aperture = 1 << 48
    access = machine.open()
    access.set_bus_master()
    access.window(4).read(0, 4)
    access.window(1).read(0x1000, 4)
    access.intx_fd()
    arena = Arena(8192, shared=True)
    access.map_memory([arena.region()])
    access.close()
    access.close()
    del arena
    assert nb_fds() == before
    assert not machine.vfio.get(7, 4, 1)[0] & MASTER
    assert not machine.vfio.maps


# Regions.


def test_a_window_is_mapped_where_it_may_be(machine: Machine) -> None:
    window = machine.open().window(4)
    assert window.size == 0x4000
    machine.vfio.put(4, 0x3000, b"\x78\x56\x34\x12")
    assert window.read(0x3000, 4) == 0x12345678
    window.write(0x3002, 2, 0xABCD)
    assert machine.vfio.get(4, 0x3000, 4) == b"\x78\x56\xcd\xab"
    assert window.doorbell(0x3000, 0).kind == lib.DOORBELL_STORE


def test_ports_are_a_part_of_the_file(machine: Machine) -> None:
    access = machine.open()
    window, bell = access.window(0), ffi.new("struct doorbell *")
    window.write(18, 1, 7)
    assert machine.vfio.get(0, 17, 3) == b"\0\7\0"
    assert window.doorbell(16, 1) == Doorbell.pwrite(access._file.fd, 16, 1)
    window.doorbell(16, 0x0201).fill(bell)
    lib.doorbell_ring(bell)
    assert machine.vfio.get(0, 16, 2) == b"\1\2"


def test_beside_the_areas_that_may_be_mapped_the_file_is_used(machine: Machine) -> None:
    window = machine.open().window(1)
    for offset, kind in ((0xFFC, lib.DOORBELL_PWRITE), (0x1000, lib.DOORBELL_STORE), (0x1FFC, lib.DOORBELL_STORE)):
        window.write(offset, 4, offset)
        assert machine.vfio.get(1, offset, 4) == offset.to_bytes(4, "little")
        assert window.read(offset, 4) == offset
        assert window.doorbell(offset, 0).kind == kind


@pytest.mark.parametrize("areas", [[(0x1000, 0x1001)], [(0x2000, 0x1000)], [(0, 0)], [(0x800, 0x1000)]])
def test_an_area_that_is_none_is_not_mapped(machine: Machine, areas: Any) -> None:
    machine.vfio.regions[1] = (0x2000, areas)
    assert machine.open().window(1).doorbell(0x800, 0).kind == lib.DOORBELL_PWRITE


def test_a_device_cannot_be_reached_beyond_its_windows(machine: Machine) -> None:
    access = machine.open()
    for window in (access.window(0), access.window(1), access.window(4)):
        for offset in (-4, window.size, window.size - 2):
            with pytest.raises(DeviceError):
                window.read(offset, 4)
            with pytest.raises(DeviceError):
                window.write(offset, 4, 0)
    for offset, size in ((0x100, 1), (0xFE, 4), (-1, 1)):
        with pytest.raises(DeviceError, match=f"^{ADDRESS}: .* lie beyond its configuration space$"):
            access.read_config(offset, size)
        with pytest.raises(DeviceError, match="beyond its configuration space"):
            access.write_config(offset, bytes(size))


@pytest.mark.parametrize("bar", [2, -1, 6, 7])
def test_a_bar_that_is_not_there_is_told(machine: Machine, bar: int) -> None:
    with pytest.raises(DeviceError, match=f"^{ADDRESS} BAR {bar}: the device has none$"):
        machine.open().window(bar)


# Interrupts.


def test_vectors_can_be_left_alone_for_the_line(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VfioAccess, "has_vectors", False)
    access = machine.open()
    assert access.nb_vectors == 0
    assert access.intx_fd() >= 0


def test_each_vector_signals_its_fd(machine: Machine) -> None:
    access = machine.open()
    assert access.nb_vectors == 4
    fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(3)]
    access.enable_vectors(fds)
    machine.vfio.ring(2, 1)
    assert [bool(select.select([fd], [], [], 0)[0]) for fd in fds] == [False, True, False]
    access.enable_vectors(fds[:2])
    assert machine.vfio.fds[2] == fds[:2]
    access.disable_vectors()
    assert 2 not in machine.vfio.fds
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("count", [0, 5])
def test_more_vectors_than_there_are_cannot_be_had(machine: Machine, count: int) -> None:
    with pytest.raises(DeviceError, match=f"^{ADDRESS}: {count} interrupts wanted of 4 MSI-X vectors$"):
        machine.open().enable_vectors([1] * count)


def test_the_line_rings_again_once_it_was_acknowledged(machine: Machine) -> None:
    access = machine.open()
    fd = access.intx_fd()
    machine.vfio.ring(0)
    assert select.select([fd], [], [], 0)[0]
    access.acknowledge_intx()
    assert not select.select([fd], [], [], 0)[0]
    assert machine.vfio.unmasked == [0]
    access.acknowledge_intx()


def test_the_line_gives_way_to_vectors(machine: Machine) -> None:
    access = machine.open()
    assert access.intx_fd() >= 0
    fd = os.eventfd(0)
    access.enable_vectors([fd])
    assert machine.vfio.fds[2] == [fd]
    assert 0 not in machine.vfio.fds
    assert access.intx_fd() == -1
    os.close(fd)


def test_a_device_without_a_line_has_no_fd(machine: Machine) -> None:
    machine.vfio.irqs[0] = 0
    assert machine.open().intx_fd() == -1


# Reach.


def arena(size: int = 8192) -> Arena:
    return Arena(size, shared=True)


@pytest.fixture
def wide(machine: Machine) -> Machine:
    """An IOMMU for which every address of ours will do."""
    machine.vfio.aperture = 1 << 48
    return machine


def test_a_device_reaches_what_was_shared_last_and_nothing_else(wide: Machine) -> None:
    access, one, two = wide.open(), arena(), arena()
    access.map_memory([one.region(), two.region()])
    assert wide.vfio.maps == {each.address: (each.size, each.address) for each in (one, two)}
    access.map_memory([two.region()])
    assert list(wide.vfio.maps) == [two.address]
    access.map_memory([])
    assert not wide.vfio.maps


def test_what_stays_is_not_mapped_anew(wide: Machine) -> None:
    access, one = wide.open(), arena()
    access.map_memory([one.region()])
    access.map_memory([one.region()])
    assert wide.vfio.told.count(13) == 1
    assert 14 not in wide.vfio.told


def test_memory_that_two_devices_share_is_mapped_until_both_are_done(wide: Machine) -> None:
    first, second, pool = wide.open(), wide.open(OTHER, group=8), arena()
    first.map_memory([pool.region()])
    second.map_memory([pool.region()])
    first.close()
    assert list(wide.vfio.maps) == [pool.address]
    second.close()
    assert not wide.vfio.maps


def test_other_memory_at_the_same_address_takes_the_place_of_the_old(wide: Machine) -> None:
    first, second, old, new = wide.open(), wide.open(OTHER, group=8), arena(), arena()
    first.map_memory([old.region()])
    second.map_memory([old.region()])
    second.map_memory([Region(old.address, old.size, new.fd)])
    assert wide.vfio.told.count(14) == 1, "what was there is gone, whoever had it mapped"
    assert wide.vfio.told.count(13) == 2
    first.close()
    assert list(wide.vfio.maps) == [old.address], "and what is there now is another's"


def test_physical_addresses_are_mapped_page_by_page(wide: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a device is told them, which is how they are told where other devices have no IOMMU."""
    huge = 2 << 20
    physical = {4 * huge: 0x4000_0000, 5 * huge: 0x1000_0000, 6 * huge: 0x5000_0000}
    pages = SimpleNamespace(to_iova=lambda at: physical[at - at % huge] + at % huge)
    monkeypatch.setattr(iova._IOVA, "pages", pages)
    wide.open().map_memory([Region(4 * huge, 3 * huge, -1)])
    assert wide.vfio.maps == {place: (huge, at) for at, place in physical.items()}
    wide.all[0].map_memory([Region(5 * huge - 4096, 8192, -1)])
    assert wide.vfio.maps == {0x4000_0000 + huge - 4096: (4096, 5 * huge - 4096), 0x1000_0000: (4096, 5 * huge)}


def test_addresses_beyond_the_iommu_are_told(machine: Machine) -> None:
    machine.vfio.aperture = 1 << 20
    one = arena()
    why = "Invalid argument: beyond what the IOMMU can address, or no whole pages: try --iova-mode=pa"
    with pytest.raises(DeviceError, match=f"^VFIO: cannot let devices reach 8192 bytes at {one.address:#x}: {why}$"):
        machine.open().map_memory([one.region()])


def test_a_limit_of_locked_memory_is_told(wide: Machine) -> None:
    wide.vfio.refuse[13] = errno.ENOMEM
    one = arena()
    with pytest.raises(DeviceError, match=r"Cannot allocate memory: raise the limit of locked memory \(ulimit -l"):
        wide.open().map_memory([one.region()])


# What cannot be opened.


def refused(machine: Machine, group: int | None = 7) -> str:
    """Why not, in one line; every fd is closed again."""
    before = nb_fds()
    with pytest.raises(DeviceError) as caught:
        machine.open(group=group)
    assert nb_fds() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_module_that_is_missing_is_told(machine: Machine) -> None:
    (machine.tree.dev / "vfio/vfio").unlink()
    why = refused(machine)
    assert why == f"{ADDRESS}: there is no {machine.tree.dev}/vfio/vfio: load the module vfio-pci"


def test_a_device_that_no_iommu_has_in_a_group_is_told(machine: Machine) -> None:
    parameter = machine.tree.root / "module/vfio/parameters/enable_unsafe_noiommu_mode"
    assert refused(machine, None) == (
        f"{ADDRESS}: it has no IOMMU group: turn the IOMMU on, or write Y to {parameter} and bind it again"
    )


def test_a_group_that_is_not_there_is_told(machine: Machine) -> None:
    path = machine.tree.dev / "vfio/9"
    assert refused(machine, 9) == f"{ADDRESS}: cannot open {path}: No such file or directory"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (errno.EBUSY, "Device or resource busy: another process uses it"),
        (errno.EACCES, "Permission denied: it takes root, or the right to that file"),
        (errno.EPERM, "Operation not permitted: it takes root, or the right to that file"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_group_that_does_not_open_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, code: int, why: str
) -> None:
    path, really = machine.tree.dev / "vfio/7", os.open

    def fail(name: Any, flags: int, *more: Any) -> int:
        if name == path:
            raise OSError(code, os.strerror(code))
        return really(name, flags, *more)

    monkeypatch.setattr(os, "open", fail)
    assert refused(machine) == f"{ADDRESS}: cannot open {path}: {why}"


def test_who_keeps_a_group_from_being_used_is_named(machine: Machine) -> None:
    machine.vfio.is_viable = False
    for address, driver in ((OTHER, "virtio-pci"), ("0000:00:07.0", None), ("0000:00:08.0", "vfio-pci")):
        folder = machine.tree.add(address, driver=driver)
        others = machine.tree.root / "kernel/iommu_groups/7/devices"
        others.mkdir(parents=True, exist_ok=True)
        (others / address).symlink_to(folder)
    assert refused(machine) == (
        f"{ADDRESS}: its IOMMU group 7 is not viable: bind {OTHER} (virtio-pci) to vfio-pci, or to nothing"
    )


def test_a_version_that_is_not_known_is_told(machine: Machine) -> None:
    machine.vfio.version = 3
    assert refused(machine) == "VFIO: the kernel speaks version 3, not 0"


def test_a_kernel_without_a_model_that_is_known_is_told(machine: Machine) -> None:
    machine.vfio.extensions = set()
    assert refused(machine) == (
        f"{ADDRESS}: cannot use its IOMMU group: the kernel has no IOMMU model that is known here"
    )


@pytest.mark.parametrize("request_", range(15))
def test_whatever_request_fails_ends_in_one_line_without_an_fd_left(machine: Machine, request_: int) -> None:
    """Those that only concern what is nice to have do not fail the device."""
    machine.vfio.refuse[request_] = errno.EIO
    if request_ in (5, 10, 11, 12, 13, 14):
        machine.open().close()
    else:
        assert "Input/output error" in refused(machine)


# Gone under us.


def test_a_device_that_the_kernel_wants_back_is_gone(machine: Machine) -> None:
    access = machine.open()
    access.set_bus_master()
    machine.vfio.ring(4)
    assert access.is_gone
    assert access.is_gone, "and stays so"
    access.abandon()
    assert not machine.vfio.get(7, 4, 1)[0] & MASTER, "though it is still ours"


def test_a_device_without_that_interrupt_is_gone_when_it_does_not_answer(machine: Machine) -> None:
    machine.vfio.irqs[4] = 0
    access = machine.open()
    assert not access.is_gone
    machine.vfio.put(7, 0, b"\xff" * 4)
    assert access.is_gone


def test_a_device_whose_file_ended_is_gone_and_can_be_closed(machine: Machine) -> None:
    access = machine.open()
    window = access.window(4)
    os.ftruncate(machine.vfio.memory, 0)
    with pytest.raises(DeviceError, match=f"^{ADDRESS} BAR 4: the device is gone$"):
        window.read(0, 4)
    assert access.is_gone
    access.close()
