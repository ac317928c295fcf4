"""The driver's side of vhost-user: messages in, bytes and fds out; bytes in, events out. No socket, no clock.

How it thinks: a front-end speaks, a back-end answers, and the answers come in the order of the questions. So one
question at a time is enough: while an answer is due, :meth:`Frontend.send` refuses to go on. A request is answered

- always, when the table says so (GET_FEATURES and the like); ``need_reply`` adds nothing to these;
- on demand, when ``need_reply`` is set, which REPLY_ACK must have made legal;
- never, otherwise.

What the back-end offered (features, protocol features) is learnt from its replies, and what we send is held against
it: a message out of turn or without its gate is a :class:`LocalProtocolError`, our own bug. An answer to something
else, of another size, or with file descriptors, is a :class:`RemoteProtocolError`, and ends the conversation.
"""

from collections.abc import Iterable
from struct import error as StructError

from pytestpmd.errors import LocalProtocolError, RemoteProtocolError
from pytestpmd.vhost_user.answer import Answered, answer_sizes, decode_answer
from pytestpmd.vhost_user.events import NEED_DATA, Ack, ConnectionClosed, NeedData, Reply
from pytestpmd.vhost_user.message import BadMessage, Message, expect
from pytestpmd.vhost_user.messages import SetFeatures, SetProtocolFeatures
from pytestpmd.vhost_user.stream import Frame, MessageStream, close_fds, encode
from pytestpmd.vhost_user.table import Answer, row_of
from pytestpmd.vhost_user.wire import (
    NEED_REPLY,
    NO_PROTOCOL_FEATURES,
    Header,
    ProtocolFeature,
    VhostUserRequest,
)


class Frontend:
    """One connection's conversation, seen from the front-end."""

    def __init__(self) -> None:
        self.offered_features = 0
        self.offered_protocol_features = NO_PROTOCOL_FEATURES
        self.protocol_features = NO_PROTOCOL_FEATURES  # negotiated
        self._stream = MessageStream(self._check_header)
        self._awaited: Message | None = None
        self._error: RemoteProtocolError | None = None

    @property
    def awaited(self) -> Message | None:
        """The request whose answer is due."""
        return self._awaited

    @property
    def bytes_wanted(self) -> int:
        """How much to read from the socket next, and no more."""
        return self._stream.bytes_wanted

    def send(self, message: Message, *, needs_reply: bool = False) -> tuple[bytes, tuple[int, ...]]:
        """What to write to the socket, in one sendmsg. ``needs_reply`` asks for an :class:`Ack`.

        Raises :class:`LocalProtocolError` when the message may not be sent now, or has impossible values.
        """
        try:
            self._check_turn(message, needs_reply)
            message.check()
            payload = message.payload()
        except (BadMessage, StructError) as error:
            raise LocalProtocolError(f"{message.name}: {error}") from error
        if needs_reply or row_of(message).answer is not Answer.ACK:
            self._awaited = message
        if isinstance(message, SetProtocolFeatures):
            self.protocol_features = ProtocolFeature(message.features)
        return encode(message.request, NEED_REPLY if needs_reply else 0, payload), message.fds

    def receive_data(self, chunk: bytes, fds: Iterable[int] = ()) -> None:
        """Take what was read; an empty chunk is the end of the stream. The machine owns the fds from here."""
        self._stream.feed(chunk, fds)

    def next_event(self) -> Reply | Ack | ConnectionClosed | NeedData:
        """The next event, :data:`NEED_DATA` when bytes are missing; :class:`RemoteProtocolError` for a bad answer."""
        if self._error:
            self._stream.close()
            raise self._error
        try:
            frame = self._stream.next_frame()
            return self._ended_or_not() if frame is None else self._understand(frame)
        except RemoteProtocolError as error:
            self._error = error
            self._stream.close()
            raise

    def close(self) -> None:
        """Forget everything that was received and not handed out."""
        self._stream.close()

    def _check_turn(self, message: Message, needs_reply: bool) -> None:
        row = row_of(message)
        if self._awaited:
            raise BadMessage(f"the answer to {self._awaited.name} is still due")
        if needs_reply and not self.protocol_features & ProtocolFeature.REPLY_ACK:
            raise BadMessage("an answer was asked for, but REPLY_ACK is not negotiated")
        if row.gate & ~self.protocol_features:
            raise BadMessage(f"{row.gate.name} is not negotiated")
        if row.feature & ~self.offered_features:
            raise BadMessage("the back-end does not offer VHOST_USER_F_PROTOCOL_FEATURES")
        if isinstance(message, SetFeatures | SetProtocolFeatures):
            self._check_subset(message)

    def _check_subset(self, message: SetFeatures | SetProtocolFeatures) -> None:
        is_virtio = isinstance(message, SetFeatures)
        offered = self.offered_features if is_virtio else int(self.offered_protocol_features)
        if message.features & ~offered:
            raise BadMessage(f"{message.features & ~offered:#x} was not offered")

    def _check_header(self, header: Header) -> None:
        awaited = self._awaited
        if not header.is_reply:
            raise RemoteProtocolError(f"{header.name}: a request on the front-end's connection")
        if awaited is None:
            raise RemoteProtocolError(f"{header.name}: an answer that nobody asked for")
        if header.request != awaited.request:
            raise RemoteProtocolError(f"{header.name}: an answer instead of the one to {awaited.name}")
        sizes = answer_sizes(row_of(awaited).answer, awaited)
        if header.size not in sizes:
            raise RemoteProtocolError(f"{header.name}: an answer of {header.size} bytes instead of {sizes[0]}")

    def _understand(self, frame: Frame) -> Reply | Ack:
        asked = self._awaited
        assert asked is not None  # the header was checked against it
        row = row_of(asked)
        is_refusal = row.answer is Answer.SAME and not frame.payload
        try:
            expect(len(frame.fds) == (0 if is_refusal else row.answer_fds), f"with {len(frame.fds)} file descriptors")
            value = 0 if is_refusal else decode_answer(row.answer, asked, frame.payload, frame.fds)
        except BadMessage as error:
            close_fds(frame.fds)
            raise RemoteProtocolError(f"{asked.name}: an answer {error}") from error
        self._awaited = None
        if row.answer is Answer.ACK or is_refusal:
            return Ack(asked.request, value == 0 and not is_refusal)
        self._learn(asked.request, value)
        return Reply(asked.request, value)

    def _learn(self, request: VhostUserRequest, value: Answered) -> None:
        if request is VhostUserRequest.GET_FEATURES and isinstance(value, int):
            self.offered_features = value
        elif request is VhostUserRequest.GET_PROTOCOL_FEATURES and isinstance(value, int):
            self.offered_protocol_features = ProtocolFeature(value)

    def _ended_or_not(self) -> ConnectionClosed | NeedData:
        if not self._stream.has_ended:
            return NEED_DATA
        if self._awaited:
            raise RemoteProtocolError(f"The back-end closed the connection instead of answering {self._awaited.name}")
        if self._stream.is_inside_message:
            raise RemoteProtocolError("The back-end closed the connection in the middle of a message")
        return ConnectionClosed()
