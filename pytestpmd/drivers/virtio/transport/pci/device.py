"""``PciTransport``: a virtio device on the PCI bus, through the windows that whoever opened it gives.

A device that does not come out of its reset may be the master of the bus no more. All ones are what is read where no
device answers any more.
"""

import errno
from collections.abc import Callable, Sequence
from contextlib import suppress

from pytestpmd.drivers.virtio.agree import MAX_QUEUE_PAIRS
from pytestpmd.drivers.virtio.features import negotiate
from pytestpmd.drivers.virtio.known_config import PAIRS_AT, STATUS_AT
from pytestpmd.drivers.virtio.transport import TransportReport
from pytestpmd.drivers.virtio.transport.device import FEATURES_SET, RESET_S, DeviceTransport
from pytestpmd.drivers.virtio.transport.pci.capabilities import lacking, structures
from pytestpmd.drivers.virtio.transport.pci.interrupts import Interrupts
from pytestpmd.drivers.virtio.transport.pci.layout import NO_VECTOR, Layout
from pytestpmd.drivers.virtio.transport.pci.legacy import LegacyLayout
from pytestpmd.drivers.virtio.transport.pci.modern import ModernLayout
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import MAX_QUEUE_SIZE, Feature, Status
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Region
from pytestpmd.eal.pci.access import PciAccess
from pytestpmd.errors import DeviceError, OperationError, StatusError
from pytestpmd.ethdev.report import ConnectionReport
from pytestpmd.log import Level, log_type

log = log_type("pmd.net.virtio.init", "VIRTIO_INIT")
driver_log = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")

#: 4.1.2.1: devices with an id from here on have no legacy interface.
FIRST_MODERN_ID = 0x1040
GONE = 0xFF
#: What bit 30 is in a legacy device has nothing to do with vhost-user.
RESERVED = Feature.VHOST_USER_F_PROTOCOL_FEATURES
MAX_QUEUE_INDEX = 0xFFFF
#: On these it depends which queues there are, and some devices take none without the last.
QUEUE_FEATURES = (
    Feature.VIRTIO_F_VERSION_1
    | Feature.VIRTIO_F_RING_PACKED
    | Feature.VIRTIO_NET_F_CTRL_VQ
    | Feature.VIRTIO_NET_F_MQ
    | Feature.VIRTIO_F_ACCESS_PLATFORM
)
GREETED = Status.ACKNOWLEDGE | Status.DRIVER


class PciTransport(DeviceTransport):
    """An opened device, which is closed with the transport.

    A modern layout is taken where there is one: a transitional device has both. A reset may take ``reset_s`` seconds.
    """

    side = "driver"

    def __init__(self, access: PciAccess, *, reset_s: float = RESET_S) -> None:
        super().__init__(reset_s)
        self._access, self._is_gone = access, False
        self.name = str(access.device.address)
        #: The link's status, and whether it needs a reset, as they were told or polled last.
        self._seen = b"", 0
        #: Descriptors of each queue, as it has them.
        self._sizes: dict[int, int] = {}
        self._layout = choose_layout(access)
        self.has_legacy_rings = self._layout.has_legacy_rings
        nb_pairs = self._learn()
        self._control = ControlThread(f"virtio {self.name}", self._tick)
        try:
            self._interrupts = Interrupts(access, nb_pairs, self._control, self._config_event, self._layout.isr)
        except (DeviceError, OSError):
            self._control.stop()
            raise
        self._control.start()

    def _learn(self) -> int:
        """What there is: features, and queues with their sizes; how many pairs of them.

        A device has queues beyond the first pair, and the control queue after them, once it was told that they are
        wanted (5.1.2); so it is asked then, and not later.
        """
        for status in (Status.RESET, Status.ACKNOWLEDGE, GREETED):
            self.set_status(status)
        agreed = negotiate(self._offered, QUEUE_FEATURES)
        self.set_features(agreed.features)
        self.set_status(FEATURES_SET)
        pairs = 1
        if agreed.has(Feature.VIRTIO_NET_F_MQ):
            pairs = max(1, int.from_bytes(self._layout.read_config(PAIRS_AT, 2), "little"))
        used = min(pairs, MAX_QUEUE_PAIRS)
        for index in (*range(2 * used), *([2 * pairs] if agreed.has(Feature.VIRTIO_NET_F_CTRL_VQ) else [])):
            self._sizes[index] = self._layout.queue_size(index) if index <= MAX_QUEUE_INDEX else 0
        return used

    # Whether it is there.

    def _reach(self) -> Layout:
        """The registers, as long as there is something behind them."""
        if not self._is_there:
            raise DeviceError(f"the device is gone: {self._why}")
        return self._layout

    def _tell(self, status: Status) -> None:
        self._reach().set_status(int(status))

    def _read_status(self) -> Status:
        status = self._reach().status()
        if status == GONE:
            raise DeviceError("the device does not answer: its registers read all ones")
        return Status(status)

    def reconnect(self) -> None:
        """One that was dropped may be tried again, one that is gone does not come back."""
        with self._lock:
            if self._is_gone:
                raise DeviceError(f"the device is gone: {self._why}")
            if not self._is_there:
                self._is_there = True
                self.generation += 1

    def drop(self, why: str) -> None:
        """Have it touch no memory of ours any more: if it is not there to be reset, nor may it be the bus's master."""
        with self._lock:
            with suppress(DeviceError):
                self._tell(Status.RESET)
            self._is_there, self._is_live, self._why = False, False, why
            with suppress(DeviceError, OSError):
                self._access.set_bus_master(False)
        driver_log.limited((self.name, "dropped"), Level.ERROR, "(%s) %s", self.name, why)

    def _tick(self) -> None:
        """Look for what does not interrupt: the device's end, its change where it has no interrupt for that."""
        if self._is_there:
            why = self._end()
            if why:
                self._lose(why)
            elif not self._interrupts.tells_config:
                self._poll_config()
        self.on_tick()

    def _end(self) -> str:
        """Why the device is gone; "" for one that is there."""
        try:
            if self._access.is_gone:
                return "it was unplugged, or taken from its driver"
            with self._lock:
                if self._is_there:
                    self._read_status()
        except DeviceError as error:
            return str(error)
        return ""

    def _lose(self, why: str) -> None:
        with self._lock:
            self._is_there, self._is_gone, self._why = False, True, why
            self._is_live = False
            with suppress(DeviceError, OSError):
                self._access.abandon()
        self._interrupts.stop()
        driver_log.error("(%s) the device is gone: %s", self.name, why)
        self.on_change()

    def _poll_config(self) -> None:
        try:
            with self._lock:
                if not self._is_live:
                    return
                seen = self._layout.read_config(STATUS_AT, 2), self._layout.status() & Status.NEEDS_RESET
        except DeviceError:
            return  # the next look tells whether it is gone
        if seen != self._seen:
            self._seen = seen
            self._config_event()

    # What the driver asks.

    def read_config(self, offset: int, size: int) -> bytes:
        with self._lock:
            return self._reach().read_config(offset, size)

    def config_generation(self) -> int:
        with self._lock:
            return self._reach().config_generation()

    def write_mac(self, address: bytes) -> None:
        with self._lock:
            if not self._reach().write_mac(address):
                raise OperationError(errno.ENOTSUP)

    def ring_size(self, index: int, asked: int) -> int:
        """As the device has it, whatever is asked for."""
        size = self._sizes.get(index, 0)
        if not 0 < size <= MAX_QUEUE_SIZE:
            raise DeviceError(f"the device says that queue {index} has {size} descriptors")
        if size & (size - 1) and Feature.VIRTIO_F_RING_PACKED not in self._offered:
            raise DeviceError(f"the device says that queue {index} has {size} descriptors, which is no power of 2")
        return size

    def set_status(self, status: Status) -> None:
        with self._lock:
            layout = self._reach()
            if status == Status.RESET:
                self._reset()
                return
            if status & Status.DRIVER_OK and not status & Status.FAILED:
                self._go_live()
            self._tell(status)
            if status == GREETED:
                self._offered = Feature(layout.features() & ~RESERVED)
            elif status == FEATURES_SET:
                self._check_features_ok()

    def _reset(self) -> None:
        """What it was told of before may be somebody else's by now: it is no master of the bus until then."""
        super()._reset()
        self._access.set_bus_master(True)

    def _go_live(self) -> None:
        """From now on it tells of changes; there may be a vector for them, which it may refuse."""
        self._seen = self._layout.read_config(STATUS_AT, 2), 0
        self._is_live = True
        self._vector_taken(self._interrupts.config_vector, self._layout.set_config_vector, "the configuration")

    def _check_features_ok(self) -> None:
        """3.1.1, step 6. Legacy devices have no say in it."""
        status = self._read_status()
        if not self._layout.has_legacy_rings and not status & Status.FEATURES_OK:
            raise StatusError("the device does not accept the features")

    def set_features(self, features: Feature) -> None:
        with self._lock:
            self._reach().set_features(int(features))

    def share_memory(self, regions: Sequence[Region]) -> None:
        with self._lock:
            self._reach()
            self._access.map_memory(regions)

    def setup_queue(self, index: int, ring: RingAddresses, base: int) -> None:
        vector = self._interrupts.queue_vector(index)
        with self._lock:
            layout = self._reach()
            self._vector_taken(vector, lambda wanted: layout.setup_queue(index, ring, wanted), f"queue {index}")

    def _vector_taken(self, vector: int, set_vector: Callable[[int], int], what: str) -> None:
        """Set a vector, and read back whether the device had one to spare."""
        taken = set_vector(vector)
        self._interrupts.refused.discard(vector)
        if vector not in (taken, NO_VECTOR):
            self._interrupts.refused.add(vector)
            driver_log.warning("(%s) the device has no interrupt for %s", self.name, what)

    def enable_queue(self, index: int, on: bool) -> None:
        """A queue that was set up moves packets until the reset."""

    def serve_control(self) -> None:
        with self._lock:
            self._reach()

    def kick_fd(self, index: int) -> int:
        return -1

    def doorbell(self, index: int) -> Doorbell:
        with self._lock:
            return self._reach().doorbell(index)

    def call_fd(self, index: int) -> int:
        return self._interrupts.call_fd(index)

    def report(self) -> TransportReport:
        how = ", ".join([self._layout.name, self._access.way, self._interrupts.way])
        note = how if self._is_there else self._why
        return TransportReport(
            ConnectionReport(self._is_there, "PCI device", self.name, note), self._offered, self._offered
        )

    def close(self) -> None:
        """Leave the device as after a reset, and no master of the bus."""
        self._control.stop()
        with self._lock:
            if self._is_there:
                with suppress(DeviceError):
                    self._reset()
                with suppress(DeviceError, OSError):
                    self._access.set_bus_master(False)
            self._is_there = False
        self._interrupts.close()
        self._access.close()


def choose_layout(access: PciAccess) -> Layout:
    """Modern where there is one, else legacy; :class:`DeviceError` for a device that has neither."""
    found = structures(access.read_config)
    missing = lacking(found)
    if not missing:
        log.debug("virtio_read_caps(): found modern virtio pci device.")
        layout: Layout = ModernLayout(access, found)
        log.info("vtpci_init(): modern virtio pci detected.")
        return layout
    if access.device.device >= FIRST_MODERN_ID:
        raise DeviceError(f"the device has no capability for its {missing} structure")
    log.debug("virtio_read_caps(): no modern virtio pci device found.")
    log.info("vtpci_init(): trying with legacy virtio pci.")
    return LegacyLayout(access)
