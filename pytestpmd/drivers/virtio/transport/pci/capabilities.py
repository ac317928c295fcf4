"""Where a PCI device says that its structures are (virtio 1.2, 4.1.4): its list of capabilities, walked with bounds.

A list that is long beyond what configuration space holds goes in a circle; what lies outside of its BAR is for the
windows to find (``eal/pci/access.py``). Nothing is ever written here (4.1.4.1).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import unpack

from pytestpmd.errors import DeviceError

#: PCI Local Bus Specification 3.0, 6.1 and 6.7, appendix H.
STATUS_AT, STATUS_HAS_LIST, LIST_AT = 0x06, 0x10, 0x34
CAP_VENDOR, CAP_MSIX = 0x09, 0x11
MSIX_ENABLED = 1 << 15
#: Configuration space of the first generation, behind its header, in capabilities of four bytes.
HEADER_BYTES = 0x40
MAX_CAPABILITIES = (0x100 - HEADER_BYTES) // 4
NB_BARS = 6
#: Of ``struct virtio_pci_cap``, and of the one for notifications.
CAP_BYTES, NOTIFY_CAP_BYTES = 16, 20

#: Bytes of configuration space from an offset on.
ReadConfig = Callable[[int, int], bytes]


class Structure(IntEnum):
    """What a capability of virtio's leads to (``cfg_type``)."""

    COMMON = 1
    NOTIFY = 2
    ISR = 3
    DEVICE = 4


#: Without these a device cannot be driven the modern way; a device's own configuration it may do without.
NEEDED = (Structure.COMMON, Structure.NOTIFY, Structure.ISR)


@dataclass(frozen=True)
class Place:
    """A part of a BAR, in bytes; ``multiplier`` is how far apart two queues' notification addresses are."""

    bar: int
    offset: int
    length: int
    multiplier: int = 0


def walk(read: ReadConfig) -> Iterator[tuple[int, int]]:
    """The id of each capability, and where it is. :class:`DeviceError` for a list that cannot be."""
    (status,) = unpack("<H", read(STATUS_AT, 2))
    at = read(LIST_AT, 1)[0] & ~3 if status & STATUS_HAS_LIST else 0
    for _ in range(MAX_CAPABILITIES):
        if not at:
            return
        if at < HEADER_BYTES:
            raise DeviceError(f"its list of capabilities leads to 0x{at:x}, which is in the header")
        kind, following = read(at, 2)
        yield kind, at
        at = following & ~3
    raise DeviceError("its list of capabilities has no end")


def structures(read: ReadConfig) -> dict[Structure, Place]:
    """The first place of each structure; those of reserved types and in reserved BARs are ignored (4.1.4.1)."""
    found: dict[Structure, Place] = {}
    for kind, at in walk(read):
        if kind != CAP_VENDOR:
            continue
        _, _, length, cfg_type, bar, _, offset, size = unpack("<BBBBB3sII", read(at, CAP_BYTES))
        if cfg_type not in set(Structure) or bar >= NB_BARS or length < CAP_BYTES:
            continue
        multiplier = 0
        if cfg_type == Structure.NOTIFY:
            if length < NOTIFY_CAP_BYTES:
                continue
            (multiplier,) = unpack("<I", read(at + CAP_BYTES, 4))
        found.setdefault(Structure(cfg_type), Place(bar, offset, size, multiplier))
    return found


def lacking(found: dict[Structure, Place]) -> str:
    """Names of the structures that a modern device must have and this one has not; "" for none."""
    return ", ".join(structure.name.lower() for structure in NEEDED if structure not in found)


def msix_is_on(read: ReadConfig) -> bool:
    """Whether the device interrupts by MSI-X, as whoever opened it had it do: legacy registers then move."""
    return any(bool(unpack("<H", read(at + 2, 2))[0] & MSIX_ENABLED) for kind, at in walk(read) if kind == CAP_MSIX)
