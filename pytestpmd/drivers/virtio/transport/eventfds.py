"""The eventfds of a device's queues, by which driver and device call each other."""

import os
from contextlib import suppress

from pytestpmd.errors import DeviceError

FLAGS = os.EFD_CLOEXEC | os.EFD_NONBLOCK


class QueueEvents:
    """One to kick and one to be called by for each queue, made when it is asked for, and kept until :meth:`close`."""

    def __init__(self) -> None:
        self._kicks: dict[int, int] = {}
        self._calls: dict[int, int] = {}

    def reserve(self, nb_queues: int) -> None:
        """Make those of the first queues: there may be none to be had later."""
        for index in range(nb_queues):
            self.kick(index)
            self.call(index)

    def kick(self, index: int) -> int:
        """By which the device is told of new buffers."""
        return _made(self._kicks, index)

    def call(self, index: int) -> int:
        """By which the device tells of used buffers."""
        return _made(self._calls, index)

    @staticmethod
    def take(fd: int) -> None:
        """Read one that may be readable, so that it is not."""
        with suppress(BlockingIOError):
            os.eventfd_read(fd)

    def close(self) -> None:
        """Harmless when repeated."""
        for fds in (self._kicks, self._calls):
            while fds:
                with suppress(OSError):
                    os.close(fds.popitem()[1])


def _made(fds: dict[int, int], index: int) -> int:
    if index not in fds:
        try:
            fds[index] = os.eventfd(0, FLAGS)
        except OSError as error:
            raise DeviceError(f"no eventfd for queue {index}: {error.strerror}") from None
    return fds[index]
