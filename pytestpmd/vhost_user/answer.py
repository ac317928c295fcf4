"""The wire form of answers: one number each, nothing, or the question's own form."""

from struct import Struct
from typing import Final

from pytestpmd.vhost_user.message import Message, expect
from pytestpmd.vhost_user.messages import GetVringBase
from pytestpmd.vhost_user.table import Answer

_U64: Final = Struct("=Q")
_RING: Final = Struct("=II")

#: What is answered: a number, or the message that was asked for.
Answered = int | Message


def encode_answer(form: Answer, asked: Message, value: Answered) -> bytes:
    """The payload that answers ``asked`` with ``value``."""
    if isinstance(value, Message):
        assert form is Answer.SAME
        return value.payload()
    if form is Answer.EMPTY:
        return b""
    if isinstance(asked, GetVringBase):
        return _RING.pack(asked.ring, value)
    return _U64.pack(value)


def decode_answer(form: Answer, asked: Message, payload: bytes, fds: tuple[int, ...]) -> Answered:
    """What an answer of the right size says; :class:`BadMessage` when it is no answer to ``asked``."""
    if form is Answer.EMPTY:
        return 0
    if form is Answer.SAME:
        message = type(asked).decode(payload, fds)
        message.check()
        message.check_answer(asked)
        return message
    if isinstance(asked, GetVringBase):
        ring, value = _RING.unpack(payload)
        expect(ring == asked.ring, f"about ring {ring}")
        return int(value)
    return int(_U64.unpack(payload)[0])


def answer_sizes(form: Answer, asked: Message) -> tuple[int, ...]:
    """What an answer may weigh, in bytes of payload."""
    if form is Answer.SAME:
        return len(asked.payload()), 0
    return (0 if form is Answer.EMPTY else 8,)
