"""One row a request: what it weighs, what it carries, when it is legal, how it is answered.

This is all that must hold before a message is looked into. A request that is not here is not spoken.
"""

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.wire import (
    MAX_FDS,
    NO_PROTOCOL_FEATURES,
    VHOST_USER_F_PROTOCOL_FEATURES,
    ProtocolFeature,
)


class Answer(Enum):
    """How a request is answered: with one number that matters, or with itself, filled in."""

    ACK = auto()  # only on demand: u64, 0 for success
    U64 = auto()  # always: u64
    RING = auto()  # always: u32 ring, u32 number
    EMPTY = auto()  # always: nothing in it
    SAME = auto()  # always: the same message with its fields filled in; without a payload it is a refusal


@dataclass(frozen=True, slots=True)
class Row:
    """Allowed payload sizes in bytes, allowed fd counts, the answer with its fds, and what must have been negotiated.

    ``gate`` must have been acknowledged by SET_PROTOCOL_FEATURES, ``feature`` (a virtio feature bit) offered by
    GET_FEATURES: QEMU enables rings before it sends any SET_FEATURES.
    """

    message: type[m.Message]
    sizes: Container[int] = (0,)
    fds: Container[int] = (0,)
    answer: Answer = Answer.ACK
    gate: ProtocolFeature = NO_PROTOCOL_FEATURES
    feature: int = 0
    answer_fds: int = 0


_BIT_30: Final = VHOST_USER_F_PROTOCOL_FEATURES
_TABLE_SIZES: Final = range(8 + 32, 8 + 32 * MAX_FDS + 1, 32)
_TABLE_FDS: Final = range(1, MAX_FDS + 1)
_CONFIG_SIZES: Final = range(12, 12 + m.MAX_CONFIG + 1)
_F = ProtocolFeature

ROWS: Final = (
    #   message, payload bytes, fds, answer, needs (acknowledged gate or offered feature)
    Row(m.GetFeatures, answer=Answer.U64),
    Row(m.SetFeatures, (8,)),
    Row(m.SetOwner),
    Row(m.ResetOwner),
    Row(m.SetMemTable, _TABLE_SIZES, _TABLE_FDS),
    Row(m.SetLogBase, (16,), (1,), Answer.EMPTY, _F.LOG_SHMFD),
    Row(m.SetLogFd, (0,), (1,)),
    Row(m.SetVringNum, (8,)),
    Row(m.SetVringAddr, (40,)),
    Row(m.SetVringBase, (8,)),
    Row(m.GetVringBase, (8,), (0,), Answer.RING),
    Row(m.SetVringKick, (8,), (0, 1)),
    Row(m.SetVringCall, (8,), (0, 1)),
    Row(m.SetVringErr, (8,), (0, 1)),
    Row(m.GetProtocolFeatures, answer=Answer.U64, feature=_BIT_30),
    Row(m.SetProtocolFeatures, (8,), feature=_BIT_30),
    Row(m.GetQueueNum, answer=Answer.U64, gate=_F.MQ),
    Row(m.SetVringEnable, (8,), feature=_BIT_30),
    Row(m.SendRarp, (8,), gate=_F.RARP),
    Row(m.NetSetMtu, (8,), gate=_F.MTU),
    Row(m.SetBackendReqFd, (0,), (1,), gate=_F.BACKEND_REQ),
    Row(m.GetConfig, _CONFIG_SIZES, answer=Answer.SAME, gate=_F.CONFIG),
    Row(m.SetConfig, _CONFIG_SIZES, gate=_F.CONFIG),
    Row(m.GetInflightFd, (24,), answer=Answer.SAME, gate=_F.INFLIGHT_SHMFD, answer_fds=1),
    Row(m.SetInflightFd, (24,), (1,), gate=_F.INFLIGHT_SHMFD),
    Row(m.ResetDevice, gate=_F.RESET_DEVICE),
    Row(m.GetMaxMemSlots, answer=Answer.U64, gate=_F.CONFIGURE_MEM_SLOTS),
    Row(m.AddMemReg, (40,), (1,), gate=_F.CONFIGURE_MEM_SLOTS),
    Row(m.RemMemReg, (40,), (0, 1), gate=_F.CONFIGURE_MEM_SLOTS),
    Row(m.SetStatus, (8,), gate=_F.STATUS),
    Row(m.GetStatus, answer=Answer.U64, gate=_F.STATUS),
)

TABLE: Final[dict[int, Row]] = {int(row.message.request): row for row in ROWS}


def row_of(message: m.Message) -> Row:
    return TABLE[message.request]


__all__ = ["ROWS", "TABLE", "Answer", "Row", "row_of"]
