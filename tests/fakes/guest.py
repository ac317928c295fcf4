"""Memory that both ends of a ring reach, as the far end sees it: bytes at guest addresses, in regions.

The blocks here lie between pages that nobody may touch, so that a byte too far ends the test run instead of going
unnoticed. Whatever the far end is told to reach outside of its regions raises :class:`OutsideMemory`.
"""

import ctypes
import mmap
import os
from collections.abc import Iterable
from typing import Any

from pytestpmd._dataplane import ffi
from pytestpmd.eal.memory import Arena, address_of

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)


PROT_NONE = 0


class OutsideMemory(AssertionError):
    """An address that no region holds."""


def protect(page: int, access: int) -> None:
    """Let the page at this address be read, written, or neither (``mmap.PROT_READ`` and so on)."""
    if _libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), access):
        raise OSError(ctypes.get_errno(), "mprotect")


class Guarded:
    """``size`` bytes, rounded up to pages, with an untouchable page on either side."""

    def __init__(self, size: int) -> None:
        self.size = -(-size // PAGE) * PAGE
        self._map = mmap.mmap(-1, self.size + 2 * PAGE)
        self._all = ffi.from_buffer("uint8_t[]", self._map)
        self.host = self._all + PAGE
        self.view = memoryview(self._map)[PAGE : PAGE + self.size]
        for edge in (self._all, self._all + PAGE + self.size):
            protect(address_of(edge), PROT_NONE)

    def tail(self, kind: str, count: int = 1) -> Any:
        """``count`` of that C type, as near to the end as alignment lets them be, as a pointer to the first."""
        align = ffi.alignof(kind)
        return ffi.cast(f"{kind} *", self.host + (self.size - ffi.sizeof(kind) * count) // align * align)

    def region(self) -> tuple[int, memoryview]:
        """The block as a region at its own address."""
        return address_of(self.host), self.view


class Shrinkable:
    """``size`` bytes of a file that its other owner can cut off at any time."""

    def __init__(self, size: int) -> None:
        self.size = -(-size // PAGE) * PAGE
        self.fd = os.memfd_create("shrinkable")
        os.ftruncate(self.fd, self.size)
        self._map = mmap.mmap(self.fd, self.size, mmap.MAP_SHARED)
        self.host: Any = ffi.from_buffer("uint8_t[]", self._map)
        self.view = memoryview(self._map)
        self._flag = Arena(64)
        self.dead = self._flag.struct("uint32_t")

    def shrink(self, size: int) -> None:
        os.ftruncate(self.fd, size)

    def close(self) -> None:
        os.close(self.fd)


class GuestMemory:
    """Regions as ``(guest address, bytes)``. Numbers are little endian; a 16-bit store is one store, never bytes."""

    def __init__(self, regions: Iterable[tuple[int, memoryview]]) -> None:
        self.regions = [(address, view.cast("B")) for address, view in regions]

    def piece(self, address: int, length: int) -> memoryview:
        """The ``length`` bytes at ``address``, which one region must hold."""
        for start, view in self.regions:
            if start <= address and address + length <= start + len(view):
                return view[address - start : address - start + length]
        raise OutsideMemory(f"{length} bytes at {address:#x}")

    def read(self, address: int, length: int) -> bytes:
        return bytes(self.piece(address, length))

    def write(self, address: int, data: bytes) -> None:
        self.piece(address, len(data))[:] = data

    def u16(self, address: int) -> int:
        return self.piece(address, 2).cast("H")[0]

    def put_u16(self, address: int, value: int) -> None:
        self.piece(address, 2).cast("H")[0] = value & 0xFFFF

    def put_u32(self, address: int, value: int) -> None:
        self.piece(address, 4).cast("I")[0] = value


def view_of(arena: Any) -> tuple[int, memoryview]:
    """An arena as a region at its own address, which is how virtio-user numbers guest memory."""
    return arena.address, memoryview(ffi.buffer(ffi.cast("uint8_t *", arena.address), arena.size))
