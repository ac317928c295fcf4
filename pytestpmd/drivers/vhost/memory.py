"""The front-end's memory, mapped: its files, its addresses, and the day its files shrink."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.vhost.mapping import Mapping
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user.memory import MemRegion
from pytestpmd.vhost_user.stream import close_fds


@dataclass
class MappedRegion:
    """A region, where it is here, which file that is (device and inode), and how often it was added."""

    region: MemRegion
    mapping: Mapping
    file: tuple[int, int]
    claims: int = 1

    @property
    def host(self) -> Any:
        """Where the region begins."""
        return self.mapping.host


class GuestMemory:
    """Every region of a memory table; ``ptr`` is the ``struct vhost_memory`` that the data plane translates with.

    The fds of the regions are closed here. Raises :class:`DeviceError` when a region cannot be mapped.
    """

    def __init__(self, regions: Iterable[MemRegion]) -> None:
        self._arena = Arena(4096, name="a front-end's memory")
        self.ptr = self._arena.struct("struct vhost_memory")
        self._mapped: list[MappedRegion] = []
        regions = tuple(regions)
        try:
            for region in regions:
                self.add(self._map(region))
        except DeviceError:
            self.unmap()
            raise
        finally:
            close_fds(region.fd for region in regions)

    def claim(self, region: MemRegion) -> bool:
        """Whether the region is here already; then it is so once more, and its fd is closed.

        Raises :class:`DeviceError`, and closes the fd, when this is a region of another file at the same addresses.
        """
        mapped = self._find(region)
        if not mapped:
            return False
        try:
            if _file_of(region.fd) != mapped.file:
                raise DeviceError(f"the region {region.describe()} is there already, in another file")
        finally:
            close_fds((region.fd,))
        mapped.claims += 1
        return True

    def release(self, region: MemRegion) -> bool:
        """Whether the region, which was added several times, stays although one of these is taken back."""
        mapped = self._find(region)
        if not mapped or mapped.claims == 1:
            return False
        mapped.claims -= 1
        return True

    def _find(self, region: MemRegion) -> MappedRegion | None:
        return next((mapped for mapped in self._mapped if mapped.region.is_same_as(region)), None)

    def map(self, region: MemRegion) -> MappedRegion:
        """A region to be added; its fd is closed here."""
        try:
            return self._map(region)
        finally:
            close_fds((region.fd,))

    def add(self, mapped: MappedRegion) -> None:
        """One region more; no lcore may look meanwhile."""
        self._mapped.append(mapped)
        self._write_table()

    def remove(self, region: MemRegion) -> None:
        """Unmap the region of these addresses and this size; no lcore may use it."""
        mapped = self._find(region)
        if mapped:
            self._mapped.remove(mapped)
            mapped.mapping.close()
            self._write_table()

    def _map(self, region: MemRegion) -> MappedRegion:
        dead, what = ffi.addressof(self.ptr, "dead"), f"the region {region.describe()}"
        if len(self._mapped) == lib.VHOST_MAX_REGIONS:
            raise DeviceError(f"cannot map {what}: there are {lib.VHOST_MAX_REGIONS} already")
        file = _file_of(region.fd)
        return MappedRegion(region, Mapping(region.fd, region.mmap_offset, region.size, dead, what), file)

    def _write_table(self) -> None:
        for entry, mapped in zip(self.ptr.regions, self._mapped, strict=False):
            entry.guest_addr, entry.size, entry.host = mapped.region.guest_addr, mapped.region.size, mapped.host
        self.ptr.nb_regions = len(self._mapped)

    @property
    def nb_regions(self) -> int:
        return len(self._mapped)

    @property
    def is_dead(self) -> bool:
        """Whether a file lost its pages under us."""
        return bool(self.ptr.dead)

    def at_user_address(self, address: int, size: int, align: int = 1) -> Any:
        """The mapped place of ``size`` bytes, all in one region, that the front-end knows by ``address``.

        Where the front-end's address is aligned ours need not be: the region's beginning is the front-end's choice.
        """
        for mapped in self._mapped:
            offset = address - mapped.region.user_addr
            if 0 <= offset <= mapped.region.size - size:
                if (address_of(mapped.host) + offset) % align:
                    raise DeviceError(f"{address:#x} cannot be mapped aligned to {align}")
                return mapped.host + offset
        raise DeviceError(f"{size} bytes at {address:#x} are not in one region of the front-end's memory")

    def guest_address(self, address: int) -> int:
        """The guest address of what the front-end knows by ``address``, which must be in a region."""
        for mapped in self._mapped:
            offset = address - mapped.region.user_addr
            if 0 <= offset < mapped.region.size:
                return mapped.region.guest_addr + offset
        raise DeviceError(f"{address:#x} is not in the front-end's memory")

    def describe(self) -> list[str]:
        """A line for each region, for the log."""
        return [f"{m.region.describe()} mapped at {address_of(m.host):#x}" for m in self._mapped]

    def unmap(self) -> None:
        """Let go of everything; no lcore may use it."""
        self.ptr.nb_regions = 0
        for mapped in self._mapped:
            mapped.mapping.close()
        self._mapped.clear()


def _file_of(fd: int) -> tuple[int, int]:
    stat = os.fstat(fd)
    return stat.st_dev, stat.st_ino
