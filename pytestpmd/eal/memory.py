"""Memory that C works in: an arena is one mapping, carved into aligned blocks.

Nothing that the data plane writes comes from ``ffi.new``, whose blocks are aligned to 16 bytes whatever the type says.
A shared arena is a memfd that a back-end may map: it holds rings and packet buffers and nothing else, and is sealed, so
that nobody can shrink it under an lcore. All the rest lives in private arenas. Neither needs root or hugetlbfs.
"""

import fcntl
import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi
from pytestpmd.errors import TestpmdError

CACHE_LINE = 64
PAGE = mmap.PAGESIZE
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@dataclass(frozen=True)
class Region:
    """A piece of memory to share with a back-end: where it is here, and which file holds it from ``offset`` on."""

    address: int
    size: int
    fd: int
    offset: int = 0


class Arena:
    """One mapping of ``size`` bytes (rounded up to pages), zeroed; unmapped when nobody holds the arena any more.

    A block keeps nothing alive, in Python as little as in a C struct: whoever keeps one keeps the arena.
    """

    def __init__(self, size: int, *, shared: bool = False, name: str = "pytestpmd") -> None:
        self.size = -(-max(size, 1) // PAGE) * PAGE
        self.fd = -1
        try:
            self._map = self._share(name) if shared else mmap.mmap(-1, self.size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError as error:
            raise TestpmdError(f"Cannot map {self.size} bytes of memory for {name}: {error.strerror}") from None
        with suppress(OSError):  # a kernel without transparent huge pages
            self._map.madvise(mmap.MADV_HUGEPAGE)
        self._memory = ffi.from_buffer("uint8_t[]", self._map)
        self.address = int(ffi.cast("uintptr_t", self._memory))
        self._used = 0

    def _share(self, name: str) -> mmap.mmap:
        self.fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, self.size)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
        return mmap.mmap(self.fd, self.size, mmap.MAP_SHARED)

    def __del__(self) -> None:
        if getattr(self, "fd", -1) >= 0:
            os.close(self.fd)

    def alloc(self, size: int, align: int = CACHE_LINE) -> Any:
        """A zeroed block, as ``uint8_t *``. Blocks are not given back one by one: the arena is, as a whole."""
        start = -(-self._used // align) * align
        if start + size > self.size:
            raise TestpmdError(f"Out of memory: {size} bytes asked of an arena of {self.size}")
        self._used = start + size
        return self._memory + start

    def struct(self, kind: str, count: int = 1) -> Any:
        """``count`` zeroed structs of that C type, on a line of their own, as a pointer to the first."""
        return ffi.cast(f"{kind} *", self.alloc(ffi.sizeof(kind) * count))

    def region(self) -> Region:
        """What a back-end needs to map a shared arena."""
        return Region(self.address, self.size, self.fd)


def address_of(pointer: Any) -> int:
    """A C pointer as a number."""
    return int(ffi.cast("uintptr_t", pointer))
