from dataclasses import replace
from pathlib import Path

import pytest
from fakes.pci import FakePci

from pytestpmd.eal.iova import PHYSICAL_WAYS
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.eal.pci.ways import way_of


@pytest.fixture
def device() -> PciDevice:
    pci = FakePci()
    found = replace(pci.device, iommu_group=7)
    pci.close()
    return found


@pytest.mark.parametrize("driver", ["uio_pci_generic", "igb_uio", "vfio-pci", "virtio-pci"])
def test_the_way_to_a_device_is_its_driver_s(device: PciDevice, tmp_path: Path, driver: str) -> None:
    assert way_of(replace(device, driver=driver), tmp_path) == driver


def test_one_that_nobody_has_is_reached_without_a_module(device: PciDevice, tmp_path: Path) -> None:
    assert way_of(replace(device, driver=None), tmp_path) in PHYSICAL_WAYS


def test_vfio_without_an_iommu_is_known_by_its_group_s_file(device: PciDevice, tmp_path: Path) -> None:
    (tmp_path / "vfio").mkdir()
    (tmp_path / "vfio/noiommu-7").touch()
    assert way_of(replace(device, driver="vfio-pci"), tmp_path) in PHYSICAL_WAYS
    assert way_of(replace(device, driver="vfio-pci", iommu_group=8), tmp_path) == "vfio-pci"
