"""Memory of which a device that sees physical addresses can be told: pages of 2 MB, which stay where they are.

C finds a page's place in physical memory by its number in the window (``iova.h``). A piece is a number of whole pages
with a file of their own, which may be shared with a back-end, or a part of a page that it has in common with other
pieces; no part goes over the end of a page, so that it is one piece to the device as well.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytestpmd._dataplane import ffi
from pytestpmd.eal.pagemap import Pagemap
from pytestpmd.eal.window import GRAIN, Window
from pytestpmd.errors import ConfigError

HUGE_PAGE = GRAIN
#: What a part of a page is measured in; legacy rings begin at a multiple of it.
UNIT = 4096
UNITS = HUGE_PAGE // UNIT
SYSFS = Path("/sys")
#: What is advised to have, at least.
ENOUGH_PAGES = 512
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Piece:
    """``size`` bytes at ``address``, zeroed; ``fd`` is the file of a piece that has one of its own, else -1."""

    address: int
    size: int
    fd: int = -1


@dataclass
class _CommonPage:
    """A page of which parts are taken: a byte for each unit."""

    address: int
    units: bytearray = field(default_factory=lambda: bytearray(UNITS))

    def place(self, count: int) -> int:
        """Where so many units are free side by side, or -1."""
        return self.units.find(bytes(count))

    def mark(self, address: int, size: int, taken: bool) -> None:
        first, count = (address - self.address) // UNIT, size // UNIT
        self.units[first : first + count] = bytes([taken]) * count


def huge_file(name: str) -> int:
    """A file of huge pages that nobody else finds; raises ``OSError`` where the kernel has none."""
    return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | os.MFD_HUGETLB | os.MFD_HUGE_2MB)


class HugePages:
    """Pages in a window. ``make_file`` makes their files, ``pagemap`` knows where they are, and ``sysfs`` how many."""

    def __init__(
        self,
        window: Window,
        pagemap: Pagemap | None = None,
        sysfs: Path = SYSFS,
        make_file: Callable[[str], int] = huge_file,
    ) -> None:
        self._window = window
        self._pagemap = pagemap or Pagemap()
        self._counts = sysfs / "kernel/mm/hugepages/hugepages-2048kB"
        self._make_file = make_file
        #: ``struct iova_map *``, for as long as this object lives.
        self.map: Any = ffi.new("struct iova_map *", (0, window.size // HUGE_PAGE))
        self._common: list[_CommonPage] = []
        self._lock = threading.RLock()

    def take(self, size: int, name: str) -> Piece:
        """Whole pages; raises :class:`ConfigError`, which says what to do, when they are not to be had."""
        size = -(-size // HUGE_PAGE) * HUGE_PAGE
        try:
            fd = self._make_file(name)
        except OSError as error:
            raise ConfigError(f"Cannot have hugepages of 2 MB for {name}: {error.strerror}") from None
        try:
            address = self._map(fd, size, name)
        except ConfigError:
            os.close(fd)
            raise
        return Piece(address, size, fd)

    def carve(self, size: int, name: str) -> Piece:
        """A part of a page; what is longer than one gets whole ones."""
        if size > HUGE_PAGE:
            return self.take(size, name)
        count = -(-size // UNIT)
        with self._lock:
            page = next((page for page in self._common if page.place(count) >= 0), None) or self._another(name)
            piece = Piece(page.address + page.place(count) * UNIT, count * UNIT)
            page.mark(piece.address, piece.size, True)
        ffi.memmove(ffi.cast("uint8_t *", piece.address), bytes(piece.size), piece.size)
        return piece

    def _another(self, name: str) -> _CommonPage:
        whole = self.take(HUGE_PAGE, name)
        os.close(whole.fd)
        self._common.append(_CommonPage(whole.address))
        return self._common[-1]

    def give_back(self, piece: Piece) -> None:
        """Nobody uses it any more."""
        if piece.fd >= 0:
            self._window.unmap(piece.address, piece.size)
            os.close(piece.fd)
            return
        with self._lock:
            page = next(page for page in self._common if 0 <= piece.address - page.address < HUGE_PAGE)
            page.mark(piece.address, piece.size, False)
            if not any(page.units):
                self._common.remove(page)
                self._window.unmap(page.address, HUGE_PAGE)

    def to_iova(self, address: int) -> int:
        """Where the device finds what is at this address in a piece; raises :class:`ConfigError` for any other."""
        if not self._window.holds(address):
            raise ConfigError(f"Devices cannot be told of {address:#x}: it is in no hugepage")
        delta: int = self.map.deltas[self._number(address)]
        return address + delta & MASK

    def _number(self, address: int) -> int:
        return (address - self._window.base) // HUGE_PAGE

    def _map(self, fd: int, size: int, name: str) -> int:
        try:
            os.ftruncate(fd, size)
            address: int = self._window.map(fd, size, in_place=True)
        except OSError as error:
            count = size // HUGE_PAGE
            advice = self._advice(error, count)
            raise ConfigError(f"Cannot have {count} hugepages of 2 MB for {name}: {advice}") from None
        self.map.base = self._window.base
        try:
            for at in range(address, address + size, HUGE_PAGE):
                self._learn(at)
        except ConfigError:
            self._window.unmap(address, size)
            raise
        return address

    def _learn(self, at: int) -> None:
        physical = self._pagemap.physical(at)
        if physical % HUGE_PAGE:
            raise ConfigError(f"The hugepage at {at:#x} is none: it begins at {physical:#x}")
        self.map.deltas[self._number(at)] = (physical - at) & MASK

    def _advice(self, error: OSError, count: int) -> str:
        """How many there are, and how to have more."""
        try:
            total, free, promised = (self._count(name) for name in ("nr", "free", "resv"))
        except (OSError, ValueError):
            return str(error.strerror)
        wanted = max(ENOUGH_PAGES, total - free + promised + count)
        return f"{free - promised} of {total} are free; echo {wanted} > {self._counts / 'nr_hugepages'}"

    def _count(self, name: str) -> int:
        return int((self._counts / f"{name}_hugepages").read_text())
