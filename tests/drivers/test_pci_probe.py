"""Devices on the PCI bus to ports: which driver, and what becomes of those that cannot be."""

from pathlib import Path

import pytest
from fakes import pci_port
from fakes.pci_port import FakePciPort
from fakes.sysfs import FakeSysfs

from pytestpmd import drivers
from pytestpmd.drivers import LeftToOthers, NoSuchDriver, ProbeError, pci_driver, probe_pci
from pytestpmd.eal.pci.bus import PciDevice

IDS = (pci_port.VENDOR, pci_port.DEVICE)


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PciDevice:
    monkeypatch.setattr(drivers, "PCI_DRIVERS", {})
    pci_port.announce()
    sysfs = FakeSysfs(tmp_path)
    sysfs.add("0000:00:05.0", IDS[1], "uio_pci_generic", vendor=IDS[0])
    return sysfs.device("00:05.0")


def test_vendor_and_device_find_the_driver(device: PciDevice, capfd: pytest.CaptureFixture[str]) -> None:
    port = probe_pci(device, "vdpa=0")
    assert isinstance(port, FakePciPort)
    assert (port.name, port.devargs, port.pci) == ("0000:00:05.0", "vdpa=0", device)
    assert (port.bus_name, port.bus_info) == ("pci", "vendor_id=1234, device_id=1")
    assert capfd.readouterr().err == "EAL: Probe PCI driver: net_fake (1234:0001) device: 0000:00:05.0 (socket -1)\n"


def test_a_device_of_no_driver_is_refused(tmp_path: Path) -> None:
    sysfs = FakeSysfs(tmp_path)
    sysfs.add("0000:00:06.0", 0x9999, vendor=0x9999)
    with pytest.raises(NoSuchDriver):
        probe_pci(sysfs.device("00:06.0"))


@pytest.mark.parametrize(
    ("devargs", "line"),
    [
        ("broken=1", "EAL: 0000:00:05.0: its BAR 4 is not mapped"),
        ("what=1", "EAL: 0000:00:05.0: unknown argument 'what'; known: vdpa, broken"),
    ],
)
def test_a_driver_that_refuses_is_one_line(
    device: PciDevice, devargs: str, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProbeError):
        probe_pci(device, devargs)
    assert capfd.readouterr().err.splitlines()[1:] == [line]


def test_a_device_that_is_a_port_already_stays_one(device: PciDevice, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProbeError):
        probe_pci(device, taken=["0000:00:05.0"])
    assert "there is a device of this name already" in capfd.readouterr().err


def test_a_device_can_be_left_to_others_without_complaint(device: PciDevice, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LeftToOthers):
        probe_pci(device, "vdpa=1")
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_two_drivers_cannot_take_the_same_device(device: PciDevice) -> None:
    with pytest.raises(ValueError, match="two drivers take 1234:0001"):
        pci_driver("net_other", [IDS])(FakePciPort)
