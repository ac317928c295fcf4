"""From the pieces that a socket yields to whole messages; and the one place that closes file descriptors.

A Unix stream socket keeps no message boundaries, but it delivers file descriptors with the first byte that they were
sent with, and never reads past that sendmsg in one go. So fds belong to the message that holds the first byte of their
chunk, provided the reader asks for no more than :attr:`MessageStream.bytes_wanted` bytes at a time (as
``connection.py`` does). More at once is understood too, as long as no fds come with it.

The stream owns every fd from :meth:`MessageStream.feed` until a frame hands it out.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pytestpmd.errors import RemoteProtocolError
from pytestpmd.vhost_user.wire import HEADER_SIZE, MAX_FDS, MAX_PAYLOAD, REPLY, VERSION, Header


def close_fds(fds: Iterable[int]) -> None:
    """Close what the peer gave us and nobody wants."""
    for fd in fds:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole message, not yet looked into. Whoever takes the frame owns its fds."""

    header: Header
    payload: bytes
    fds: tuple[int, ...]


class MessageStream:
    """Cuts one direction of a connection into frames.

    ``check`` is called with every header before its payload is wanted, and raises when no such message is acceptable.
    """

    def __init__(self, check: Callable[[Header], None]) -> None:
        self._check = check
        self._buffer = bytearray()
        self._fds: list[tuple[int, int]] = []  # offset in the buffer of the byte it came with, fd
        self._header: Header | None = None
        self.has_ended = False

    def feed(self, chunk: bytes, fds: Iterable[int] = ()) -> None:
        """Add what was read; an empty chunk is the end of the stream."""
        self._fds.extend((len(self._buffer), fd) for fd in fds)
        self._buffer += chunk
        self.has_ended = self.has_ended or not chunk

    @property
    def bytes_wanted(self) -> int:
        """How much to read next: the rest of the header, or of the payload; at least 1."""
        wanted = HEADER_SIZE if self._header is None else HEADER_SIZE + self._header.size
        return max(1, wanted - len(self._buffer))

    @property
    def is_inside_message(self) -> bool:
        return bool(self._buffer or self._fds)

    @property
    def message_name(self) -> str:
        """The message that is being read, for the text of an error."""
        return self._header.name if self._header else "a message"

    def next_frame(self) -> Frame | None:
        """The next whole message, or None while some of it is missing."""
        if self._header is None:
            if len(self._buffer) < HEADER_SIZE:
                return None
            self._header = self._read_header()
        end = HEADER_SIZE + self._header.size
        if len(self._buffer) < end:
            return None
        frame = Frame(self._header, bytes(self._buffer[HEADER_SIZE:end]), self._take_fds(end))
        del self._buffer[:end]
        self._header = None
        return frame

    def close(self) -> None:
        """Drop what is left, fds included; harmless when repeated."""
        close_fds(fd for _, fd in self._fds)
        self._fds.clear()
        self._buffer.clear()
        self._header = None

    def _read_header(self) -> Header:
        header = Header.decode(bytes(self._buffer[:HEADER_SIZE]))
        if header.version != VERSION:
            raise RemoteProtocolError(f"{header.name}: protocol version {header.version} instead of {VERSION}")
        if header.size > MAX_PAYLOAD:
            raise RemoteProtocolError(f"{header.name}: {header.size} bytes of payload, at most {MAX_PAYLOAD}")
        self._check(header)
        return header

    def _take_fds(self, end: int) -> tuple[int, ...]:
        taken = tuple(fd for offset, fd in self._fds if offset < end)
        if len(taken) > MAX_FDS:
            raise RemoteProtocolError(f"{self.message_name}: {len(taken)} file descriptors, at most {MAX_FDS}")
        self._fds = [(offset - end, fd) for offset, fd in self._fds if offset >= end]
        return taken


def encode(request: int, flags: int, payload: bytes) -> bytes:
    """A whole message as it goes to the socket."""
    return Header(request, VERSION | flags, len(payload)).encode() + payload


def encode_reply(request: int, payload: bytes) -> bytes:
    """An answer: same request number, reply flag, and no other flag (peers compare the whole word)."""
    return encode(request, REPLY, payload)
