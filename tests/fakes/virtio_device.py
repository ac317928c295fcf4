"""The device's side of a split virtqueue in plain Python, read from virtio 1.2, 2.7 and 5.1.6 and from nothing else.

It is an honest device that is hard to please: what a driver must not do fails the test. Lies are told with
:meth:`SplitDevice.put_used` and :meth:`SplitDevice.publish`, or straight into the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fakes.guest import GuestMemory

NEXT, WRITE, INDIRECT = 1, 2, 4
NO_INTERRUPT = 1  # avail.flags
NO_NOTIFY = 1  # used.flags


@dataclass(frozen=True)
class Piece:
    """One descriptor's buffer."""

    address: int
    length: int
    writable: bool


@dataclass(frozen=True)
class Chain:
    """What one entry of the available ring offers."""

    head: int
    pieces: tuple[Piece, ...]
    is_indirect: bool = False

    @property
    def room(self) -> int:
        return sum(piece.length for piece in self.pieces if piece.writable)


class SplitDevice:
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
        assert size & (size - 1) == 0
        assert (desc % 16, avail % 2, used % 4) == (0, 0, 0), "virtio 1.2, 2.7: alignment"
        self.memory, self.desc, self.avail, self.used, self.size = memory, desc, avail, used, size
        self.event_idx, self.hdr_size, self.may_be_indirect = event_idx, hdr_size, indirect
        self.seen = start
        self.used_idx = start
        self.outstanding: dict[int, Chain] = {}

    # The available ring.

    @property
    def avail_idx(self) -> int:
        return self.memory.u16(self.avail + 2)

    @property
    def avail_flags(self) -> int:
        return self.memory.u16(self.avail)

    def waiting(self) -> int:
        """Entries that the driver has published and we have not taken."""
        count = (self.avail_idx - self.seen) & 0xFFFF
        assert count <= self.size, "avail.idx ran further than the ring is long"
        return count

    def take(self) -> Chain:
        """The next chain; it is outstanding until :meth:`use`."""
        assert self.waiting()
        head = self.memory.u16(self.avail + 4 + 2 * (self.seen % self.size))
        self.seen = (self.seen + 1) & 0xFFFF
        chain = self._walk(head)
        assert head not in self.outstanding, f"descriptor {head} was offered twice"
        self.outstanding[head] = chain
        return chain

    def take_all(self) -> list[Chain]:
        return [self.take() for _ in range(self.waiting())]

    def _descriptor(self, table: int, index: int) -> tuple[Piece, int, int]:
        raw = self.memory.read(table + 16 * index, 16)
        address, length = int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:12], "little")
        flags, following = int.from_bytes(raw[12:14], "little"), int.from_bytes(raw[14:], "little")
        return Piece(address, length, bool(flags & WRITE)), flags, following

    def _walk(self, head: int) -> Chain:
        pieces: list[Piece] = []
        table, entries, index, is_indirect = self.desc, self.size, head, False
        while True:
            assert index < entries, f"descriptor {index} of a table of {entries}"
            piece, flags, following = self._descriptor(table, index)
            assert not flags & ~(NEXT | WRITE | INDIRECT), f"unknown flags {flags:#x}"
            if flags & INDIRECT:
                assert self.may_be_indirect, "2.7.5.3: INDIRECT without the feature"
                assert not is_indirect, "2.7.5.3: INDIRECT inside an indirect table"
                assert not flags & NEXT, "2.7.5.3: INDIRECT together with NEXT"
                assert piece.length % 16 == 0
                assert piece.length, "an indirect table of nothing"
                table, entries, index, is_indirect = piece.address, piece.length // 16, 0, True
                continue
            self.memory.piece(piece.address, piece.length)
            pieces.append(piece)
            assert len(pieces) <= self.size, "2.7.5.3: a chain longer than the ring"
            if not flags & NEXT:
                break
            index = following
        order = [piece.writable for piece in pieces]
        assert order == sorted(order), "2.7.4.2: a readable buffer after a writable one"
        return Chain(head, tuple(pieces), is_indirect)

    # The used ring.

    def put_used(self, head: int, length: int, *, ahead: int = 0) -> None:
        """Write a used element, any at all, without publishing it."""
        slot = self.used + 4 + 8 * ((self.used_idx + ahead) % self.size)
        self.memory.put_u32(slot, head)
        self.memory.put_u32(slot + 4, length)

    def use(self, chain: Chain, length: int = 0) -> None:
        """Give a chain back, not yet published."""
        del self.outstanding[chain.head]
        self.put_used(chain.head, length)
        self.used_idx = (self.used_idx + 1) & 0xFFFF

    def publish(self, used_idx: int | None = None) -> None:
        """Show the driver what was used; or tell it any index."""
        self.memory.put_u16(self.used + 2, self.used_idx if used_idx is None else used_idx)

    # Who wants to be told what.

    def suppress_kicks(self, suppress: bool) -> None:
        """Without EVENT_IDX (2.7.10)."""
        self.memory.put_u16(self.used, NO_NOTIFY if suppress else 0)

    def want_kick_at(self, avail_idx: int) -> None:
        """With EVENT_IDX: when the driver has filled the entry of this index (2.7.10)."""
        self.memory.put_u16(self.used + 4 + 8 * self.size, avail_idx)

    def wants_interrupt(self, before: int) -> bool:
        """Whether the driver asked to hear of the used index' move from ``before`` to now (2.7.7)."""
        if not self.event_idx:
            return not self.avail_flags & NO_INTERRUPT
        event = self.memory.u16(self.avail + 4 + 2 * self.size)
        return event in {(before + i) & 0xFFFF for i in range((self.used_idx - before) & 0xFFFF)}

    # Frames.

    def header(self, num_buffers: int) -> bytes:
        """A net header that asks for nothing (5.1.6.1)."""
        return (bytes(10) + num_buffers.to_bytes(2, "little"))[: self.hdr_size]

    def scatter(self, chain: Chain, data: bytes) -> int:
        """Write ``data`` into a chain's writable buffers from the first on: how many bytes there was room for."""
        done = 0
        for piece in chain.pieces:
            if piece.writable:
                part = data[done : done + piece.length]
                self.memory.write(piece.address, part)
                done += len(part)
        return done

    def deliver(self, frame: bytes, *, mergeable: bool = True) -> int:
        """Put a frame into the driver's next buffers and publish it: how many buffers it took (5.1.6.4)."""
        count = self.place(frame, mergeable=mergeable)
        self.publish()
        return count

    def place(self, frame: bytes, *, mergeable: bool = True) -> int:
        """:meth:`deliver` without publishing."""
        chains = [self.take()]
        while mergeable and sum(chain.room for chain in chains) < self.hdr_size + len(frame):
            chains.append(self.take())
        data = self.header(len(chains)) + frame
        for chain in chains:
            done = self.scatter(chain, data)
            data = data[done:]
            self.use(chain, done)
        assert not data, "the frame is longer than the buffer"
        return len(chains)

    def gather(self, chain: Chain) -> tuple[bytes, bytes]:
        """A transmitted chain's header and frame."""
        assert not any(piece.writable for piece in chain.pieces)
        data = b"".join(self.memory.read(piece.address, piece.length) for piece in chain.pieces)
        return data[: self.hdr_size], data[self.hdr_size :]

    def collect(self) -> list[bytes]:
        """Take and use everything that the driver has transmitted: its frames."""
        return [self.gather(chain)[1] for chain in self.complete(self.take_all())]

    def complete(self, chains: Sequence[Chain]) -> Sequence[Chain]:
        """Use these chains, in this order, and publish that."""
        for chain in chains:
            self.use(chain)
        self.publish()
        return chains
