"""Messages about the front-end's memory: the regions it shares and the dirty log."""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from pytestpmd.vhost_user.message import FdMessage, Message, expect, hexed
from pytestpmd.vhost_user.wire import MAX_FDS, VhostUserRequest

MAX_REGIONS: Final = MAX_FDS
_U64_END: Final = 1 << 64
_OFFSET_END: Final = 1 << 63  # off_t of mmap is signed


@dataclass(frozen=True)
class MemRegion:
    """A piece of the front-end's memory: the same bytes at a guest address, at a user address, and in a file.

    ``mmap_offset`` is where it begins in the file behind ``fd``. Addresses and sizes are in bytes.
    """

    WIRE: ClassVar[Struct] = Struct("=QQQQ")

    guest_addr: int
    size: int
    user_addr: int
    mmap_offset: int
    fd: int = -1

    def encode(self) -> bytes:
        return self.WIRE.pack(self.guest_addr, self.size, self.user_addr, self.mmap_offset)

    @classmethod
    def decode(cls, data: bytes, fd: int = -1) -> "MemRegion":
        guest_addr, size, user_addr, mmap_offset = cls.WIRE.unpack(data)
        return cls(guest_addr, size, user_addr, mmap_offset, fd)

    def check(self) -> None:
        expect(self.size > 0, f"region at {self.guest_addr:#x} is empty")
        expect(self.guest_addr + self.size <= _U64_END, f"region at guest address {self.guest_addr:#x} wraps")
        expect(self.user_addr + self.size <= _U64_END, f"region at user address {self.user_addr:#x} wraps")
        expect(self.mmap_offset + self.size < _OFFSET_END, f"region at file offset {self.mmap_offset:#x} wraps")

    def describe(self) -> str:
        return f"{self.guest_addr:#x}+{self.size:#x}@{self.user_addr:#x}/{self.mmap_offset:#x}"

    def is_same_as(self, other: "MemRegion") -> bool:
        """As REM_MEM_REG means it: the file and the place in it do not matter."""
        return (self.guest_addr, self.size, self.user_addr) == (other.guest_addr, other.size, other.user_addr)

    def overlaps(self, other: "MemRegion") -> bool:
        """True if a guest address or a user address would have two meanings."""
        return _overlap(self.guest_addr, self.size, other.guest_addr, other.size) or _overlap(
            self.user_addr, self.size, other.user_addr, other.size
        )


def _overlap(a: int, a_size: int, b: int, b_size: int) -> bool:
    return a < b + b_size and b < a + a_size


@dataclass(frozen=True)
class SetMemTable(Message):
    """The whole memory table; it replaces the one before."""

    request = VhostUserRequest.SET_MEM_TABLE
    wire = Struct("=II")  # number of regions, padding; the regions follow

    regions: tuple[MemRegion, ...]

    @property
    def fds(self) -> tuple[int, ...]:
        return tuple(region.fd for region in self.regions)

    def payload(self) -> bytes:
        return self.wire.pack(len(self.regions), 0) + b"".join(region.encode() for region in self.regions)

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        nb_regions, _padding = cls.wire.unpack_from(payload)
        body = payload[cls.wire.size :]
        expect(len(body) == nb_regions * MemRegion.WIRE.size, f"{nb_regions} regions in {len(payload)} bytes")
        expect(len(fds) == nb_regions, f"{len(fds)} file descriptors for {nb_regions} regions")
        step = MemRegion.WIRE.size
        return cls(tuple(MemRegion.decode(body[i * step : (i + 1) * step], fd) for i, fd in enumerate(fds)))

    def check(self) -> None:
        expect(1 <= len(self.regions) <= MAX_REGIONS, f"{len(self.regions)} regions, not 1 to {MAX_REGIONS}")
        for position, region in enumerate(self.regions):
            region.check()
            for before in self.regions[:position]:
                expect(not region.overlaps(before), f"regions {before.describe()} and {region.describe()} overlap")

    def describe(self) -> str:
        return " ".join([self.name, *(region.describe() for region in self.regions)])


@dataclass(frozen=True)
class _RegionMessage(Message):
    wire = Struct("=Q")  # padding; the region follows

    region: MemRegion

    def payload(self) -> bytes:
        return self.wire.pack(0) + self.region.encode()

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        return cls(MemRegion.decode(payload[cls.wire.size :], *fds))

    def check(self) -> None:
        self.region.check()

    def describe(self) -> str:
        return f"{self.name} {self.region.describe()}"


@dataclass(frozen=True)
class AddMemReg(_RegionMessage):
    request = VhostUserRequest.ADD_MEM_REG

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.region.fd,)


@dataclass(frozen=True)
class RemMemReg(_RegionMessage):
    """Names a region by its addresses and size. A front-end may send an fd along, which means nothing."""

    request = VhostUserRequest.REM_MEM_REG

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        return super().decode(payload, ())


@dataclass(frozen=True)
class GetMaxMemSlots(Message):
    request = VhostUserRequest.GET_MAX_MEM_SLOTS


@dataclass(frozen=True)
class SetLogBase(FdMessage):
    """The dirty log of a live migration: ``size`` bytes at ``offset`` of the file."""

    request = VhostUserRequest.SET_LOG_BASE
    wire = Struct("=QQ")
    size: int = hexed()
    offset: int = hexed()

    def check(self) -> None:
        expect(self.size > 0, "dirty log is empty")
        expect(self.offset + self.size < _OFFSET_END, f"dirty log at file offset {self.offset:#x} wraps")


@dataclass(frozen=True)
class SetLogFd(FdMessage):
    request = VhostUserRequest.SET_LOG_FD
