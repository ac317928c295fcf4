"""The driver's side of a packed virtqueue in plain Python, read from virtio 1.2, 2.8, and from nothing else.

Like :class:`fakes.virtio_driver.SplitDriver` it offers what it is told to, sensible or not, and checks what comes back.
Places are counted as in ``packed_device.py``.
"""

from collections.abc import Sequence

from fakes.guest import GuestMemory
from fakes.packed_device import AVAIL, DESC, DISABLE, ENABLE, USED, avail_bits, off_wrap, used_bits, wrap_counter
from fakes.virtio_driver import INDIRECT, NEXT, WRITE, Desc, Used


class PackedDriver:
    """A driver whose ring is at the three addresses; ``start`` is the place where both sides stand."""

    def __init__(
        self,
        memory: GuestMemory,
        desc: int,
        driver_event: int,
        device_event: int,
        size: int,
        *,
        hdr_size: int = 12,
        start: int = 0,
        in_order: bool = False,
    ) -> None:
        self.memory, self.desc, self.size, self.hdr_size = memory, desc, size, hdr_size
        self.driver_event, self.device_event = driver_event, device_event
        self.avail, self.used = driver_event, device_event  # as vhost-user calls them
        self.in_order = in_order
        self.next = self.seen = start
        self.chains: dict[int, list[Desc]] = {}
        self.offered: list[int] = []
        self._next_id = 0
        memory.write(desc, bytes(16 * size))
        memory.write(driver_event, bytes(4))
        memory.write(device_event, bytes(4))
        for place in range(max(0, start - size), start):  # what the laps before have left
            memory.put_u16(self.slot(place) + 14, used_bits(wrap_counter(place, size)))

    def slot(self, place: int) -> int:
        return self.desc + 16 * (place % self.size)

    @property
    def base(self) -> int:
        """Where the device goes on, as vhost-user tells it."""
        return off_wrap(self.seen, self.size)

    # Offering.

    @property
    def nb_free(self) -> int:
        """Descriptors that are not outstanding."""
        return self.size - (self.next - self.seen)

    def chain(self, descs: Sequence[Desc]) -> int:
        """Remember these as a list: the buffer id that it will have."""
        while self._next_id in self.chains:
            self._next_id = (self._next_id + 1) & 0xFFFF
        buffer_id, self._next_id = self._next_id, (self._next_id + 1) & 0xFFFF
        self.chains[buffer_id] = list(descs)
        return buffer_id

    def write_desc(self, at: int, desc: Desc, buffer_id: int, flags: int) -> None:
        """One descriptor, its flags last."""
        raw = desc.address.to_bytes(8, "little") + desc.length.to_bytes(4, "little") + buffer_id.to_bytes(2, "little")
        self.memory.write(at, raw)
        self.memory.put_u16(at + 14, flags)

    def table(self, address: int, descs: Sequence[Desc], flags: int = 0) -> Desc:
        """Write an indirect table of these at ``address``: the descriptor that refers to it."""
        for position, desc in enumerate(descs):
            self.write_desc(address + 16 * position, desc, 0, desc.flags)
        return Desc(address, 16 * len(descs), INDIRECT | flags)

    def offer(self, *buffer_ids: int) -> None:
        """Make these lists available, the very first descriptor last of all (2.8.21.1)."""
        descs = [
            (desc, buffer_id, desc.flags | (NEXT if position + 1 < len(self.chains[buffer_id]) else 0))
            for buffer_id in buffer_ids
            for position, desc in enumerate(self.chains[buffer_id])
        ]
        assert len(descs) <= self.nb_free, "2.8.17: there must be room"
        for position, (desc, buffer_id, flags) in reversed(list(enumerate(descs))):
            place = self.next + position
            bits = avail_bits(wrap_counter(place, self.size))
            self.write_desc(self.slot(place), desc, buffer_id, flags | bits)
        self.next += len(descs)
        self.offered += buffer_ids

    # What comes back.

    def is_used(self, place: int) -> bool:
        return self.memory.u16(self.slot(place) + 14) & (AVAIL | USED) == used_bits(wrap_counter(place, self.size))

    def unreaped(self) -> int:
        """How many lists were used and not reaped."""
        found, _ = self._look(self.size)
        return len(found)

    def _look(self, limit: int) -> tuple[list[Used], int]:
        """What was used from where we stand on, and where it ends."""
        found: list[Used] = []
        place = self.seen
        while len(found) < limit and place < self.next and self.is_used(place):
            raw = self.memory.read(self.slot(place) + 8, 8)
            length, buffer_id = int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:6], "little")
            wrote = bool(raw[6] & WRITE)
            assert wrote == (length > 0), "2.8.3: WRITE says whether anything was written"
            told = self._told_of(buffer_id, self.offered[len(found) :])
            place += sum(len(self.chains[each]) for each in told)
            found += [Used(each, self._room(each)) for each in told[:-1]]
            found.append(Used(buffer_id, length))
        return found, place

    def _told_of(self, buffer_id: int, offered: Sequence[int]) -> Sequence[int]:
        """The lists that one used descriptor tells of: with IN_ORDER all up to the one it names (2.8.8)."""
        assert buffer_id in offered, f"buffer {buffer_id} was not offered, or is used twice"
        assert offered[0] == buffer_id or self.in_order, "used out of order, or several at once"
        return offered[: offered.index(buffer_id) + 1]

    def _room(self, buffer_id: int) -> int:
        """What a skipped buffer holds then: it was used completely."""
        return sum(desc.length for desc in self.chains[buffer_id] if desc.flags & WRITE)

    def reap(self, limit: int | None = None) -> list[Used]:
        """The new used buffers, as they were offered; their places are free again."""
        found, self.seen = self._look(self.size if limit is None else limit)
        for used in found:
            del self.chains[used.head]
            self.offered.remove(used.head)
        return found

    def own_parts(self) -> bytes:
        """What the device must not write: the addresses, and the driver's event area."""
        addresses = b"".join(self.memory.read(self.slot(place), 8) for place in range(self.size))
        return addresses + self.memory.read(self.driver_event, 4)

    # Who wants to be told what (2.8.10).

    def write_event(self, flags: int, index: int = 0) -> None:
        self.memory.put_u16(self.driver_event, off_wrap(index, self.size))
        self.memory.put_u16(self.driver_event + 2, flags)

    def suppress_calls(self, suppress: bool) -> None:
        self.write_event(DISABLE if suppress else ENABLE)

    def want_call_at(self, index: int) -> None:
        self.write_event(DESC, index)

    def wants_kick(self) -> bool:
        """Whether the device asked to hear of anything at all."""
        return self.memory.u16(self.device_event + 2) != DISABLE
