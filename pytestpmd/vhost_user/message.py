"""What a vhost-user message is: a frozen dataclass with its wire form.

A message is made of numbers and file descriptors. :meth:`Message.payload` and :attr:`Message.fds` are what goes to the
socket, :meth:`Message.decode` is the way back, :meth:`Message.check` says what must hold for the message by itself,
whoever sends it. What depends on the conversation (offered features, number of rings) is in ``backend.py``; sizes, fd
counts and gates are in ``table.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from struct import Struct
from typing import Any, ClassVar, Self

from pytestpmd.vhost_user.wire import VhostUserRequest, request_name


class BadMessage(ValueError):
    """A message that no sender may send: the machines turn it into a local or a remote protocol error."""


def expect(claim: bool, otherwise: str) -> None:
    """Raise :class:`BadMessage` unless the claim holds."""
    if not claim:
        raise BadMessage(otherwise)


def hexed() -> Any:
    return field(metadata={"hex": True})


@dataclass(frozen=True)
class Message:
    """What all messages share; a subclass names its request, its payload's struct, and its fields in wire order."""

    request: ClassVar[VhostUserRequest]
    wire: ClassVar[Struct] = Struct("=")

    @property
    def name(self) -> str:
        """As the protocol's text and DPDK's log spell it: ``VHOST_USER_SET_OWNER``."""
        return request_name(self.request)

    @property
    def fds(self) -> tuple[int, ...]:
        """The file descriptors that travel with it; the message does not own them."""
        return ()

    def payload(self) -> bytes:
        return self.wire.pack(*(getattr(self, f.name) for f in fields(self) if f.name != "fd"))

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        """Back from the wire; payload size and fd count must already be those of the table."""
        make: Callable[..., Self] = cls
        return make(*cls.wire.unpack(payload))

    def check(self) -> None:
        """Raise :class:`BadMessage` when a field has a value that the protocol rules out."""

    def check_answer(self, asked: "Message") -> None:
        """Raise :class:`BadMessage` when this cannot be the answer to ``asked``, which is of the same kind."""

    def describe(self) -> str:
        """One line for a log: ``VHOST_USER_SET_VRING_NUM ring=0 size=256``."""
        return " ".join([self.name, *(f"{f.name}={_show(self, f)}" for f in fields(self))])


def _show(message: Message, of: Any) -> str:
    value = getattr(message, of.name)
    return f"{value:#x}" if of.metadata.get("hex") else str(value)


@dataclass(frozen=True)
class FdMessage(Message):
    """A message with exactly one fd."""

    fd: int

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.fd,)

    @classmethod
    def decode(cls, payload: bytes, fds: tuple[int, ...]) -> Self:
        make: Callable[..., Self] = cls
        return make(*fds, *cls.wire.unpack(payload))


@dataclass(frozen=True)
class RingMessage(Message):
    """A message about one ring (virtqueue); its index is bounded by the back-end, which knows how many there are."""

    ring: int
