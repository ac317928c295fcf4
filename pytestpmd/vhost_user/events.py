"""What the two machines hand out."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.stream import close_fds
from pytestpmd.vhost_user.wire import VhostUserRequest


class NeedData(Enum):
    """The type of :data:`NEED_DATA`: nothing to hand out before more bytes come."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The peer closed the connection between two messages, as it may."""

    def describe(self) -> str:
        return "connection closed"


@dataclass(frozen=True, slots=True)
class Request:
    """Back-end: a request that may be carried out. The receiver now owns ``message.fds``.

    Exactly one of ``Backend.reply`` and ``Backend.ack`` answers it, before the next event.
    """

    message: Message
    needs_reply: bool

    def close_fds(self) -> None:
        """For a receiver that has no use for them."""
        close_fds(self.message.fds)

    def describe(self) -> str:
        return self.message.describe()


@dataclass(frozen=True, slots=True)
class Refused:
    """Back-end: a request that must not be carried out. ``answer`` is to be sent; its fds are closed already."""

    name: str
    reason: str
    answer: bytes

    def describe(self) -> str:
        return f"{self.name} refused: {self.reason}"


@dataclass(frozen=True, slots=True)
class Reply:
    """Front-end: the answer to a request that has one; 0 where the answer is empty.

    It is a message where that says more than a number; the receiver then owns its fds.
    """

    request: VhostUserRequest
    value: int | Message

    def describe(self) -> str:
        return f"reply {self.value:#x}" if isinstance(self.value, int) else f"reply {self.value.describe()}"


@dataclass(frozen=True, slots=True)
class Ack:
    """Front-end: whether the request succeeded; where this was asked for, or where it has an answer and got none."""

    request: VhostUserRequest
    ok: bool

    def describe(self) -> str:
        return "ack" if self.ok else "nack"
