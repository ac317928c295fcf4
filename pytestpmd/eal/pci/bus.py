"""What sysfs says of the PCI devices (Linux ``Documentation/ABI/testing/sysfs-bus-pci``). Nothing here writes.

A device may go while its folder is read: then it was never seen, which is what :class:`PciBus` answers.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.errors import ConfigError, DeviceError

#: Flags of a resource (Linux ``include/linux/ioport.h``).
IORESOURCE_IO = 0x100
IORESOURCE_MEM = 0x200
#: The kernel's drivers that hold a device for user space.
USER_SPACE_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
#: Base address registers of an ordinary function; the lines after them in ``resource`` are its ROM and its windows.
NB_BARS = 6


@dataclass(frozen=True)
class PciResource:
    """One base address register as the kernel has it: ``end`` is the last address; all zero for none."""

    start: int
    end: int
    flags: int

    @property
    def size(self) -> int:
        """Bytes; 0 for none."""
        return self.end - self.start + 1 if self.end else 0

    @property
    def is_io(self) -> bool:
        """Whether it is reached by port I/O."""
        return bool(self.flags & IORESOURCE_IO)

    @property
    def is_memory(self) -> bool:
        """Whether it is reached by loads and stores."""
        return bool(self.flags & IORESOURCE_MEM)


@dataclass(frozen=True)
class PciDevice:
    """A device as sysfs shows it; ``driver`` is the kernel's that has it now, ``path`` its folder in sysfs."""

    address: PciAddress
    vendor: int
    device: int
    subsystem_vendor: int
    subsystem_device: int
    class_code: int
    driver: str | None
    numa_node: int
    resources: tuple[PciResource, ...]
    path: Path
    iommu_group: int | None

    @property
    def ids(self) -> tuple[int, int]:
        """Vendor and device."""
        return self.vendor, self.device

    @property
    def is_kernel_s(self) -> bool:
        """Whether a driver of the kernel's uses it, so that it is none of ours."""
        return self.driver is not None and self.driver not in USER_SPACE_DRIVERS


class PciBus:
    """The devices below ``root``, where sysfs is mounted."""

    def __init__(self, root: Path = Path("/sys")) -> None:
        self.folder = root / "bus/pci/devices"

    def devices(self) -> list[PciDevice]:
        """Every device, by address; none where there is no bus."""
        return sorted(self._devices(), key=lambda device: device.address)

    def _devices(self) -> Iterator[PciDevice]:
        for name in os.listdir(self.folder) if self.folder.is_dir() else ():
            try:
                yield read_device(self.folder / name)
            except (DeviceError, ConfigError):
                continue  # gone meanwhile, or no device's folder

    def device(self, address: PciAddress) -> PciDevice:
        """The device at ``address``; :class:`DeviceError` where there is none."""
        path = self.folder / str(address)
        if not path.exists():
            raise DeviceError(f"Cannot find device ({address})")
        return read_device(path)


def read_device(path: Path) -> PciDevice:
    """A device from its folder in sysfs; :class:`DeviceError` when that does not say what it must."""
    try:
        return PciDevice(
            address=PciAddress.parse(path.name),
            vendor=_number(path / "vendor"),
            device=_number(path / "device"),
            subsystem_vendor=_number(path / "subsystem_vendor", 0),
            subsystem_device=_number(path / "subsystem_device", 0),
            class_code=_number(path / "class"),
            driver=_link(path / "driver"),
            numa_node=_number(path / "numa_node", -1),
            resources=_resources(path / "resource"),
            path=path,
            iommu_group=_group(path),
        )
    except (OSError, ValueError) as error:
        raise DeviceError(f"{path.name}: cannot be read from {path}: {error}") from error


def _number(file: Path, missing: int | None = None) -> int:
    try:
        return int(file.read_text(encoding="ascii"), 0)
    except FileNotFoundError:
        if missing is None:
            raise
        return missing


def _link(link: Path) -> str | None:
    """The name that a link points at; None where there is no link."""
    try:
        return Path(os.readlink(link)).name
    except FileNotFoundError:
        return None


def _group(path: Path) -> int | None:
    name = _link(path / "iommu_group")
    return None if name is None else int(name)


def _resources(file: Path) -> tuple[PciResource, ...]:
    lines = file.read_text(encoding="ascii").splitlines()[:NB_BARS]
    return tuple(_resource(line) for line in lines)


def _resource(line: str) -> PciResource:
    start, end, flags = (int(number, 16) for number in line.split())
    return PciResource(start, end, flags)
