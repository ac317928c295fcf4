"""A vhost-user front-end on a real socket, written from the protocol's text: it says what the test says.

Its memory is one file, at guest and user addresses that are neither each other's nor the back-end's; its rings are
split ones, each driven by a :class:`SplitDriver`, or packed ones if its features say so.
"""

import mmap
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, pack
from types import TracebackType
from typing import Any, Self

from fakes.guest import GuestMemory
from fakes.leaks import PATIENCE_S, eventually
from fakes.packed_driver import PackedDriver
from fakes.packets import frames, packet, receive, transmit
from fakes.virtio_driver import WRITE, Desc, SplitDriver

from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import EthPort
from pytestpmd.vhost_user.wire import ProtocolFeature, VhostUserRequest

R = VhostUserRequest
VERSION, REPLY, NEED_REPLY = 1, 4, 8
HEADER = Struct("=III")
GUEST, USER, OFFSET = 0x1_0000_0000, 0x7000_0000_0000, 0x2000
FEATURES = (
    Feature.VIRTIO_F_VERSION_1
    | Feature.VIRTIO_NET_F_MRG_RXBUF
    | Feature.VIRTIO_RING_F_INDIRECT_DESC
    | Feature.VHOST_USER_F_PROTOCOL_FEATURES
)
PROTOCOL = ProtocolFeature.MQ | ProtocolFeature.REPLY_ACK | ProtocolFeature.STATUS | ProtocolFeature.MTU
DRIVER_OK = 0xF
BUFFER = 2048
HDR_SIZE = 12


class Gone(Exception):
    """The back-end has closed the connection."""


@dataclass
class FrontRing:
    """A ring with its eventfds; addresses are guest addresses."""

    index: int
    driver: Any
    kick: int
    call: int
    err: int


def message(number: int, payload: bytes = b"", flags: int = VERSION) -> bytes:
    """A whole message."""
    return HEADER.pack(number, flags, len(payload)) + payload


class FakeFrontend:
    """Connects to ``path``, or with ``listens`` waits there for a back-end that is a client."""

    def __init__(
        self,
        path: Path | str,
        *,
        listens: bool = False,
        nb_pairs: int = 1,
        size: int = 64,
        features: int = FEATURES,
        protocol: int = PROTOCOL,
        room: int = 1 << 20,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.features, self.protocol, self.nb_pairs = int(features), int(protocol), nb_pairs
        self.patience_s = patience_s
        self.file = os.memfd_create("guest", os.MFD_CLOEXEC)
        self.room = room
        os.ftruncate(self.file, OFFSET + room)
        self.memory = GuestMemory([(GUEST, memoryview(mmap.mmap(self.file, OFFSET + room))[OFFSET:])])
        self._next = GUEST
        self._posted: dict[tuple[int, int], int] = {}
        self.rings = [self._make_ring(index, size) for index in range(2 * nb_pairs)]
        self.socket = self._wait(path) if listens else self._connect(path)
        self.socket.settimeout(patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up, and give everything back."""
        self.socket.close()
        for ring in self.rings:
            for fd in (ring.kick, ring.call, ring.err):
                os.close(fd)
        self.rings, self.memory = [], GuestMemory([])
        if self.file >= 0:
            os.close(self.file)
        self.file = -1

    def _connect(self, path: Path | str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        assert eventually(lambda: sock.connect_ex(str(path)) == 0, self.patience_s), "nobody listens"
        return sock

    @staticmethod
    def _wait(path: Path | str) -> socket.socket:
        with socket.socket(socket.AF_UNIX) as listener:
            Path(path).unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(PATIENCE_S)
            return listener.accept()[0]

    @property
    def is_packed(self) -> bool:
        """Whether its rings have the packed layout."""
        return bool(self.features & Feature.VIRTIO_F_RING_PACKED)

    # Memory.

    def alloc(self, size: int, align: int = 64) -> int:
        """A piece of the memory that nobody has: its guest address."""
        start = -(-self._next // align) * align
        assert start + size <= GUEST + self.room
        self._next = start + size
        return start

    def _make_ring(self, index: int, size: int) -> FrontRing:
        parts = [self.alloc(16 * size), self.alloc(6 + 2 * size), self.alloc(6 + 8 * size)]
        in_order = bool(self.features & Feature.VIRTIO_F_IN_ORDER)
        driver = (
            PackedDriver(self.memory, *parts, size, in_order=in_order)
            if self.is_packed
            else SplitDriver(self.memory, *parts, size)
        )
        return FrontRing(index, driver, *(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(3)))

    @staticmethod
    def user(address: int) -> int:
        """A guest address as the front-end's process knows it."""
        return address - GUEST + USER

    # Saying things.

    def send(self, number: int, payload: bytes = b"", fds: Sequence[int] = (), flags: int = VERSION) -> None:
        """One message."""
        self.send_raw(message(number, payload, flags), fds)

    def send_raw(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Any bytes at all."""
        try:
            socket.send_fds(self.socket, [data], list(fds))
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def answer(self, number: int) -> bytes:
        """The payload of the answer that comes next, which must be to that request."""
        header = self._receive(HEADER.size)
        got, flags, size = HEADER.unpack(header)
        assert (got, flags) == (number, VERSION | REPLY)
        return self._receive(size)

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                chunk = self.socket.recv(size - len(data))
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise Gone
            data += chunk
        return data

    def ask(self, number: int, payload: bytes = b"") -> int:
        """A request whose answer is a number, the last in it."""
        self.send(number, payload)
        answer = self.answer(number)
        return int.from_bytes(answer[4:] if number == R.GET_VRING_BASE else answer, "little")

    def try_(self, number: int, payload: bytes = b"", fds: Sequence[int] = ()) -> bool:
        """A request that asks for an answer: whether it succeeded."""
        self.send(number, payload, fds, VERSION | NEED_REPLY)
        return not any(self.answer(number))

    def sync(self) -> None:
        """Wait until the back-end has carried out all that was said."""
        self.ask(R.GET_FEATURES)

    def is_hung_up(self) -> bool:
        """Wait until the back-end has closed the connection."""

        def closed() -> bool:
            try:
                while self.socket.recv(1 << 16, socket.MSG_DONTWAIT):
                    continue
                return True
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True

        return eventually(closed)

    # The requests.

    def set_features(self) -> None:
        self.send(R.SET_FEATURES, pack("=Q", self.features))

    def set_status(self, status: int) -> None:
        if self.protocol & ProtocolFeature.STATUS:
            self.send(R.SET_STATUS, pack("=Q", status))

    def mem_table(self, *, size: int | None = None) -> bytes:
        """The payload for the one region."""
        return pack("=IIQQQQ", 1, 0, GUEST, self.room if size is None else size, USER, OFFSET)

    def set_mem_table(self) -> None:
        self.send(R.SET_MEM_TABLE, self.mem_table(), [self.file])

    def vring_addr(self, ring: FrontRing, **changes: int) -> bytes:
        """The payload that tells where a ring is; ``desc``, ``avail`` and ``used`` are user addresses, ``log`` none."""
        driver = ring.driver
        at = {name: self.user(getattr(driver, name)) for name in ("desc", "used", "avail")}
        at = {"flags": 0, "log": 0} | at | changes
        return pack("=IIQQQQ", ring.index, at["flags"], at["desc"], at["used"], at["avail"], at["log"])

    def describe_ring(self, ring: FrontRing, base: int | None = None) -> None:
        """Size, base and place."""
        self.send(R.SET_VRING_NUM, pack("=II", ring.index, ring.driver.size))
        self.send(R.SET_VRING_BASE, pack("=II", ring.index, ring.driver.base if base is None else base))
        self.send(R.SET_VRING_ADDR, self.vring_addr(ring))

    def set_kick(self, ring: FrontRing) -> None:
        self.send(R.SET_VRING_KICK, pack("=Q", ring.index), [ring.kick])

    def set_call(self, ring: FrontRing) -> None:
        self.send(R.SET_VRING_CALL, pack("=Q", ring.index), [ring.call])

    def set_err(self, ring: FrontRing) -> None:
        self.send(R.SET_VRING_ERR, pack("=Q", ring.index), [ring.err])

    def enable(self, ring: FrontRing, on: bool = True) -> None:
        self.send(R.SET_VRING_ENABLE, pack("=II", ring.index, on))

    def agree_on_protocol(self) -> None:
        offered = self.ask(R.GET_PROTOCOL_FEATURES)
        self.protocol &= offered
        self.send(R.SET_PROTOCOL_FEATURES, pack("=Q", self.protocol))

    # Whole conversations.

    def start_as_dpdk(self, base: int | None = None) -> None:
        """The order that DPDK 22.11's virtio-user was recorded with."""
        self.send(R.SET_OWNER)
        self.ask(R.GET_FEATURES)
        self.agree_on_protocol()
        for ring in self.rings:
            self.set_call(ring)
        self.set_features()
        self.set_status(0xB)
        self.set_mem_table()
        for ring in self.rings:
            self.describe_ring(ring, base)
            self.set_kick(ring)
        for ring in self.rings:
            self.enable(ring)
        self.set_status(DRIVER_OK)
        self.sync()

    def start_as_qemu(self) -> None:
        """The order that QEMU 7.2 was recorded with: once for each pair, rings enabled before any SET_FEATURES."""
        for pair in range(self.nb_pairs):
            self.ask(R.GET_FEATURES)
            self.agree_on_protocol()
            if self.protocol & ProtocolFeature.MQ:
                self.ask(R.GET_QUEUE_NUM)
            self.send(R.SET_OWNER)
            self.ask(R.GET_FEATURES)
            for ring in self.rings[2 * pair : 2 * pair + 2]:
                self.set_call(ring)
                self.set_err(ring)
        for ring in self.rings:
            self.enable(ring)
        for pair in range(self.nb_pairs):
            self.set_features()
            if self.protocol & ProtocolFeature.STATUS:
                self.ask(R.GET_STATUS)
            self.set_status(0xB)
            self.set_mem_table()
            for ring in self.rings[2 * pair : 2 * pair + 2]:
                self.describe_ring(ring)
                self.set_kick(ring)
                self.set_call(ring)
            self.set_status(DRIVER_OK)
        self.sync()

    def start_without_protocol_features(self) -> None:
        """As front-ends did before there were any: rings are enabled from the start."""
        self.features &= ~int(Feature.VHOST_USER_F_PROTOCOL_FEATURES)
        self.send(R.SET_OWNER)
        self.ask(R.GET_FEATURES)
        self.set_features()
        self.set_mem_table()
        for ring in self.rings:
            self.describe_ring(ring)
            self.set_kick(ring)
            self.set_call(ring)
        self.sync()

    def stop(self) -> list[int]:
        """Take every ring back: where each stood."""
        for ring in self.rings:
            self.enable(ring, False)
        return [self.ask(R.GET_VRING_BASE, pack("=II", ring.index, 0)) for ring in self.rings]

    # Packets.

    def post_buffers(self, pair: int = 0, count: int = 8) -> None:
        """Offer buffers to receive into."""
        driver = self.rings[2 * pair].driver
        for _ in range(count):
            address = self.alloc(BUFFER)
            head = driver.chain([Desc(address, BUFFER, WRITE)])
            self._posted[pair, head] = address
            driver.offer(head)

    def transmit(self, *frames: bytes, pair: int = 0) -> None:
        """Offer frames to the back-end."""
        driver = self.rings[2 * pair + 1].driver
        for data in frames:
            address = self.alloc(HDR_SIZE + len(data))
            self.memory.write(address, bytes(HDR_SIZE) + data)
            driver.offer(driver.chain([Desc(address, HDR_SIZE + len(data))]))

    def received(self, pair: int = 0) -> list[bytes]:
        """What came since the last look, in buffers that :meth:`post_buffers` offered."""
        used = self.rings[2 * pair].driver.reap()
        return [
            self.memory.read(self._posted.pop((pair, each.head)) + HDR_SIZE, each.length - HDR_SIZE) for each in used
        ]


def calls(ring: FrontRing) -> int:
    """Calls since the last look."""
    try:
        return os.eventfd_read(ring.call)
    except BlockingIOError:
        return 0


def exchange(port: EthPort, front: FakeFrontend, pool: Mempool, pair: int = 0, count: int = 4) -> None:
    """Some frames each way, burst by burst, without an lcore."""
    rx, tx = port.rx_queues[pair], port.tx_queues[pair]
    sent = frames(count, first=pair)
    front.transmit(*sent, pair=pair)
    assert receive(rx.burst, rx.handle) == sent
    front.post_buffers(pair, count)
    assert transmit(tx.burst, tx.handle, [packet(pool, data) for data in sent]) == count
    assert front.received(pair) == sent
    front.rings[2 * pair + 1].driver.reap()


__all__ = [
    "FEATURES",
    "GUEST",
    "OFFSET",
    "PROTOCOL",
    "USER",
    "FakeFrontend",
    "FrontRing",
    "Gone",
    "R",
    "calls",
    "exchange",
    "message",
]
