"""What the ways have in common that reach a device by its folder in sysfs (Linux ``Documentation/PCI/sysfs-pci.rst``).

``config`` is configuration space; ``resourceN`` is BAR N: memory can be mapped, ports are read and written with the
width of the access. Nobody but us keeps two processes apart there, so the configuration space is locked while we have
the device.
"""

import fcntl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytestpmd.eal.memory import PAGE
from pytestpmd.eal.pci.access import (
    COMMAND_INTX_DISABLE,
    COMMAND_IO,
    COMMAND_MASTER,
    COMMAND_MEMORY,
    PciAccess,
    Window,
)
from pytestpmd.eal.pci.bus import PciDevice, PciResource
from pytestpmd.eal.pci.windows import DeviceFile, FileWindow, MappedBar, MappedWindow, PortWindow
from pytestpmd.errors import DeviceError

#: The kernel found no room for a BAR (Linux ``include/linux/ioport.h``).
IORESOURCE_UNSET = 0x20000000
NOBODY = b"\xff\xff"
"""The vendor of a device that does not answer."""


class SysfsAccess(PciAccess):
    """A device by its folder; the ways add what :meth:`begin` does, and interrupts."""

    def __init__(self, device: PciDevice, dev: Path) -> None:
        self.device = device
        self.address = str(device.address)
        self._dev = dev
        self._windows: dict[int, Window] = {}
        self._bars: list[MappedBar] = []
        self._closers: list[Callable[[], None]] = []
        try:
            self._config = self.keep(DeviceFile.open(device.path / "config", self.address))
            self._lock()
            self.begin()
            self.set_command(COMMAND_IO | COMMAND_MEMORY, COMMAND_IO | COMMAND_MEMORY)
        except BaseException:
            self.close()
            raise

    def keep(self, file: DeviceFile) -> DeviceFile:
        """Close it with the device."""
        self._closers.append(file.close)
        return file

    def _lock(self) -> None:
        try:
            fcntl.flock(self._config.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DeviceError(f"{self.address}: another process uses it") from None

    def begin(self) -> None:
        """What the way has to do before the device is touched."""
        return

    # Windows.

    def window(self, bar: int) -> Window:
        if bar not in self._windows:
            self._windows[bar] = self._open_bar(bar)
        return self._windows[bar]

    def _open_bar(self, bar: int) -> Window:
        name = f"{self.address} BAR {bar}"
        resource = self.device.resources[bar] if 0 <= bar < len(self.device.resources) else None
        if resource is None or resource.size <= 0:
            raise DeviceError(f"{name}: the device has none")
        if resource.start <= 0 or resource.flags & IORESOURCE_UNSET:
            raise DeviceError(f"{name}: the kernel found no room for it")
        file = self.device.path / f"resource{bar}"
        if resource.is_io:
            return self._open_ports(file, name, resource)
        if resource.is_memory:
            return self._map(file, name, resource)
        raise DeviceError(f"{name}: it is neither memory nor ports")

    def _open_ports(self, path: Path, name: str, resource: PciResource) -> Window:
        # a tree that is not the kernel's own says nothing of this machine's ports
        port = resource.start if path.is_relative_to("/sys") else None
        try:
            file = self.keep(DeviceFile.open(path, name))
        except DeviceError as error:
            if port is None:
                raise
            try:
                return PortWindow(name, resource.size, port)
            except DeviceError as other:
                raise DeviceError(f"{error}; {other}") from None
        return FileWindow(file, name, resource.size, port=port)

    def _map(self, path: Path, name: str, resource: PciResource) -> Window:
        inside = resource.start % PAGE if resource.size < PAGE else 0
        file = DeviceFile.open(path, name)
        try:
            bar = MappedBar(file.fd, resource.size, name, inside=inside)
        finally:
            file.close()
        self._bars.append(bar)
        self._closers.append(bar.close)
        return MappedWindow(bar, resource.size)

    # Configuration space.

    def read_config(self, offset: int, size: int) -> bytes:
        return self._config.read(offset, size)

    def write_config(self, offset: int, data: bytes) -> None:
        self._config.write(offset, data)

    # The end.

    @property
    def is_gone(self) -> bool:
        if any(bar.is_dead for bar in self._bars) or self._driver() != self.device.driver:
            return True
        try:
            return self.read_config(0, 2) == NOBODY
        except DeviceError:
            return True

    def _driver(self) -> str | None:
        """Who has the device now."""
        try:
            return (self.device.path / "driver").readlink().name
        except OSError:
            return None

    def abandon(self) -> None:
        if self._closers and self._driver() is None:
            with suppress(DeviceError):
                self.set_bus_master(False)

    def close(self) -> None:
        if self._closers and not self.is_gone:  # who has it now has its registers too
            with suppress(DeviceError):
                self.set_command(COMMAND_INTX_DISABLE, COMMAND_INTX_DISABLE | COMMAND_MASTER)
        while self._closers:
            self._closers.pop()()
