"""The Unix socket under both machines: bytes with file descriptors, and a deadline on every wait.

Sockets are non-blocking throughout. ``socket.send_fds`` and ``recv_fds`` are not used because Python 3.11's ignore
their ``flags``: the received fds must be close-on-exec from the start (MSG_CMSG_CLOEXEC), and a peer that went away
must not raise SIGPIPE (MSG_NOSIGNAL).
"""

import array
import errno
import os
import select
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISSOCK
from typing import Final, Self

from pytestpmd.errors import DeviceError, DeviceTimeout, RemoteProtocolError
from pytestpmd.vhost_user.stream import close_fds
from pytestpmd.vhost_user.wire import MAX_FDS

TIMEOUT: Final = 2.0  # seconds for the rest of a message, for an answer, and for our own output
MAX_PATH: Final = 107  # bytes; sun_path without its closing zero
_FD_BYTES: Final = array.array("i").itemsize
_GONE: Final = (errno.EPIPE, errno.ECONNRESET)
_RETRY_CONNECT: Final = 0.01
_RETRY_ACCEPT: Final = 0.01


class PeerGone(DeviceError):
    """The other side closed the connection."""


class Connection:
    """A connected stream socket. Not for two threads at once."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    def fileno(self) -> int:
        """For selectors; -1 once closed."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes, fds: Sequence[int] = (), timeout: float = TIMEOUT) -> None:
        """Send all of it; the fds go with the first byte and stay ours.

        Raises :class:`PeerGone`, or :class:`DeviceTimeout` if the peer does not read in time.
        """
        deadline = time.monotonic() + timeout
        while data:
            sent = self.send_some(data, fds)
            if sent:
                data, fds = data[sent:], ()
            elif not self._poll(select.POLLOUT, deadline - time.monotonic()):
                raise DeviceTimeout(f"The peer did not read for {timeout:g} s")

    def recv(self, max_bytes: int, timeout: float = TIMEOUT) -> tuple[bytes, tuple[int, ...]]:
        """What is there, at most ``max_bytes``, and the fds that came with it, which are now the caller's.

        No bytes: the peer closed the connection. Raises :class:`DeviceTimeout` if nothing comes in time, and
        :class:`RemoteProtocolError` if fds were lost, because there were more than 8 or because we may open no more.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self._receive(max_bytes)
            except (BlockingIOError, InterruptedError):
                if not self._poll(select.POLLIN, deadline - time.monotonic()):
                    raise DeviceTimeout(f"The peer sent nothing for {timeout:g} s") from None
            except OSError as error:
                if error.errno in _GONE:
                    return b"", ()
                raise DeviceError(f"Cannot receive: {error.strerror}") from error

    def wait_readable(self, timeout: float) -> bool:
        """True as soon as :meth:`recv` has something to say, the end of the stream included."""
        return self._poll(select.POLLIN, timeout)

    def wait_writable(self, timeout: float) -> bool:
        """True as soon as there is room for more, or nobody who would read it."""
        return self._poll(select.POLLOUT, timeout)

    def peer_is_gone(self) -> bool:
        """True once the peer has closed its side, whatever is still to be read."""
        return self.fileno() < 0 or self._poll(select.POLLRDHUP, 0.0)

    def _poll(self, events: int, timeout: float) -> bool:
        poller = select.poll()
        poller.register(self._socket, events)
        return bool(poller.poll(max(0.0, timeout) * 1000))

    def send_some(self, data: bytes, fds: Sequence[int] = ()) -> int:
        """Send what there is room for, without waiting: how many bytes. The fds go with the first of them."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            return self._socket.sendmsg([data], rights, socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            if error.errno in _GONE:
                raise PeerGone("The peer closed the connection") from error
            raise DeviceError(f"Cannot send: {error.strerror}") from error

    def _receive(self, max_bytes: int) -> tuple[bytes, tuple[int, ...]]:
        room = socket.CMSG_SPACE(MAX_FDS * _FD_BYTES)
        chunk, ancillary, flags, _ = self._socket.recvmsg(max_bytes, room, socket.MSG_CMSG_CLOEXEC)
        fds = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % _FD_BYTES])
        if flags & socket.MSG_CTRUNC:
            close_fds(fds)
            raise RemoteProtocolError(f"File descriptors were lost: more than {MAX_FDS}, or more than we may open")
        return chunk, tuple(fds)


class Listener:
    """A listening socket in the file system; the file goes away with :meth:`close`."""

    def __init__(self, path: str) -> None:
        check_path(path)
        _remove_stale(path)
        self.path = path
        self._socket = _new_socket()
        try:
            self._socket.bind(path)
            self._socket.listen(1)
            self._inode = os.stat(path).st_ino
        except OSError as error:
            self._socket.close()
            raise DeviceError(f"Cannot listen at {path}: {error.strerror}") from error

    def fileno(self) -> int:
        """For selectors: readable when someone connects."""
        return self._socket.fileno()

    def accept(self, timeout: float = 0.0) -> Connection | None:
        """The next connection, or None if nobody connects in time."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        if not poller.poll(max(0.0, timeout) * 1000):
            return None
        try:
            sock, _ = self._socket.accept()
        except OSError:  # it went away between the two calls, or we may open no more: no reason to ask without pause
            time.sleep(_RETRY_ACCEPT)
            return None
        return Connection(sock)

    def close(self) -> None:
        """Stop listening and remove the socket file, unless someone else has put another one there."""
        if self._socket.fileno() < 0:
            return
        self._socket.close()
        try:
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def listen(path: str) -> Listener:
    """Listen at ``path``. A socket file that nobody listens at is replaced; a live one is a :class:`DeviceError`."""
    return Listener(path)


def connect(path: str, timeout: float = TIMEOUT) -> Connection:
    """Connect to whoever listens at ``path``; :class:`DeviceError` with the system's reason if nobody does."""
    check_path(path)
    sock = _new_socket()
    deadline = time.monotonic() + timeout
    while True:
        try:
            sock.connect(path)
            return Connection(sock)
        except BlockingIOError:  # the listener's queue is full; Unix sockets do not tell when it has room again
            if time.monotonic() > deadline:
                sock.close()
                raise DeviceTimeout(f"Cannot connect to {path}: nobody accepts for {timeout:g} s") from None
            time.sleep(_RETRY_CONNECT)
        except OSError as error:
            sock.close()
            raise DeviceError(f"Cannot connect to {path}: {error.strerror}") from error


def _new_socket() -> socket.socket:
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise DeviceError(f"Cannot open a socket: {error.strerror}") from error
    sock.setblocking(False)
    return sock


def check_path(path: str) -> None:
    """Raise :class:`DeviceError` for what can be no socket's path."""
    if not path or "\0" in path:
        raise DeviceError("A socket needs a path")
    if len(os.fsencode(path)) > MAX_PATH:
        raise DeviceError(f"Socket path is longer than {MAX_PATH} bytes: {path}")


def _remove_stale(path: str) -> None:
    """Make room for a listener, if what is at ``path`` is a socket that nobody listens at."""
    try:
        is_socket = S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return  # nothing there, or bind will say why not
    if not is_socket:
        raise DeviceError(f"Cannot listen at {path}: it is not a socket")
    with _new_socket() as probe:
        verdict = probe.connect_ex(path)
    if verdict != errno.ECONNREFUSED:
        raise DeviceError(f"Cannot listen at {path}: another program listens there")
    Path(path).unlink(missing_ok=True)
