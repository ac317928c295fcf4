"""The memory of a virtqueue: the ring in what the device may see, the rest in what it may not."""

from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.vring import Layout
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.iova import check_whole, iova_map, to_iova
from pytestpmd.eal.lcore import LCORES
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool

#: When a queue has no threshold of its own: a quarter of the ring, at most a burst (DPDK ``virtio_rxtx.c``).
MAX_FREE_THRESH = 32
#: The wrap counter of a packed ring's first lap, in the bit where vhost-user has it.
FIRST_LAP = 1 << 15
#: What a fault of ``drivers/vring.h`` means when a device caused it.
FAULTS = {
    lib.VRING_BAD_INDEX: "the device moved used.idx further than there are buffers",
    lib.VRING_BAD_ID: "the device gave back a buffer that it does not have",
    lib.VRING_BAD_LENGTH: "the device gave a length that does not fit its buffer",
    lib.VRING_BAD_NUM_BUFFERS: "the device gave a packet more buffers than it has",
}


@dataclass(frozen=True)
class RingAddresses:
    """Where the device finds a ring's parts, and its size; addresses are those that the device sees."""

    size: int
    desc: int
    avail: int
    used: int


def shared_bytes(layout: Layout) -> int:
    """What one queue takes of the shared arena, at most."""
    tables: int = layout.size * (lib.VIRTQUEUE_INDIRECT_MAX * 16 + ffi.sizeof("struct virtqueue_header"))
    return layout.align + layout.total + tables + 2 * 256


def private_bytes(size: int) -> int:
    """What one queue takes of the private arena."""
    slots: int = size * (ffi.sizeof("struct virtqueue_slot") + 2) + _power_of_two(size) * 2
    return slots + int(ffi.sizeof("struct virtqueue")) + 512


def _power_of_two(size: int) -> int:
    """The one not below ``size``."""
    return 1 << (size - 1).bit_length()


class Virtqueue:
    """One ``struct virtqueue`` and its memory. Queues of even index receive, the others transmit (5.1.2).

    The control queue, which comes after them, does neither.
    """

    def __init__(
        self,
        index: int,
        layout: Layout,
        shared: Arena,
        private: Arena,
        *,
        is_control: bool = False,
        uses_iova: bool = False,
    ) -> None:
        self.index = index
        self.is_control = is_control
        self.packed = layout.packed
        #: Whether an lcore may poll it: of the device's queues there may be more than the port's.
        self.is_polled = True
        self.layout, size = layout, layout.size
        self.ptr = vq = private.struct("struct virtqueue")
        ring = shared.alloc(layout.total, layout.align)
        desc, avail, used = (ring + at for at in (layout.desc, layout.avail, layout.used))
        if layout.packed:
            vq.packed = ffi.cast("struct vring_packed_desc *", desc)
            vq.driver_event = ffi.cast("struct vring_packed_event *", avail)
            vq.device_event = ffi.cast("struct vring_packed_event *", used)
        else:
            vq.desc = ffi.cast("struct vring_desc *", desc)
            vq.avail, vq.used = ffi.cast("struct vring_avail *", avail), ffi.cast("struct vring_used *", used)
        vq.iova = iova_map() if uses_iova else ffi.NULL
        if vq.iova:  # C looks pages up by addresses and checks none of them
            check_whole(address_of(ring), layout.total)
        self.addresses = RingAddresses(size, *(self._seen_at(part) for part in (desc, avail, used)))
        vq.slots = private.struct("struct virtqueue_slot", size)
        vq.free_ids = private.struct("uint16_t", _power_of_two(size))
        vq.avail_shadow = private.struct("uint16_t", size)
        vq.size, vq.id_mask = size, _power_of_two(size) - 1
        # none of these goes over the end of a page, which begins at a multiple of what it is long
        table = lib.VIRTQUEUE_INDIRECT_MAX * ffi.sizeof("struct vring_desc")
        self._tables = ffi.cast("struct vring_desc *", shared.alloc(size * table, table))
        header = ffi.sizeof("struct virtqueue_header")
        self._headers = ffi.cast("struct virtqueue_header *", shared.alloc(size * header, header))
        self._owned = (shared, private)
        self._doorbell = ffi.addressof(vq, "doorbell")

    def _seen_at(self, part: Any) -> int:
        """The device's address of a place in shared memory."""
        return to_iova(address_of(part)) if self.ptr.iova else address_of(part)

    @property
    def is_rx(self) -> bool:
        """Whether the device writes to its buffers."""
        return self.index % 2 == 0 and not self.is_control

    @property
    def name(self) -> str:
        """The port's queue that it is."""
        if self.is_control:
            return "control queue"
        return f"{'rxq' if self.is_rx else 'txq'} {self.index // 2}"

    @property
    def outstanding(self) -> int:
        """Descriptors that the device has. An lcore may be at work between two looks, so it is only about right."""
        vq = self.ptr
        if self.packed:
            return int(vq.size - vq.nb_places)
        head = int(vq.free_head)
        return int(vq.size) - min((int(vq.free_tail) - head) & 0xFFFF, int(vq.size))

    def done(self, in_order: bool) -> int:
        """Those of them that the device is done with, as ``outstanding`` about right, and no more than these."""
        return min(int(lib.virtqueue_nb_done(self.ptr, in_order)), self.outstanding)

    def free_sent(self, most: int, in_order: bool) -> int:
        """Free up to so many packets (0: all) that the device has sent: how many were. No lcore may be polling."""
        return int(lib.virtqueue_free_sent(self.ptr, min(most or self.layout.size, self.layout.size), in_order))

    def prepare(self, agreed: Agreement, pool: Mempool, port_id: int, free_thresh: int, offloads: int = 0) -> None:
        """Set what follows from the negotiation; the queue must not be polled.

        ``offloads`` are those of ``enum virtqueue_offload``, but for STRIP, which stays as it is.
        """
        vq = self.ptr
        vq.hdr_size, vq.event_idx = agreed.hdr_size, agreed.event_idx
        vq.indirect = self._tables if agreed.indirect and not self.is_rx else ffi.NULL
        vq.headers = self._headers
        vq.pool, vq.port_id = pool.ptr, port_id
        vq.offloads = offloads | vq.offloads & lib.VIRTQUEUE_RX_STRIP
        vq.free_thresh = free_thresh or min(self.layout.size // 4, MAX_FREE_THRESH)

    def strip_tags(self, on: bool) -> None:
        """Take tags out of received frames, or not, from the next burst on; lcores may be polling."""
        bit = int(lib.VIRTQUEUE_RX_STRIP)
        self.ptr.offloads = self.ptr.offloads | bit if on else self.ptr.offloads & ~bit

    def prepare_control(self, agreed: Agreement) -> None:
        """The same for the control queue, which moves no packets."""
        self.ptr.event_idx = agreed.event_idx

    def reset(self) -> None:
        """A ring as it begins: empty, or with all buffers that a receive queue can hold. Nobody is kicked.

        What nobody polls gets none: frames would never be taken out of it.
        """
        self.drain()
        self.disarm()
        (lib.packed_reset if self.packed else lib.virtqueue_reset)(self.ptr)
        if self.is_rx and self.is_polled:
            (lib.packed_refill if self.packed else lib.virtqueue_refill)(self.ptr)
        lib.virtqueue_mend(self.ptr)

    def halt(self) -> None:
        """Have lcores leave the ring alone from their next burst on, until :meth:`reset`."""
        lib.virtqueue_halt(self.ptr)

    def inject(self, burst: Any, pool: Mempool, frame: bytes) -> bool:
        """Send one frame from outside of the lcores, between two of their bursts; whether it was taken.

        A queue that is broken takes none. ``burst`` is the queue's transmit function.
        """
        taken = ffi.new("struct mbuf *[1]")
        if self.ptr.fault or not lib.mempool_get_bulk(pool.ptr, taken, 1):
            return False
        mbuf = taken[0]
        mbuf.data_off, mbuf.ol_flags = lib.MBUF_HEADROOM, 0
        mbuf.data_len = mbuf.pkt_len = len(frame)
        ffi.memmove(mbuf.buf_addr + mbuf.data_off, frame, len(frame))
        self.halt()
        LCORES.quiesce()
        if lib.virtqueue_inject(self.ptr, burst, mbuf):
            return True
        lib.mempool_put_bulk(pool.ptr, taken, 1)
        return False

    def arm(self, doorbell: Doorbell) -> None:
        """The device is live and may be kicked, which is done once for what it was offered before."""
        doorbell.fill(self._doorbell)
        lib.doorbell_ring(self._doorbell)

    def disarm(self) -> None:
        """No kick before DRIVER_OK (virtio 1.2, 3.1.1), nor after the device is gone."""
        Doorbell.none().fill(self._doorbell)

    def drain(self) -> int:
        """Free every mbuf that the ring holds; the device must have let go of it."""
        return int(lib.virtqueue_drain(self.ptr))

    def lose(self) -> int:
        """:meth:`drain` while the port goes on: packets that were to be sent are counted as errors, and returned."""
        drained = self.drain()
        if self.is_rx:
            return 0
        self.ptr.stats.errors += drained
        return drained

    @property
    def base(self) -> int:
        """Where the device goes on, as VHOST_USER_SET_VRING_BASE takes it.

        A split ring says itself how far the device has come; a packed one always begins anew, at place 0 on the first
        lap.
        """
        return FIRST_LAP if self.packed else int(self.ptr.used.idx)
