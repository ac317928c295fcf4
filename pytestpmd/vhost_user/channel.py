"""A machine on a connection: ask and be answered, with deadlines and a record of what was said."""

import math
import time
from collections import deque
from typing import Final

from pytestpmd.errors import DeviceError, DeviceTimeout
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.connection import TIMEOUT, Connection
from pytestpmd.vhost_user.events import NEED_DATA, Ack, ConnectionClosed, NeedData, Refused, Reply, Request
from pytestpmd.vhost_user.frontend import Frontend
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.wire import ProtocolFeature, VhostUserRequest

EXCHANGE_LINES: Final = 256

ACK_WANTED: Final = frozenset({VhostUserRequest.SET_MEM_TABLE, VhostUserRequest.SET_STATUS})
"""Requests whose success the front-end waits for where REPLY_ACK is negotiated, as DPDK's virtio-user does."""


class FrontendChannel:
    """The driver's end. ``exchange`` holds the last lines said: ``> `` what we sent, ``< `` what came back."""

    def __init__(self, connection: Connection, timeout: float = TIMEOUT) -> None:
        self.connection = connection
        self.machine = Frontend()
        self.exchange: deque[str] = deque(maxlen=EXCHANGE_LINES)
        self._timeout = timeout

    def call(self, message: Message, *, needs_reply: bool | None = None) -> int:
        """Send a request and wait for its answer, if it has one; 0 otherwise.

        ``needs_reply`` None means: for those of :data:`ACK_WANTED`, where REPLY_ACK is negotiated. Raises
        :class:`DeviceError` for a negative answer, :class:`DeviceTimeout` for none, ``PeerGone`` or
        ``RemoteProtocolError`` when the conversation is over. After a timeout it is over too: close the channel.
        """
        if needs_reply is None:
            has_reply_ack = ProtocolFeature.REPLY_ACK in self.machine.protocol_features
            needs_reply = has_reply_ack and message.request in ACK_WANTED
        data, fds = self.machine.send(message, needs_reply=needs_reply)
        self.exchange.append(f"> {message.describe()}")
        self.connection.send(data, fds, self._timeout)
        return self._await_answer() if self.machine.awaited else 0

    def close(self) -> None:
        self.machine.close()
        self.connection.close()

    def _await_answer(self) -> int:
        awaited = self.machine.awaited
        assert awaited is not None
        deadline = time.monotonic() + self._timeout
        while (event := self.machine.next_event()) is NEED_DATA:
            try:
                chunk, fds = self.connection.recv(self.machine.bytes_wanted, deadline - time.monotonic())
            except DeviceTimeout:
                text = f"The back-end did not answer {awaited.name} within {self._timeout:g} s"
                raise DeviceTimeout(text) from None
            self.machine.receive_data(chunk, fds)
        self.exchange.append(f"< {awaited.name} {event.describe()}")
        match event:
            case Reply(_, value):
                return value
            case Ack(_, ok) if not ok:
                raise DeviceError(f"The back-end refused {awaited.name}")
        return 0


class BackendChannel:
    """The device's end. It never waits longer than it is told to, but for its own output.

    ``exchange`` holds the last lines said: ``< `` what came, ``> `` what we answered.
    """

    def __init__(self, connection: Connection, machine: Backend, timeout: float = TIMEOUT) -> None:
        self.connection = connection
        self.machine = machine
        self.exchange: deque[str] = deque(maxlen=EXCHANGE_LINES)
        self._timeout = timeout
        self._deadline: float | None = None  # for the rest of the message that has begun

    def next_event(self, timeout: float = 0.0) -> Request | Refused | ConnectionClosed | NeedData:
        """The next event, or :data:`NEED_DATA` if there is none within ``timeout`` seconds.

        A :class:`Refused` request has been answered already. Raises ``RemoteProtocolError`` when the conversation
        must end, and :class:`DeviceTimeout` when a message began and its rest did not come within the deadline.
        """
        give_up = time.monotonic() + timeout
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
            self.connection.send(event.answer, (), self._timeout)
        return event

    def reply(self, value: int = 0) -> None:
        """Answer the request at hand with the number it asked for."""
        self._say(self.machine.reply(value), f"reply {value:#x}")

    def ack(self, ok: bool = True) -> None:
        """Finish the request at hand; the front-end hears of it if it asked to."""
        self._say(self.machine.ack(ok), "ack" if ok else "nack")

    def close(self) -> None:
        self.machine.close()
        self.connection.close()

    def _say(self, data: bytes, line: str) -> None:
        if data:
            self.exchange.append(f"> {line}")
            self.connection.send(data, (), self._timeout)

    def _rest_deadline(self) -> float:
        """When the rest of the message must be here; never, between two messages."""
        if not self.machine.is_inside_message:
            self._deadline = None
            return math.inf
        self._deadline = self._deadline or time.monotonic() + self._timeout
        return self._deadline
