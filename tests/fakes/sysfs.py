"""A sysfs of our own making: a PCI bus with the devices that a test puts there. Nothing of it reacts."""

from dataclasses import dataclass
from pathlib import Path

from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.eal.pci.bus import IORESOURCE_IO, IORESOURCE_MEM, PciBus, PciDevice

VIRTIO = 0x1AF4
TRANSITIONAL_NET = 0x1000
MODERN_NET = 0x1041
NETWORK_CLASS = 0x020000

#: As QEMU's transitional virtio-net has them: a port window, MSI-X tables, and the modern structures.
QEMU_BARS = (
    (0xC040, 0xC05F, IORESOURCE_IO | 0x40000 | 1),
    (0xFEBD1000, 0xFEBD1FFF, IORESOURCE_MEM | 0x40000),
    (0, 0, 0),
    (0, 0, 0),
    (0xFE000000, 0xFE003FFF, IORESOURCE_MEM | 0x14000C),
    (0, 0, 0),
)


@dataclass
class FakeSysfs:
    """The folders below ``root``, which stands for ``/sys``."""

    root: Path

    @property
    def bus(self) -> PciBus:
        """The bus as the program reads it."""
        return PciBus(self.root)

    def device(self, address: str) -> PciDevice:
        """A device as the program reads it."""
        return self.bus.device(PciAddress.parse(address))

    def folder(self, address: str) -> Path:
        """A device's folder."""
        return self.root / "bus/pci/devices" / address

    def add(
        self,
        address: str,
        device: int = TRANSITIONAL_NET,
        driver: str | None = None,
        *,
        vendor: int = VIRTIO,
        class_code: int = NETWORK_CLASS,
        bars: tuple[tuple[int, int, int], ...] = QEMU_BARS,
        iommu_group: int | None = None,
        netdev: str | None = None,
    ) -> Path:
        """Plug a device in; its folder."""
        folder = self.root / "devices/pci0000:00" / address
        folder.mkdir(parents=True)
        for name, value in (
            ("vendor", vendor),
            ("device", device),
            ("subsystem_vendor", vendor),
            ("subsystem_device", 1),
            ("class", class_code),
        ):
            (folder / name).write_text(f"0x{value:04x}\n")
        (folder / "numa_node").write_text("-1\n")
        (folder / "driver_override").write_text("(null)\n")
        lines = (*bars, *((0, 0, 0) for _ in range(7)))
        (folder / "resource").write_text("".join(f"0x{s:016x} 0x{e:016x} 0x{f:016x}\n" for s, e, f in lines))
        link = self.folder(address)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder)
        if driver is not None:
            self.bind(address, driver)
        if iommu_group is not None:
            self._link(folder / "iommu_group", self.root / f"kernel/iommu_groups/{iommu_group}")
        if netdev is not None:
            (folder / "virtio0/net" / netdev).mkdir(parents=True)
        return folder

    def load(self, driver: str) -> Path:
        """Load a driver's module; the driver's folder."""
        folder = self.root / "bus/pci/drivers" / driver
        folder.mkdir(parents=True, exist_ok=True)
        (self.root / "module" / driver.replace("-", "_")).mkdir(parents=True, exist_ok=True)
        for name in ("bind", "unbind"):
            (folder / name).touch()
        return folder

    def bind(self, address: str, driver: str) -> None:
        """Have a driver, loaded now if need be, take a device from whoever has it."""
        self.unbind(address)
        folder = self.load(driver)
        (self.folder(address) / "driver").symlink_to(folder)
        (folder / address).symlink_to(self.folder(address).resolve())

    def unbind(self, address: str) -> None:
        """Take a device from its driver, if it has one."""
        link = self.folder(address) / "driver"
        if link.is_symlink():
            (link.resolve() / address).unlink()
            link.unlink()

    def _link(self, link: Path, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
