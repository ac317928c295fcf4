"""Messages about the device's configuration space, which is a few bytes at offsets (virtio 1.2, 5.1.4)."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from pytestpmd.vhost_user.message import Message, expect
from pytestpmd.vhost_user.wire import VhostUserRequest

MAX_CONFIG: Final = 256  # bytes; VHOST_USER_MAX_CONFIG_SIZE
#: Bits of ``flags``: the front-end restores what a migration brought, fields included that drivers cannot write.
CONFIG_MIGRATION: Final = 1


@dataclass(frozen=True)
class _ConfigMessage(Message):
    """``data`` of the configuration space from ``offset`` on; its length counts even where its bytes do not."""

    wire = Struct("=III")  # offset, size, flags; the bytes follow

    offset: int
    data: bytes
    flags: int = 0

    def payload(self) -> bytes:
        return self.wire.pack(self.offset, len(self.data), self.flags) + self.data

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        offset, size, flags = cls.wire.unpack_from(payload)
        data = payload[cls.wire.size :]
        expect(len(data) == size, f"{size} bytes of configuration space in {len(data)}")
        return cls(offset, data, flags)

    def check(self) -> None:
        expect(self.data != b"", "no bytes of the configuration space")
        end = self.offset + len(self.data)
        expect(end <= MAX_CONFIG, f"the configuration space ends at {MAX_CONFIG}, and {end} is beyond")
        expect(self.flags in {0, CONFIG_MIGRATION}, f"flags {self.flags:#x}")

    def describe(self) -> str:
        return f"{self.name} offset={self.offset:#x} flags={self.flags:#x} {self.data.hex()}"


@dataclass(frozen=True)
class GetConfig(_ConfigMessage):
    """In the question the bytes are place-holders."""

    request = VhostUserRequest.GET_CONFIG

    def check_answer(self, asked: Message) -> None:
        assert isinstance(asked, GetConfig)
        expect((self.offset, len(self.data)) == (asked.offset, len(asked.data)), "about other bytes")


@dataclass(frozen=True)
class SetConfig(_ConfigMessage):
    request = VhostUserRequest.SET_CONFIG
