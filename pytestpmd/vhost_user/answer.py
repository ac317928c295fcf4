"""The wire form of answers: one number each, or nothing."""

from struct import Struct
from typing import Final

from pytestpmd.vhost_user.message import Message, expect
from pytestpmd.vhost_user.messages import GetVringBase
from pytestpmd.vhost_user.table import Answer

_U64: Final = Struct("=Q")
_RING: Final = Struct("=II")


def encode_answer(form: Answer, asked: Message, value: int) -> bytes:
    """The payload that answers ``asked`` with ``value``."""
    if form is Answer.EMPTY:
        return b""
    if isinstance(asked, GetVringBase):
        return _RING.pack(asked.ring, value)
    return _U64.pack(value)


def decode_answer(form: Answer, asked: Message, payload: bytes) -> int:
    """The value of an answer of the right size; :class:`BadMessage` when it speaks of another ring."""
    if form is Answer.EMPTY:
        return 0
    if isinstance(asked, GetVringBase):
        ring, value = _RING.unpack(payload)
        expect(ring == asked.ring, f"the answer is about ring {ring}")
        return int(value)
    return int(_U64.unpack(payload)[0])


def answer_size(form: Answer) -> int:
    """Payload bytes of an answer."""
    return 0 if form is Answer.EMPTY else 8
