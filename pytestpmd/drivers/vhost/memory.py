"""The front-end's memory, mapped: its files, its addresses, and the day its files shrink."""

import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import PAGE, Arena, address_of
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user.memory import MemRegion


@dataclass
class _Mapping:
    """One region's file as it is mapped here: from its beginning to the region's end, in whole pages."""

    region: MemRegion
    file: mmap.mmap
    view: Any
    guard: int

    @property
    def host(self) -> Any:
        """Where the region begins."""
        return self.view + self.region.mmap_offset

    def unmap(self) -> None:
        lib.sigbus_unguard(self.guard)
        ffi.release(self.view)
        self.file.close()


def _page_size(fd: int) -> int:
    """In what sizes a file can be mapped: of hugetlbfs in huge pages alone, which are its blocks.

    Other file systems may have large blocks too, tmpfs on huge pages for one; their files need not be whole blocks.
    """
    stat = os.fstat(fd)
    block = stat.st_blksize
    return block if block >= PAGE and block % PAGE == 0 and stat.st_size % block == 0 else PAGE


class GuestMemory:
    """Every region of a memory table; ``ptr`` is the ``struct vhost_memory`` that the data plane translates with.

    The fds of the regions are closed here. Raises :class:`DeviceError` when a region cannot be mapped.
    """

    def __init__(self, regions: Iterable[MemRegion]) -> None:
        self._arena = Arena(4096)
        self.ptr = self._arena.struct("struct vhost_memory")
        self._mappings: list[_Mapping] = []
        regions = tuple(regions)
        try:
            for region in regions:
                self._add(region)
        except DeviceError:
            self.unmap()
            raise
        finally:
            for region in regions:
                os.close(region.fd)

    def _add(self, region: MemRegion) -> None:
        page_size = _page_size(region.fd)
        size = -(-(region.mmap_offset + region.size) // page_size) * page_size
        try:
            file = mmap.mmap(region.fd, size, mmap.MAP_SHARED)
        except (OSError, ValueError, OverflowError) as error:
            raise DeviceError(f"cannot map the region {region.describe()}: {error}") from None
        view = ffi.from_buffer("uint8_t[]", file)
        guard = lib.sigbus_guard(view, size, page_size, ffi.addressof(self.ptr, "dead"))
        if guard < 0:
            ffi.release(view)
            file.close()
            raise DeviceError(f"cannot guard the region {region.describe()}: too many regions")
        mapping = _Mapping(region, file, view, guard)
        self._mappings.append(mapping)
        entry = self.ptr.regions[self.ptr.nb_regions]
        entry.guest_addr, entry.size, entry.host = region.guest_addr, region.size, mapping.host
        self.ptr.nb_regions += 1

    @property
    def is_dead(self) -> bool:
        """Whether a file lost its pages under us."""
        return bool(self.ptr.dead)

    def at_user_address(self, address: int, size: int, align: int = 1) -> Any:
        """The mapped place of ``size`` bytes, all in one region, that the front-end knows by ``address``.

        Where the front-end's address is aligned ours need not be: the region's beginning is the front-end's choice.
        """
        for mapping in self._mappings:
            offset = address - mapping.region.user_addr
            if 0 <= offset <= mapping.region.size - size:
                if (address_of(mapping.host) + offset) % align:
                    raise DeviceError(f"{address:#x} cannot be mapped aligned to {align}")
                return mapping.host + offset
        raise DeviceError(f"{size} bytes at {address:#x} are not in one region of the front-end's memory")

    def describe(self) -> list[str]:
        """A line for each region, for the log."""
        return [f"{m.region.describe()} mapped at {address_of(m.host):#x}" for m in self._mappings]

    def unmap(self) -> None:
        """Let go of everything; no lcore may use it."""
        self.ptr.nb_regions = 0
        for mapping in self._mappings:
            mapping.unmap()
        self._mappings.clear()
