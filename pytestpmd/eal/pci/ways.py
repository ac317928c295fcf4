"""How a device on the bus would be reached, without opening it."""

from pathlib import Path

from pytestpmd.eal.pci.bus import PciDevice

NO_MODULE = "no module"
DEV = Path("/dev")


def way_of(device: PciDevice, dev: Path = DEV) -> str:
    """What ``PciAccess.way`` would be: the driver that has it, or its like where there is no IOMMU."""
    if device.driver is None:
        return NO_MODULE
    if device.driver == "vfio-pci" and (dev / "vfio" / f"noiommu-{device.iommu_group}").exists():
        return "vfio-noiommu"
    return device.driver
