"""What a network device does with the chains that a driver offers, whatever the ring's layout (virtio 1.2, 5.1.6).

It is an honest device that is hard to please: what a driver must not do fails the test.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from fakes.guest import GuestMemory

NEXT, WRITE, INDIRECT = 1, 2, 4


@dataclass(frozen=True)
class Piece:
    """One descriptor's buffer."""

    address: int
    length: int
    writable: bool


@dataclass(frozen=True)
class Chain:
    """What the driver offers at once. ``head`` gives it back: its first descriptor, or in a packed ring its id."""

    head: int
    pieces: tuple[Piece, ...]
    is_indirect: bool = False
    nb_places: int = 1

    @property
    def room(self) -> int:
        return sum(piece.length for piece in self.pieces if piece.writable)


class NetDevice(ABC):
    """A device on one ring; a layout adds how chains are found, and how they are given back."""

    def __init__(self, memory: GuestMemory, size: int, hdr_size: int, indirect: bool) -> None:
        self.memory, self.size, self.hdr_size, self.may_be_indirect = memory, size, hdr_size, indirect
        self.outstanding: dict[int, Chain] = {}
        #: What the next frames' net headers say, num_buffers apart, and the hash that follows where there is one.
        self.says = bytes(10)
        self.hash = bytes(8)

    @abstractmethod
    def waiting(self) -> int:
        """Chains that the driver has published and we have not taken."""

    @abstractmethod
    def take(self) -> Chain:
        """The next chain; it is outstanding until :meth:`use`."""

    @abstractmethod
    def use(self, chain: Chain, length: int = 0) -> None:
        """Give a chain back, of which ``length`` bytes were written; not yet published."""

    @abstractmethod
    def use_together(self, chains: Sequence[Chain], length: int = 0) -> None:
        """Give chains back, in order, and tell only of the last one (2.7.9, 2.8.8); not yet published."""

    @abstractmethod
    def publish(self) -> None:
        """Show the driver all that was used."""

    @abstractmethod
    def show(self, count: int) -> None:
        """Show the driver ``count`` more of what was told as used, and not the rest."""

    @abstractmethod
    def lie(self, head: int, length: int) -> None:
        """Publish that any id at all was used."""

    @abstractmethod
    def suppress_kicks(self, suppress: bool) -> None:
        """No notification at all, or one for everything."""

    @abstractmethod
    def want_kick_at(self, index: int) -> None:
        """Only when the descriptor, or the entry of the available ring, of this index is published (EVENT_IDX)."""

    @abstractmethod
    def wants_interrupt(self, count: int) -> bool:
        """Whether the driver asked to hear of the last ``count`` places or entries that were used."""

    @abstractmethod
    def scribble(self) -> None:
        """Overwrite all that a device can without saying anything: the driver must not rely on it."""

    def take_all(self) -> list[Chain]:
        return [self.take() for _ in range(self.waiting())]

    def read_piece(self, table: int, index: int) -> tuple[Piece, int, int]:
        """A descriptor of either layout: its buffer, and its last two fields of 16 bits."""
        raw = self.memory.read(table + 16 * index, 16)
        address, length = int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:12], "little")
        third, fourth = int.from_bytes(raw[12:14], "little"), int.from_bytes(raw[14:], "little")
        self.memory.piece(address, length)
        return Piece(address, length, False), third, fourth

    def check(self, chain: Chain) -> Chain:
        """What holds for every chain."""
        assert len(chain.pieces) <= self.size, "2.7.5.3, 2.8.17: a chain longer than the ring"
        order = [piece.writable for piece in chain.pieces]
        assert order == sorted(order), "2.7.4.2, 2.8.17: a readable buffer after a writable one"
        assert chain.head not in self.outstanding, f"{chain.head} was offered twice"
        self.outstanding[chain.head] = chain
        return chain

    # Frames.

    def header(self, num_buffers: int) -> bytes:
        """A net header (5.1.6.1); it tells nothing unless the test says so."""
        return (self.says + num_buffers.to_bytes(2, "little") + self.hash)[: self.hdr_size]

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
        for chain, done in zip(chains, self.fill(chains, frame), strict=True):
            self.use(chain, done)
        return len(chains)

    def fill(self, chains: Sequence[Chain], frame: bytes) -> list[int]:
        """Write header and frame into these: how many bytes went into each."""
        data, lengths = self.header(len(chains)) + frame, []
        for chain in chains:
            lengths.append(self.scatter(chain, data))
            data = data[lengths[-1] :]
        assert not data, "the frame is longer than the buffer"
        return lengths

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
