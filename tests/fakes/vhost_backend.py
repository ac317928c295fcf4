"""A vhost-user back-end on a real socket, on a thread of its own, written from the protocol's text.

It answers as an honest one does, unless the test puts another answer in :attr:`FakeBackend.answers`.
"""

import mmap
import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, unpack
from types import TracebackType
from typing import Self

from fakes.guest import GuestMemory
from fakes.leaks import eventually
from fakes.virtio_device import SplitDevice

from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.vhost_user.wire import ProtocolFeature, VhostUserRequest

R = VhostUserRequest
VERSION, REPLY, NEED_REPLY = 1, 4, 8
HEADER = Struct("=III")
U64 = Struct("=Q")
PATIENCE_S = 10.0
FEATURES = (
    Feature.VIRTIO_NET_F_MTU
    | Feature.VIRTIO_NET_F_MRG_RXBUF
    | Feature.VIRTIO_NET_F_MQ
    | Feature.VIRTIO_RING_F_INDIRECT_DESC
    | Feature.VHOST_USER_F_PROTOCOL_FEATURES
    | Feature.VIRTIO_F_VERSION_1
)
PROTOCOL = ProtocolFeature.MQ | ProtocolFeature.REPLY_ACK | ProtocolFeature.STATUS | ProtocolFeature.MTU


@dataclass(frozen=True)
class Asked:
    """A message of the front-end's. Its fds are the back-end's to close."""

    number: int
    flags: int
    payload: bytes
    fds: tuple[int, ...]

    @property
    def u64(self) -> int:
        return int(U64.unpack(self.payload)[0])

    @property
    def pair(self) -> tuple[int, int]:
        """A ring and a number."""
        ring, number = unpack("=II", self.payload[:8])
        return int(ring), int(number)


class HangUp(Exception):
    """The back-end closes the connection."""


Answer = Callable[[Asked], bytes | None]


def message(number: int, payload: bytes = b"", flags: int = VERSION | REPLY) -> bytes:
    """A whole message."""
    return HEADER.pack(number, flags, len(payload)) + payload


def silence(_: Asked) -> None:
    """No answer at all."""


def hang_up(_: Asked) -> bytes:
    """No answer, and no connection any more."""
    raise HangUp


def nack(asked: Asked) -> bytes:
    """The back-end could not do it."""
    return message(asked.number, U64.pack(1))


class FakeBackend:
    """At ``path`` it listens, or to there it ``connects``; it serves one front-end after the other."""

    def __init__(
        self,
        path: Path,
        *,
        connects: bool = False,
        features: int = FEATURES,
        protocol: int = PROTOCOL,
        nb_pairs: int = 4,
        answers: Mapping[int, Answer] | None = None,
    ) -> None:
        self.features, self.protocol, self.nb_pairs = int(features), int(protocol), nb_pairs
        self.asked: list[Asked] = []
        self.answers: dict[int, Answer] = dict(answers or {})
        self.bases: dict[int, int] = {}
        self.status = 0
        #: The configuration space, where it has one.
        self.config = b""
        self.failure: BaseException | None = None
        self._stopping = self._has_begun = False
        self._connects = connects
        self._path = str(path)
        self._maps: list[mmap.mmap] = []
        self._conn: socket.socket | None = None
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(0.01)
        if not connects:
            self._socket.bind(self._path)
            self._socket.listen(8)
        self._thread = threading.Thread(target=self._run, name="fake-backend", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What the test does and sees.

    @property
    def names(self) -> list[str]:
        """Every request so far, in order."""
        return [VhostUserRequest(asked.number).name for asked in self.asked]

    def last(self, number: int, ring: int | None = None) -> Asked:
        """The latest request of that number; about that ring, where it says."""
        return next(
            asked
            for asked in reversed(self.asked)
            if asked.number == number and (ring is None or ring == asked.payload[0])
        )

    def has_been_asked(self, number: int, times: int = 1) -> bool:
        """Wait until it has."""
        return eventually(lambda: sum(asked.number == number for asked in self.asked) >= times)

    def say(self, data: bytes) -> None:
        """Speak without being asked."""
        assert self._conn
        self._conn.sendall(data)

    def back_channel(self) -> socket.socket:
        """The socket on which it may say something of its own accord."""
        assert self.has_been_asked(R.SET_BACKEND_REQ_FD)
        return socket.socket(fileno=os.dup(self.last(R.SET_BACKEND_REQ_FD).fds[0]))

    @property
    def is_over(self) -> bool:
        """Whether one that connects has been left by the front-end, or left it."""
        return not self._thread.is_alive()

    def is_left(self) -> bool:
        """Wait until there has been a connection, and the front-end has closed it."""
        return eventually(lambda: self._has_begun and self._conn is None)

    def leave(self) -> None:
        """Close the connection, as one that crashes does."""
        if self._conn:
            with suppress(OSError):
                self._conn.shutdown(socket.SHUT_RDWR)
        assert self.is_left()

    def memory(self) -> GuestMemory:
        """What was shared, by guest address."""
        table = self.last(R.SET_MEM_TABLE)
        (count,) = unpack("=I", table.payload[:4])
        regions = []
        for i in range(count):
            guest, size, _, offset = unpack("=QQQQ", table.payload[8 + 32 * i : 40 + 32 * i])
            file = mmap.mmap(table.fds[i], offset + size)
            self._maps.append(file)
            regions.append((guest, memoryview(file)[offset : offset + size]))
        return GuestMemory(regions)

    def device(self, ring: int) -> SplitDevice:
        """The device of a ring as it was described (virtio-user's guest addresses are its user addresses)."""
        _, _, desc, used, avail, _ = unpack("=IIQQQQ", self.last(R.SET_VRING_ADDR, ring).payload)
        size, base = self.last(R.SET_VRING_NUM, ring).pair[1], self.last(R.SET_VRING_BASE, ring).pair[1]
        return SplitDevice(self.memory(), desc, avail, used, size, start=base)

    def close(self) -> None:
        """End the thread, and give back what was received."""
        self._stopping = True
        if self._conn:
            with suppress(OSError):
                self._conn.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._socket.close()
        for fd in {fd for asked in self.asked for fd in asked.fds}:
            os.close(fd)
        self.asked.clear()
        self._maps.clear()
        if self.failure:
            raise self.failure

    # The thread.

    def _run(self) -> None:
        try:
            while not self._stopping:
                with self._next_connection() as conn:
                    conn.settimeout(PATIENCE_S)
                    self._conn, self._has_begun = conn, True
                    if self._stopping:  # who closes has not seen the connection, perhaps
                        return
                    self._serve(conn)
                    self._conn = None
                if self._connects:
                    return
        except BaseException as error:
            self._conn = None
            if not self._stopping:
                self.failure = error

    def _next_connection(self) -> socket.socket:
        while not self._connects:
            with suppress(TimeoutError):
                return self._socket.accept()[0]
            if self._stopping:
                raise HangUp
        assert eventually(lambda: self._stopping or not self._socket.connect_ex(self._path))
        return self._socket

    def _serve(self, conn: socket.socket) -> None:
        with suppress(HangUp, ConnectionError):
            while asked := self._receive(conn):
                self.asked.append(asked)
                answer = self.answers.get(asked.number, self._answer)(asked)
                if answer:
                    conn.sendall(answer)

    @staticmethod
    def _receive(conn: socket.socket) -> Asked | None:
        header, fds, _, _ = socket.recv_fds(conn, HEADER.size, 8)
        if not header:
            return None
        assert len(header) == HEADER.size
        number, flags, size = HEADER.unpack(header)
        payload = b""
        while len(payload) < size:
            payload += conn.recv(size - len(payload))
        return Asked(number, flags, payload, tuple(fds))

    def _answer(self, asked: Asked) -> bytes | None:
        numbers = {
            R.GET_FEATURES: self.features,
            R.GET_PROTOCOL_FEATURES: self.protocol,
            R.GET_QUEUE_NUM: self.nb_pairs,
            R.GET_STATUS: self.status,
        }
        if asked.number in numbers:
            return message(asked.number, U64.pack(numbers[R(asked.number)]))
        if asked.number == R.GET_VRING_BASE:
            ring = asked.pair[0]
            return message(asked.number, Struct("=II").pack(ring, self.bases.get(ring, 0)))
        if asked.number == R.GET_CONFIG:
            offset, size, _flags = unpack("=III", asked.payload[:12])
            data = self.config[offset : offset + size]
            return message(asked.number, asked.payload[:12] + data if len(data) == size else b"")
        if asked.number == R.SET_STATUS:
            self.status = asked.u64
        return message(asked.number, U64.pack(0)) if asked.flags & NEED_REPLY else None
