"""Memory that C works in: an arena is one mapping, carved into aligned blocks.

Nothing that the data plane writes comes from ``ffi.new``, whose blocks are aligned to 16 bytes whatever the type says.
A shared arena is a memfd that a back-end may map: it holds rings and packet buffers and nothing else, and is sealed, so
that nobody can shrink it under an lcore. All the rest lives in private arenas. Neither needs root or hugetlbfs, unless
devices without an IOMMU are to be told of it (``hugepages.py``).
"""

import fcntl
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

from pytestpmd._dataplane import ffi
from pytestpmd.eal.hugepages import HUGE_PAGE, Piece
from pytestpmd.eal.iova import IovaMode, device_memory, iova_mode, stretches
from pytestpmd.eal.window import Window
from pytestpmd.errors import ConfigError, TestpmdError

CACHE_LINE = 64
PAGE = mmap.PAGESIZE
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class MemoryLimit(TestpmdError):
    """There is to be no more memory for packets."""


class _BusMemory:
    """How much there is, and the most that there may be, in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.most: int | None = None

    def add(self, size: int, name: str) -> None:
        """Count memory that is about to be taken; raises :class:`MemoryLimit`."""
        if self.most is not None and size > 0 and self.size + size > self.most:
            raise MemoryLimit(
                f"Cannot map {size} bytes of memory for {name}: --numa-limit leaves {self.most - self.size}"
            )
        self.size += size


_BUS_MEMORY = _BusMemory()


def limit_bus_memory(most_mb: int | None) -> None:
    """Have no more memory than this for packets and rings, in megabytes; None for as much as there is."""
    _BUS_MEMORY.most = None if most_mb is None else most_mb << 20


@dataclass(frozen=True)
class Region:
    """A piece of memory to share with a back-end: where it is here, and which file holds it from ``offset`` on."""

    address: int
    size: int
    fd: int
    offset: int = 0


@dataclass(frozen=True)
class Segment:
    """A stretch of memory: where it is to us and to devices, its bytes, and those of a page of it."""

    address: int
    iova: int
    size: int
    page: int


class Arena:
    """One mapping of ``size`` bytes (rounded up to pages), zeroed; unmapped when nobody holds the arena any more.

    A ``shared`` one has a file that a back-end may map; of one for the ``bus``, devices may be told the addresses
    (:func:`~.iova.to_iova`). In mode PA that one begins with a page of 2 MB, or lies in one.

    A block keeps nothing alive, in Python as little as in a C struct: whoever keeps one keeps the arena.
    """

    def __init__(self, size: int, *, shared: bool = False, bus: bool = False, name: str = "pytestpmd") -> None:
        size = -(-max(size, 1) // PAGE) * PAGE
        self._counted = size if bus else 0
        _BUS_MEMORY.add(self._counted, name)
        try:
            piece, self._give_back = _take(size, shared, bus, name)
        except OSError as error:
            _BUS_MEMORY.add(-self._counted, name)
            raise TestpmdError(f"Cannot map {size} bytes of memory for {name}: {error.strerror}") from None
        self.name = name
        self.address, self.size, self.fd = piece.address, piece.size, piece.fd
        self._memory = ffi.cast("uint8_t *", piece.address)
        self._used = self.nb_blocks = 0
        self._is_bus = bus
        _ARENAS[next(_NUMBERS)] = self

    def __del__(self) -> None:
        if hasattr(self, "_give_back"):
            self._give_back()
            _BUS_MEMORY.add(-self._counted, "")

    def alloc(self, size: int, align: int = CACHE_LINE) -> Any:
        """A zeroed block, as ``uint8_t *``. Blocks are not given back one by one: the arena is, as a whole."""
        start = -(-self._used // align) * align
        if start + size > self.size:
            raise TestpmdError(f"Out of memory: {size} bytes asked of an arena of {self.size}")
        self._used = start + size
        self.nb_blocks += 1
        return self._memory + start

    @property
    def used(self) -> int:
        """Bytes up to the end of the last block."""
        return self._used

    def segments(self) -> list[Segment]:
        """What the arena is made of, as devices see it; what they are never told of is in one piece."""
        if not self._is_bus:
            return [Segment(self.address, self.address, self.size, PAGE)]
        grain = HUGE_PAGE if iova_mode() is IovaMode.PA else PAGE
        return [Segment(at, iova, size, grain) for iova, size, at in stretches(self.address, self.size)]

    def struct(self, kind: str, count: int = 1) -> Any:
        """``count`` zeroed structs of that C type, on a line of their own, as a pointer to the first."""
        return ffi.cast(f"{kind} *", self.alloc(ffi.sizeof(kind) * count))

    def region(self) -> Region:
        """What a back-end needs to map a shared arena."""
        return Region(self.address, self.size, self.fd)


_NUMBERS = count()
#: Every arena that somebody holds.
_ARENAS: WeakValueDictionary[int, Arena] = WeakValueDictionary()


def arenas() -> list[Arena]:
    """All the memory that C works in, by address; any thread may ask."""
    held = (ref() for ref in _ARENAS.valuerefs())
    return sorted((arena for arena in held if arena), key=lambda arena: arena.address)


def _take(size: int, shared: bool, bus: bool, name: str) -> tuple[Piece, Callable[[], None]]:
    """Memory of that kind, and what gives it back."""
    if not (shared or bus):
        return _map(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    window, pages = device_memory() if bus else (None, None)
    if pages:
        piece = pages.take(size, name) if shared else pages.carve(size, name)
        if piece.fd >= 0:
            fcntl.fcntl(piece.fd, fcntl.F_ADD_SEALS, _SEALS)
        return piece, partial(pages.give_back, piece)
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        return _map_low(window, fd, size) if window else _map(fd, size, mmap.MAP_SHARED)
    except OSError:
        os.close(fd)
        raise


def _map(fd: int, size: int, flags: int) -> tuple[Piece, Callable[[], None]]:
    """Anywhere."""
    mapped = mmap.mmap(fd, size, flags)
    with suppress(OSError):  # a kernel without transparent huge pages
        mapped.madvise(mmap.MADV_HUGEPAGE)

    def give_back() -> None:
        mapped.close()
        if fd >= 0:
            os.close(fd)

    with memoryview(mapped) as view:
        return Piece(address_of(ffi.from_buffer(view)), size, fd), give_back


def _map_low(window: Window, fd: int, size: int) -> tuple[Piece, Callable[[], None]]:
    """In the window; elsewhere if there is no room in it."""
    try:
        address = window.map(fd, size)
    except ConfigError:
        return _map(fd, size, mmap.MAP_SHARED)

    def give_back() -> None:
        window.unmap(address, size)
        os.close(fd)

    return Piece(address, size, fd), give_back


def address_of(pointer: Any) -> int:
    """A C pointer as a number."""
    return int(ffi.cast("uintptr_t", pointer))
