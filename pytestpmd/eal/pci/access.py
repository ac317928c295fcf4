"""An opened PCI device: its windows, configuration space, interrupts and reach, whatever way leads to it.

Nothing that a device, or sysfs, says is taken for granted: a window is as large as the kernel says that it is, and no
access goes beyond it. A way that ends under us (unplugged, unbound) raises ``DeviceError`` from then on.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Self, TypeVar

from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Region
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.errors import DeviceError

#: Of the standard configuration space (PCI Local Bus 3.0, 6.2).
COMMAND = 4
COMMAND_IO, COMMAND_MEMORY, COMMAND_MASTER, COMMAND_INTX_DISABLE = 1, 2, 4, 0x400


class Window(ABC):
    """A BAR, or a part of one. Every access is checked here, so that the ways need not; ``DeviceError`` beyond it.

    Made with the name that messages call it by, such as ``"0000:00:03.0 BAR 4"``, and its size in bytes.
    """

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size
        self._start = 0

    def _at(self, offset: int, size: int) -> int:
        """Where in the whole BAR so many bytes lie."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DeviceError(f"{self.name}: {size} bytes at {offset:#x} lie beyond its {self.size:#x} bytes")
        return self._start + offset

    def _register(self, offset: int, size: int) -> int:
        at = self._at(offset, size)
        if size not in (1, 2, 4) or at % size:
            raise DeviceError(f"{self.name}: no register of {size} bytes can be at {offset:#x}")
        return at

    def read(self, offset: int, size: int) -> int:
        """A register of 1, 2 or 4 bytes, little endian, by one access of that width."""
        return self._load(self._register(offset, size), size)

    def write(self, offset: int, size: int, value: int) -> None:
        """The same the other way."""
        self._store(self._register(offset, size), size, value)

    def part(self, offset: int, size: int) -> Self:
        """So many bytes from there on, as a window of their own."""
        start = self._at(offset, size)
        part = copy(self)
        part._start, part.size = start, size
        return part

    def doorbell(self, offset: int, value: int) -> Doorbell:
        """How C writes that 16-bit value there."""
        return self._ring(self._register(offset, 2), value)

    @abstractmethod
    def _load(self, at: int, size: int) -> int:
        """Read at that offset of the whole BAR, which is inside."""

    @abstractmethod
    def _store(self, at: int, size: int, value: int) -> None:
        """Write there."""

    @abstractmethod
    def _ring(self, at: int, value: int) -> Doorbell:
        """Have C write there."""


class PciAccess(ABC):
    """An opened device. Every method may raise ``DeviceError``; after :meth:`close` there are no more."""

    #: What sysfs told of it.
    device: PciDevice
    #: ``uio_pci_generic``, ``igb_uio``, ``vfio-pci``, ``vfio-noiommu`` or ``no module``.
    way: str
    #: Whether the device sees physical addresses.
    needs_physical = True
    #: MSI-X vectors that can be used; 0 for none.
    nb_vectors = 0
    #: Whether what ``intx_fd`` tells of is not the line but MSI-X vector 0, of which the device must know (igb_uio).
    intx_is_vector = False

    @abstractmethod
    def window(self, bar: int) -> Window:
        """A BAR, the same object each time; ``DeviceError`` where there is none."""

    @abstractmethod
    def read_config(self, offset: int, size: int) -> bytes:
        """So many bytes of configuration space; ``DeviceError`` where it ends before."""

    @abstractmethod
    def write_config(self, offset: int, data: bytes) -> None:
        """Write configuration space."""

    def set_bus_master(self, on: bool = True) -> None:
        """Let the device reach memory, or not."""
        self.set_command(COMMAND_MASTER if on else 0, COMMAND_MASTER)

    def set_command(self, bits: int, mask: int) -> None:
        """Of the command register's bits ``mask``, have those of ``bits`` set and the others clear."""
        before = int.from_bytes(self.read_config(COMMAND, 2), "little")
        after = before & ~mask | bits
        if after != before:
            self.write_config(COMMAND, after.to_bytes(2, "little"))

    def enable_vectors(self, fds: Sequence[int]) -> None:
        """Have vector i signal the eventfd ``fds[i]``; all of them at once, as VFIO wants it."""
        raise DeviceError(f"{self.device.address}: no MSI-X by way of {self.way}")

    def disable_vectors(self) -> None:
        """Have them signal nothing any more."""
        return

    def intx_fd(self) -> int:
        """Readable when the line interrupts; -1 where it cannot be had."""
        return -1

    def acknowledge_intx(self) -> None:
        """Take the event off the fd and let the line interrupt again."""
        return

    def map_memory(self, regions: Sequence[Region]) -> None:
        """What the device may reach from now on, and nothing else where an IOMMU can hold it to that."""
        return

    @property
    @abstractmethod
    def is_gone(self) -> bool:
        """Whether it was unplugged, or unbound under us."""

    def abandon(self) -> None:
        """Of a device that was taken from its driver: have it reach no memory any more, unless somebody else has it."""
        return

    @abstractmethod
    def close(self) -> None:
        """Stop its interrupts and its reach, and give back what was opened; a second time is nothing."""


_A = TypeVar("_A", bound=PciAccess)
Opener = Callable[[PciDevice, Path], PciAccess]
WAYS: dict[str | None, Opener] = {}


def way(driver: str | None) -> Callable[[type[_A]], type[_A]]:
    """Announce how devices are opened that are bound to this kernel driver, or to none: called with the device, and
    the folder where ``/dev`` is mounted."""

    def register(cls: type[_A]) -> type[_A]:
        WAYS[driver] = cls
        return cls

    return register


def open_device(device: PciDevice, dev: Path = Path("/dev")) -> PciAccess:
    """Open a device by the way that belongs to the driver it is bound to; ``DeviceError`` says what to do about it."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    opener = WAYS.get(device.driver)
    if opener is None:
        ways = ", ".join(sorted(name for name in WAYS if name))
        raise DeviceError(f"{device.address} is bound to {device.driver}: unbind it, or bind it to one of {ways}")
    return opener(device, dev)
