"""The device's side of a packed virtqueue in plain Python, read from virtio 1.2, 2.8, and from nothing else.

Places are counted from the ring's beginning on for ever: ``place // size`` is the lap, whose parity is the wrap
counter, 1 on the first. Lies are told with :meth:`PackedDevice.lie`, or straight into the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fakes.guest import GuestMemory
from fakes.net_device import INDIRECT, NEXT, WRITE, Chain, NetDevice, Piece

AVAIL, USED = 1 << 7, 1 << 15
ENABLE, DISABLE, DESC = 0, 1, 2  # event flags


def wrap_counter(place: int, size: int) -> int:
    """What it is when the place counted so comes by (2.8.1)."""
    return 1 - place // size % 2


def avail_bits(wrap: int) -> int:
    """As the driver marks a descriptor: AVAIL like the wrap counter, USED unlike it."""
    return AVAIL if wrap else USED


def used_bits(wrap: int) -> int:
    """As the device marks it: both like the wrap counter."""
    return AVAIL | USED if wrap else 0


def off_wrap(place: int, size: int) -> int:
    """A place as the event areas and vhost-user name it: its offset, and the wrap counter in bit 15."""
    return place % size | wrap_counter(place, size) << 15


@dataclass(frozen=True)
class Told:
    """A used descriptor that is to be written."""

    place: int
    id: int
    length: int


class PackedDevice(NetDevice):
    """A device that has the ring at the three addresses; ``start`` is the place where both sides stand."""

    def __init__(
        self,
        memory: GuestMemory,
        desc: int,
        driver_event: int,
        device_event: int,
        size: int,
        *,
        event_idx: bool = False,
        hdr_size: int = 12,
        indirect: bool = True,
        start: int = 0,
    ) -> None:
        super().__init__(memory, size, hdr_size, indirect)
        assert (desc % 16, driver_event % 4, device_event % 4) == (0, 0, 0), "virtio 1.2, 2.8.10.1: alignment"
        self.desc, self.driver_event, self.device_event = desc, driver_event, device_event
        self.event_idx = event_idx
        self.seen = self.used = start
        self.told: list[Told] = []

    def slot(self, place: int) -> int:
        """Where the descriptor lies."""
        return self.desc + 16 * (place % self.size)

    def flags(self, place: int) -> int:
        return self.memory.u16(self.slot(place) + 14)

    # Available descriptors.

    def is_available(self, place: int) -> bool:
        return self.flags(place) & (AVAIL | USED) == avail_bits(wrap_counter(place, self.size))

    def waiting(self) -> int:
        count, place = 0, self.seen
        while place < self.used + self.size and self.is_available(place):
            place += self._nb_places(place)
            count += 1
        return count

    def _nb_places(self, place: int) -> int:
        """How many the list takes that begins here: once its first descriptor is available, all of it is (2.8.17)."""
        count = 1
        while self.flags(place + count - 1) & NEXT:
            count += 1
            assert count <= self.size, "2.8.17: a list longer than the ring"
            assert self.is_available(place + count - 1), "2.8.17: the first of a list is available before the rest"
        assert place + count <= self.used + self.size, "the driver overwrites what was not given back"
        return count

    def take(self) -> Chain:
        assert self.is_available(self.seen)
        count = self._nb_places(self.seen)
        descs = [self.read_piece(self.desc, (self.seen + i) % self.size) for i in range(count)]
        self.seen += count
        assert all(not flags & ~(NEXT | WRITE | INDIRECT | AVAIL | USED) for _, _, flags in descs), "unknown flags"
        _, buffer_id, flags = descs[-1]
        if flags & INDIRECT:
            assert count == 1, "2.8.19: INDIRECT in a list that NEXT links"
            return self.check(Chain(buffer_id, self._table(descs[0][0]), True))
        assert not any(flags & INDIRECT for _, _, flags in descs), "2.8.19: INDIRECT in a list that NEXT links"
        pieces = tuple(Piece(piece.address, piece.length, bool(flags & WRITE)) for piece, _, flags in descs)
        return self.check(Chain(buffer_id, pieces, False, count))

    def _table(self, table: Piece) -> tuple[Piece, ...]:
        assert self.may_be_indirect, "2.8.19: INDIRECT without the feature"
        assert table.length, "an indirect table of nothing"
        assert table.length % 16 == 0
        descs = [self.read_piece(table.address, i) for i in range(table.length // 16)]
        assert not any(flags & ~WRITE for _, _, flags in descs), "2.8.19: only WRITE in an indirect table"
        return tuple(Piece(piece.address, piece.length, bool(flags & WRITE)) for piece, _, flags in descs)

    # Used descriptors.

    def use(self, chain: Chain, length: int = 0) -> None:
        self.use_together([chain], length)

    def use_together(self, chains: Sequence[Chain], length: int = 0) -> None:
        for chain in chains:
            del self.outstanding[chain.head]
        self.told.append(Told(self.used, chains[-1].head, length))
        self.used += sum(chain.nb_places for chain in chains)

    def write_used(self, told: Told) -> None:
        """The flags last, in a store of their own (2.8.22)."""
        slot, wrote = self.slot(told.place), WRITE if told.length else 0
        self.memory.put_u32(slot + 8, told.length)
        self.memory.put_u16(slot + 12, told.id)
        self.memory.put_u16(slot + 14, used_bits(wrap_counter(told.place, self.size)) | wrote)

    def publish(self) -> None:
        """The first one last: the driver sees all of them, or none (2.8.9)."""
        for told in reversed(self.told):
            self.write_used(told)
        self.told.clear()

    def show(self, count: int) -> None:
        for told in self.told[:count]:
            self.write_used(told)
        del self.told[:count]

    def lie(self, head: int, length: int) -> None:
        self.told.append(Told(self.used, head, length))
        self.used += 1
        self.seen = max(self.seen, self.used)  # what is overwritten can be taken no more
        self.publish()

    def scribble(self) -> None:
        """Everything but the flags, which say whose a descriptor is."""
        for place in range(self.size):
            self.memory.write(self.slot(place), b"\xff" * 14)

    # Who wants to be told what (2.8.10).

    def write_event(self, flags: int, index: int = 0) -> None:
        self.memory.put_u16(self.device_event, off_wrap(index, self.size))
        self.memory.put_u16(self.device_event + 2, flags)

    def suppress_kicks(self, suppress: bool) -> None:
        self.write_event(DISABLE if suppress else ENABLE)

    def want_kick_at(self, index: int) -> None:
        self.write_event(DESC, index)

    def wants_interrupt(self, count: int) -> bool:
        event, flags = self.memory.u16(self.driver_event), self.memory.u16(self.driver_event + 2)
        assert flags in (ENABLE, DISABLE, DESC) if self.event_idx else flags in (ENABLE, DISABLE)
        if flags != DESC:
            return flags == ENABLE
        return event in {off_wrap(self.used - i, self.size) for i in range(1, count + 1)}


class InOrderPackedDevice(PackedDevice):
    """The same with IN_ORDER, and sure to keep to it."""

    def use_together(self, chains: Sequence[Chain], length: int = 0) -> None:
        assert list(self.outstanding)[: len(chains)] == [chain.head for chain in chains], "not in order"
        super().use_together(chains, length)
