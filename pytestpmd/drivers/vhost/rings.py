"""A ring as the front-end describes it, and the ``struct vhost_virtqueue`` that serves it.

What the front-end says is collected here; when there is enough of it, and the port is started, the ring is attached to
its virtqueue and lcores move its packets. Detaching waits until no lcore is in it.
"""

import os
import select
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.vhost.dirty_log import DirtyLog
from pytestpmd.drivers.vhost.inflight import InflightArea, Resubmission, take_up_packed, take_up_split
from pytestpmd.drivers.vhost.memory import GuestMemory
from pytestpmd.drivers.vhost.offloads import Wishes, ring_fields
from pytestpmd.drivers.virtio_net import HDR_SIZE, HDR_SIZE_LEGACY, Feature
from pytestpmd.eal.lcore import LCORES
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool, large_pool
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user.messages import VRING_F_LOG, SetVringAddr

#: The wrap counter of a packed ring, in the bit where vhost-user has it.
FIRST_LAP = 1 << 15
#: What a fault of ``drivers/vring.h`` means when a driver caused it.
FAULTS = {lib.VRING_BAD_INDEX: "the front-end moved avail.idx further than the ring is long"}
#: What is wrong with a chain, by ``enum vhost_bad_chain``.
BAD_CHAINS = {
    lib.VHOST_BAD_HEAD: "it begins beyond the ring",
    lib.VHOST_BAD_NEXT: "it goes on beyond its table",
    lib.VHOST_BAD_COUNT: "it has more buffers than the ring has descriptors",
    lib.VHOST_BAD_ADDRESS: "it lies outside of the front-end's memory",
    lib.VHOST_BAD_DIRECTION: "its buffers are for the other direction",
    lib.VHOST_BAD_TABLE: "its indirect table cannot be",
    lib.VHOST_BAD_FRAME: "it holds no frame, or more than one",
}


class VhostQueue:
    """The data plane's side: one ``struct vhost_virtqueue``, which lives as long as the port's configuration."""

    def __init__(
        self, memory: Arena, pool: Mempool, port_id: int, wishes: Wishes, *, has_interrupt: bool = False
    ) -> None:
        vq = memory.struct("struct vhost_virtqueue")
        vq.used_shadow = memory.struct("uint64_t", lib.VHOST_MAX_RING_SIZE)
        vq.pool, vq.port_id, vq.call_fd = pool.ptr, port_id, -1
        if wishes.large:
            vq.large = large_pool().ptr
        self.wishes = wishes
        self._owned = (memory, pool)
        self._bad_chains_told = self._bad_headers_told = 0
        self.ptr = vq
        #: Stands for the kick fd of whatever ring is served, so that lcores can watch one fd all the time.
        self._kicks = select.epoll() if has_interrupt else None
        self._watched = -1

    @property
    def interrupt_fd(self) -> int:
        """Readable once the front-end has kicked."""
        assert self._kicks
        return self._kicks.fileno()

    def watch(self, kick_fd: int) -> None:
        """Hear of this eventfd's edges and of no other's; -1 for none. Before the last one is closed."""
        if self._kicks is None:
            return
        if self._watched >= 0:
            self._kicks.unregister(self._watched)
        self._watched = -1
        if kick_fd >= 0:
            try:
                self._kicks.register(kick_fd, select.EPOLLIN | select.EPOLLET)
            except OSError as error:
                raise DeviceError(f"the kicks of a ring cannot be watched: {error.strerror}") from error
            self._watched = kick_fd
        self.ptr.no_kicks = kick_fd < 0

    def close(self) -> None:
        """Give the fd back; nobody polls the queue any more."""
        if self._kicks:
            self._kicks.close()

    def new_bad_chains(self) -> tuple[int, str]:
        """How many there were since the last look, and what was wrong with the last one."""
        count, told = int(self.ptr.bad_chains), self._bad_chains_told
        self._bad_chains_told = count
        return count - told, BAD_CHAINS.get(self.ptr.bad_chain, "")

    def announce(self, frame: bytes) -> None:
        """Have a frame of 64 bytes received as if the driver had sent it; a former one that was not yet is lost."""
        if self.ptr.announces:
            self.ptr.announces = 0
            LCORES.quiesce()
        ffi.memmove(self.ptr.announcement, frame, len(self.ptr.announcement))
        lib.vhost_virtqueue_announce(self.ptr)

    def new_bad_headers(self) -> int:
        """How many net headers asked for what cannot be since the last look."""
        count, told = int(self.ptr.bad_headers), self._bad_headers_told
        self._bad_headers_told = count
        return count - told

    @staticmethod
    def bytes() -> int:
        """What one takes of an arena."""
        shadow = int(lib.VHOST_MAX_RING_SIZE) * 8
        return int(ffi.sizeof("struct vhost_virtqueue")) + shadow + 256


class Ring:
    """What the front-end has said of one ring."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.size = 0
        self.base = 0
        self.address: SetVringAddr | None = None
        self.enabled = False
        self.kicked = False
        self.discards = False
        self.told_of_fault = False
        #: Where it lies was taken out of the memory table while it was served.
        self.is_homeless = False
        self.queue: VhostQueue | None = None
        self._resubmission: Resubmission | None = None
        self._kick_fd = self._call_fd = self._err_fd = -1

    @property
    def name(self) -> str:
        """The port's queue that it is served by."""
        return f"{'rxq' if self.index % 2 else 'txq'} {self.index // 2}"

    @property
    def is_transmit(self) -> bool:
        """Whether the driver transmits by it."""
        return bool(self.index % 2)

    @property
    def lacks(self) -> str:
        """What has still to be said of the ring itself before it could be served; "" for nothing."""
        if not self.size:
            return "SET_VRING_NUM"
        if not self.address:
            return "SET_VRING_ADDR"
        return "" if self.kicked else "SET_VRING_KICK"

    @property
    def fault(self) -> int:
        """Why the data plane gave the ring up; 0 while it has not."""
        return int(self.queue.ptr.fault) if self.queue else 0

    def attach(
        self,
        queue: VhostQueue,
        memory: GuestMemory,
        features: int,
        dirty_log: DirtyLog | None = None,
        inflight: InflightArea | None = None,
        *,
        discards: bool = False,
    ) -> None:
        """Serve the ring from now on, or only use up what is in it.

        Raises :class:`DeviceError` when it does not lie in the front-end's memory.
        """
        vq = queue.ptr
        self._place(queue, memory, features)
        self._log_to(queue, memory, features, dirty_log)
        packed = bool(features & Feature.VIRTIO_F_RING_PACKED)
        self._note_in(queue, inflight, packed)
        mergeable = bool(features & Feature.VIRTIO_NET_F_MRG_RXBUF)
        modern = mergeable or bool(features & Feature.VIRTIO_F_VERSION_1)
        vq.mergeable, vq.hdr_size = mergeable, HDR_SIZE if modern else HDR_SIZE_LEGACY
        vq.event_idx = bool(features & Feature.VIRTIO_RING_F_EVENT_IDX)
        vq.in_order, vq.is_packed = bool(features & Feature.VIRTIO_F_IN_ORDER), packed
        vq.memory, vq.size, vq.call_fd = memory.ptr, self.size, self._call_fd
        vq.discards = self.discards = discards
        for name, value in ring_fields(self.index, features, queue.wishes).items():
            setattr(vq.offload, name, value)
        self._start(queue)

    def find(self, address: SetVringAddr, memory: GuestMemory, features: int) -> tuple[Any, Any, Any]:
        """Where the descriptors and the driver's and the device's parts lie (virtio 1.2, 2.7 and 2.8)."""
        size = self.size
        desc = memory.at_user_address(address.desc, size * 16, align=16)
        if features & Feature.VIRTIO_F_RING_PACKED:
            driver, device = (memory.at_user_address(at, 4, align=4) for at in (address.avail, address.used))
            return desc, driver, device
        if size & (size - 1):
            raise DeviceError(f"ring {self.index} has {size} descriptors, which is no power of two")
        avail = memory.at_user_address(address.avail, size * 2 + 6, align=2)
        return desc, avail, memory.at_user_address(address.used, size * 8 + 6, align=4)

    def _place(self, queue: VhostQueue, memory: GuestMemory, features: int) -> None:
        assert self.address is not None
        vq, (desc, driver, device) = queue.ptr, self.find(self.address, memory, features)
        if features & Feature.VIRTIO_F_RING_PACKED:
            vq.packed = ffi.cast("struct vring_packed_desc *", desc)
            vq.driver_event = ffi.cast("struct vring_packed_event *", driver)
            vq.device_event = ffi.cast("struct vring_packed_event *", device)
            return
        vq.desc = ffi.cast("struct vring_desc *", desc)
        vq.avail, vq.used = ffi.cast("struct vring_avail *", driver), ffi.cast("struct vring_used *", device)

    def _log_to(self, queue: VhostQueue, memory: GuestMemory, features: int, dirty_log: DirtyLog | None) -> None:
        """Where writes are marked. The used ring's log address is the front-end's word; what a packed ring has instead
        are its descriptors, whose guest address we know, and the device's event at that log address."""
        assert self.address is not None
        vq, address = queue.ptr, self.address
        vq.log = dirty_log.ptr if dirty_log else ffi.NULL
        vq.log_used = vq.log_event = lib.VHOST_NO_LOG
        if dirty_log and address.flags & VRING_F_LOG:
            packed = features & Feature.VIRTIO_F_RING_PACKED
            vq.log_used = memory.guest_address(address.desc) if packed else address.log
            vq.log_event = address.log

    def _note_in(self, queue: VhostQueue, area: InflightArea | None, packed: bool) -> None:
        """Where it is noted what is in hand."""
        vq, region = queue.ptr, area.region(self.index, self.size, packed) if area else ffi.NULL
        vq.inflight_split = ffi.cast("struct inflight_split *", ffi.NULL if packed else region)
        vq.inflight_packed = ffi.cast("struct inflight_packed *", region if packed else ffi.NULL)
        vq.nb_inflight = vq.inflight_counter = 0
        vq.tracked = bool(vq.log or region)

    def _start(self, queue: VhostQueue) -> None:
        # What a split ring itself says was used counts, not the base that came with it: after either side was gone,
        # that is where it stands (DPDK's virtio-user sends 0 whatever the ring holds).
        vq = queue.ptr
        if vq.is_packed:
            self._take_up_packed(vq)
        else:
            self.base = int(vq.used.idx)
            self._take_up_split(vq)
        lib.vhost_virtqueue_start(vq, self.base)
        queue.watch(self._kick_fd)
        self.queue, self.told_of_fault = queue, False
        # the flags are read by lcores only after this
        lib.vhost_virtqueue_enable(queue.ptr, True)
        lib.eventfd_notify(self._call_fd)
        LCORES.wake()  # who sleeps has not asked for this ring's kicks

    def _take_up_packed(self, vq: Any) -> None:
        if self.base & ~FIRST_LAP >= self.size:
            self.base &= FIRST_LAP
        if vq.inflight_packed:
            self.base = take_up_packed(vq.inflight_packed, vq.packed, self.size, self.base)

    def _take_up_split(self, vq: Any) -> None:
        """What was in hand comes first, from an available ring of our own if the driver's says anything else by now."""
        heads = take_up_split(vq.inflight_split, self.size, self.base) if vq.inflight_split else []
        if all(head == vq.avail.ring[(self.base + i) % self.size] for i, head in enumerate(heads)):
            return
        self._resubmission = Resubmission(vq, heads, self.base)

    def catch_up(self) -> None:
        """Go on in the driver's own available ring when all that was in hand has been used up."""
        if not self._resubmission or not self.queue or not self._resubmission.is_done:
            return
        lib.vhost_virtqueue_enable(self.queue.ptr, False)
        LCORES.quiesce()
        self._resubmission.end()
        self._resubmission = None
        lib.vhost_virtqueue_enable(self.queue.ptr, True)
        LCORES.wake()

    def detach(self) -> None:
        """Serve it no more; when this returns, no lcore looks at it. What it holds stays, to be taken up again."""
        if self.queue is None:
            return
        lib.vhost_virtqueue_enable(self.queue.ptr, False)
        LCORES.quiesce()
        self.base = int(lib.vhost_virtqueue_index(self.queue.ptr))
        if self._resubmission:
            # what is still in hand stays noted, and lies before this
            self.base = self._resubmission.index
            self._resubmission = None
        self.queue.ptr.call_fd = -1
        self.queue.watch(-1)
        self.queue = None

    def stop(self) -> int:
        """The front-end takes the ring back: where it stood, both ends alike."""
        self.detach()
        self.kicked = False
        self._kick_fd = _replace(self._kick_fd, None)
        return self.base

    def reset(self) -> None:
        """As if nothing had been said of it, but for whom to call."""
        self.stop()
        self.size = self.base = 0
        self.address, self.enabled, self.is_homeless = None, False, False

    def set_kick(self, fd: int | None) -> None:
        """The ring is started. Lcores that poll need no kick; without the eventfd they cannot sleep."""
        if self.queue:
            self.queue.watch(-1 if fd is None else fd)
        self._kick_fd = _replace(self._kick_fd, fd)
        self.kicked = True

    def set_call(self, fd: int | None) -> None:
        """Whom to tell of used buffers; it may change while the ring is served."""
        old, self._call_fd = self._call_fd, -1 if fd is None else fd
        if self.queue:
            self.queue.ptr.call_fd = self._call_fd
            LCORES.quiesce()
        _replace(old, None)

    def set_err(self, fd: int | None) -> None:
        """Whom to tell of a fault."""
        self._err_fd = _replace(self._err_fd, fd)

    def tell_fault(self) -> None:
        """Let the front-end know, once."""
        self.told_of_fault = True
        lib.eventfd_notify(self._err_fd)

    def close(self) -> None:
        """Let go of everything."""
        self.detach()
        self.set_call(None)
        self._kick_fd = _replace(self._kick_fd, None)
        self._err_fd = _replace(self._err_fd, None)


def _replace(old: int, new: Any) -> int:
    """Close one fd for another; -1 is none."""
    if old >= 0:
        os.close(old)
    return -1 if new is None else int(new)
