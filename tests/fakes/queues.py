"""The C structs of a queue with memory behind them, and the Python end that plays the other side."""

import os
from typing import Any

from fakes.guest import Guarded, GuestMemory, Shrinkable, view_of
from fakes.layouts import SPLIT, Kind, RxPath
from fakes.packed_device import off_wrap, used_bits, wrap_counter
from fakes.packed_driver import PackedDriver
from fakes.packets import receive, receive_mbufs, transmit
from fakes.virtio_driver import SplitDriver

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool

REGULAR = RxPath(SPLIT, mergeable=False)


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


class Guards:
    """Arrays for C, each up against a page that nobody may touch."""

    def __init__(self) -> None:
        self._blocks: list[Guarded] = []

    def array(self, kind: str, count: int = 1) -> Any:
        self._blocks.append(Guarded(ffi.sizeof(kind) * count + ffi.alignof(kind)))
        return self._blocks[-1].tail(kind, count)

    def regions(self) -> list[tuple[int, memoryview]]:
        return [block.region() for block in self._blocks]


class DriverQueue:
    """A ``struct virtqueue`` of our driver, and the device at the ring's other end.

    ``start`` is where all indices stand, so that a test need not run 65536 packets, or whole laps, to see them wrap.
    """

    def __init__(
        self,
        pool: Mempool,
        *,
        path: RxPath = REGULAR,
        size: int = 256,
        start: int = 0,
        hdr_size: int = 12,
        event_idx: bool = False,
        indirect: bool = False,
        free_thresh: int = 1,
        offloads: int = 0,
    ) -> None:
        self.pool, self.path = pool, path
        self.packed = path.kind.packed
        self._shared, self._private, self._struct = Guards(), Guards(), Arena(1024)
        self.kick = Eventfd()
        vq = self._struct.struct("struct virtqueue")
        self._ring = self._make_ring(vq, size)
        vq.headers = self._shared.array("struct virtqueue_header", size)
        if indirect:
            vq.indirect = self._shared.array("struct vring_desc", size * lib.VIRTQUEUE_INDIRECT_MAX)
        nb_ids = 1 << (size - 1).bit_length()
        vq.slots = self._private.array("struct virtqueue_slot", size)
        vq.free_ids = self._private.array("uint16_t", nb_ids)
        vq.avail_shadow = self._private.array("uint16_t", size)
        vq.pool, vq.size, vq.port_id = pool.ptr, size, 3
        self.ring_at(Doorbell.eventfd(self.kick.fd), vq)
        vq.id_mask = nb_ids - 1
        vq.hdr_size, vq.free_thresh, vq.event_idx = hdr_size, free_thresh, event_idx
        vq.offloads = offloads
        self.vq = vq
        self.reset(start)

    @staticmethod
    def ring_at(doorbell: Doorbell, vq: Any) -> None:
        """Have kicks arrive there."""
        doorbell.fill(ffi.addressof(vq, "doorbell"))

    def _make_ring(self, vq: Any, size: int) -> tuple[Any, Any, Any]:
        """Descriptors, the driver's part, the device's part."""
        if self.packed:
            vq.packed = self._shared.array("struct vring_packed_desc", size)
            vq.driver_event = self._shared.array("struct vring_packed_event")
            vq.device_event = self._shared.array("struct vring_packed_event")
            return vq.packed, vq.driver_event, vq.device_event
        vq.desc = self._shared.array("struct vring_desc", size)
        vq.avail = ffi.cast("struct vring_avail *", self._shared.array("uint16_t", 3 + size))
        vq.used = ffi.cast("struct vring_used *", self._shared.array("uint32_t", 2 + 2 * size))
        return vq.desc, vq.avail, vq.used

    def reset(self, start: int = 0, *, refill: bool = False) -> None:
        """Both ends from the beginning, with buffers in the ring if so wished; only then may lcores use it again."""
        vq = self.vq
        (lib.packed_reset if self.packed else lib.virtqueue_reset)(vq)
        if self.packed:
            self._turn_to(start)
        else:
            vq.avail_idx = vq.used_cons = vq.used_seen = vq.avail.idx = vq.used.idx = start
        vq.free_head, vq.free_tail = start & 0xFFFF, (start + vq.size) & 0xFFFF
        for i in range(vq.size):
            vq.free_ids[(start + i) & vq.id_mask] = i
        desc, driver, device = (address_of(part) for part in self._ring)
        self.device: Any = self.path.kind.device(
            GuestMemory([*self._shared.regions(), view_of(self.pool.arena)]),
            desc,
            driver,
            device,
            vq.size,
            event_idx=bool(vq.event_idx),
            hdr_size=vq.hdr_size,
            indirect=vq.indirect != ffi.NULL,
            start=start,
        )
        if refill:
            self.refill()
        lib.virtqueue_mend(vq)

    def _turn_to(self, start: int) -> None:
        """A packed ring as it is when ``start`` places of it have been made available and used."""
        vq = self.vq
        vq.avail_idx = vq.used_cons = start % vq.size
        vq.avail_wrap = vq.used_wrap = wrap_counter(start, vq.size)
        for place in range(max(0, start - vq.size), start):
            vq.packed[place % vq.size].flags = used_bits(wrap_counter(place, vq.size))

    @property
    def nb_free(self) -> int:
        """Descriptors that are not outstanding."""
        return int(self.vq.nb_places) if self.packed else (self.vq.free_tail - self.vq.free_head) & 0xFFFF

    def refill(self) -> int:
        """Post buffers wherever there is none."""
        return int((lib.packed_refill if self.packed else lib.virtqueue_refill)(self.vq))

    def receive(self, nb: int = 32) -> list[bytes]:
        return receive(self.path.recv, self.vq, nb)

    def receive_mbufs(self, nb: int = 32) -> list[Any]:
        return receive_mbufs(self.path.recv, self.vq, nb)

    def xmit(self, *mbufs: Any) -> int:
        return transmit(self.path.kind.xmit, self.vq, mbufs)

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
        kind: Kind = SPLIT,
        size: int = 256,
        start: int = 0,
        hdr_size: int = 12,
        mergeable: bool = True,
        event_idx: bool = False,
        room: int = 1 << 20,
        block: Guarded | Shrinkable | None = None,
    ) -> None:
        self.pool = pool
        self.block = block or Guarded(26 * size + 256 + room)
        self.memory = GuestMemory([(GUEST_BASE, self.block.view)])
        self.end = GUEST_BASE + self.block.size
        self._private, self._structs = Guards(), Arena(4096)
        self.call = Eventfd()
        self._next = GUEST_BASE
        regions = self._structs.struct("struct vhost_memory")
        regions.nb_regions = 1
        regions.regions[0].guest_addr = GUEST_BASE
        regions.regions[0].size = self.block.size
        regions.regions[0].host = self.block.host
        vq = self._structs.struct("struct vhost_virtqueue")
        self.driver: Any = self._make_ring(vq, kind, size, hdr_size, start)
        vq.memory, vq.pool, vq.call_fd = regions, pool.ptr, self.call.fd
        vq.used_shadow = self._private.array("uint64_t", size)
        vq.size, vq.port_id, vq.hdr_size, vq.mergeable, vq.event_idx = size, 5, hdr_size, mergeable, event_idx
        vq.is_packed, vq.in_order = kind.packed, kind.in_order
        self.vq, self.regions, self.kind = vq, regions, kind
        self.begin(start)
        vq.enabled = 1

    def _make_ring(self, vq: Any, kind: Kind, size: int, hdr_size: int, start: int) -> SplitDriver | PackedDriver:
        if kind.packed:
            desc, driver, device = self.alloc(16 * size), self.alloc(4), self.alloc(4)
            vq.packed = ffi.cast("struct vring_packed_desc *", self.host(desc))
            vq.driver_event = ffi.cast("struct vring_packed_event *", self.host(driver))
            vq.device_event = ffi.cast("struct vring_packed_event *", self.host(device))
            return PackedDriver(
                self.memory, desc, driver, device, size, hdr_size=hdr_size, start=start, in_order=kind.in_order
            )
        desc, avail, used = self.alloc(16 * size), self.alloc(6 + 2 * size), self.alloc(6 + 8 * size)
        vq.desc = ffi.cast("struct vring_desc *", self.host(desc))
        vq.avail = ffi.cast("struct vring_avail *", self.host(avail))
        vq.used = ffi.cast("struct vring_used *", self.host(used))
        return SplitDriver(self.memory, desc, avail, used, size, hdr_size=hdr_size, start=start)

    def begin(self, start: int = 0) -> None:
        """Take the ring up where the driver stands, as it is told by SET_VRING_BASE."""
        lib.vhost_virtqueue_start(self.vq, off_wrap(start, self.vq.size) if self.kind.packed else start)

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
