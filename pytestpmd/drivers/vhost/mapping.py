"""A file of the front-end's, mapped here, and guarded against the day that it shrinks."""

import mmap
import os
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import PAGE
from pytestpmd.errors import DeviceError


class Mapping:
    """``size`` bytes of a file from ``offset`` on; ``host`` is where they begin here.

    It is mapped from its beginning, because the offset need not be that of a page. The flag ``dead`` (a
    ``uint32_t *``) is set when the file loses pages under us. The fd stays the caller's. Raises :class:`DeviceError`,
    which says ``what`` cannot be mapped.
    """

    def __init__(self, fd: int, offset: int, size: int, dead: Any, what: str) -> None:
        page_size = _page_size(fd)
        whole = -(-(offset + size) // page_size) * page_size
        try:
            self._file = mmap.mmap(fd, offset + size if page_size == PAGE else whole, mmap.MAP_SHARED)
        except (OSError, ValueError, OverflowError) as error:
            raise DeviceError(f"cannot map {what}: {error}") from None
        self._view = ffi.from_buffer("uint8_t[]", self._file)
        self._guard = lib.sigbus_guard(self._view, whole, page_size, dead)
        if self._guard < 0:
            self._unmap()
            raise DeviceError(f"cannot guard {what}: too many regions")
        self.host: Any = self._view + offset

    def close(self) -> None:
        """Let go of it; no lcore may use it."""
        lib.sigbus_unguard(self._guard)
        self._unmap()

    def _unmap(self) -> None:
        ffi.release(self._view)
        self._file.close()


def _page_size(fd: int) -> int:
    """In what sizes a file can be mapped: of hugetlbfs in huge pages alone, which are its blocks.

    Other file systems may have large blocks too, tmpfs on huge pages for one; their files need not be whole blocks.
    """
    stat = os.fstat(fd)
    block = stat.st_blksize
    return block if block >= PAGE and block % PAGE == 0 and stat.st_size % block == 0 else PAGE
