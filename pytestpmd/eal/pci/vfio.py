"""Devices bound to vfio-pci (Linux ``Documentation/driver-api/vfio.rst``): MSI-X, and an IOMMU where there is one.

Everything of a device is in one file: its BARs and its configuration space are regions of that. Its driver in the
kernel lets go of it, when it is unplugged or unbound, only after we have: it asks for that by an interrupt.
"""

import os
import select
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.iova import stretches
from pytestpmd.eal.memory import Region
from pytestpmd.eal.pci import vfio_ioctl as vfio
from pytestpmd.eal.pci.access import COMMAND_IO, COMMAND_MEMORY, PciAccess, Window, way
from pytestpmd.eal.pci.bus import NB_BARS, PciDevice
from pytestpmd.eal.pci.vfio_container import Piece, asking, join_group
from pytestpmd.eal.pci.vfio_ioctl import Ioctl, kernel_ioctl
from pytestpmd.eal.pci.windows import DeviceFile, FileWindow, MappedBar, MappedWindow
from pytestpmd.errors import DeviceError

NOBODY = b"\xff\xff"
_EVENTFD_FLAGS = os.EFD_NONBLOCK | os.EFD_CLOEXEC


class VfioWindow(FileWindow):
    """A region of the device's file, of which areas are mapped, given by where they begin."""

    def __init__(self, file: DeviceFile, name: str, region: vfio.Region, areas: Sequence[tuple[int, Window]]) -> None:
        super().__init__(file, name, region.size, base=region.offset)
        self._areas = areas

    def _area(self, at: int, size: int) -> tuple[int, Window] | None:
        """The mapped area that holds all of a register, and where in it that is."""
        for start, window in self._areas:
            if start <= at and at + size <= start + window.size:
                return at - start, window
        return None

    def _load(self, at: int, size: int) -> int:
        area = self._area(at, size)
        return area[1].read(area[0], size) if area else super()._load(at, size)

    def _store(self, at: int, size: int, value: int) -> None:
        area = self._area(at, size)
        if area:
            area[1].write(area[0], size, value)
        else:
            super()._store(at, size, value)

    def _ring(self, at: int, value: int) -> Doorbell:
        area = self._area(at, 2)
        return area[1].doorbell(area[0], value) if area else super()._ring(at, value)


@way("vfio-pci")
class VfioAccess(PciAccess):
    """A device by VFIO."""

    #: Whether devices that are opened from now on have their MSI-X vectors, or the line alone.
    has_vectors: ClassVar[bool] = True

    def __init__(self, device: PciDevice, dev: Path, ioctl: Ioctl = kernel_ioctl) -> None:
        self.device = device
        self.address = str(device.address)
        self._ioctl = ioctl
        self._windows: dict[int, Window] = {}
        self._bars: list[MappedBar] = []
        self._closers: list[Callable[[], None]] = []
        self._nb_enabled = 0
        self._file = DeviceFile(-1, self.address)
        self._config = vfio.Region(0, 0, ())
        self._intx = self._request = -1
        try:
            self._open(dev)
        except BaseException:
            self.close()
            raise

    def _open(self, dev: Path) -> None:
        group = join_group(self.device, dev, self._ioctl)
        self._container = group.container
        self._closers.append(lambda: group.container.leave(group))
        self.needs_physical = self._container.is_noiommu
        self.way = "vfio-noiommu" if self._container.is_noiommu else "vfio-pci"
        with asking(self.address, "be opened by VFIO"):
            name = bytearray(self.address.encode() + b"\0")
            fd = self._file.fd = self._ioctl(group.file.fd, vfio.GROUP_GET_DEVICE_FD, name)
            self._closers.append(self._file.close)
            if vfio.can_reset(self._ioctl, fd):
                with suppress(OSError):  # the kernel did it when it opened the device, where that can be
                    self._ioctl(fd, vfio.DEVICE_RESET_NOW)
            self._config = vfio.region(self._ioctl, fd, vfio.CONFIG_REGION)
            self.nb_vectors = vfio.nb_irqs(self._ioctl, fd, vfio.MSIX) if self.has_vectors else 0
            self._hear_requests(fd)
        self.set_command(COMMAND_IO | COMMAND_MEMORY, COMMAND_IO | COMMAND_MEMORY)

    def _hear_requests(self, fd: int) -> None:
        """The kernel's wish to have the device back."""
        with suppress(OSError):  # from before Linux 4.0: then it is noticed by its silence
            if vfio.nb_irqs(self._ioctl, fd, vfio.REQUEST):
                self._request = self._eventfd()
                vfio.set_irqs(self._ioctl, fd, vfio.REQUEST, [self._request])

    def _eventfd(self) -> int:
        fd = os.eventfd(0, _EVENTFD_FLAGS)
        self._closers.append(lambda: os.close(fd))
        return fd

    # Windows.

    def window(self, bar: int) -> Window:
        if bar not in self._windows:
            self._windows[bar] = self._open_bar(bar)
        return self._windows[bar]

    def _open_bar(self, bar: int) -> Window:
        name = f"{self.address} BAR {bar}"
        if not 0 <= bar < NB_BARS:
            raise DeviceError(f"{name}: the device has none")
        with asking(name, "be asked for"):
            region = vfio.region(self._ioctl, self._file.fd, bar)
        if not region.size:
            raise DeviceError(f"{name}: the device has none")
        areas = [(start, self._map(name, region.offset + start, size)) for start, size in region.areas]
        return VfioWindow(self._file, name, region, areas)

    def _map(self, name: str, offset: int, size: int) -> Window:
        bar = MappedBar(self._file.fd, size, name, offset=offset)
        self._bars.append(bar)
        self._closers.append(bar.close)
        return MappedWindow(bar, size)

    # Configuration space.

    def _config_at(self, offset: int, size: int) -> int:
        if offset < 0 or offset + size > self._config.size:
            raise DeviceError(f"{self.address}: {size} bytes at {offset:#x} lie beyond its configuration space")
        return self._config.offset + offset

    def read_config(self, offset: int, size: int) -> bytes:
        return self._file.read(self._config_at(offset, size), size)

    def write_config(self, offset: int, data: bytes) -> None:
        self._file.write(self._config_at(offset, len(data)), data)

    # Interrupts: the line, or vectors; VFIO has one of them at a time.

    def enable_vectors(self, fds: Sequence[int]) -> None:
        if not 0 < len(fds) <= self.nb_vectors:
            raise DeviceError(f"{self.address}: {len(fds)} interrupts wanted of {self.nb_vectors} MSI-X vectors")
        self.disable_vectors()
        if self._intx >= 0:
            self._set_irqs(vfio.INTX, [])
        self._set_irqs(vfio.MSIX, fds)
        self._nb_enabled = len(fds)

    def disable_vectors(self) -> None:
        if self._nb_enabled:
            self._nb_enabled = 0
            self._set_irqs(vfio.MSIX, [])

    def intx_fd(self) -> int:
        if self._nb_enabled or not self._has_line():
            return -1
        if self._intx < 0:
            self._intx = self._eventfd()
        self._set_irqs(vfio.INTX, [self._intx])
        return self._intx

    def _has_line(self) -> bool:
        with asking(self.address, "be asked for its interrupts"):
            return vfio.nb_irqs(self._ioctl, self._file.fd, vfio.INTX) > 0

    def acknowledge_intx(self) -> None:
        with suppress(BlockingIOError):  # it did not ring
            os.eventfd_read(self._intx)
        with asking(self.address, "have its interrupt line back"):
            vfio.unmask_irq(self._ioctl, self._file.fd, vfio.INTX)

    def _set_irqs(self, index: int, fds: Sequence[int]) -> None:
        with asking(self.address, f"have {len(fds)} interrupts"):
            vfio.set_irqs(self._ioctl, self._file.fd, index, fds)

    # Reach.

    def map_memory(self, regions: Sequence[Region]) -> None:
        self._container.hold(self, [piece for region in regions for piece in pieces(region)])

    # The end.

    @property
    def is_gone(self) -> bool:
        if any(bar.is_dead for bar in self._bars) or self._is_wanted_back():
            return True
        try:
            return self.read_config(0, 2) == NOBODY
        except DeviceError:
            return True

    def _is_wanted_back(self) -> bool:
        if self._request < 0:
            return False
        poll = select.poll()
        poll.register(self._request, select.POLLIN)
        return bool(poll.poll(0))

    def abandon(self) -> None:
        """It is ours until it is closed, and would go on with the buffers that it has."""
        if self._closers:
            with suppress(DeviceError):
                self.set_bus_master(False)

    def close(self) -> None:
        self.abandon()
        if self._closers:
            self._container.hold(self, [])
        while self._closers:
            self._closers.pop()()


def pieces(region: Region) -> list[Piece]:
    """A region as devices behind an IOMMU see it: at the addresses that they are told, physical ones page by page."""
    inode = os.fstat(region.fd).st_ino if region.fd >= 0 else 0
    return [Piece(iova, size, at, inode) for iova, size, at in stretches(region.address, region.size)]
