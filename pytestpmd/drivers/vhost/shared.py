"""What a front-end shares beside its rings' eventfds: its memory, region by region or all at once, and its dirty log.

Each method carries out one request. Nothing is taken from under the data plane: rings are detached first, and whoever
calls attaches them again (``VhostDevice.sync``). What raises :class:`DeviceError` has changed nothing.
"""

from collections.abc import Callable, Sequence

from pytestpmd.drivers.vhost.dirty_log import DirtyLog
from pytestpmd.drivers.vhost.inflight import InflightArea, area_size, new_area
from pytestpmd.drivers.vhost.memory import GuestMemory
from pytestpmd.drivers.vhost.rings import Ring
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import DeviceError
from pytestpmd.log import log_type
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.answer import Answered
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.stream import close_fds

log = log_type("lib.vhost.config", "VHOST_CONFIG")


class Shared:
    """The files of one front-end; ``rings`` are those that lie in them, ``features`` what was agreed."""

    def __init__(self, path: str, rings: Sequence[Ring], features: Callable[[], int]) -> None:
        self.memory: GuestMemory | None = None
        self.log: DirtyLog | None = None
        self.inflight: InflightArea | None = None
        self._path, self._rings, self._features = path, rings, features
        self.handlers: dict[type[Message], Callable[[Message], Answered]] = {
            m.SetMemTable: self._set_mem_table,
            m.GetMaxMemSlots: lambda _: m.MAX_REGIONS,
            m.AddMemReg: self._add_mem_reg,
            m.RemMemReg: self._rem_mem_reg,
            m.SetLogBase: self._set_log_base,
            m.SetLogFd: self._set_log_fd,
            m.GetInflightFd: self._get_inflight,
            m.SetInflightFd: self._set_inflight,
        }

    def holds(self, ring: Ring) -> bool:
        """Whether the memory has all parts of a ring, as far as their place is known."""
        if not self.memory or not ring.address:
            return False
        try:
            ring.find(ring.address, self.memory, self._features())
        except DeviceError:
            return False
        return True

    @property
    def is_dead(self) -> bool:
        """Whether a file of the front-end's shrank under us."""
        return any(each.is_dead for each in (self.memory, self.log, self.inflight) if each)

    def report(self, *, is_logged: bool) -> dict[str, int]:
        """Slots, and bytes of the files that there are."""
        told = {"memory_slots": m.MAX_REGIONS, "memory_slots_used": self.memory.nb_regions if self.memory else 0}
        if self.log:
            told |= {"dirty_log_bytes": self.log.size, "dirty_log_used": int(is_logged)}
        if self.inflight:
            area = self.inflight
            told |= {"inflight_bytes": area.size, "inflight_rings": area.nb_rings, "inflight_ring_size": area.ring_size}
        return told

    def detach_rings(self) -> None:
        for ring in self._rings:
            ring.detach()

    def close(self) -> None:
        """Let go of everything."""
        self._set_memory(None)
        if self.log:
            self.log.close()
        self.log = None
        self._replace_inflight(None)

    def _set_memory(self, memory: GuestMemory | None) -> None:
        self.detach_rings()
        if self.memory:
            self.memory.unmap()
        self.memory = memory

    def _set_mem_table(self, message: Message) -> int:
        """The new table takes the old one's place; rings that are served are moved over."""
        assert isinstance(message, m.SetMemTable)
        memory = GuestMemory(message.regions)
        try:
            for ring in self._rings:
                if ring.queue and ring.address:
                    ring.find(ring.address, memory, self._features())
        except DeviceError:
            memory.unmap()
            raise
        self._set_memory(memory)
        self._tell_regions()
        return 0

    def _add_mem_reg(self, message: Message) -> int:
        """One region more; rings that wait for it go on."""
        assert isinstance(message, m.AddMemReg)
        if self.memory and self.memory.claim(message.region):
            return 0
        memory = self.memory or GuestMemory(())
        mapped = memory.map(message.region)
        self.detach_rings()
        memory.add(mapped)
        self.memory = memory
        self._tell_regions()
        return 0

    def _rem_mem_reg(self, message: Message) -> int:
        """One region less. A ring in it is not at an end: QEMU takes a region out to put in a longer one."""
        assert isinstance(message, m.RemMemReg)
        assert self.memory  # the machine has found the region in its table
        if self.memory.release(message.region):
            return 0
        served = [ring for ring in self._rings if ring.queue]
        self.detach_rings()
        self.memory.remove(message.region)
        for ring in served:
            ring.is_homeless = not self.holds(ring)
        return 0

    def _tell_regions(self) -> None:
        assert self.memory
        for line in self.memory.describe():
            log.debug("(%s) guest memory region %s", self._path, line)
        for ring in self._rings:
            ring.is_homeless = ring.is_homeless and not self.holds(ring)

    def _set_log_base(self, message: Message) -> int:
        """A new log takes the old one's place."""
        assert isinstance(message, m.SetLogBase)
        fresh = DirtyLog(message)
        self.detach_rings()
        if self.log:
            self.log.close()
        self.log = fresh
        return 0

    def _set_log_fd(self, message: Message) -> int:
        """Who migrates looks at the log by itself: telling it of changes is left to us, and not done."""
        close_fds(message.fds)
        return 0

    @property
    def _packed(self) -> bool:
        return bool(self._features() & Feature.VIRTIO_F_RING_PACKED)

    def _check_inflight(self, message: m.GetInflightFd | m.SetInflightFd) -> None:
        if message.nb_rings > len(self._rings):
            raise DeviceError(f"an in-flight area for {message.nb_rings} rings, but there are {len(self._rings)}")

    def _get_inflight(self, message: Message) -> m.GetInflightFd:
        """A new area takes the old one's place; the fd of the answer is closed when it was sent."""
        assert isinstance(message, m.GetInflightFd)
        self._check_inflight(message)
        size = area_size(message.nb_rings, message.ring_size, self._packed)
        fd = new_area(size)
        try:
            area = InflightArea(fd, size, 0, message.nb_rings, message.ring_size, packed=self._packed)
        except DeviceError:
            close_fds((fd,))
            raise
        self._replace_inflight(area)
        return m.GetInflightFd(size, 0, message.nb_rings, message.ring_size, fd)

    def _set_inflight(self, message: Message) -> int:
        """The area of a back-end before us, or our own."""
        assert isinstance(message, m.SetInflightFd)
        assert message.fd is not None
        at, rings = (message.size, message.offset), (message.nb_rings, message.ring_size)
        try:
            self._check_inflight(message)
            area = InflightArea(message.fd, *at, *rings, packed=self._packed)
        finally:
            close_fds(message.fds)
        self._replace_inflight(area)
        return 0

    def _replace_inflight(self, area: InflightArea | None) -> None:
        self.detach_rings()
        if self.inflight:
            self.inflight.close()
        self.inflight = area
