"""Messages about the area in which a back-end notes what it has in hand, for whoever comes after it."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from pytestpmd.vhost_user.message import Message, expect
from pytestpmd.vhost_user.rings import MAX_RING_SIZE
from pytestpmd.vhost_user.wire import VhostUserRequest

_OFFSET_END: Final = 1 << 63  # off_t of mmap is signed


@dataclass(frozen=True)
class _InflightMessage(Message):
    """``size`` bytes at ``offset`` of the file, for ``nb_rings`` rings of at most ``ring_size`` descriptors."""

    wire = Struct("=QQHH4x")

    size: int
    offset: int
    nb_rings: int
    ring_size: int
    fd: int | None = None

    @property
    def fds(self) -> tuple[int, ...]:
        return () if self.fd is None else (self.fd,)

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        return cls(*cls.wire.unpack(payload), *fds)

    def check(self) -> None:
        expect(self.nb_rings > 0, "an in-flight area for no ring")
        expect(1 <= self.ring_size <= MAX_RING_SIZE, f"ring size {self.ring_size}, not 1 to {MAX_RING_SIZE}")
        expect(self.offset + self.size < _OFFSET_END, f"in-flight area at file offset {self.offset:#x} wraps")


@dataclass(frozen=True)
class GetInflightFd(_InflightMessage):
    """Ask for an area; the question has only the numbers of rings and descriptors, the answer all of it."""

    request = VhostUserRequest.GET_INFLIGHT_FD

    def check_answer(self, asked: Message) -> None:
        assert isinstance(asked, GetInflightFd)
        expect(self.size > 0, "the in-flight area is empty")
        expect((self.nb_rings, self.ring_size) == (asked.nb_rings, asked.ring_size), "about other rings")


@dataclass(frozen=True)
class SetInflightFd(_InflightMessage):
    """Here is the area again, for a back-end that has only just come."""

    request = VhostUserRequest.SET_INFLIGHT_FD

    def check(self) -> None:
        super().check()
        expect(self.size > 0, "the in-flight area is empty")
