"""The dirty log of a live migration: a bit for each page of the guest's memory, in a file that the front-end shares.

What the data plane writes it marks there (``track.h``); the front-end takes the marks away and copies the pages.
"""

import os
from typing import Any, Final

from pytestpmd.drivers.vhost.mapping import Mapping
from pytestpmd.eal.memory import Arena
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user.messages import SetLogBase

#: Bytes of a log of as much memory as we would map, and of the file that it lies in.
MAX_LOG: Final = 1 << 30


class DirtyLog:
    """The log that a SET_LOG_BASE brought; ``ptr`` is the ``struct vhost_log``. The fd is closed here.

    A log that is smaller than the guest's memory is accepted: pages beyond its end are not marked. Raises
    :class:`DeviceError` when it cannot be mapped.
    """

    def __init__(self, message: SetLogBase) -> None:
        self.size = message.size
        self._arena = Arena(4096, name="a dirty log")
        self.ptr: Any = self._arena.struct("struct vhost_log")
        try:
            if message.offset + message.size > MAX_LOG:
                raise DeviceError(f"a dirty log that ends at {message.offset + message.size:#x} is too long")
            dead = self._arena.struct("uint32_t")
            self._mapping = Mapping(message.fd, message.offset, message.size, dead, "the dirty log")
        finally:
            os.close(message.fd)
        self._dead = dead
        self.ptr.bits, self.ptr.size = self._mapping.host, message.size

    @property
    def is_dead(self) -> bool:
        """Whether its file lost pages under us."""
        return bool(self._dead[0])

    def close(self) -> None:
        """Unmap it; no lcore may use it."""
        self.ptr.size = 0
        self._mapping.close()
