"""What a back-end says of its own accord, on the second socket that SET_BACKEND_REQ_FD gave it.

We say one thing, that the configuration space has changed, and want no answer; so nobody ever waits here. As the
front-end we listen to that, and refuse the rest to whoever asks for an answer.
"""

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from pytestpmd.errors import DeviceError, RemoteProtocolError
from pytestpmd.vhost_user.connection import Connection
from pytestpmd.vhost_user.stream import MessageStream, close_fds, encode, encode_reply
from pytestpmd.vhost_user.wire import Header

_NACK = (1).to_bytes(8, "little")


class BackendRequestNumber(IntEnum):
    """Requests of a back-end, by their number; they are another set than the front-end's."""

    IOTLB_MSG = 1
    CONFIG_CHANGE_MSG = 2
    VRING_HOST_NOTIFIER_MSG = 3
    VRING_CALL = 4
    VRING_ERR = 5


def backend_request_name(number: int) -> str:
    try:
        return f"VHOST_USER_BACKEND_{BackendRequestNumber(number).name}"
    except ValueError:
        return f"back-end request {number}"


class BackendRequests:
    """The back-end's end. It takes the fd; raises :class:`DeviceError` when that is no Unix socket."""

    def __init__(self, fd: int) -> None:
        try:
            sock = socket.socket(fileno=fd)
        except OSError:
            os.close(fd)
            raise DeviceError("the file descriptor for our requests is no socket") from None
        if (sock.family, sock.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
            sock.close()
            raise DeviceError("the file descriptor for our requests is no Unix stream socket")
        self._connection = Connection(sock)

    def tell_config_change(self) -> bool:
        """Say that the configuration space is another one. False when the front-end does not listen, or is gone."""
        try:
            self._connection.send(encode(BackendRequestNumber.CONFIG_CHANGE_MSG, 0, b""), timeout=0.0)
        except DeviceError:
            return False
        return True

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Heard:
    """A back-end's request, and what to answer; empty for nothing."""

    number: int
    answer: bytes

    @property
    def is_config_change(self) -> bool:
        return self.number == BackendRequestNumber.CONFIG_CHANGE_MSG

    def describe(self) -> str:
        return backend_request_name(self.number)


class BackendRequestReader:
    """The front-end's ear: bytes and fds in, requests out; no socket, no clock. Every fd that comes is closed."""

    def __init__(self) -> None:
        self._stream = MessageStream(_check)

    @property
    def bytes_wanted(self) -> int:
        """How much to read from the socket next, and no more."""
        return self._stream.bytes_wanted

    def receive_data(self, chunk: bytes, fds: Iterable[int] = ()) -> None:
        self._stream.feed(chunk, fds)

    def next_request(self) -> Heard | None:
        """The next one; None while some of it is missing. Raises :class:`RemoteProtocolError` when it cannot be."""
        frame = self._stream.next_frame()
        if frame is None:
            return None
        close_fds(frame.fds)
        header = frame.header
        ok = header.request == BackendRequestNumber.CONFIG_CHANGE_MSG
        answer = encode_reply(header.request, bytes(8) if ok else _NACK) if header.needs_reply else b""
        return Heard(header.request, answer)

    def close(self) -> None:
        self._stream.close()


def _check(header: Header) -> None:
    name = backend_request_name(header.request)
    if header.is_reply:
        raise RemoteProtocolError(f"{name}: an answer, and nobody asked")
    if header.request == BackendRequestNumber.CONFIG_CHANGE_MSG and header.size:
        raise RemoteProtocolError(f"{name}: {header.size} bytes of payload")
