"""The C structs of a queue with memory behind them, and the Python end that plays the other side."""

import os
from typing import Any

from fakes.guest import Guarded, GuestMemory, view_of
from fakes.virtio_device import SplitDevice
from fakes.virtio_driver import SplitDriver

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool


class Eventfd:
    """What a kick or a call arrives at."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def count(self) -> int:
        """Notifications since the last look."""
        try:
            return os.eventfd_read(self.fd)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        os.close(self.fd)


def ring_bytes(size: int) -> int:
    """Room for the three parts of a ring, one after the other, each on a cache line of its own."""
    return 16 * size + (6 + 2 * size + 63) // 64 * 64 + (6 + 8 * size + 63) // 64 * 64 + 64


class DriverQueue:
    """A ``struct virtqueue`` of our driver, and the device at the ring's other end.

    ``start`` is where all indices stand, so that a test need not run 65536 packets to see them wrap.
    """

    def __init__(
        self,
        pool: Mempool,
        *,
        size: int = 256,
        start: int = 0,
        hdr_size: int = 12,
        event_idx: bool = False,
        indirect: bool = False,
        free_thresh: int = 1,
    ) -> None:
        self.shared = Arena(ring_bytes(size) + size * (lib.VIRTQUEUE_INDIRECT_MAX * 16 + 12) + 256, shared=True)
        self.private = Arena(8192 + size * 64)
        self.kick = Eventfd()
        self.memory = GuestMemory([view_of(self.shared), view_of(pool.arena)])
        vq = self.private.struct("struct virtqueue")
        vq.desc = ffi.cast("struct vring_desc *", self.shared.alloc(16 * size))
        vq.avail = ffi.cast("struct vring_avail *", self.shared.alloc(6 + 2 * size))
        vq.used = ffi.cast("struct vring_used *", self.shared.alloc(6 + 8 * size))
        vq.slots = self.private.struct("struct virtqueue_slot", size)
        vq.free_ids = self.private.struct("uint16_t", size)
        vq.avail_shadow = self.private.struct("uint16_t", size)
        vq.headers = self.shared.struct("struct virtio_net_hdr", size)
        vq.indirect = (
            self.shared.struct("struct vring_desc", size * lib.VIRTQUEUE_INDIRECT_MAX) if indirect else ffi.NULL
        )
        vq.pool, vq.kick_fd, vq.size, vq.port_id = pool.ptr, self.kick.fd, size, 3
        vq.hdr_size, vq.free_thresh, vq.event_idx = hdr_size, free_thresh, event_idx
        lib.virtqueue_reset(vq)
        vq.avail_idx = vq.used_cons = vq.avail.idx = vq.used.idx = start
        vq.free_head, vq.free_tail = start, (start + size) & 0xFFFF
        self.vq = vq
        self.device = SplitDevice(
            self.memory,
            address_of(vq.desc),
            address_of(vq.avail),
            address_of(vq.used),
            size,
            event_idx=event_idx,
            hdr_size=hdr_size,
            indirect=indirect,
            start=start,
        )

    @property
    def nb_free(self) -> int:
        """Descriptors that are not outstanding."""
        return (self.vq.free_tail - self.vq.free_head) & 0xFFFF

    def close(self) -> None:
        lib.virtqueue_drain(self.vq)
        self.kick.close()


GUEST_BASE = 0x10_0000_0000


class DeviceQueue:
    """A ``struct vhost_virtqueue`` of our back-end, and the driver at the ring's other end.

    Ring and buffers lie in one region between untouchable pages, at guest addresses that are none of the host's.
    """

    def __init__(
        self,
        pool: Mempool,
        *,
        size: int = 256,
        start: int = 0,
        hdr_size: int = 12,
        mergeable: bool = True,
        event_idx: bool = False,
        room: int = 1 << 20,
    ) -> None:
        self.block = Guarded(ring_bytes(size) + room)
        self.memory = GuestMemory([(GUEST_BASE, self.block.view)])
        self.end = GUEST_BASE + self.block.size
        self.private = Arena(8192 + size * 8)
        self.call = Eventfd()
        self._next = GUEST_BASE
        regions = self.private.struct("struct vhost_memory")
        regions.nb_regions = 1
        regions.regions[0].guest_addr = GUEST_BASE
        regions.regions[0].size = self.block.size
        regions.regions[0].host = self.block.host
        vq = self.private.struct("struct vhost_virtqueue")
        desc, avail, used = self.alloc(16 * size), self.alloc(6 + 2 * size), self.alloc(6 + 8 * size)
        self.driver = SplitDriver(self.memory, desc, avail, used, size, hdr_size=hdr_size, start=start)
        vq.desc = ffi.cast("struct vring_desc *", self.host(desc))
        vq.avail = ffi.cast("struct vring_avail *", self.host(avail))
        vq.used = ffi.cast("struct vring_used *", self.host(used))
        vq.memory, vq.pool, vq.call_fd = regions, pool.ptr, self.call.fd
        vq.used_shadow = self.private.struct("uint64_t", size)
        vq.size, vq.port_id, vq.hdr_size, vq.mergeable, vq.event_idx = size, 5, hdr_size, mergeable, event_idx
        lib.vhost_virtqueue_start(vq, start)
        vq.enabled = 1
        self.vq, self.regions = vq, regions

    def host(self, address: int) -> Any:
        """Where a guest address lies here."""
        return self.block.host + (address - GUEST_BASE)

    def alloc(self, size: int, align: int = 64) -> int:
        """A piece of the region that nobody has: its guest address."""
        start = -(-self._next // align) * align
        assert start + size <= self.end
        self._next = start + size
        return start

    def store(self, data: bytes, align: int = 64) -> int:
        """A fresh piece that holds ``data``."""
        address = self.alloc(max(len(data), 1), align)
        self.memory.write(address, data)
        return address

    def close(self) -> None:
        self.call.close()
