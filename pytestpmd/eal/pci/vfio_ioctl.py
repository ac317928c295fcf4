"""The requests of VFIO and their structures (Linux ``include/uapi/linux/vfio.h``), and nothing that decides."""

import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, error, pack_into, unpack_from
from typing import Protocol

from pytestpmd.eal.memory import PAGE

API_VERSION = 0
TYPE1_IOMMU, TYPE1V2_IOMMU, NOIOMMU_IOMMU = 1, 3, 8
GROUP_VIABLE = 1
DEVICE_RESET = 1
REGION_MMAP, REGION_CAPS = 4, 8
CAP_SPARSE_MMAP = 1
IRQ_DATA_NONE, IRQ_DATA_EVENTFD, IRQ_UNMASK, IRQ_TRIGGER = 1, 4, 0x10, 0x20
DMA_READ, DMA_WRITE = 1, 2
#: What VFIO calls a PCI device's regions and interrupts.
CONFIG_REGION = 7
INTX, MSIX, REQUEST = 0, 2, 4

(
    GET_API_VERSION,
    CHECK_EXTENSION,
    SET_IOMMU,
    GROUP_GET_STATUS,
    GROUP_SET_CONTAINER,
    GROUP_UNSET_CONTAINER,
    GROUP_GET_DEVICE_FD,
    DEVICE_GET_INFO,
    DEVICE_GET_REGION_INFO,
    DEVICE_GET_IRQ_INFO,
    DEVICE_SET_IRQS,
    DEVICE_RESET_NOW,
    IOMMU_GET_INFO,
    IOMMU_MAP_DMA,
    IOMMU_UNMAP_DMA,
) = range(0x3B64, 0x3B73)

_STATUS = Struct("=II")
_DEVICE = Struct("=IIIII")
_REGION = Struct("=IIIIQQ")
_IRQ = Struct("=IIII")
_IRQS = Struct("=IIIII")
_MAP = Struct("=IIQQQ")
_UNMAP = Struct("=IIQQ")
_CAP = Struct("=HHI")
_AREA = Struct("=QQ")
#: No kernel tells of a region at greater length.
MAX_REGION_INFO = 1 << 16


class Ioctl(Protocol):
    """``fcntl.ioctl``, or what a test has in its place. A ``bytearray`` is read and written."""

    def __call__(self, fd: int, request: int, argument: int | bytearray = 0, /) -> int: ...


def kernel_ioctl(fd: int, request: int, argument: int | bytearray = 0, /) -> int:
    """The kernel's own."""
    return fcntl.ioctl(fd, request, argument)


@dataclass(frozen=True)
class Region:
    """A region of a device: where it begins in the device's file, and which areas of it may be mapped."""

    size: int
    offset: int
    areas: tuple[tuple[int, int], ...]


def group_is_viable(ioctl: Ioctl, group: int) -> bool:
    """Whether all devices of a group are in hands that VFIO trusts."""
    status = bytearray(_STATUS.pack(_STATUS.size, 0))
    ioctl(group, GROUP_GET_STATUS, status)
    return bool(_STATUS.unpack(status)[1] & GROUP_VIABLE)


def can_reset(ioctl: Ioctl, device: int) -> bool:
    """Whether the device has a reset that concerns nobody else."""
    info = bytearray(_DEVICE.pack(_DEVICE.size, 0, 0, 0, 0))
    ioctl(device, DEVICE_GET_INFO, info)
    return bool(_DEVICE.unpack(info)[1] & DEVICE_RESET)


def region(ioctl: Ioctl, device: int, index: int) -> Region:
    """What there is of a region; its size is 0 where there is none."""
    info = bytearray(_REGION.pack(_REGION.size, 0, index, 0, 0, 0))
    ioctl(device, DEVICE_GET_REGION_INFO, info)
    length, flags, _, _, size, offset = _REGION.unpack_from(info)
    if flags & REGION_CAPS and _REGION.size < length <= MAX_REGION_INFO:
        info = bytearray(length)
        _REGION.pack_into(info, 0, length, 0, index, 0, 0, 0)
        ioctl(device, DEVICE_GET_REGION_INFO, info)
        _, flags, _, _, size, offset = _REGION.unpack_from(info)
    if not flags & REGION_MMAP:
        return Region(size, offset, ())
    return Region(size, offset, _areas(info, size))


def _areas(info: bytearray, size: int) -> tuple[tuple[int, int], ...]:
    """What may be mapped: the whole, unless a capability says which areas."""
    try:
        for at in _capabilities(info):
            kind, _, _ = _CAP.unpack_from(info, at)
            if kind == CAP_SPARSE_MMAP:
                (nb_areas,) = unpack_from("=I", info, at + _CAP.size)
                found = (_AREA.unpack_from(info, at + _CAP.size + 8 + i * _AREA.size) for i in range(nb_areas))
                return tuple(area for area in found if _can_be_mapped(area[0], area[1], size))
    except error:
        return ()  # what it says does not fit into what it gave
    return ((0, size),)


def _can_be_mapped(start: int, length: int, size: int) -> bool:
    """Whole pages inside of the region."""
    return bool(length) and start % PAGE == 0 and start + length <= size


def _capabilities(info: bytearray) -> Iterator[int]:
    """Where each begins; they only ever go on forwards."""
    at = _REGION.unpack_from(info)[3]
    while at >= _REGION.size:
        yield at
        following = _CAP.unpack_from(info, at)[2]
        at = following if following > at else 0


def nb_irqs(ioctl: Ioctl, device: int, index: int) -> int:
    """How many interrupts of a kind the device has."""
    info = bytearray(_IRQ.pack(_IRQ.size, 0, index, 0))
    ioctl(device, DEVICE_GET_IRQ_INFO, info)
    return int(_IRQ.unpack(info)[3])


def set_irqs(ioctl: Ioctl, device: int, index: int, fds: Sequence[int]) -> None:
    """Have interrupt i of that kind signal ``fds[i]``; none of them for no fds."""
    kind = IRQ_DATA_EVENTFD if fds else IRQ_DATA_NONE
    request = bytearray(_IRQS.size + 4 * len(fds))
    _IRQS.pack_into(request, 0, len(request), kind | IRQ_TRIGGER, index, 0, len(fds))
    pack_into(f"={len(fds)}i", request, _IRQS.size, *fds)
    ioctl(device, DEVICE_SET_IRQS, request)


def unmask_irq(ioctl: Ioctl, device: int, index: int) -> None:
    """Let an interrupt that is masked when it rang ring again."""
    request = bytearray(_IRQS.pack(_IRQS.size, IRQ_DATA_NONE | IRQ_UNMASK, index, 0, 1))
    ioctl(device, DEVICE_SET_IRQS, request)


def map_dma(ioctl: Ioctl, container: int, address: int, iova: int, size: int) -> None:
    """Let the container's devices read and write memory of ours at ``iova``."""
    request = _MAP.pack(_MAP.size, DMA_READ | DMA_WRITE, address, iova, size)
    ioctl(container, IOMMU_MAP_DMA, bytearray(request))


def unmap_dma(ioctl: Ioctl, container: int, iova: int, size: int) -> int:
    """And no longer; how much of it they could reach until now."""
    request = bytearray(_UNMAP.pack(_UNMAP.size, 0, iova, size))
    ioctl(container, IOMMU_UNMAP_DMA, request)
    return int(_UNMAP.unpack(request)[3])
