"""Network devices on the PCI bus, and what a machine knows of them. Reading only; everything is below one root."""

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.eal.pci.bus import USER_SPACE_DRIVERS, PciBus, PciDevice
from pytestpmd.errors import ConfigError

NETWORK_CLASS = 0x02
#: A flag of ``/proc/net/ipv6_route``: packets that take this route are refused (Linux ``include/uapi/linux/route.h``).
RTF_REJECT = 0x200
DEFAULT_V6 = "0" * 32


class DevbindError(ConfigError):
    """What cannot be done, in one line."""


@dataclass(frozen=True)
class Nic:
    """A network device, and the kernel's interfaces on it."""

    device: PciDevice
    interfaces: tuple[str, ...] = ()
    is_active: bool = False

    @property
    def name(self) -> str:
        """Its address in full."""
        return str(self.device.address)


class Machine:
    """A machine as its files show it."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.bus = PciBus(root / "sys")

    def nics(self) -> list[Nic]:
        """Every network device, by address."""
        routed = self._routed()
        found = [device for device in self.bus.devices() if device.class_code >> 16 == NETWORK_CLASS]
        return [_nic(device, routed) for device in found]

    def nic(self, name: str) -> Nic:
        """The device of an address, long or short, or of an interface's name."""
        nics = self.nics()
        for nic in nics:
            if name in nic.interfaces:
                return nic
        try:
            address = PciAddress.parse(name)
        except ConfigError:
            raise DevbindError(f'Unknown device: {name}. Please specify device in "bus:slot.func" format') from None
        for nic in nics:
            if nic.device.address == address:
                return nic
        raise DevbindError(f"Unknown device: {name}. There is no network device at {address}")

    def _routed(self) -> set[str]:
        """Interfaces that routes go through: all of IPv4's, and IPv6's default ones."""
        v4 = [line.split() for line in self._lines("proc/net/route")[1:]]
        v6 = [line.split() for line in self._lines("proc/net/ipv6_route")]
        return {words[0] for words in v4 if words} | {words[9] for words in v6 if _is_default_v6(words)}

    def has_driver(self, driver: str) -> bool:
        """Whether a driver is there to bind devices to."""
        return bool(re.fullmatch(r"[\w.-]+", driver)) and self.driver_folder(driver).is_dir()

    def driver_folder(self, driver: str) -> Path:
        """A PCI driver's folder in sysfs."""
        return self.root / "sys/bus/pci/drivers" / driver

    def unused(self, device: PciDevice) -> list[str]:
        """Drivers that the device could be bound to instead: the kernel's own, and those for user space."""
        fitting = [module for pattern, module in self._aliases if fnmatchcase(_modalias(device), pattern)]
        loaded = [driver for driver in USER_SPACE_DRIVERS if self.has_driver(driver)]
        return [name for name in dict.fromkeys((*fitting, *loaded)) if name != device.driver]

    @cached_property
    def _aliases(self) -> list[tuple[str, str]]:
        words = [line.split() for line in self._lines(f"lib/modules/{os.uname().release}/modules.alias")]
        return [(each[1], each[2]) for each in words if len(each) == 3 and each[1].startswith("pci:")]

    def product(self, device: PciDevice) -> str:
        """What the list of PCI ids calls such a device."""
        return self._products.get(device.ids, "Device")

    @cached_property
    def _products(self) -> dict[tuple[int, int], str]:
        products, vendor = {}, 0
        for line in self._lines("usr/share/misc/pci.ids"):
            found = re.match(r"(\t?)([0-9a-f]{4})  (.*)", line)
            if found and found[1]:
                products[vendor, int(found[2], 16)] = found[3]
            elif found:
                vendor = int(found[2], 16)
        return products

    def _lines(self, file: str) -> list[str]:
        """The lines of a file that need not be there."""
        try:
            return (self.root / file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []


def _nic(device: PciDevice, routed: set[str]) -> Nic:
    folders = [*device.path.glob("net/*"), *device.path.glob("virtio*/net/*")]
    interfaces = tuple(sorted(folder.name for folder in folders))
    return Nic(device, interfaces, not routed.isdisjoint(interfaces))


def _is_default_v6(words: list[str]) -> bool:
    if len(words) < 10:
        return False
    return words[0] == DEFAULT_V6 and words[1] == "00" and not int(words[8], 16) & RTF_REJECT


def _modalias(device: PciDevice) -> str:
    try:
        return (device.path / "modalias").read_text(encoding="ascii").strip()
    except OSError:
        return ""
