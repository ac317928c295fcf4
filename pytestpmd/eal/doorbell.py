"""How a device is told that there is something for it; C does it, whenever a kick is due (``doorbell.h``)."""

from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib


@dataclass(frozen=True)
class Doorbell:
    """What to write, and where. It keeps nothing open and nothing mapped: whoever made the file or the mapping does."""

    kind: int
    fd: int = -1
    where: int = 0
    port: int = 0
    value: int = 0

    @classmethod
    def none(cls) -> "Doorbell":
        """Nobody is told."""
        return cls(lib.DOORBELL_NONE)

    @classmethod
    def eventfd(cls, fd: int) -> "Doorbell":
        """One, to an eventfd; -1 is none."""
        return cls(lib.DOORBELL_EVENTFD, fd) if fd >= 0 else cls.none()

    @classmethod
    def store(cls, address: int, value: int) -> "Doorbell":
        """16 bits to an address of a mapped BAR, behind all that was written to memory before."""
        return cls(lib.DOORBELL_STORE, where=address, value=value)

    @classmethod
    def pwrite(cls, fd: int, offset: int, value: int) -> "Doorbell":
        """16 bits to a file, as sysfs and VFIO have one for a BAR."""
        return cls(lib.DOORBELL_PWRITE, fd, offset, value=value)

    @classmethod
    def out(cls, port: int, value: int, fd: int = -1, offset: int = 0) -> "Doorbell":
        """16 bits to a port (x86); to the file from a thread that may not use ports."""
        return cls(lib.DOORBELL_OUT, fd, offset, port, value)

    def fill(self, struct: Any) -> None:
        """Make a ``struct doorbell *`` this one; lcores may be ringing it."""
        to = ffi.new("struct doorbell *", (self.kind, self.fd, self.where, self.port, self.value))
        lib.doorbell_set(struct, to)
