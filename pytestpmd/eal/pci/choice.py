"""Which devices of the bus a command line means: ``-a``, ``-b``, ``--no-pci`` and ``--no-auto-probing``."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pytestpmd.eal.devargs import DeviceString
from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.errors import ConfigError

PREFIX = "pci:"


def address_of(name: str) -> PciAddress | None:
    """The address that a device string's name is, with or without ``pci:``; None for a virtual device's name."""
    try:
        return PciAddress.parse(name.removeprefix(PREFIX))
    except ConfigError:
        return None


@dataclass(frozen=True)
class Chosen:
    """A device to probe; ``asked_for`` says whether ``-a`` names it, or the scan alone has found it."""

    device: PciDevice
    devargs: str = ""
    asked_for: bool = False


@dataclass(frozen=True)
class Choice:
    """What is to be probed, in the order of the bus, and what ``-a`` names that is not there."""

    chosen: tuple[Chosen, ...] = ()
    missing: tuple[PciAddress, ...] = ()


def choose(
    devices: Sequence[PciDevice],
    allow: Iterable[str] = (),
    block: Iterable[str] = (),
    auto_probing: bool = True,
    is_ours: Callable[[PciDevice], bool] = lambda device: True,
) -> Choice:
    """Those that ``allow`` names, with their devargs; without any, all that ``is_ours`` and not named by ``block``.

    A device that is named twice has the devargs of the last time, as in the original.
    """
    asked = {address: one.arguments for one, address in _addresses(allow)}
    there = {device.address for device in devices}
    chosen = [Chosen(device, asked[device.address], asked_for=True) for device in devices if device.address in asked]
    if auto_probing and not asked:
        blocked = {address for _, address in _addresses(block)}
        chosen = [Chosen(device) for device in devices if is_ours(device) and device.address not in blocked]
    return Choice(tuple(chosen), tuple(sorted(asked.keys() - there)))


def _addresses(texts: Iterable[str]) -> Iterable[tuple[DeviceString, PciAddress]]:
    for one in map(DeviceString.parse, texts):
        address = address_of(one.name)
        if address is not None:
            yield one, address
