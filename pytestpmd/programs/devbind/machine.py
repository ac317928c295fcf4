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
#: Of ``pci:v00001AF4``, with which a device's alias begins.
VENDOR_LENGTH = 13
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
        fitting = self._modules(_modalias(device))
        loaded = [driver for driver in USER_SPACE_DRIVERS if self.has_driver(driver)]
        return [name for name in dict.fromkeys((*fitting, *loaded)) if name != device.driver]

    def _modules(self, modalias: str) -> list[str]:
        """Modules that say they are for such a device; without regular expressions for the thousands that are not."""
        start = f"alias {modalias[:VENDOR_LENGTH]}"
        words = [line.split() for line in self._aliases.splitlines() if line.startswith(start)]
        return [each[2] for each in words if len(each) == 3 and fnmatchcase(modalias, each[1])]

    @cached_property
    def _aliases(self) -> str:
        return self._text(f"lib/modules/{os.uname().release}/modules.alias")

    def product(self, device: PciDevice) -> str:
        """What the list of PCI ids calls such a device: a vendor's devices are indented below it."""
        _, found, section = self._products.partition(f"\n{device.vendor:04x}  ")
        section = re.split(r"\n(?=[^\t#\n])", section, maxsplit=1)[0] if found else ""
        _, found, rest = section.partition(f"\n\t{device.device:04x}  ")
        return rest.partition("\n")[0] if found else "Device"

    @cached_property
    def _products(self) -> str:
        return self._text("usr/share/misc/pci.ids")

    def _lines(self, file: str) -> list[str]:
        return self._text(file).splitlines()

    def _text(self, file: str) -> str:
        """A file that need not be there."""
        try:
            return (self.root / file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


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
