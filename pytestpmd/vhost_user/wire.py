"""What every vhost-user message shares: the request numbers, the header, the protocol feature bits.

The numbers are those of the vhost-user protocol text (QEMU, ``docs/interop/vhost-user.rst``). Requests that this
package does not speak are listed too, so that a refusal can call them by name.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from struct import Struct
from typing import ClassVar, Final

VERSION: Final = 1
HEADER_SIZE: Final = 12
MAX_PAYLOAD: Final = 4096  # longer than any message of the protocol; more is not even read
MAX_FDS: Final = 8  # a memory table, one fd for each of its regions

VERSION_MASK: Final = 0x3
REPLY: Final = 1 << 2
NEED_REPLY: Final = 1 << 3

VHOST_F_LOG_ALL: Final = 1 << 26
VHOST_USER_F_PROTOCOL_FEATURES: Final = 1 << 30


class VhostUserRequest(IntEnum):
    """Requests of a front-end, by their number."""

    GET_FEATURES = 1
    SET_FEATURES = 2
    SET_OWNER = 3
    RESET_OWNER = 4
    SET_MEM_TABLE = 5
    SET_LOG_BASE = 6
    SET_LOG_FD = 7
    SET_VRING_NUM = 8
    SET_VRING_ADDR = 9
    SET_VRING_BASE = 10
    GET_VRING_BASE = 11
    SET_VRING_KICK = 12
    SET_VRING_CALL = 13
    SET_VRING_ERR = 14
    GET_PROTOCOL_FEATURES = 15
    SET_PROTOCOL_FEATURES = 16
    GET_QUEUE_NUM = 17
    SET_VRING_ENABLE = 18
    SEND_RARP = 19
    NET_SET_MTU = 20
    SET_BACKEND_REQ_FD = 21
    IOTLB_MSG = 22
    SET_VRING_ENDIAN = 23
    GET_CONFIG = 24
    SET_CONFIG = 25
    CREATE_CRYPTO_SESSION = 26
    CLOSE_CRYPTO_SESSION = 27
    POSTCOPY_ADVISE = 28
    POSTCOPY_LISTEN = 29
    POSTCOPY_END = 30
    GET_INFLIGHT_FD = 31
    SET_INFLIGHT_FD = 32
    GPU_SET_SOCKET = 33
    RESET_DEVICE = 34
    VRING_KICK = 35
    GET_MAX_MEM_SLOTS = 36
    ADD_MEM_REG = 37
    REM_MEM_REG = 38
    SET_STATUS = 39
    GET_STATUS = 40
    GET_SHARED_OBJECT = 41
    SET_DEVICE_STATE_FD = 42
    CHECK_DEVICE_STATE = 43


class ProtocolFeature(IntFlag):
    """What both sides of the socket can do, negotiated by requests 15 and 16."""

    MQ = 1 << 0
    LOG_SHMFD = 1 << 1
    RARP = 1 << 2
    REPLY_ACK = 1 << 3
    MTU = 1 << 4
    BACKEND_REQ = 1 << 5
    CROSS_ENDIAN = 1 << 6
    CRYPTO_SESSION = 1 << 7
    PAGEFAULT = 1 << 8
    CONFIG = 1 << 9
    BACKEND_SEND_FD = 1 << 10
    HOST_NOTIFIER = 1 << 11
    INFLIGHT_SHMFD = 1 << 12
    RESET_DEVICE = 1 << 13
    INBAND_NOTIFICATIONS = 1 << 14
    CONFIGURE_MEM_SLOTS = 1 << 15
    STATUS = 1 << 16
    XEN_MMAP = 1 << 17
    SHARED_OBJECT = 1 << 18
    DEVICE_STATE = 1 << 19


NO_PROTOCOL_FEATURES: Final = ProtocolFeature(0)


def request_name(number: int) -> str:
    """``VHOST_USER_SET_OWNER`` for 3; ``request 99`` for a number that nobody gave out."""
    try:
        return f"VHOST_USER_{VhostUserRequest(number).name}"
    except ValueError:
        return f"request {number}"


@dataclass(frozen=True, slots=True)
class Header:
    """The 12 bytes before every payload: request, flags, payload size, each a u32 in host byte order."""

    WIRE: ClassVar[Struct] = Struct("=III")

    request: int
    flags: int
    size: int

    def encode(self) -> bytes:
        return self.WIRE.pack(self.request, self.flags, self.size)

    @classmethod
    def decode(cls, data: bytes) -> "Header":
        return cls(*cls.WIRE.unpack(data))

    @property
    def name(self) -> str:
        return request_name(self.request)

    @property
    def version(self) -> int:
        return self.flags & VERSION_MASK

    @property
    def is_reply(self) -> bool:
        return bool(self.flags & REPLY)

    @property
    def needs_reply(self) -> bool:
        return bool(self.flags & NEED_REPLY)
