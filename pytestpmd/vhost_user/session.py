"""Messages about the conversation and the device as a whole."""

from dataclasses import dataclass
from struct import Struct

from pytestpmd.vhost_user.message import FdMessage, Message, expect, hexed
from pytestpmd.vhost_user.wire import ProtocolFeature, VhostUserRequest

MIN_MTU, MAX_MTU = 68, 65535  # virtio 1.2, 5.1.4.1


@dataclass(frozen=True)
class GetFeatures(Message):
    request = VhostUserRequest.GET_FEATURES


@dataclass(frozen=True)
class SetFeatures(Message):
    request = VhostUserRequest.SET_FEATURES
    wire = Struct("=Q")
    features: int = hexed()


@dataclass(frozen=True)
class SetOwner(Message):
    request = VhostUserRequest.SET_OWNER


@dataclass(frozen=True)
class ResetOwner(Message):
    """Deprecated by the protocol; it stops every ring."""

    request = VhostUserRequest.RESET_OWNER


@dataclass(frozen=True)
class ResetDevice(Message):
    request = VhostUserRequest.RESET_DEVICE


@dataclass(frozen=True)
class GetProtocolFeatures(Message):
    request = VhostUserRequest.GET_PROTOCOL_FEATURES


@dataclass(frozen=True)
class SetProtocolFeatures(Message):
    request = VhostUserRequest.SET_PROTOCOL_FEATURES
    wire = Struct("=Q")
    features: int = hexed()

    def describe(self) -> str:
        return f"{self.name} features={self.features:#x} ({ProtocolFeature(self.features).name or 'none'})"


@dataclass(frozen=True)
class GetQueueNum(Message):
    request = VhostUserRequest.GET_QUEUE_NUM


@dataclass(frozen=True)
class GetStatus(Message):
    request = VhostUserRequest.GET_STATUS


@dataclass(frozen=True)
class SetStatus(Message):
    """The virtio device status byte (virtio 1.2, 2.1), in 64 bits."""

    request = VhostUserRequest.SET_STATUS
    wire = Struct("=Q")
    status: int = hexed()

    def check(self) -> None:
        expect(self.status <= 0xFF, f"status {self.status:#x} has more than 8 bits")


@dataclass(frozen=True)
class SendRarp(Message):
    """Ask the back-end to announce this MAC address after a migration; 6 bytes of a u64."""

    request = VhostUserRequest.SEND_RARP
    wire = Struct("=6s2x")
    mac: bytes

    def check(self) -> None:
        expect(not self.mac[0] & 1 and any(self.mac), f"{self.mac.hex(':')} is no station's address")

    def describe(self) -> str:
        return f"{self.name} mac={self.mac.hex(':')}"


@dataclass(frozen=True)
class NetSetMtu(Message):
    request = VhostUserRequest.NET_SET_MTU
    wire = Struct("=Q")
    mtu: int

    def check(self) -> None:
        expect(MIN_MTU <= self.mtu <= MAX_MTU, f"MTU {self.mtu}, not {MIN_MTU} to {MAX_MTU}")


@dataclass(frozen=True)
class SetBackendReqFd(FdMessage):
    """A second socket for the back-end's own requests; a new one replaces the old."""

    request = VhostUserRequest.SET_BACKEND_REQ_FD
