"""Messages about one ring: its size, its place, its eventfds, its start and stop."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from pytestpmd.vhost_user.message import RingMessage, expect, hexed
from pytestpmd.vhost_user.wire import VhostUserRequest

MAX_RING_SIZE: Final = 32768  # virtio 1.2, 2.7: the maximum Queue Size
RING_INDEX_MASK: Final = 0xFF
RING_NO_FD: Final = 1 << 8
VRING_F_LOG: Final = 1 << 0


@dataclass(frozen=True)
class SetVringNum(RingMessage):
    """The number of descriptors of a ring. That a split ring wants a power of two is for those who know the layout."""

    request = VhostUserRequest.SET_VRING_NUM
    wire = Struct("=II")
    size: int

    def check(self) -> None:
        expect(1 <= self.size <= MAX_RING_SIZE, f"ring {self.ring}: size {self.size}, not 1 to {MAX_RING_SIZE}")


@dataclass(frozen=True)
class SetVringAddr(RingMessage):
    """Where the three parts of a ring are, as user addresses of the front-end.

    Alignment is that of split rings (virtio 1.2, 2.7; packed rings, 2.8, ask no less): 16, 4 and 2 bytes. ``log`` is
    the guest address of the used ring, meant only with :data:`VRING_F_LOG` in ``flags``.
    """

    request = VhostUserRequest.SET_VRING_ADDR
    wire = Struct("=IIQQQQ")
    flags: int = hexed()
    desc: int = hexed()
    used: int = hexed()
    avail: int = hexed()
    log: int = hexed()

    def check(self) -> None:
        for part, address, alignment in (("desc", self.desc, 16), ("avail", self.avail, 2), ("used", self.used, 4)):
            expect(address % alignment == 0, f"ring {self.ring}: {part} {address:#x} is not aligned to {alignment}")
        expect(not self.flags & ~VRING_F_LOG, f"ring {self.ring}: flags {self.flags:#x}")


@dataclass(frozen=True)
class SetVringBase(RingMessage):
    """Where the ring goes on. Split: the available index. Packed: index in bits 0-14, wrap counter in bit 15."""

    request = VhostUserRequest.SET_VRING_BASE
    wire = Struct("=II")
    index: int


@dataclass(frozen=True)
class GetVringBase(RingMessage):
    """Stop the ring and tell where it stopped; the sender's second number is not used."""

    request = VhostUserRequest.GET_VRING_BASE
    wire = Struct("=I4x")


@dataclass(frozen=True)
class SetVringEnable(RingMessage):
    request = VhostUserRequest.SET_VRING_ENABLE
    wire = Struct("=II")
    enable: int

    def check(self) -> None:
        expect(self.enable in {0, 1}, f"ring {self.ring}: enable {self.enable}")


@dataclass(frozen=True)
class _RingFdMessage(RingMessage):
    """A ring and an eventfd, or none: bits 0-7 are the ring, bit 8 says that no fd comes."""

    wire = Struct("=Q")

    fd: int | None

    @property
    def fds(self) -> tuple[int, ...]:
        return () if self.fd is None else (self.fd,)

    def payload(self) -> bytes:
        return self.wire.pack(self.ring | (RING_NO_FD if self.fd is None else 0))

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        (word,) = cls.wire.unpack(payload)
        wanted = 0 if word & RING_NO_FD else 1
        expect(not word & ~(RING_INDEX_MASK | RING_NO_FD), f"unknown bits in {word:#x}")
        expect(len(fds) == wanted, f"{len(fds)} file descriptors instead of {wanted}")
        return cls(word & RING_INDEX_MASK, fds[0] if fds else None)

    def check(self) -> None:
        expect(self.ring <= RING_INDEX_MASK, f"ring {self.ring} does not fit the message")


@dataclass(frozen=True)
class SetVringKick(_RingFdMessage):
    """The eventfd that says "look at the ring"; without one the back-end polls. It starts the ring."""

    request = VhostUserRequest.SET_VRING_KICK


@dataclass(frozen=True)
class SetVringCall(_RingFdMessage):
    """The eventfd that says "buffers were used"; it may come many times."""

    request = VhostUserRequest.SET_VRING_CALL


@dataclass(frozen=True)
class SetVringErr(_RingFdMessage):
    """The eventfd by which the back-end reports a broken ring."""

    request = VhostUserRequest.SET_VRING_ERR
