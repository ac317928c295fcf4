"""Drivers: a package each below here, which announces itself with :func:`driver` or :func:`pci_driver`.

:func:`probe` finds and asks the driver of a device string, :func:`probe_pci` that of a device on the PCI bus.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pytestpmd.eal.devargs import DevArgs, DeviceString
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.eal.pci.choice import address_of
from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.ethdev.port import EthPort
from pytestpmd.log import EAL


class DriverClass(Protocol):
    """A port class with its devargs: called with the device's name, the text after it, and the text parsed."""

    Args: type[DevArgs]

    def __call__(self, name: str, devargs: str, args: DevArgs) -> EthPort: ...


class PciDriverClass(Protocol):
    """The same for a device on the PCI bus, whose name is its address."""

    Args: type[DevArgs]

    def __call__(self, name: str, devargs: str, args: DevArgs, device: PciDevice) -> EthPort: ...


@dataclass(frozen=True)
class PciDriver:
    """A port class and the name it goes by."""

    name: str
    cls: PciDriverClass


DRIVERS: dict[str, DriverClass] = {}
#: By vendor and device.
PCI_DRIVERS: dict[tuple[int, int], PciDriver] = {}
_D = TypeVar("_D")


class NoSuchDriver(TestpmdError):
    """A device string whose name no driver knows; it ends the program, as in the original."""

    def __init__(self, name: str) -> None:
        super().__init__(f'failed to parse device "{name}"')
        self.name = name


class ProbeError(TestpmdError):
    """A driver refused its device: bad devargs, no peer. Only that device is lost."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"Failed to probe device {name}")
        self.name = name
        self.why = why


class LeftToOthers(TestpmdError):
    """What a driver raises that was told to leave its device alone (``vdpa=1``): no port, and no failure."""


def driver(*names: str) -> Callable[[type[_D]], type[_D]]:
    """Announce a port class under its name and aliases."""

    def register(cls: type[_D]) -> type[_D]:
        for name in names:
            if name in DRIVERS:
                raise ValueError(f"two drivers are named {name}")
            DRIVERS[name] = cls  # type: ignore[assignment]  # its constructor and Args are the protocol's
        return cls

    return register


def pci_driver(name: str, ids: Iterable[tuple[int, int]]) -> Callable[[type[_D]], type[_D]]:
    """Announce a port class for PCI devices, by vendor and device."""

    def register(cls: type[_D]) -> type[_D]:
        for known in ids:
            if known in PCI_DRIVERS:
                raise ValueError(f"two drivers take {known[0]:04x}:{known[1]:04x}")
            PCI_DRIVERS[known] = PciDriver(name, cls)  # type: ignore[arg-type]  # as above
        return cls

    return register


def discover() -> None:
    """Import every driver package once."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def pci_driver_of(device: PciDevice) -> PciDriver | None:
    """Who takes such a device, if anybody does."""
    discover()
    return PCI_DRIVERS.get(device.ids)


def device_name(device: str) -> str:
    """The name that the port of a device string goes by: an address is written in full."""
    name = DeviceString.parse(device).name
    address = address_of(name)
    return name if address is None else str(address)


def bus_of(name: str) -> str | None:
    """``pci`` for an address, ``vdev`` for a name that a driver knows, None for any other."""
    if address_of(name) is not None:
        return "pci"
    discover()
    return "vdev" if DeviceString(name).driver(DRIVERS) else None


def probe(device: str, taken: Collection[str] = ()) -> EthPort:
    """The port of a device string such as ``net_null0,size=128``; not configured yet. Its name must not be ``taken``.

    Raises :class:`NoSuchDriver` or :class:`ProbeError`, whose reason has been logged.
    """
    discover()
    wanted = DeviceString.parse(device)
    name = wanted.driver(DRIVERS)
    if name is None:
        raise NoSuchDriver(wanted.name)
    cls = DRIVERS[name]

    def make() -> EthPort:
        owner = name.removeprefix("net_")
        return cls(wanted.name, wanted.arguments, cls.Args.parse(wanted.arguments, owner=owner))

    return _make(wanted.name, taken, make)


def probe_pci(device: PciDevice, devargs: str = "", taken: Collection[str] = ()) -> EthPort:
    """The port of a device on the bus, not configured yet.

    Raises :class:`NoSuchDriver`, :class:`LeftToOthers`, or :class:`ProbeError` whose reason has been logged.
    """
    found = pci_driver_of(device)
    name = str(device.address)
    if found is None:
        raise NoSuchDriver(name)
    ids = f"{device.vendor:x}:{device.device:04x}"
    EAL.info("Probe PCI driver: %s (%s) device: %s (socket %d)", found.name, ids, name, device.numa_node)

    def make() -> EthPort:
        if device.is_kernel_s:
            raise ConfigError(
                f"the kernel's {device.driver} has this device; bind it to uio_pci_generic or vfio-pci first: "
                f"pytestpmd-devbind -b vfio-pci {name}"
            )
        return found.cls(name, devargs, found.cls.Args.parse(devargs), device)

    port = _make(name, taken, make)
    port.bus_name, port.bus_info = "pci", f"vendor_id={device.vendor:x}, device_id={device.device:x}"
    return port


def _make(name: str, taken: Collection[str], make: Callable[[], EthPort]) -> EthPort:
    try:
        if name in taken:
            raise ConfigError("there is a device of this name already")
        return make()
    except LeftToOthers:
        raise
    except (TestpmdError, OSError) as error:
        EAL.error("%s: %s", name, error)
        raise ProbeError(name, str(error)) from error
