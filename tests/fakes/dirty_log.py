"""A dirty log as a front-end that migrates its guest keeps it, and the bytes that were really written to hold it
against (vhost-user, "Migration")."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack

from fakes.vhost_frontend import GUEST, FakeFrontend, R

PAGE = 4096
LOG_ALL = 1 << 26
VRING_F_LOG = 1


class LogFile:
    """``size`` bytes of log at ``offset`` of a file; by default one for all of the front-end's memory."""

    def __init__(self, front: FakeFrontend, size: int | None = None, offset: int = 0) -> None:
        self.front = front
        self.size = (GUEST + front.room) // PAGE // 8 if size is None else size
        self.offset = offset
        self.fd = os.memfd_create("log", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, offset + self.size)
        self._map = mmap.mmap(self.fd, offset + self.size)

    def close(self) -> None:
        self._map.close()
        os.close(self.fd)

    def give(self) -> None:
        """SET_LOG_BASE, which has an answer with nothing in it."""
        self.front.send(R.SET_LOG_BASE, pack("=QQ", self.size, self.offset), [self.fd])
        assert self.front.answer(R.SET_LOG_BASE) == b""

    def take(self) -> set[int]:
        """The pages that are marked; they are no longer."""
        begin = self.offset
        found = {
            8 * (at - begin) + bit
            for at in range(begin, begin + self.size)
            if (byte := self._map[at])
            for bit in range(8)
            if byte >> bit & 1
        }
        self._map[begin : begin + self.size] = bytes(self.size)
        return found


def switch_on(front: FakeFrontend, on: bool = True, ring_flags: int = VRING_F_LOG) -> None:
    """As QEMU does while the rings run: the feature, then each ring's place with the flag."""
    front.features = front.features | LOG_ALL if on else front.features & ~LOG_ALL
    front.set_features()
    for ring in front.rings:
        flags = ring_flags if on else 0
        front.send(R.SET_VRING_ADDR, front.vring_addr(ring, flags=flags, log=ring.driver.used))
    front.sync()


def pages(address: int, length: int) -> set[int]:
    """Those that these bytes lie in."""
    return set(range(address // PAGE, (address + length - 1) // PAGE + 1)) if length else set()


def content(front: FakeFrontend) -> bytes:
    return front.memory.read(GUEST, front.room)


def changed(front: FakeFrontend, before: bytes) -> set[int]:
    """The pages that differ from what :func:`content` said."""
    now = content(front)
    return {(GUEST + at) // PAGE for at in range(0, front.room, PAGE) if before[at : at + PAGE] != now[at : at + PAGE]}


@contextmanager
def log_file(front: FakeFrontend, size: int | None = None, offset: int = 0) -> Iterator[LogFile]:
    """A log that is given back at the end."""
    made = LogFile(front, size, offset)
    try:
        yield made
    finally:
        made.close()
