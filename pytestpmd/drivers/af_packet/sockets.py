"""A packet socket with its two rings (packet(7), Documentation/networking/packet_mmap.rst)."""

import mmap
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi
from pytestpmd.errors import ConfigError, DeviceError

ETH_P_ALL = 0x0003
SOL_PACKET = 263
#: Beyond net.core.wmem_max; a whole ring may be on its way.
SO_SNDBUFFORCE = 32
PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP = 1, 2
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_TX_RING = 5, 6, 10, 13
PACKET_LOSS, PACKET_VNET_HDR, PACKET_FANOUT, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING = 14, 15, 18, 20, 23
PACKET_MR_PROMISC, PACKET_MR_ALLMULTI = 1, 2
PACKET_FANOUT_FLAG_UNIQUEID = 0x2000
TPACKET_V2 = 1
TPACKET_ALIGNMENT = 16
#: The net header, and all that is before a received frame's bytes: tpacket2_hdr, an address, aligned, and that header.
NET_HDR_SIZE = 10
RX_OVERHEAD = 96

#: The kernel gives memory that is not swapped, until there is none left for anybody.
MAX_RING = 256 << 20

FANOUT_MODES = {"hash": 0, "lb": 1, "cpu": 2, "rollover": 3, "rnd": 4, "qm": 5}


@dataclass(frozen=True)
class RingShape:
    """Blocks, and the frames in them; sizes in bytes."""

    block_size: int
    frame_size: int
    nb_frames: int

    def __post_init__(self) -> None:
        if self.frame_size > self.block_size:
            raise ConfigError(f"framesz={self.frame_size} is more than blocksz={self.block_size}")
        if self.frame_size % TPACKET_ALIGNMENT or self.frame_size < RX_OVERHEAD + 64:
            raise ConfigError(f"framesz={self.frame_size} is no multiple of {TPACKET_ALIGNMENT}, or too small")
        if self.block_size % mmap.PAGESIZE:
            raise ConfigError(f"blocksz={self.block_size} is no multiple of a page, {mmap.PAGESIZE}")
        if self.nb_frames % self.frames_per_block:
            raise ConfigError(
                f"framecnt={self.nb_frames} fills no whole blocks, of {self.frames_per_block} frames each"
            )

        if self.size > MAX_RING:
            raise ConfigError(f"rings of {self.size} bytes are more than {MAX_RING}")

    @property
    def frames_per_block(self) -> int:
        return self.block_size // self.frame_size

    @property
    def size(self) -> int:
        return self.nb_frames // self.frames_per_block * self.block_size

    @property
    def longest_frame(self) -> int:
        """That goes through whole, either way."""
        return self.frame_size - RX_OVERHEAD

    def request(self) -> bytes:
        """``struct tpacket_req``."""
        return struct.pack("=4I", self.block_size, self.size // self.block_size, self.frame_size, self.nb_frames)


class PacketSocket:
    """Bound to one interface, with a receive and a transmit ring. DeviceError for what the kernel refuses."""

    def __init__(self, index: int, shape: RingShape, qdisc_bypass: bool) -> None:
        self.shape = shape
        self._drops, self._counting = 0, threading.Lock()
        self._socket = open_socket()
        try:
            for option, value in (
                (PACKET_VERSION, TPACKET_V2),
                (PACKET_VNET_HDR, 1),
                (PACKET_LOSS, 1),
                (PACKET_IGNORE_OUTGOING, 1),
                (PACKET_QDISC_BYPASS, int(qdisc_bypass)),
            ):
                self._socket.setsockopt(SOL_PACKET, option, value)
            with suppress(PermissionError):  # as far as the system allows, then
                self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 2 * shape.size)
            for ring in (PACKET_RX_RING, PACKET_TX_RING):
                self._socket.setsockopt(SOL_PACKET, ring, shape.request())
            self._map = mmap.mmap(self._socket.fileno(), 2 * shape.size, mmap.MAP_SHARED)
            self._socket.bind((socket.if_indextoname(index), ETH_P_ALL))
        except OSError as error:
            self._socket.close()
            raise DeviceError(f"packet socket: {error.strerror}") from None
        self._index = index
        self._memory = ffi.from_buffer("uint8_t[]", self._map)

    def fileno(self) -> int:
        return self._socket.fileno()

    def fill(self, ring: Any, *, transmit: bool) -> None:
        """Tell a ``struct packet_ring`` where it is."""
        ring.frames = self._memory + (self.shape.size if transmit else 0)
        ring.frame_size, ring.block_size = self.shape.frame_size, self.shape.block_size
        ring.frames_per_block, ring.nb_frames = self.shape.frames_per_block, self.shape.nb_frames
        ring.next = 0

    def join(self, mode: int, group: int | None) -> int:
        """Share what is received with the sockets of a fanout group, or of a new one: its number."""
        asked = (mode | (PACKET_FANOUT_FLAG_UNIQUEID if group is None else 0)) << 16 | (group or 0)
        try:
            self._socket.setsockopt(SOL_PACKET, PACKET_FANOUT, struct.pack("=I", asked))
        except OSError as error:
            raise DeviceError(f"fanout: {error.strerror}") from None
        return self._socket.getsockopt(SOL_PACKET, PACKET_FANOUT) & 0xFFFF

    def member(self, kind: int, on: bool) -> None:
        """Receive what ``PACKET_MR_PROMISC`` or ``PACKET_MR_ALLMULTI`` add, for as long as the socket is open."""
        option = PACKET_ADD_MEMBERSHIP if on else PACKET_DROP_MEMBERSHIP
        self._socket.setsockopt(SOL_PACKET, option, struct.pack("iHH8s", self._index, kind, 0, b""))

    def drops(self) -> int:
        """Frames that found the receive ring full so far."""
        with self._counting:  # the kernel begins again each time that it is asked, by whichever thread
            counts = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
            self._drops += int(struct.unpack("=2I", counts)[1])
            return self._drops

    def close(self) -> None:
        """Unmap and close; no lcore may be polling."""
        ffi.release(self._memory)
        self._map.close()
        self._socket.close()


def open_socket() -> socket.socket:
    """A packet socket; DeviceError for who may have none. It hears nothing until it is bound."""
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except PermissionError:
        raise DeviceError("no permission: a packet socket takes CAP_NET_RAW") from None
    except OSError as error:
        raise DeviceError(f"the kernel has no packet sockets: {error.strerror}") from None
