"""A range of our addresses in which all lies that devices are told of.

It is low in memory where that is free, because an IOMMU may know fewer bits of an address than we use (QEMU's has
39). Only what is mapped there takes memory.
"""

import os
import threading

from pytestpmd._dataplane import lib
from pytestpmd.errors import ConfigError
from pytestpmd.log import EAL

#: Where it is to begin, and how long it is, in bytes; it is given out in pieces of so many at least.
LOW = 4 << 30
WINDOW = 64 << 30
GRAIN: int = 1 << lib.IOVA_PAGE_BITS


class Window:
    """Addresses are set aside when the first file is to be mapped, for as long as this object lives."""

    def __init__(self, size: int = WINDOW) -> None:
        self.size = size
        #: Where it is to begin.
        self.wanted = LOW
        #: Where it begins; 0 until something lies in it.
        self.base: int = 0
        self._taken = bytearray(size // GRAIN)
        # whoever holds memory may let go of it on any thread, whatever that one is doing
        self._lock = threading.RLock()

    def __del__(self) -> None:
        if self.base:
            lib.window_release(self.base, self.size)

    def map(self, fd: int, size: int, *, in_place: bool = False) -> int:
        """Map the first ``size`` bytes of a file, with all pages ``in_place`` if need be: where.

        Raises :class:`ConfigError` when there is no room, and ``OSError`` when the file cannot be had.
        """
        count = -(-size // GRAIN)
        with self._lock:
            self._reserve()
            first = self._taken.find(bytes(count))
            if first < 0:
                raise ConfigError(f"Cannot map {size} bytes: there are addresses for {self.size >> 20} MB in all")
            address: int = self.base + first * GRAIN
            failed = lib.window_map(address, size, fd, in_place)
            if failed:
                lib.window_unmap(address, size)
                raise OSError(-failed, os.strerror(-failed))
            self._mark(address, size, True)
            return address

    def unmap(self, address: int, size: int) -> None:
        """Nobody uses it any more."""
        with self._lock:
            lib.window_unmap(address, size)
            self._mark(address, size, False)

    def holds(self, address: int) -> bool:
        """Whether something is mapped at this address, in the grain that it is in."""
        offset = address - self.base
        return bool(self.base) and 0 <= offset < self.size and bool(self._taken[offset // GRAIN])

    def _reserve(self) -> None:
        if self.base:
            return
        base = lib.window_reserve(self.wanted, self.size, GRAIN)
        if base < 0:
            raise ConfigError(f"Cannot set aside {self.size >> 20} MB of addresses: {os.strerror(-base)}")
        if self.wanted not in (LOW, base):
            EAL.warning("WARNING! Base virtual address hint (%#x != %#x) not respected!", self.wanted, base)
        self.base = base

    def _mark(self, address: int, size: int, taken: bool) -> None:
        first, count = (address - self.base) // GRAIN, -(-size // GRAIN)
        self._taken[first : first + count] = bytes([taken]) * count
