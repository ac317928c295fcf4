"""By which addresses devices are told of memory: the IO virtual addresses, as DPDK calls them.

In mode VA they are ours: a device behind an IOMMU sees memory where we do. In mode PA they are physical, for devices
that are reached without one. The mode is chosen once, when it is known how the devices are reached and before any
memory for them is taken. Back-ends that are told of memory by its file see it where we do in either mode.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from pytestpmd._dataplane import ffi
from pytestpmd.eal.hugepages import HugePages
from pytestpmd.eal.window import GRAIN, Window
from pytestpmd.errors import ConfigError
from pytestpmd.log import EAL

#: Ways to a PCI device (``PciAccess.way``) that leave it without an IOMMU.
PHYSICAL_WAYS = frozenset({"uio_pci_generic", "igb_uio", "vfio-noiommu", "no module"})
NO_PHYSICAL = "Cannot use IOVA as 'PA' since physical addresses are not available"


class IovaMode(Enum):
    """What addresses devices are told."""

    PA = "PA"
    VA = "VA"


class _Iova:
    """The process's window, the pages in it where the mode is PA, and whether memory was taken there."""

    def __init__(self) -> None:
        self.window = Window()
        self.pages: HugePages | None = None
        self.is_settled = False


_IOVA = _Iova()


def decide(asked: IovaMode | None, ways: Iterable[str], *, no_huge: bool = False) -> IovaMode:
    """The mode for devices that are reached in these ``ways``, unless another was ``asked`` for.

    Raises :class:`ConfigError` where it would be PA and there are to be no hugepages.
    """
    physical = sorted(PHYSICAL_WAYS.intersection(ways))
    mode = asked or (IovaMode.PA if physical else IovaMode.VA)
    if mode is IovaMode.PA and no_huge:
        why = "asked for" if asked else f"needed for devices reached by {', '.join(physical)}"
        raise ConfigError(f"{NO_PHYSICAL}: PA is {why}, and takes hugepages; leave out --no-huge")
    return mode


def choose_iova_mode(asked: IovaMode | None, ways: Iterable[str], *, no_huge: bool = False) -> IovaMode:
    """:func:`decide`, and have that mode.

    If PA cannot be had, and was not asked for, this is logged and the mode is VA: then those devices are of no use, and
    the others are. Raises :class:`ConfigError` if it was asked for.
    """
    try:
        mode = decide(asked, ways, no_huge=no_huge)
        use_iova_mode(mode)
        if _IOVA.pages:  # whether there are any
            _IOVA.pages.give_back(_IOVA.pages.take(1, "devices without an IOMMU"))
    except ConfigError as error:
        if asked:
            raise
        EAL.error("%s", error)
        mode, _IOVA.pages = IovaMode.VA, None
    EAL.info("Selected IOVA mode '%s'", mode.value)
    return mode


def place_memory(base: int | None) -> None:
    """Have memory for devices begin there, if nothing is there yet; None leaves it where it is."""
    if base is not None:
        _IOVA.window.wanted = base


def iova_mode() -> IovaMode:
    """The mode in force."""
    return IovaMode.PA if _IOVA.pages else IovaMode.VA


def use_iova_mode(mode: IovaMode) -> None:
    """Have this mode from now on.

    Raises :class:`ConfigError` when devices may have been told of memory by another mode already.
    """
    if mode is iova_mode():
        return
    if _IOVA.is_settled:
        raise ConfigError(f"IOVA mode {mode.value} comes too late: there is memory of mode {iova_mode().value}")
    _IOVA.pages = HugePages(_IOVA.window) if mode is IovaMode.PA else None


def check_reach(needs_physical: bool) -> None:
    """Raise :class:`ConfigError`, in DPDK's words, for a device that cannot be told of memory in this mode."""
    if needs_physical and iova_mode() is IovaMode.VA:
        raise ConfigError("Expecting 'PA' IOVA mode but current mode is 'VA', not initializing")


def device_memory() -> tuple[Window, HugePages | None]:
    """Where memory is taken that devices are told of: in the window, and in mode PA these pages of it. From now on the
    mode is what it is."""
    _IOVA.is_settled = True
    return _IOVA.window, _IOVA.pages


def to_iova(address: int) -> int:
    """What a device is told of this address in such memory; in mode PA :class:`ConfigError` where there is none."""
    return _IOVA.pages.to_iova(address) if _IOVA.pages else address


def stretches(address: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Such memory as devices see it: what they are told of a stretch, its bytes, and where it is to us. In mode PA one
    ends with its page."""
    end = address + size
    while address < end:
        length = min(GRAIN - address % GRAIN, end - address) if _IOVA.pages else size
        yield to_iova(address), length, address
        address += length


def check_whole(address: int, size: int) -> None:
    """Raise :class:`ConfigError` unless devices find all of this in one piece, from :func:`to_iova` of its begin on."""
    if len(list(stretches(address, size))) > 1:
        raise ConfigError(f"Devices cannot be told of {size} bytes at {address:#x}: they are in several hugepages")


def iova_map() -> Any:
    """The same for C: a ``struct iova_map *``, NULL in mode VA."""
    return _IOVA.pages.map if _IOVA.pages else ffi.NULL
