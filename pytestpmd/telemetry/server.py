"""The sockets of telemetry, on a thread of their own that never waits for a client.

A client is owed nothing but its own connection. One that does not take its answer is asked nothing more and goes when a
deadline passes; of more clients than there is room for, one that has been silent for long makes room, else the newest
is turned away; what a request may cost is bounded by its length.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EADDRINUSE
from pathlib import Path
from typing import Protocol

from pytestpmd.eal.control import ControlThread
from pytestpmd.telemetry.legacy import CallBack

#: As many as the original serves.
MAX_CLIENTS = 10
#: After so many seconds without a request a client makes room for another.
SILENT_S = 30.0
#: A client that does not take an answer for so many seconds goes.
STUCK_S = 5.0
#: Programs on one runtime directory; the original counts as far as a short goes.
MAX_SUFFIX = 32767


class Service(Protocol):
    """A protocol: what is said to a new client (b"" for nothing), and to each request."""

    max_request: int

    def greeting(self) -> bytes: ...
    def answer(self, request: bytes) -> bytes | CallBack: ...


@dataclass
class _Client:
    """A connection; ``owed`` is an answer that it has not taken yet."""

    socket: socket.socket
    service: Service
    heard: float = field(default_factory=time.monotonic)
    owed: bytes = b""


@dataclass(frozen=True)
class Listener:
    """A socket and where it is."""

    socket: socket.socket
    path: Path


def listen(path: Path, *, may_share: bool = False) -> Listener:
    """A socket at ``path``, for us alone. One that nobody listens on any more is replaced.

    Where somebody does, ``:1``, ``:2``, ... are tried if ``may_share``. Raises OSError.
    """
    for taken in _names(path, may_share):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            if _bind(one, taken):
                os.chmod(taken, 0o600)
                one.listen(MAX_CLIENTS)
                return Listener(one, taken)
        except BaseException:
            one.close()
            raise
        one.close()
    raise OSError(EADDRINUSE, os.strerror(EADDRINUSE), str(path))


def _names(path: Path, may_share: bool) -> Iterator[Path]:
    yield path
    for number in range(1, MAX_SUFFIX + 1) if may_share else ():
        yield path.with_name(f"{path.name}:{number}")


def _bind(one: socket.socket, path: Path) -> bool:
    """False when somebody listens there."""
    try:
        one.bind(str(path))
        return True
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return False  # so many wait there that we would have to
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        else:
            return False
    one.bind(str(path))
    return True


class Server:
    """Listeners and clients of one program. :meth:`close` ends the thread, every connection, and the sockets' names."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.paths: list[Path] = []
        self._listeners: list[socket.socket] = []
        self._clients: list[_Client] = []
        self._thread = ControlThread("dpdk-telemet-v2", self._tick)

    def offer(self, listener: Listener, service: Service) -> None:
        """Serve who connects there; before :meth:`start`."""
        self.paths.append(listener.path)
        self._listeners.append(listener.socket)
        self._thread.watch(listener.socket.fileno(), lambda: self._accept(listener.socket, service))

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving; harmless when repeated."""
        self._thread.stop()
        for one in (*self._listeners, *(client.socket for client in self._clients)):
            one.close()
        self._clients.clear()
        for path in self.paths:
            path.unlink(missing_ok=True)
        self.paths.clear()

    # On the thread.

    def _accept(self, listener: socket.socket, service: Service) -> None:
        with suppress(OSError):  # gone already, or no descriptors left
            one, _ = listener.accept()
            one.setblocking(False)
            self._take(one, service)

    def _take(self, one: socket.socket, service: Service) -> None:
        """Have a client more, if there is room."""
        if len(self._clients) >= MAX_CLIENTS:
            self._make_room()
        if len(self._clients) >= MAX_CLIENTS:
            one.close()
            return
        client = _Client(one, service)
        self._clients.append(client)
        self._thread.watch(one.fileno(), lambda: self._hear(client))
        self._say(client, service.greeting())

    def _make_room(self) -> None:
        client = min(self._clients, key=lambda client: client.heard)
        if time.monotonic() - client.heard >= SILENT_S:
            self._drop(client)

    def _hear(self, client: _Client) -> None:
        try:
            request = client.socket.recv(client.service.max_request)
        except BlockingIOError:
            return
        except OSError:
            request = b""
        if not request:
            self._drop(client)
            return
        client.heard = time.monotonic()
        answer = client.service.answer(request)
        if isinstance(answer, CallBack):
            self._call_back(answer.path, client.service)
        else:
            self._say(client, answer)

    def _call_back(self, path: str, service: Service) -> None:
        """Connect to a client that wants to be connected to; one that is not there is none."""
        one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            one.connect(path)
        except (OSError, ValueError):
            one.close()
            return
        self._take(one, service)

    def _say(self, client: _Client, answer: bytes) -> None:
        """Send, or owe it: a client that owes nothing is listened to, another is tried again with every tick."""
        if not answer:
            return
        try:
            client.socket.send(answer, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            client.owed = answer
            self._thread.unwatch(client.socket.fileno())
        except OSError:
            self._drop(client)
        else:
            if client.owed:
                client.owed, client.heard = b"", time.monotonic()
                self._thread.watch(client.socket.fileno(), lambda: self._hear(client))

    def _tick(self) -> None:
        for client in [client for client in self._clients if client.owed]:
            self._say(client, client.owed)
            if client.owed and time.monotonic() - client.heard >= STUCK_S:
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
        self._thread.unwatch(client.socket.fileno())
        client.socket.close()
