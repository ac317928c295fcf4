"""A file of the front-end's, mapped here, and guarded against the day that it shrinks."""

import os
from typing import Any

from pytestpmd.eal.mapping import Mapping as FileMapping
from pytestpmd.eal.memory import PAGE


class Mapping:
    """``size`` bytes of a file from ``offset`` on; ``host`` is where they begin here.

    It is mapped from its beginning, because the offset need not be that of a page. The flag ``dead`` (a
    ``uint32_t *``) is set when the file loses pages under us. The fd stays the caller's. Raises :class:`DeviceError`,
    which says ``what`` cannot be mapped.
    """

    def __init__(self, fd: int, offset: int, size: int, dead: Any, what: str) -> None:
        page_size = _page_size(fd)
        whole = -(-(offset + size) // page_size) * page_size
        self._file = FileMapping(fd, offset + size if page_size == PAGE else whole, dead, what, page_size=page_size)
        self.host: Any = self._file.host + offset

    def close(self) -> None:
        """Let go of it; no lcore may use it."""
        self._file.close()


def _page_size(fd: int) -> int:
    """In what sizes a file can be mapped: of hugetlbfs in huge pages alone, which are its blocks.

    Other file systems may have large blocks too, tmpfs on huge pages for one; their files need not be whole blocks.
    """
    stat = os.fstat(fd)
    block = stat.st_blksize
    return block if block >= PAGE and block % PAGE == 0 and stat.st_size % block == 0 else PAGE
