"""A file that is mapped here, and guarded against the day that its pages are taken away from under us.

That is what happens to a front-end's memory when its file shrinks, and to a BAR when its device is unplugged.
"""

import mmap
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import PAGE
from pytestpmd.errors import DeviceError


class Mapping:
    """``size`` bytes of a file from ``offset`` on, which is that of a page; ``host`` is where they begin here.

    The flag ``dead`` (a ``uint32_t *``) is set when pages of ``page_size`` are lost under us: zeros take their place.
    The fd stays the caller's. Raises :class:`DeviceError`, which says ``what`` cannot be mapped.
    """

    def __init__(self, fd: int, size: int, dead: Any, what: str, *, offset: int = 0, page_size: int = PAGE) -> None:
        try:
            self._file = mmap.mmap(fd, size, mmap.MAP_SHARED, offset=offset)
        except (OSError, ValueError, OverflowError) as error:
            raise DeviceError(f"cannot map {what}: {error}") from None
        self.host: Any = ffi.from_buffer("uint8_t[]", self._file)
        self._dead = dead
        self._guard = lib.sigbus_guard(self.host, -(-size // page_size) * page_size, page_size, dead)
        if self._guard < 0:
            self._unmap()
            raise DeviceError(f"cannot guard {what}: too many regions")

    def close(self) -> None:
        """Let go of it; no lcore may use it."""
        lib.sigbus_unguard(self._guard)
        self._unmap()

    def _unmap(self) -> None:
        ffi.release(self.host)
        self._file.close()
