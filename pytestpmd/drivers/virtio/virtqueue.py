"""The memory of a virtqueue: the ring in what the device may see, the rest in what it may not."""

from dataclasses import dataclass

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.vring import SplitLayout, split_layout
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool

#: When a queue has no threshold of its own: a quarter of the ring, at most a burst (DPDK ``virtio_rxtx.c``).
MAX_FREE_THRESH = 32


@dataclass(frozen=True)
class RingAddresses:
    """Where the device finds a ring's parts, as addresses in this process, and its size."""

    size: int
    desc: int
    avail: int
    used: int


def shared_bytes(size: int) -> int:
    """What one queue takes of the shared arena, at most."""
    tables: int = size * (lib.VIRTQUEUE_INDIRECT_MAX * 16 + ffi.sizeof("struct virtio_net_hdr"))
    return split_layout(size).total + tables + 256


def private_bytes(size: int) -> int:
    """What one queue takes of the private arena."""
    slots: int = size * (ffi.sizeof("struct virtqueue_slot") + 4)
    return slots + int(ffi.sizeof("struct virtqueue")) + 512


class Virtqueue:
    """One ``struct virtqueue`` and its memory. Queues of even index receive, the others transmit (5.1.2)."""

    def __init__(self, index: int, size: int, shared: Arena, private: Arena) -> None:
        self.index = index
        self.layout: SplitLayout = split_layout(size)
        vq = private.struct("struct virtqueue")
        ring = shared.alloc(self.layout.total)
        vq.desc = ffi.cast("struct vring_desc *", ring + self.layout.desc)
        vq.avail = ffi.cast("struct vring_avail *", ring + self.layout.avail)
        vq.used = ffi.cast("struct vring_used *", ring + self.layout.used)
        vq.slots = private.struct("struct virtqueue_slot", size)
        vq.free_ids = private.struct("uint16_t", size)
        vq.avail_shadow = private.struct("uint16_t", size)
        vq.size = size
        vq.id_mask = size - 1
        vq.kick_fd = -1
        self._tables = shared.struct("struct vring_desc", size * lib.VIRTQUEUE_INDIRECT_MAX)
        self._headers = shared.struct("struct virtio_net_hdr", size)
        self._owned = (shared, private)
        self.ptr = vq

    @property
    def is_rx(self) -> bool:
        """Whether the device writes to its buffers."""
        return self.index % 2 == 0

    def prepare(self, agreed: Agreement, pool: Mempool, port_id: int, free_thresh: int) -> None:
        """Set what follows from the negotiation; the queue must not be polled."""
        vq = self.ptr
        vq.hdr_size, vq.event_idx = agreed.hdr_size, agreed.event_idx
        vq.indirect = self._tables if agreed.indirect and not self.is_rx else ffi.NULL
        vq.headers = self._headers
        vq.pool, vq.port_id = pool.ptr, port_id
        vq.free_thresh = free_thresh or min(self.layout.size // 4, MAX_FREE_THRESH)

    def reset(self) -> None:
        """A ring as it begins: empty, or with all buffers that a receive queue can hold. Nobody is kicked."""
        self.drain()
        self.disarm()
        lib.virtqueue_reset(self.ptr)
        if self.is_rx:
            lib.virtqueue_refill(self.ptr)
        lib.virtqueue_mend(self.ptr)

    def arm(self, kick_fd: int) -> None:
        """The device is live and may be kicked, which is done once for what it was offered before."""
        self.ptr.kick_fd = kick_fd
        lib.vring_notify(kick_fd)

    def disarm(self) -> None:
        """No kick before DRIVER_OK (virtio 1.2, 3.1.1), nor after the device is gone."""
        self.ptr.kick_fd = -1

    def drain(self) -> int:
        """Free every mbuf that the ring holds; the device must have let go of it."""
        return int(lib.virtqueue_drain(self.ptr))

    @property
    def addresses(self) -> RingAddresses:
        """For the device."""
        vq = self.ptr
        return RingAddresses(self.layout.size, address_of(vq.desc), address_of(vq.avail), address_of(vq.used))

    @property
    def used_idx(self) -> int:
        """How far the device has come, as it says; where it goes on after a reconnection."""
        return int(self.ptr.used.idx)
