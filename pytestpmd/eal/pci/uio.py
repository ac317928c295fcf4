"""Devices bound to a UIO driver (Linux ``Documentation/driver-api/uio-howto.rst``): sysfs, and ``/dev/uioN`` for
interrupts.

``uio_pci_generic`` is in every kernel; it knows the interrupt line alone, which it masks when it rang, and which the
user lets ring again by the command register. ``igb_uio`` comes with DPDK; it gives its one interrupt by MSI-X where the
device has that, and is told on the fd to let it ring again.
"""

import os
from pathlib import Path

from pytestpmd.eal.pci.access import COMMAND_INTX_DISABLE, way
from pytestpmd.eal.pci.sysfs import SysfsAccess
from pytestpmd.eal.pci.windows import DeviceFile
from pytestpmd.errors import DeviceError

#: What a read gives: how often it rang.
COUNT_SIZE = 4


class UioAccess(SysfsAccess):
    """A device with ``/dev/uioN``, which is there as long as the driver has the device."""

    def begin(self) -> None:
        self._uio = self.keep(DeviceFile.open(self._dev / self._node(), self.address, os.O_RDWR | os.O_NONBLOCK))

    def _node(self) -> str:
        folder = self.device.path / "uio"
        nodes = [path.name for path in folder.glob("uio[0-9]*")]
        if len(nodes) != 1:
            raise DeviceError(f"{self.address}: {self.device.driver} has made no uio device for it: bind it again")
        return nodes[0]

    def intx_fd(self) -> int:
        if not self._has_irq():
            return -1
        self._unmask()
        return self._uio.fd

    def _has_irq(self) -> bool:
        try:
            return int((self.device.path / "irq").read_text(encoding="ascii")) > 0
        except (OSError, ValueError):
            return False

    def acknowledge_intx(self) -> None:
        try:
            os.read(self._uio.fd, COUNT_SIZE)
        except BlockingIOError:
            pass  # it did not ring
        except OSError as error:
            raise DeviceError(f"{self.address}: it was unplugged, or unbound: {error.strerror}") from None
        self._unmask()

    def _unmask(self) -> None:
        raise NotImplementedError


@way("uio_pci_generic")
class UioPciGeneric(UioAccess):
    """The interrupt line."""

    way = "uio_pci_generic"

    def _unmask(self) -> None:
        self.set_command(0, COMMAND_INTX_DISABLE)


@way("igb_uio")
class IgbUio(UioAccess):
    """One interrupt, of the kind that the module was told to use."""

    way = "igb_uio"

    def begin(self) -> None:
        super().begin()
        self.intx_is_vector = any(_reads(file) == "msix" for file in (self.device.path / "msi_irqs").glob("*"))

    def _unmask(self) -> None:
        try:
            os.write(self._uio.fd, (1).to_bytes(COUNT_SIZE, "little"))
        except OSError as error:
            raise DeviceError(f"{self.address}: it was unplugged, or unbound: {error.strerror}") from None


def _reads(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
