"""The driver's side of a split virtqueue in plain Python, read from virtio 1.2, 2.7 and 5.1.6 and from nothing else.

It lays out descriptors as it is told, sensible or not. What it gets back is checked: only what was offered may be
used, no more often than it was, and nothing may be written into the parts of the ring that are the driver's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fakes.guest import GuestMemory

NEXT, WRITE, INDIRECT = 1, 2, 4
NO_INTERRUPT = 1


@dataclass(frozen=True)
class Desc:
    """One descriptor's buffer; flags besides NEXT are the caller's."""

    address: int
    length: int
    flags: int = 0


@dataclass(frozen=True)
class Used:
    """One element of the used ring."""

    head: int
    length: int


class SplitDriver:
    """A driver whose ring is at the three addresses; ``start`` is where both indices stand."""

    def __init__(
        self,
        memory: GuestMemory,
        desc: int,
        avail: int,
        used: int,
        size: int,
        *,
        hdr_size: int = 12,
        start: int = 0,
    ) -> None:
        self.memory, self.desc, self.avail, self.used, self.size = memory, desc, avail, used, size
        self.hdr_size = hdr_size
        self.avail_idx = start
        self.seen = start
        self.free = list(range(size))
        self.chains: dict[int, list[int]] = {}
        memory.write(desc, bytes(16 * size))
        memory.write(avail, bytes(6 + 2 * size))
        memory.write(used, bytes(6 + 8 * size))
        memory.put_u16(avail + 2, start)
        memory.put_u16(used + 2, start)

    #: Where the device goes on, as DPDK's front-end tells it whatever the ring says.
    base = 0

    # Offering.

    def write_desc(self, table: int, index: int, desc: Desc, following: int | None) -> None:
        flags = desc.flags | (NEXT if following is not None else 0)
        raw = desc.address.to_bytes(8, "little") + desc.length.to_bytes(4, "little")
        self.memory.write(
            table + 16 * index, raw + flags.to_bytes(2, "little") + (following or 0).to_bytes(2, "little")
        )

    def chain(self, descs: Sequence[Desc]) -> int:
        """Link these into a chain of the ring: its head, not yet offered."""
        ids = [self.free.pop(0) for _ in descs]
        for position, (index, desc) in enumerate(zip(ids, descs, strict=True)):
            self.write_desc(self.desc, index, desc, ids[position + 1] if position + 1 < len(ids) else None)
        self.chains[ids[0]] = ids
        return ids[0]

    def table(self, address: int, descs: Sequence[Desc], flags: int = 0) -> Desc:
        """Write an indirect table of these at ``address``: the descriptor that refers to it."""
        for position, desc in enumerate(descs):
            self.write_desc(address, position, desc, position + 1 if position + 1 < len(descs) else None)
        return Desc(address, 16 * len(descs), INDIRECT | flags)

    def offer(self, *heads: int) -> None:
        """Publish these heads."""
        for head in heads:
            self.memory.put_u16(self.avail + 4 + 2 * (self.avail_idx % self.size), head)
            self.avail_idx = (self.avail_idx + 1) & 0xFFFF
        self.publish()

    def publish(self, avail_idx: int | None = None) -> None:
        """Tell the device the index; or any other."""
        self.memory.put_u16(self.avail + 2, self.avail_idx if avail_idx is None else avail_idx)

    # What comes back.

    @property
    def nb_free(self) -> int:
        """Descriptors that are not outstanding."""
        return len(self.free)

    def unreaped(self) -> int:
        """How many chains were used and not reaped."""
        return (self.used_idx - self.seen) & 0xFFFF

    @property
    def used_idx(self) -> int:
        return self.memory.u16(self.used + 2)

    def element(self, index: int) -> Used:
        raw = self.memory.read(self.used + 4 + 8 * (index % self.size), 8)
        return Used(int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:], "little"))

    def reap(self, limit: int | None = None) -> list[Used]:
        """The new used elements; their descriptors are free again."""
        new: list[Used] = []
        while self.seen != self.used_idx and len(new) != limit:
            element = self.element(self.seen)
            self.seen = (self.seen + 1) & 0xFFFF
            assert element.head in self.chains, f"{element} was not offered, or is used twice"
            self.free += self.chains.pop(element.head)
            new.append(element)
            assert len(new) <= self.size, "used.idx ran further than the ring is long"
        return new

    def own_parts(self) -> bytes:
        """The descriptor table and the available ring, which the device must not write."""
        return self.memory.read(self.desc, 16 * self.size) + self.memory.read(self.avail, 6 + 2 * self.size)

    # Who wants to be told what.

    def suppress_calls(self, suppress: bool) -> None:
        """Without EVENT_IDX (2.7.7)."""
        self.memory.put_u16(self.avail, NO_INTERRUPT if suppress else 0)

    def want_call_at(self, used_idx: int) -> None:
        """With EVENT_IDX: when the device has filled the entry of this index (2.7.7)."""
        self.memory.put_u16(self.avail + 4 + 2 * self.size, used_idx)

    def wants_kick(self) -> bool:
        """Whether the device asked to hear of anything at all, without EVENT_IDX (2.7.10)."""
        return self.used_flags == 0

    @property
    def used_flags(self) -> int:
        return self.memory.u16(self.used)

    def avail_event(self) -> int:
        return self.memory.u16(self.used + 4 + 8 * self.size)
