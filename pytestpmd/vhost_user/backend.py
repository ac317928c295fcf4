"""The device's side of vhost-user: bytes and fds in, validated requests out, answers back. No socket, no clock.

How it thinks: the front-end is not trusted, so a request passes four gates before anyone sees it.

1. The header: version, direction, the exact payload size of the table. A front-end that gets this wrong cannot be
   followed any further; the conversation ends before the payload is read.
2. The table: is the request known, was its feature negotiated, does it carry as many fds as it must.
3. The message by itself: regions that overlap, sizes out of range, eventfds that are none (``Message.check``).
4. The conversation: rings that exist, features that were offered, nothing resized while it runs.

What fails at 2 to 4 is refused: its fds are closed, nothing changes, and the front-end hears a negative answer if it
asked for one (:class:`Refused`). If it did not ask, going on would leave the two sides with different ideas of the
device, so the conversation ends (:class:`RemoteProtocolError`), as DPDK's back-end does.

What passes is a :class:`Request`, to be answered by exactly one :meth:`Backend.reply` or :meth:`Backend.ack`. The
machine's own state changes at that moment and not before: a request that its receiver could not carry out never was.

The order of requests is free on purpose. QEMU enables rings before it sends any SET_FEATURES, sends SET_VRING_CALL
twice, and negotiates the protocol features again for every queue pair; DPDK's virtio-user does none of this.
A ring counts as running from SET_VRING_KICK to GET_VRING_BASE (or a reset), because between these two the data plane
may look at it at any time.

``need_reply`` is honoured whether or not REPLY_ACK was negotiated: whoever sets it waits for an answer.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from pytestpmd.errors import LocalProtocolError, RemoteProtocolError
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.answer import Answered, encode_answer
from pytestpmd.vhost_user.eventfd import is_eventfd
from pytestpmd.vhost_user.events import NEED_DATA, ConnectionClosed, NeedData, Refused, Request
from pytestpmd.vhost_user.message import BadMessage, Message, expect
from pytestpmd.vhost_user.stream import Frame, MessageStream, close_fds, encode_reply
from pytestpmd.vhost_user.table import TABLE, Answer, Row, row_of
from pytestpmd.vhost_user.wire import NO_PROTOCOL_FEATURES, VHOST_F_LOG_ALL, Header, ProtocolFeature

MAX_MEMORY: Final = 1 << 42  # bytes of the front-end's files that we are ready to map
PAGE_SIZE: Final = 4096
_NACK: Final = (1).to_bytes(8, sys.byteorder)
_ACK: Final = bytes(8)


class Backend:
    """One connection's conversation, seen from the back-end.

    ``features`` are the virtio feature bits on offer (bit 30, VHOST_USER_F_PROTOCOL_FEATURES, with them),
    ``protocol_features`` those of the protocol, ``nb_rings`` how many rings may be spoken of, ``max_memory`` the limit
    in bytes for the sum of what the regions make one map.
    """

    def __init__(
        self,
        features: int,
        protocol_features: ProtocolFeature,
        nb_rings: int,
        max_memory: int = MAX_MEMORY,
        accepts_fd: Callable[[int], bool] = is_eventfd,
    ) -> None:
        self.offered_features = features
        self.offered_protocol_features = protocol_features
        self.nb_rings = nb_rings
        self.features = 0  # acknowledged by the front-end, as all below
        self.protocol_features = NO_PROTOCOL_FEATURES
        self._claims: tuple[m.MemRegion, ...] = ()  # each as often as it was added
        self.ring_sizes = [0] * nb_rings
        self.running_rings: frozenset[int] = frozenset()
        self._max_memory = max_memory
        self._accepts_fd = accepts_fd
        self._stream = MessageStream(_check_header)
        self._pending: Request | None = None
        self._error: RemoteProtocolError | None = None

    @property
    def regions(self) -> tuple[m.MemRegion, ...]:
        """The front-end's memory, without the fds, which went to the receiver."""
        return tuple(dict.fromkeys(self._claims))

    @property
    def bytes_wanted(self) -> int:
        """How much to read from the socket next, and no more."""
        return self._stream.bytes_wanted

    @property
    def is_inside_message(self) -> bool:
        """True while a message has begun and not ended: its rest has a deadline."""
        return self._stream.is_inside_message

    def receive_data(self, chunk: bytes, fds: Iterable[int] = ()) -> None:
        """Take what was read; an empty chunk is the end of the stream. The machine owns the fds from here."""
        self._stream.feed(chunk, fds)

    def next_event(self) -> Request | Refused | ConnectionClosed | NeedData:
        """The next event, or :data:`NEED_DATA`; :class:`RemoteProtocolError` when the conversation must end."""
        if self._pending:
            raise LocalProtocolError(f"{self._pending.message.name} has not been answered")
        if self._error:
            self._stream.close()
            raise self._error
        try:
            frame = self._stream.next_frame()
            return self._ended_or_not() if frame is None else self._judge(frame)
        except RemoteProtocolError as error:
            self._end(error)
            raise

    def reply(self, value: Answered = 0) -> bytes:
        """The answer to a request that has one by its nature; ``value`` is the number, or the message, it asked for.

        The fds of a message go with the answer, and stay the caller's.
        """
        message = self._take_pending(with_reply=True).message
        answer = encode_reply(message.request, encode_answer(row_of(message).answer, message, value))
        self._commit(message)
        return answer

    def ack(self, ok: bool = True) -> bytes:
        """The end of any other request; empty unless the front-end wants to know.

        When it failed and the front-end did not ask, the conversation ends with :class:`RemoteProtocolError`; but an
        answer that would be a message has a form without one.
        """
        request = self._take_pending(with_reply=not ok and self._pending_has_reply())
        message = request.message
        if ok:
            self._commit(message)
        elif row_of(message).answer is Answer.SAME:
            return encode_reply(message.request, b"")
        elif not request.needs_reply or row_of(message).answer is not Answer.ACK:
            raise self._end(RemoteProtocolError(f"{message.name} failed"))
        return encode_reply(message.request, _ACK if ok else _NACK) if request.needs_reply else b""

    def close(self) -> None:
        """Forget everything that was received and not handed out."""
        self._stream.close()

    def _end(self, error: RemoteProtocolError) -> RemoteProtocolError:
        self._error = error
        self._stream.close()
        return error

    # ---- judging ----

    def _judge(self, frame: Frame) -> Request | Refused:
        header = frame.header
        try:
            message = self._understand(frame)
        except BadMessage as error:
            close_fds(frame.fds)
            return _refuse(header, str(error))
        close_fds(fd for fd in frame.fds if fd not in message.fds)
        self._pending = Request(message, header.needs_reply)
        return self._pending

    def _understand(self, frame: Frame) -> Message:
        row = TABLE.get(frame.header.request)
        if row is None:
            raise BadMessage("not supported")
        self._check_gates(row)
        expect(len(frame.fds) in row.fds, f"{len(frame.fds)} file descriptors")
        message = row.message.decode(frame.payload, frame.fds)
        message.check()
        self._check_conversation(message)
        return message

    def _check_gates(self, row: Row) -> None:
        expect(not row.gate & ~self.protocol_features, f"{row.gate.name} is not negotiated")
        expect(not row.feature & ~self.offered_features, f"needs feature {row.feature:#x}, which is not offered")

    def _check_conversation(self, message: Message) -> None:
        if isinstance(message, m.RingMessage):
            expect(message.ring < self.nb_rings, f"ring {message.ring}, but there are {self.nb_rings}")
        match message:
            case m.SetFeatures(features):
                self._check_features(features)
            case m.SetProtocolFeatures(features):
                extra = features & ~int(self.offered_protocol_features)
                expect(not extra, f"protocol features {extra:#x} are not offered")
            case m.SetMemTable(regions):
                self._check_memory(regions)
            case m.AddMemReg(region):
                self._check_claim(region)
            case m.RemMemReg(region):
                expect(any(region.is_same_as(each) for each in self.regions), f"no region {region.describe()}")
            case m.SetVringNum(ring, size):
                is_same = size == self.ring_sizes[ring]
                expect(is_same or ring not in self.running_rings, f"ring {ring} is running, its size is fixed")
            case m.SetVringKick(_, fd) | m.SetVringCall(_, fd) | m.SetVringErr(_, fd) if fd is not None:
                expect(self._accepts_fd(fd), f"ring {message.ring}: the file descriptor is no eventfd")

    def _check_features(self, features: int) -> None:
        extra = features & ~self.offered_features
        expect(not extra, f"features {extra:#x} are not offered")
        changed = (features ^ self.features) & ~VHOST_F_LOG_ALL
        expect(not (changed and self.running_rings), f"features {changed:#x} change while a ring is running")

    def _check_memory(self, regions: Iterable[m.MemRegion]) -> None:
        total = sum(_rounded_up(region.mmap_offset % PAGE_SIZE + region.size) for region in regions)
        expect(total <= self._max_memory, f"{total:#x} bytes to map, at most {self._max_memory:#x}")

    def _check_claim(self, region: m.MemRegion) -> None:
        """A region more, or one that is there already: QEMU 7.2 adds each once for each of its queue pairs.

        It removes each as often. More pairs than rings there are not, which bounds what a front-end can heap up.
        """
        claims = self._claims.count(replace(region, fd=-1))
        expect(claims < self.nb_rings, f"region {region.describe()} was added {claims} times already")
        if not claims:
            m.SetMemTable((*self.regions, region)).check()
            self._check_memory((*self.regions, region))

    # ---- answering ----

    def _pending_has_reply(self) -> bool:
        return self._pending is not None and row_of(self._pending.message).answer is not Answer.ACK

    def _take_pending(self, with_reply: bool) -> Request:
        request = self._pending
        if request is None:
            raise LocalProtocolError("There is no request to answer")
        if self._pending_has_reply() != with_reply:
            raise LocalProtocolError(f"{request.message.name} is answered by {'ack' if with_reply else 'reply'}")
        self._pending = None
        return request

    def _commit(self, message: Message) -> None:
        """What the front-end may rely on from now on."""
        match message:
            case m.SetFeatures(features):
                self.features = features
            case m.SetProtocolFeatures(features):
                self.protocol_features = ProtocolFeature(features)
            case m.SetMemTable(regions):
                self._claims = tuple(replace(region, fd=-1) for region in regions)
            case m.AddMemReg(region):
                self._claims += (replace(region, fd=-1),)
            case m.RemMemReg(region):
                at = next(i for i, each in enumerate(self._claims) if region.is_same_as(each))
                self._claims = self._claims[:at] + self._claims[at + 1 :]
            case m.SetVringNum(ring, size):
                self.ring_sizes[ring] = size
            case m.SetVringKick(ring):
                self.running_rings |= {ring}
            case m.GetVringBase(ring):
                self.running_rings -= {ring}
            case m.ResetOwner():
                self.running_rings = frozenset()
            case m.ResetDevice():
                self.running_rings, self.features = frozenset(), 0
                self.ring_sizes = [0] * self.nb_rings

    def _ended_or_not(self) -> ConnectionClosed | NeedData:
        if not self._stream.has_ended:
            return NEED_DATA
        if self._stream.is_inside_message:
            raise RemoteProtocolError("The front-end closed the connection in the middle of a message")
        return ConnectionClosed()


def _check_header(header: Header) -> None:
    if header.is_reply:
        raise RemoteProtocolError(f"{header.name}: an answer on the back-end's connection")
    row = TABLE.get(header.request)
    if row is not None and header.size not in row.sizes:
        raise RemoteProtocolError(f"{header.name}: {header.size} bytes of payload")


def _refuse(header: Header, reason: str) -> Refused:
    """A negative answer where one is expected; otherwise the end of the conversation."""
    row = TABLE.get(header.request)
    if row is not None and row.answer is Answer.SAME:
        return Refused(header.name, reason, encode_reply(header.request, b""))
    if not header.needs_reply or (row is not None and row.answer is not Answer.ACK):
        raise RemoteProtocolError(f"{header.name}: {reason}")
    return Refused(header.name, reason, encode_reply(header.request, _NACK))


def _rounded_up(size: int) -> int:
    return -(-size // PAGE_SIZE) * PAGE_SIZE
