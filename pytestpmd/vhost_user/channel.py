"""A machine on a connection: ask and be answered, with deadlines and a record of what was said."""

import math
import os
import time
from collections import deque
from typing import Final, TypeVar

from pytestpmd.errors import DeviceError, DeviceTimeout
from pytestpmd.vhost_user.answer import Answered
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.connection import TIMEOUT, Connection
from pytestpmd.vhost_user.events import NEED_DATA, Ack, ConnectionClosed, NeedData, Refused, Reply, Request
from pytestpmd.vhost_user.frontend import Frontend
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.stream import close_fds
from pytestpmd.vhost_user.wire import ProtocolFeature, VhostUserRequest

M = TypeVar("M", bound=Message)
EXCHANGE_LINES: Final = 256
PATIENCE: Final = 5.0  # seconds for all the answers to calls that follow one another directly,
PAUSE: Final = 0.05  # that is, with no more than so many seconds in between

ACK_WANTED: Final = frozenset({VhostUserRequest.SET_MEM_TABLE, VhostUserRequest.SET_STATUS})
"""Requests whose success the front-end waits for where REPLY_ACK is negotiated, as DPDK's virtio-user does."""


class Refusal(DeviceError):
    """The other end answered, and the answer is no."""


class FrontendChannel:
    """The driver's end. ``exchange`` holds the last lines said: ``> `` what we sent, ``< `` what came back."""

    def __init__(self, connection: Connection, timeout: float = TIMEOUT) -> None:
        self.connection = connection
        self.machine = Frontend()
        self.exchange: deque[str] = deque(maxlen=EXCHANGE_LINES)
        self._timeout = timeout
        self._last_call = -math.inf
        self._give_up = 0.0

    def call(self, message: Message, *, needs_reply: bool | None = None) -> int:
        """Send a request and wait for its answer, if it has one; 0 otherwise.

        ``needs_reply`` None means: for those of :data:`ACK_WANTED`, where REPLY_ACK is negotiated. Raises
        :class:`Refusal` for a negative answer, :class:`DeviceTimeout` for none or a late one, ``PeerGone`` or
        ``RemoteProtocolError`` when the conversation is over. After a timeout it is over too: close the channel.
        """
        if needs_reply is None:
            has_reply_ack = ProtocolFeature.REPLY_ACK in self.machine.protocol_features
            needs_reply = has_reply_ack and message.request in ACK_WANTED
        data, fds = self.machine.send(message, needs_reply=needs_reply)
        self.exchange.append(f"> {message.describe()}")
        answer = self._exchange(data, fds)
        assert isinstance(answer, int), "ask() is for messages"
        return answer

    def ask(self, message: M) -> M:
        """Send a request whose answer is of its own kind: that answer, whose fds are now the caller's."""
        data, fds = self.machine.send(message)
        self.exchange.append(f"> {message.describe()}")
        answer = self._exchange(data, fds)
        assert isinstance(answer, type(message))
        return answer

    def _exchange(self, data: bytes, fds: tuple[int, ...]) -> Answered:
        self._begin_call()
        try:
            self.connection.send(data, fds, min(self._timeout, self._give_up - time.monotonic()))
            return self._await_answer() if self.machine.awaited else 0
        finally:
            self._last_call = time.monotonic()

    def _begin_call(self) -> None:
        """Calls that follow one another directly, as at a start or a stop, have a deadline together as well."""
        now = time.monotonic()
        if now - self._last_call > PAUSE:
            self._give_up = now + PATIENCE

    def close(self) -> None:
        self.machine.close()
        self.connection.close()

    def _too_late(self, awaited: Message, deadline: float) -> str:
        if deadline <= self._give_up:
            return f"The back-end did not answer {awaited.name} within {self._timeout:g} s"
        return f"The back-end took {PATIENCE:g} s over its answers up to {awaited.name}"

    def _await_answer(self) -> Answered:
        awaited = self.machine.awaited
        assert awaited is not None
        deadline = time.monotonic() + self._timeout
        while (event := self.machine.next_event()) is NEED_DATA:
            left = min(deadline, self._give_up) - time.monotonic()
            try:
                chunk, fds = self.connection.recv(self.machine.bytes_wanted, left)
            except DeviceTimeout:
                raise DeviceTimeout(self._too_late(awaited, deadline)) from None
            self.machine.receive_data(chunk, fds)
        self.exchange.append(f"< {awaited.name} {event.describe()}")
        match event:
            case Reply(_, value):
                return value
            case Ack(_, ok) if not ok:
                raise Refusal(f"The back-end refused {awaited.name}")
        return 0


class BackendChannel:
    """The device's end. It never waits longer than it is told to; answers that the front-end does not read are kept.

    ``exchange`` holds the last lines said: ``< `` what came, ``> `` what we answered.
    """

    def __init__(self, connection: Connection, machine: Backend, timeout: float = TIMEOUT) -> None:
        self.connection = connection
        self.machine = machine
        self.exchange: deque[str] = deque(maxlen=EXCHANGE_LINES)
        self._timeout = timeout
        self._deadline: float | None = None  # for the rest of the message that has begun
        self._unsent = b""
        self._unsent_fds: tuple[int, ...] = ()  # which go with its first byte
        self._unsent_deadline = 0.0

    @property
    def has_unsent(self) -> bool:
        """Whether answers wait for the front-end to read; until it has, nothing more of what it says is taken."""
        return bool(self._unsent)

    def next_event(self, timeout: float = 0.0) -> Request | Refused | ConnectionClosed | NeedData:
        """The next event, or :data:`NEED_DATA` if there is none within ``timeout`` seconds.

        A :class:`Refused` request has been answered already. Raises ``RemoteProtocolError`` when the conversation
        must end, and :class:`DeviceTimeout` when a message began and its rest did not come within the deadline, or our
        answers were not read within it.
        """
        give_up = time.monotonic() + timeout
        while not self._flush():
            if not self.connection.wait_writable(give_up - time.monotonic()):
                return NEED_DATA
        while (event := self.machine.next_event()) is NEED_DATA:
            deadline = self._rest_deadline()
            if self.connection.wait_readable(min(give_up, deadline) - time.monotonic()):
                self.machine.receive_data(*self.connection.recv(self.machine.bytes_wanted))
            elif time.monotonic() >= deadline:
                raise DeviceTimeout(f"The front-end did not finish its message within {self._timeout:g} s")
            elif time.monotonic() >= give_up:
                return NEED_DATA
        self._deadline = None
        self.exchange.append(f"< {event.describe()}")
        if isinstance(event, Refused):
            self._send(event.answer)
        return event

    def reply(self, value: Answered = 0) -> None:
        """Answer the request at hand with the number, or the message, it asked for."""
        if isinstance(value, Message):
            self._say(self.machine.reply(value), f"reply {value.describe()}", value.fds)
        else:
            self._say(self.machine.reply(value), f"reply {value:#x}")

    def ack(self, ok: bool = True) -> None:
        """Finish the request at hand; the front-end hears of it if it asked to."""
        self._say(self.machine.ack(ok), "ack" if ok else "nack")

    def close(self) -> None:
        self._close_unsent_fds()
        self.machine.close()
        self.connection.close()

    def _say(self, data: bytes, line: str, fds: tuple[int, ...] = ()) -> None:
        if data:
            self.exchange.append(f"> {line}")
            self._send(data, fds)

    def _send(self, data: bytes, fds: tuple[int, ...] = ()) -> None:
        """Answer; the fds stay the caller's, who may close them at once."""
        if not self._unsent:
            self._unsent_deadline = time.monotonic() + self._timeout
            self._unsent_fds = tuple(os.dup(fd) for fd in fds)
        self._unsent += data
        self._flush()

    def _flush(self) -> bool:
        """Whether the front-end has all our answers."""
        if self._unsent:
            sent = self.connection.send_some(self._unsent, self._unsent_fds)
            self._unsent = self._unsent[sent:]
            if sent:
                self._close_unsent_fds()
        if self._unsent and time.monotonic() > self._unsent_deadline:
            raise DeviceTimeout(f"The peer did not read for {self._timeout:g} s")
        return not self._unsent

    def _close_unsent_fds(self) -> None:
        close_fds(self._unsent_fds)
        self._unsent_fds = ()

    def _rest_deadline(self) -> float:
        """When the rest of the message must be here; never, between two messages."""
        if not self.machine.is_inside_message:
            self._deadline = None
            return math.inf
        self._deadline = self._deadline or time.monotonic() + self._timeout
        return self._deadline
