"""Binding and unbinding by sysfs: ``driver_override`` says who may have a device, ``unbind`` and ``bind`` do it.

The override is taken back once the device is bound, so that it can be bound to anybody later (Linux
``Documentation/ABI/testing/sysfs-bus-pci``).
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytestpmd.programs.devbind.machine import DevbindError, Machine, Nic

Write = Callable[[Path, str], None]

VFIO = "vfio-pci"
NO_IOMMU = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"


def write_attribute(file: Path, text: str) -> None:
    """Write to a file of sysfs, which is there already; OSError is the kernel's answer."""
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


@dataclass
class Binder:
    """Who has which device, and how that is changed. ``tell`` is given what the user should know."""

    machine: Machine
    tell: Callable[[str], None]
    write: Write = write_attribute
    force: bool = False
    no_iommu: bool = False

    def unbind(self, nic: Nic) -> None:
        """Take a device from its driver."""
        if nic.device.driver is None:
            self.tell(f"Notice: {nic.name} is not currently managed by any driver")
            return
        self._spare_active(nic)
        self._unbind(nic)

    def bind(self, nic: Nic, driver: str) -> None:
        """Give a device to a driver; where that fails, back to the one that had it."""
        before = nic.device.driver
        if before == driver:
            self.tell(f"Notice: {nic.name} already bound to driver {driver}, skipping")
            return
        self._spare_active(nic)
        if driver == VFIO and nic.device.iommu_group is None:
            self._allow_no_iommu(nic)
        if before is not None:
            self._unbind(nic)
        try:
            self._bind(nic, driver)
        except OSError as error:
            hint = self._hint(nic, driver)
            back = self._give_back(nic, before)
            raise DevbindError(
                f"bind failed for {nic.name} - Cannot bind to driver {driver}: {error.strerror}{hint}{back}"
            ) from error

    def _spare_active(self, nic: Nic) -> None:
        if nic.is_active and not self.force:
            raise DevbindError(
                f"routing table indicates that interface {nic.name} ({','.join(nic.interfaces)}) is active. "
                "Not modifying (--force does)"
            )

    def _allow_no_iommu(self, nic: Nic) -> None:
        """VFIO binds a device behind no IOMMU only where it was told that this is wanted."""
        file = self.machine.root / NO_IOMMU
        try:
            allowed = file.read_text(encoding="ascii").strip() in ("1", "Y", "y")
        except OSError:
            raise DevbindError(f"{nic.name} is behind no IOMMU, and this kernel's vfio has no no-IOMMU mode") from None
        if allowed:
            return
        if not self.no_iommu:
            raise DevbindError(
                f"{nic.name} is behind no IOMMU; use --noiommu-mode for binding in noiommu mode, or uio_pci_generic"
            )
        try:
            self.write(file, "1")
        except OSError as error:
            raise DevbindError(f"failed to enable unsafe noiommu mode: {error.strerror}") from error
        self.tell("Warning: enabling unsafe no IOMMU mode for VFIO drivers")

    def _unbind(self, nic: Nic) -> None:
        folder = self.machine.driver_folder(str(nic.device.driver))
        try:
            self.write(folder / "unbind", nic.name)
        except OSError as error:
            raise DevbindError(
                f"unbind failed for {nic.name} - Cannot write {folder / 'unbind'}: {error.strerror}"
            ) from error

    def _bind(self, nic: Nic, driver: str) -> None:
        """OSError where the kernel will not; some drivers report one although they have the device (igb_uio)."""
        override = nic.device.path / "driver_override"
        self.write(override, driver)
        try:
            self.write(self.machine.driver_folder(driver) / "bind", nic.name)
        except OSError:
            if self._driver(nic) != driver:
                raise
        finally:
            self.write(override, "\n")

    def _driver(self, nic: Nic) -> str | None:
        return self.machine.bus.device(nic.device.address).driver

    def _hint(self, nic: Nic, driver: str) -> str:
        """What usually is the matter."""
        with suppress(OSError):
            if driver == "uio_pci_generic" and (nic.device.path / "irq").read_text(encoding="ascii").strip() == "0":
                return " (it has no interrupt line: try vfio-pci)"
        return ""

    def _give_back(self, nic: Nic, driver: str | None) -> str:
        if driver is None:
            return ""
        try:
            self._bind(nic, driver)
        except OSError as error:
            return f"; {driver}, which had it, does not take it back: {error.strerror}"
        return f"; {driver} has it again"
