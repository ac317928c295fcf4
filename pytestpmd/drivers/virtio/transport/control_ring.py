"""The control queue as its device goes through it, split or packed, in plain Python.

The ring lies in memory of the driver's, and nothing that it says is believed: every index is compared with the ring's
size, every address with the region, and a chain ends where it would go on for ever.
"""

import mmap
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.eal.memory import Region
from pytestpmd.errors import DeviceError

NEXT, WRITE, INDIRECT = 1, 2, 4
AVAIL, USED = 1 << 7, 1 << 15


class BadRing(DeviceError):
    """What the ring says cannot be."""


@dataclass(frozen=True)
class Piece:
    """One descriptor."""

    address: int
    length: int
    flags: int


class Memory:
    """A region of the driver's, mapped for the device; addresses are the driver's."""

    def __init__(self, region: Region) -> None:
        self._base = region.address
        self._map = mmap.mmap(region.fd, region.offset + region.size)
        self._view = memoryview(self._map)[region.offset :]

    def piece(self, address: int, length: int) -> memoryview:
        """These bytes; :class:`BadRing` when they are not all within the region."""
        offset = address - self._base
        if not 0 <= offset <= len(self._view) - length:
            raise BadRing(f"{length} bytes at {address:#x} are not the control queue's")
        return self._view[offset : offset + length]

    def u16(self, address: int) -> int:
        """A number of two bytes, in one load."""
        return self.piece(address, 2).cast("H")[0]

    def put_u16(self, address: int, value: int) -> None:
        """The same, stored at once."""
        self.piece(address, 2).cast("H")[0] = value & 0xFFFF

    def put_u32(self, address: int, value: int) -> None:
        self.piece(address, 4).cast("I")[0] = value

    def descriptor(self, address: int) -> tuple[int, int, int, int]:
        """Its fields in their order, read once: of a split ring flags come before next, of a packed one id first."""
        return unpack_from("<QIHH", bytes(self.piece(address, 16)))


class Ring(ABC):
    """A ring of either layout, as its device goes through it."""

    def __init__(self, memory: Memory, ring: RingAddresses) -> None:
        self.memory, self.ring = memory, ring

    @abstractmethod
    def next_chain(self) -> list[Piece] | None:
        """The next one that waits, which must then be used; an empty one for a chain that cannot be."""

    @abstractmethod
    def use(self, written: int) -> None:
        """Give the chain back, saying how many bytes were written."""


class SplitRing(Ring):
    """Virtio 1.2, 2.7."""

    def __init__(self, memory: Memory, ring: RingAddresses) -> None:
        super().__init__(memory, ring)
        self._seen = memory.u16(ring.used + 2)
        self._head = 0

    def next_chain(self) -> list[Piece] | None:
        waiting = (self.memory.u16(self.ring.avail + 2) - self._seen) & 0xFFFF
        if waiting == 0:
            return None
        if waiting > self.ring.size:
            raise BadRing("avail.idx moved further than the ring is long")
        self._head = self.memory.u16(self.ring.avail + 4 + 2 * (self._seen % self.ring.size))
        if self._head >= self.ring.size:
            raise BadRing(f"descriptor {self._head} of {self.ring.size}")
        return list(self._walk())

    def _walk(self) -> Iterator[Piece]:
        """Down the chain; it ends early where it leaves the ring or goes on for ever, and nobody will like it."""
        index = self._head
        for _ in range(self.ring.size):
            if index >= self.ring.size:
                return
            address, length, flags, index = self.memory.descriptor(self.ring.desc + 16 * index)
            yield Piece(address, length, flags)
            if not flags & NEXT:
                return

    def use(self, written: int) -> None:
        element = self.ring.used + 4 + 8 * (self._seen % self.ring.size)
        self.memory.put_u32(element, self._head)
        self.memory.put_u32(element + 4, written)
        self._seen = (self._seen + 1) & 0xFFFF
        self.memory.put_u16(self.ring.used + 2, self._seen)


class PackedRing(Ring):
    """Virtio 1.2, 2.8."""

    def __init__(self, memory: Memory, ring: RingAddresses) -> None:
        super().__init__(memory, ring)
        self._place, self._wrap = 0, True
        self._id = self._taken = 0

    def next_chain(self) -> list[Piece] | None:
        if not self._is_available(self._place, self._wrap):
            return None
        chain: list[Piece] = []
        for i in range(self.ring.size):
            address, length, self._id, flags = self.memory.descriptor(self._slot(self._place + i))
            chain.append(Piece(address, length, flags & ~(AVAIL | USED)))
            if not flags & NEXT:
                break
        self._taken = len(chain)
        return chain

    def _slot(self, place: int) -> int:
        return self.ring.desc + 16 * (place % self.ring.size)

    def _is_available(self, place: int, wrap: bool) -> bool:
        flags = self.memory.u16(self._slot(place) + 14)
        return bool(flags & AVAIL) == wrap and bool(flags & USED) != wrap

    def use(self, written: int) -> None:
        slot = self._slot(self._place)
        self.memory.put_u32(slot + 8, written)
        self.memory.put_u16(slot + 12, self._id)
        flags = (AVAIL | USED if self._wrap else 0) | (WRITE if written else 0)
        self._place += self._taken
        if self._place >= self.ring.size:
            self._place, self._wrap = self._place - self.ring.size, not self._wrap
        self.memory.put_u16(slot + 14, flags)
