"""What is read from sysfs, and what is left out."""

from pathlib import Path

import pytest
from fakes.sysfs import MODERN_NET, FakeSysfs

from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.eal.pci.bus import PciBus, PciResource
from pytestpmd.errors import DeviceError


@pytest.fixture
def sysfs(tmp_path: Path) -> FakeSysfs:
    return FakeSysfs(tmp_path)


def test_a_device_is_read_whole(sysfs: FakeSysfs) -> None:
    sysfs.add("0000:00:05.0", MODERN_NET, "vfio-pci", iommu_group=7)
    (device,) = sysfs.bus.devices()
    assert str(device.address) == "0000:00:05.0"
    assert device.ids == (0x1AF4, 0x1041)
    assert (device.subsystem_vendor, device.subsystem_device) == (0x1AF4, 1)
    assert device.class_code == 0x020000
    assert (device.driver, device.iommu_group, device.numa_node) == ("vfio-pci", 7, -1)
    assert device.path == sysfs.folder("0000:00:05.0")


def test_bars_say_what_they_are_and_how_long(sysfs: FakeSysfs) -> None:
    sysfs.add("0000:00:05.0")
    bars = sysfs.device("00:05.0").resources
    assert [bar.size for bar in bars] == [0x20, 0x1000, 0, 0, 0x4000, 0]
    assert bars[0].is_io
    assert not bars[0].is_memory
    assert bars[1].is_memory
    assert not bars[1].is_io
    assert bars[2] == PciResource(0, 0, 0)


def test_a_device_without_driver_or_iommu_says_so(sysfs: FakeSysfs) -> None:
    sysfs.add("0000:00:05.0")
    device = sysfs.device("00:05.0")
    assert device.driver is None
    assert device.iommu_group is None


def test_devices_come_in_the_order_of_the_bus(sysfs: FakeSysfs) -> None:
    for address in ("0000:01:00.0", "0000:00:1f.0", "0000:00:03.0"):
        sysfs.add(address)
    assert [str(one.address) for one in sysfs.bus.devices()] == ["0000:00:03.0", "0000:00:1f.0", "0000:01:00.0"]


def test_a_machine_without_the_bus_has_no_devices(tmp_path: Path) -> None:
    assert PciBus(tmp_path).devices() == []


def test_a_device_that_is_not_there_is_named(sysfs: FakeSysfs) -> None:
    with pytest.raises(DeviceError) as missing:
        sysfs.bus.device(PciAddress.parse("00:09.0"))
    assert str(missing.value) == "Cannot find device (0000:00:09.0)"


@pytest.mark.parametrize(
    ("file", "text"),
    [("vendor", "virtio\n"), ("vendor", None), ("class", ""), ("resource", "0x0 0x0\n"), ("resource", "\xff\n")],
)
def test_a_folder_that_makes_no_sense_is_no_device(sysfs: FakeSysfs, file: str, text: str | None) -> None:
    sysfs.add("0000:00:03.0")
    folder = sysfs.add("0000:00:05.0")
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text, encoding="latin-1")
    assert [str(one.address) for one in sysfs.bus.devices()] == ["0000:00:03.0"]
    with pytest.raises(DeviceError, match=r"0000:00:05\.0: cannot be read from"):
        sysfs.device("00:05.0")


def test_a_device_that_goes_while_the_bus_is_read_was_never_seen(sysfs: FakeSysfs) -> None:
    sysfs.add("0000:00:03.0")
    (sysfs.root / "bus/pci/devices/0000:00:04.0").symlink_to(sysfs.root / "gone")
    assert [str(one.address) for one in sysfs.bus.devices()] == ["0000:00:03.0"]
