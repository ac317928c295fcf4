"""The device's side of a split virtqueue in plain Python, read from virtio 1.2, 2.7, and from nothing else.

Lies are told with :meth:`SplitDevice.lie` and :meth:`SplitDevice.publish`, or straight into the memory.
"""

from collections.abc import Sequence

from fakes.guest import GuestMemory
from fakes.net_device import INDIRECT, NEXT, WRITE, Chain, NetDevice, Piece

NO_INTERRUPT = 1  # avail.flags
NO_NOTIFY = 1  # used.flags


class SplitDevice(NetDevice):
    """A device that has the ring at the three addresses; ``start`` is where both indices stand."""

    def __init__(
        self,
        memory: GuestMemory,
        desc: int,
        avail: int,
        used: int,
        size: int,
        *,
        event_idx: bool = False,
        hdr_size: int = 12,
        indirect: bool = True,
        start: int = 0,
    ) -> None:
        super().__init__(memory, size, hdr_size, indirect)
        assert size & (size - 1) == 0
        assert (desc % 16, avail % 2, used % 4) == (0, 0, 0), "virtio 1.2, 2.7: alignment"
        self.desc, self.avail, self.used = desc, avail, used
        self.event_idx = event_idx
        self.seen = self.used_idx = self.shown = start

    # The available ring.

    @property
    def avail_idx(self) -> int:
        return self.memory.u16(self.avail + 2)

    @property
    def avail_flags(self) -> int:
        return self.memory.u16(self.avail)

    def waiting(self) -> int:
        count = (self.avail_idx - self.seen) & 0xFFFF
        assert count <= self.size, "avail.idx ran further than the ring is long"
        return count

    def take(self) -> Chain:
        assert self.waiting()
        head = self.memory.u16(self.avail + 4 + 2 * (self.seen % self.size))
        self.seen = (self.seen + 1) & 0xFFFF
        return self.check(self._walk(head))

    def _walk(self, head: int) -> Chain:
        pieces: list[Piece] = []
        table, entries, index, is_indirect = self.desc, self.size, head, False
        while True:
            assert index < entries, f"descriptor {index} of a table of {entries}"
            piece, flags, following = self.read_piece(table, index)
            assert not flags & ~(NEXT | WRITE | INDIRECT), f"unknown flags {flags:#x}"
            if flags & INDIRECT:
                assert self.may_be_indirect, "2.7.5.3: INDIRECT without the feature"
                assert not is_indirect, "2.7.5.3: INDIRECT inside an indirect table"
                assert not flags & NEXT, "2.7.5.3: INDIRECT together with NEXT"
                assert piece.length % 16 == 0
                assert piece.length, "an indirect table of nothing"
                table, entries, index, is_indirect = piece.address, piece.length // 16, 0, True
                continue
            pieces.append(Piece(piece.address, piece.length, bool(flags & WRITE)))
            assert len(pieces) <= self.size, "2.7.5.3: a chain longer than the ring"
            if not flags & NEXT:
                break
            self.check_next(index, following, entries)
            index = following
        return Chain(head, tuple(pieces), is_indirect)

    def check_next(self, index: int, following: int, entries: int) -> None:
        """What a driver may link."""

    # The used ring.

    def put_used(self, head: int, length: int, *, ahead: int = 0) -> None:
        """Write a used element, any at all, without publishing it."""
        slot = self.used + 4 + 8 * ((self.used_idx + ahead) % self.size)
        self.memory.put_u32(slot, head)
        self.memory.put_u32(slot + 4, length)

    def use(self, chain: Chain, length: int = 0) -> None:
        self.use_together([chain], length)

    def use_together(self, chains: Sequence[Chain], length: int = 0) -> None:
        for chain in chains:
            del self.outstanding[chain.head]
        self.put_used(chains[-1].head, length)
        self.used_idx = (self.used_idx + len(chains)) & 0xFFFF

    def publish(self, used_idx: int | None = None) -> None:
        """Show the driver what was used; or tell it any index."""
        self.shown = self.used_idx if used_idx is None else used_idx
        self.memory.put_u16(self.used + 2, self.shown)

    def show(self, count: int) -> None:
        self.publish((self.shown + count) & 0xFFFF)

    def lie(self, head: int, length: int) -> None:
        self.put_used(head, length)
        self.used_idx = (self.used_idx + 1) & 0xFFFF
        self.publish()

    def scribble(self) -> None:
        """The descriptors."""
        self.memory.write(self.desc, b"\xff" * 16 * self.size)

    def scribble_avail(self) -> None:
        """The available ring, where the driver need not write again what it wrote a lap ago."""
        self.memory.write(self.avail + 4, b"\xff" * 2 * self.size)

    # Who wants to be told what.

    def suppress_kicks(self, suppress: bool) -> None:
        """Without EVENT_IDX (2.7.10)."""
        self.memory.put_u16(self.used, NO_NOTIFY if suppress else 0)

    def want_kick_at(self, index: int) -> None:
        """With EVENT_IDX (2.7.10)."""
        self.memory.put_u16(self.used + 4 + 8 * self.size, index)

    def wants_interrupt(self, count: int) -> bool:
        """2.7.7."""
        if not self.event_idx:
            return not self.avail_flags & NO_INTERRUPT
        event = self.memory.u16(self.avail + 4 + 2 * self.size)
        return event in {(self.used_idx - i) & 0xFFFF for i in range(1, count + 1)}


class InOrderSplitDevice(SplitDevice):
    """The same with IN_ORDER, which asks more of the driver (2.7.5.1)."""

    def check_next(self, index: int, following: int, entries: int) -> None:
        assert following == (index + 1) % entries, "2.7.5.1: with IN_ORDER the next descriptor is the next one"

    def use_together(self, chains: Sequence[Chain], length: int = 0) -> None:
        assert list(self.outstanding)[: len(chains)] == [chain.head for chain in chains], "not in order"
        super().use_together(chains, length)
