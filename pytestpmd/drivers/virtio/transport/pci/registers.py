"""Registers behind a window: each is reached by one access of its own width (virtio 1.2, 4.1.3.1)."""

from dataclasses import dataclass

from pytestpmd.eal.pci.access import Window


@dataclass(frozen=True)
class Register:
    """A number of ``size`` bytes at an offset."""

    offset: int
    size: int

    def read(self, window: Window) -> int:
        return window.read(self.offset, self.size)

    def write(self, window: Window, value: int) -> None:
        window.write(self.offset, self.size, value)


def read_fields(window: Window, offset: int, size: int) -> bytes:
    """A field of two or four bytes by one access, anything else byte by byte; fewer where the window ends."""
    size = max(0, min(size, window.size - offset))
    width = size if size in (2, 4) and offset % size == 0 else 1
    return b"".join(window.read(at, width).to_bytes(width, "little") for at in range(offset, offset + size, width))
