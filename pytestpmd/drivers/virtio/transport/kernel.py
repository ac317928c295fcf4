"""net_virtio_user over /dev/vhost-net: the kernel moves packets between our rings and a tap interface.

One vhost device serves one pair of rings, and has one queue of the tap for its back-end; a ring whose back-end is taken
away lies still. The kernel has no status, no configuration space and no control queue: all that is played here. The
interface is the link: it may go down, and it may be deleted, which is the end of it until the port is started again.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from struct import pack

from pytestpmd.drivers.net_config import DUPLEX_FULL, LINK_UP, NetConfig
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.known_config import MAX_MTU, STATUS_AT
from pytestpmd.drivers.virtio.transport import TransportReport
from pytestpmd.drivers.virtio.transport.eventfds import FLAGS, QueueEvents
from pytestpmd.drivers.virtio.transport.served import ServedTransport
from pytestpmd.drivers.virtio.transport.tap import Tap
from pytestpmd.drivers.virtio.transport.vhost_file import LINUX, Kernel, Request, VhostFile
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.memory import Region
from pytestpmd.eal.netdev import LinkEvents
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.link import SPEED_UNKNOWN
from pytestpmd.ethdev.report import ConnectionReport
from pytestpmd.log import Level, log_type

log = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")

F = Feature
#: What the tap does, and vhost knows nothing of.
TAP_FEATURES = (
    F.VIRTIO_NET_F_CSUM
    | F.VIRTIO_NET_F_HOST_TSO4
    | F.VIRTIO_NET_F_HOST_TSO6
    | F.VIRTIO_NET_F_GUEST_CSUM
    | F.VIRTIO_NET_F_GUEST_TSO4
    | F.VIRTIO_NET_F_GUEST_TSO6
)
#: What is answered for here.
OWN_FEATURES = (
    F.VIRTIO_NET_F_MAC
    | F.VIRTIO_NET_F_STATUS
    | F.VIRTIO_NET_F_MTU
    | F.VIRTIO_NET_F_CTRL_VQ
    | F.VIRTIO_NET_F_CTRL_RX
    | F.VIRTIO_NET_F_MQ
)
#: What is never asked of vhost: a log of what it writes, addresses that it would have to ask us about, and headers of
#: its own making, which is what it takes bit 27 for.
UNUSABLE = F.VHOST_F_LOG_ALL | F.VIRTIO_F_ACCESS_PLATFORM | F.VIRTIO_F_ANY_LAYOUT
MAX_REGIONS_FILE = Path("/sys/module/vhost/parameters/max_mem_regions")
MAX_REGIONS = 64

OpenTap = Callable[[str, int], Tap]


class VhostKernelTransport(ServedTransport):
    """``nb_pairs`` queues of the interface ``interface``, which the kernel names if the text is empty."""

    def __init__(
        self,
        path: str,
        nb_pairs: int,
        *,
        interface: str = "",
        mac: bytes = bytes(6),
        speed: int = SPEED_UNKNOWN,
        kernel: Kernel = LINUX,
        open_tap: OpenTap = Tap,
    ) -> None:
        super().__init__(nb_pairs)
        self.path, self._mac, self._speed = path, mac, speed
        self._kernel, self._open_tap = kernel, open_tap
        self.on_change = self.on_tick = self.on_error = self.on_config = lambda: None
        #: Held while the kernel is asked; never while the driver is called back.
        self._lock = threading.RLock()
        self._files: list[VhostFile] = []
        self._tap: Tap | None = None
        self._moving: set[int] = set()
        self._why = ""
        self._is_there, self._told_up, self._is_broken = True, False, False
        self._error_fd = -1
        self._control = ControlThread("vhost-net", self._tick)
        try:
            self._events.reserve(2 * nb_pairs)
            self._link_events = LinkEvents()
            self._control.watch(self._link_events.fileno(), self._link_changed)
            self._error_fd = os.eventfd(0, FLAGS)
            self._control.watch(self._error_fd, self._kernel_erred)
            for _ in range(nb_pairs):
                self._files.append(VhostFile(path, kernel))
            self._offered = Feature(self._files[0].number(Request.GET_FEATURES, 8)) & ~UNUSABLE
            self._tap = open_tap(interface or "tap%d", nb_pairs)
            self.interface = self._tap.name
        except (DeviceError, OSError):
            self._control.stop()
            self._close_all()
            raise
        self._control.start()

    def _close_all(self) -> None:
        for file in self._files:
            file.close()
        if self._tap:
            self._tap.close()
        if hasattr(self, "_link_events"):
            self._link_events.close()
        self._events.close()
        if self._error_fd >= 0:
            os.close(self._error_fd)
        self._error_fd = -1

    # The interface.

    def _reach(self) -> Tap:
        if self._tap is None or not self._is_there:
            raise DeviceError(self._why or "there is no interface")
        return self._tap

    def _link_changed(self) -> None:
        self._link_events.drain()
        self._look()

    def _tick(self) -> None:
        """The interface may have been moved to where its events cannot be heard."""
        self._look()
        self.on_tick()

    def _look(self) -> None:
        with self._lock:
            if self._tap is None or not self._is_there:
                return
            is_gone = not self._tap.is_there
            self.interface = self._tap.name
            if is_gone:
                self._let_go(f"the interface {self.interface} is gone")
            elif self._tap.is_up == self._told_up:
                return
            else:
                self._told_up = not self._told_up
        if is_gone:
            log.error("(%s) %s", self.path, self._why)
        (self.on_change if is_gone else self.on_config)()

    def _let_go(self, why: str) -> None:
        """Have the kernel touch no ring any more."""
        self._is_there, self._why = False, why
        self._rest()

    def _rest(self) -> None:
        """Take the back-end from every ring that has one."""
        for index in sorted(self._moving):
            with suppress(DeviceError):
                self._set_backend(index, -1)
        self._moving.clear()

    @property
    def connected(self) -> bool:
        return self._is_there

    def reconnect(self) -> None:
        """Whoever starts the port wants the interface that was deleted to be there again."""
        with self._lock:
            if self._is_there:
                return
            if self._tap is None or not self._tap.is_there:
                if self._tap:
                    self._tap.close()
                self._tap = None
                self._tap = self._open_tap(self.interface, self._nb_pairs)
            self.generation += 1
            self._is_there, self._why = True, ""

    def drop(self, why: str) -> None:
        with self._lock:
            self._let_go(why)
        log.limited((self.path, "dropped"), Level.ERROR, "(%s) %s", self.path, why)

    # What the driver asks.

    def features(self) -> Feature:
        return self._offered | TAP_FEATURES | OWN_FEATURES

    def max_queue_pairs(self) -> int:
        return self._nb_pairs

    def read_config(self, offset: int, size: int) -> bytes:
        if offset <= STATUS_AT < offset + size:
            self._told_up = self._is_there and self._tap is not None and self._tap.is_up
        status = LINK_UP if self._told_up else 0
        space = NetConfig(self._mac, status, self._nb_pairs, MAX_MTU, self._speed, DUPLEX_FULL)
        return space.encode()[offset : offset + size]

    def write_mac(self, address: bytes) -> None:
        with self._lock:
            self._mac = address
            self._reach().set_mac(address)

    def set_status(self, status: Status) -> None:
        """The kernel is not told: there is no such thing. A reset finds every ring lying still."""
        if status == Status.RESET:
            with self._lock:
                self._is_broken = False
                self._rest()

    def needs_reset(self) -> bool:
        return self._is_broken

    def set_features(self, features: Feature) -> None:
        with self._lock:
            self._agree(features)
            tap = self._reach()
            log.info("virtio_user_dev_set_features(): (%s) set features: 0x%x", self.path, features & ~OWN_FEATURES)
            for file in self._files:
                file.set_features(int(features & self._offered))
            tap.set_mac(self._mac)
            tap.begin(Agreement(features).hdr_size, features)

    def set_mtu(self, mtu: int) -> None:
        with self._lock:
            self._reach().set_mtu(mtu)

    def share_memory(self, regions: Sequence[Region]) -> None:
        most = max_regions()
        if len(regions) > most:
            raise DeviceError(f"{self.path} takes {most} regions of memory, and there are {len(regions)}")
        table = b"".join(pack("=QQQQ", region.address, region.size, region.address, 0) for region in regions)
        with self._lock:
            for file in self._files:
                file.call(Request.SET_MEM_TABLE, pack("=II", len(regions), 0) + table)

    def setup_queue(self, index: int, ring: RingAddresses, base: int) -> None:
        file, ring_index = self._files[index // 2], index % 2
        with self._lock:
            file.set_vring(ring_index, ring)
            file.call(Request.SET_VRING_BASE, pack("=II", ring_index, base))
            file.set_vring_file(Request.SET_VRING_CALL, ring_index, self._events.call(index))
            file.set_vring_file(Request.SET_VRING_ERR, ring_index, self._error_fd)
            file.set_vring_file(Request.SET_VRING_KICK, ring_index, self._events.kick(index))

    def _kernel_erred(self) -> None:
        QueueEvents.take(self._error_fd)
        self._is_broken = True
        log.limited((self.path, "error"), Level.ERROR, "(%s) the kernel tells of a broken ring", self.path)
        self.on_error()

    def _enable(self, index: int, on: bool) -> None:
        """A pair takes part in the interface as long as one of its rings moves packets."""
        pair, other = index // 2, index ^ 1
        with self._lock:
            if on == (index in self._moving):
                return
            tap = self._reach()
            if on:
                if pair and other not in self._moving:
                    tap.attach(pair, True)
                self._set_backend(index, tap.fd(pair))
                self._moving.add(index)
            else:
                self._set_backend(index, -1)
                self._moving.discard(index)
                if pair and other not in self._moving:
                    tap.attach(pair, False)

    def _set_backend(self, index: int, fd: int) -> None:
        self._files[index // 2].set_vring_file(Request.NET_SET_BACKEND, index % 2, fd)

    def stop_queue(self, index: int) -> None:
        """It lies still since its back-end was taken away, and the ring itself says how far it came."""

    def report(self) -> TransportReport:
        note = f"interface {self.interface}" if self._is_there else self._why
        connection = ConnectionReport(self._is_there, "vhost-net", self.path, note)
        return TransportReport(connection, self._offered, self.features())

    def close(self) -> None:
        self._control.stop()
        self.control.detach()
        with self._lock:
            self._rest()
            self._is_there = False
            self._close_all()


def max_regions() -> int:
    """As many pieces of memory may be shared with a vhost device of the kernel's."""
    try:
        return int(MAX_REGIONS_FILE.read_text())
    except (OSError, ValueError):
        return MAX_REGIONS
