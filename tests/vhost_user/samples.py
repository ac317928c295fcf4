"""One message of each kind with its payload, written down from the protocol's text and not from the code."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import pack

from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.wire import ProtocolFeature

MakeFd = Callable[[], int]
GiveAway = Callable[[int], tuple[int, ...]]

ALL_PROTOCOL_FEATURES = ProtocolFeature((1 << 20) - 1)
BIT_30 = 1 << 30
LOG_ALL = 1 << 26
FEATURES = BIT_30 | LOG_ALL | 1 << 32 | 1 << 15 | 1 << 0
VERSION, REPLY, NEED_REPLY = 1, 4, 8


@dataclass(frozen=True)
class Sample:
    number: int
    message: Message
    payload: bytes


def region(at: int, size: int = 0x200000, fd: int = -1) -> m.MemRegion:
    return m.MemRegion(guest_addr=at, size=size, user_addr=0x7F0000000000 + at, mmap_offset=0x1000, fd=fd)


SAMPLES = [
    Sample(1, m.GetFeatures(), b""),
    Sample(2, m.SetFeatures(1 << 30 | 1 << 32), pack("=Q", 0x140000000)),
    Sample(3, m.SetOwner(), b""),
    Sample(4, m.ResetOwner(), b""),
    Sample(
        5,
        m.SetMemTable((region(0, fd=70), region(0x10000000, 0x3000, fd=71))),
        pack("=II4Q4Q", 2, 0, 0, 0x200000, 0x7F0000000000, 0x1000, 0x10000000, 0x3000, 0x7F0010000000, 0x1000),
    ),
    Sample(6, m.SetLogBase(fd=72, size=0x8000, offset=0x10), pack("=QQ", 0x8000, 0x10)),
    Sample(7, m.SetLogFd(fd=73), b""),
    Sample(8, m.SetVringNum(1, 256), pack("=II", 1, 256)),
    Sample(
        9,
        m.SetVringAddr(1, flags=1, desc=0x7F0000001000, used=0x7F0000003004, avail=0x7F0000002002, log=0x3004),
        pack("=IIQQQQ", 1, 1, 0x7F0000001000, 0x7F0000003004, 0x7F0000002002, 0x3004),
    ),
    Sample(10, m.SetVringBase(1, 0x8005), pack("=II", 1, 0x8005)),
    Sample(11, m.GetVringBase(1), pack("=II", 1, 0)),
    Sample(12, m.SetVringKick(1, 74), pack("=Q", 1)),
    Sample(12, m.SetVringKick(1, None), pack("=Q", 0x101)),
    Sample(13, m.SetVringCall(0, 75), pack("=Q", 0)),
    Sample(13, m.SetVringCall(0, None), pack("=Q", 0x100)),
    Sample(14, m.SetVringErr(1, 76), pack("=Q", 1)),
    Sample(15, m.GetProtocolFeatures(), b""),
    Sample(16, m.SetProtocolFeatures(0x10009), pack("=Q", 0x10009)),
    Sample(17, m.GetQueueNum(), b""),
    Sample(18, m.SetVringEnable(1, 1), pack("=II", 1, 1)),
    Sample(19, m.SendRarp(bytes.fromhex("525400abcdef")), bytes.fromhex("525400abcdef0000")),
    Sample(20, m.NetSetMtu(9000), pack("=Q", 9000)),
    Sample(21, m.SetBackendReqFd(fd=77), b""),
    Sample(24, m.GetConfig(6, bytes(2)), pack("=III2x", 6, 2, 0)),
    Sample(25, m.SetConfig(0, bytes.fromhex("525400abcdef"), 1), pack("=III", 0, 6, 1) + bytes.fromhex("525400abcdef")),
    Sample(31, m.GetInflightFd(0, 0, 2, 256), pack("=QQHHI", 0, 0, 2, 256, 0)),
    Sample(32, m.SetInflightFd(0x4000, 0x1000, 2, 256, 79), pack("=QQHHI", 0x4000, 0x1000, 2, 256, 0)),
    Sample(34, m.ResetDevice(), b""),
    Sample(36, m.GetMaxMemSlots(), b""),
    Sample(
        37,
        m.AddMemReg(region(0x20000000, 0x1000, fd=78)),
        pack("=Q4Q", 0, 0x20000000, 0x1000, 0x7F0020000000, 0x1000),
    ),
    Sample(38, m.RemMemReg(region(0, 0x200000)), pack("=Q4Q", 0, 0, 0x200000, 0x7F0000000000, 0x1000)),
    Sample(39, m.SetStatus(0x0F), pack("=Q", 0x0F)),
    Sample(40, m.GetStatus(), b""),
]
IDS = [f"{sample.message.name}-{index}" for index, sample in enumerate(SAMPLES)]


def wire(number: int, payload: bytes = b"", flags: int = VERSION, size: int | None = None) -> bytes:
    """A message as its 12 bytes and its payload; ``size`` lies about the payload when given."""
    return pack("=III", number, flags, len(payload) if size is None else size) + payload


def a_backend(nb_rings: int = 2, **changes: object) -> Backend:
    """A back-end that offers everything."""
    arguments: dict[str, object] = {"features": FEATURES, "protocol_features": ALL_PROTOCOL_FEATURES}
    return Backend(nb_rings=nb_rings, **(arguments | changes))  # type: ignore[arg-type]


def dup_fds(fds: Iterable[int]) -> tuple[int, ...]:
    """What sendmsg does to file descriptors."""
    return tuple(os.dup(fd) for fd in fds)


def nb_open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))
