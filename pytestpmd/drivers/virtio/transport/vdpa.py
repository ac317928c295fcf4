"""net_virtio_user over /dev/vhost-vdpa-N: a device that moves packets by itself, and that the kernel lets us drive.

It is a whole virtio device, with a status, a configuration space and perhaps a control queue of its own, and it reaches
what was mapped for it, as long as it was. No ring is told to stop, which QEMU's device takes amiss; and all begin anew
with a reset, since few devices can say where they were.
"""

from collections.abc import Sequence
from contextlib import suppress
from struct import pack, unpack

from pytestpmd.drivers.virtio.transport import TransportReport
from pytestpmd.drivers.virtio.transport.device import FEATURES_SET, RESET_S, DeviceTransport
from pytestpmd.drivers.virtio.transport.eventfds import QueueEvents
from pytestpmd.drivers.virtio.transport.iotlb import BackendFeature, Mappings
from pytestpmd.drivers.virtio.transport.vhost_file import LINUX, VRING_STATE, Kernel, Request, VhostFile
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.memory import Region
from pytestpmd.errors import DeviceError, OperationError, StatusError
from pytestpmd.ethdev.report import ConnectionReport
from pytestpmd.log import Level, log_type

log = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")

VIRTIO_ID_NETWORK = 1
#: Of the configuration space, what a kernel that does not tell its size is asked for.
LEAST_CONFIG = 12
#: Nor how many queues there are: 4.1.4.3, one for each number.
MOST_QUEUES = 1 << 16
MAC_AT, MAC_BYTES = 0, 6
BATCHES = BackendFeature.IOTLB_MSG_V2 | BackendFeature.IOTLB_BATCH


class VhostVdpaTransport(DeviceTransport):
    """An opened device; a reset may take ``reset_s`` seconds."""

    def __init__(self, path: str, *, kernel: Kernel = LINUX, reset_s: float = RESET_S) -> None:
        super().__init__(reset_s)
        self.path, self._kernel = path, kernel
        self._events = QueueEvents()
        self._control = ControlThread("vhost-vdpa", self._tick)
        try:
            self._open()
            #: Queue -1 is the configuration.
            self._control.watch(self._events.call(-1), self._config_told)
        except (DeviceError, OSError):
            self._close_all()
            raise
        self._control.start()

    def _open(self) -> None:
        self._file = VhostFile(self.path, self._kernel)
        try:
            self._greet()
        except DeviceError:
            self._file.close()
            raise

    def _greet(self) -> None:
        """As far as it takes to know what there is."""
        file = self._file
        device_id = file.number(Request.VDPA_GET_DEVICE_ID, 4)
        if device_id != VIRTIO_ID_NETWORK:
            raise DeviceError(f"Invalid vdpa device ID: {device_id}")
        offered = BackendFeature(file.number(Request.GET_BACKEND_FEATURES, 8) & int(BATCHES))
        if BackendFeature.IOTLB_MSG_V2 not in offered:
            raise DeviceError("IOTLB_MSG_V2 not supported by the backend.")
        file.call(Request.SET_BACKEND_FEATURES, pack("=Q", offered))
        self._offered = Feature(file.number(Request.GET_FEATURES, 8))
        self._max_ring_size = file.number(Request.VDPA_GET_VRING_NUM, 2)
        first, last = unpack("=QQ", file.call(Request.VDPA_GET_IOVA_RANGE, room=16))
        self._mappings = Mappings(file.write, first, last, batches=BackendFeature.IOTLB_BATCH in offered)
        self._config_size = self._number_or(Request.VDPA_GET_CONFIG_SIZE, LEAST_CONFIG)
        self._nb_queues = self._number_or(Request.VDPA_GET_VQS_COUNT, MOST_QUEUES)

    def _number_or(self, request: Request, default: int) -> int:
        """What newer kernels tell."""
        try:
            return int.from_bytes(self._file.try_call(request, room=4), "little")
        except OSError:
            return default

    def _tick(self) -> None:
        self.on_tick()

    def _close_all(self) -> None:
        self._control.stop()
        self._events.close()

    # Whether it is there.

    def _reach(self) -> VhostFile:
        if not self._is_there:
            raise DeviceError(f"the device was given up: {self._why}")
        return self._file

    def reconnect(self) -> None:
        """One that was dropped is opened anew."""
        with self._lock:
            if not self._is_there:
                self._open()
                self.generation += 1
                self._is_there, self._why = True, ""

    def drop(self, why: str) -> None:
        """To close it is to reset it, and to take all memory from it."""
        with self._lock:
            self._leave(why)
        log.limited((self.path, "dropped"), Level.ERROR, "(%s) %s", self.path, why)

    def _leave(self, why: str) -> None:
        self._is_there, self._is_live, self._why = False, False, why
        self._file.close()

    def _config_told(self) -> None:
        QueueEvents.take(self._events.call(-1))
        self._config_event()

    # What the driver asks.

    def ring_size(self, index: int, asked: int) -> int:
        """No ring is longer than the device can have it; the kernel may know of fewer queues than the device has."""
        if index >= self._nb_queues:
            raise DeviceError(f"{self.path} has no queue {index}: the kernel counts {self._nb_queues} of them")
        most = self._max_ring_size
        if most == 0:
            raise DeviceError("the device says that its queues have 0 descriptors")
        return min(asked, most)

    def read_config(self, offset: int, size: int) -> bytes:
        size = min(size, self._config_size - offset)
        if size <= 0:
            return b""
        with self._lock:
            self.reconnect()  # a port may be configured anew before it is started again
            answer = self._reach().call(Request.VDPA_GET_CONFIG, pack("=II", offset, size) + bytes(size))
        return answer[8:]

    def write_mac(self, address: bytes) -> None:
        with self._lock:
            self._reach()
            try:
                self._file.try_call(Request.VDPA_SET_CONFIG, pack("=II", MAC_AT, MAC_BYTES) + address)
            except OSError as error:
                raise OperationError(error.errno or 0) from None

    def set_status(self, status: Status) -> None:
        with self._lock:
            self._reach()
            if status == Status.RESET:
                self._reset()
                return
            self._tell(status)
            if status == FEATURES_SET:
                self._check_features_ok()
            self._is_live = bool(status & Status.DRIVER_OK) and not status & Status.FAILED

    def _tell(self, status: Status) -> None:
        self._file.call(Request.VDPA_SET_STATUS, bytes([status]))

    def _read_status(self) -> Status:
        return Status(self._reach().number(Request.VDPA_GET_STATUS, 1))

    def _reset(self) -> None:
        super()._reset()
        self._mappings.unmap()

    def _check_features_ok(self) -> None:
        """3.1.1, step 6."""
        if not self._read_status() & Status.FEATURES_OK:
            raise StatusError("the device does not accept the features")

    def set_features(self, features: Feature) -> None:
        with self._lock:
            log.info("virtio_user_dev_set_features(): (%s) set features: 0x%x", self.path, features)
            self._reach().set_features(int(features))
            self._file.call(Request.VDPA_SET_CONFIG_CALL, pack("=i", self._events.call(-1)))

    def share_memory(self, regions: Sequence[Region]) -> None:
        with self._lock:
            self._reach()
            self._mappings.map(regions)

    def setup_queue(self, index: int, ring: RingAddresses, base: int) -> None:
        """After a reset a ring begins at its beginning, and need not be told so."""
        with self._lock:
            file = self._reach()
            file.set_vring(index, ring)
            file.set_vring_file(Request.SET_VRING_CALL, index, self._events.call(index))
            file.set_vring_file(Request.SET_VRING_KICK, index, self._events.kick(index))

    def enable_queue(self, index: int, on: bool) -> None:
        """A ring that was let go moves packets until the reset."""
        if on:
            with self._lock:
                self._reach().call(Request.VDPA_SET_VRING_ENABLE, VRING_STATE.pack(index, 1))

    def kick_fd(self, index: int) -> int:
        return self._events.kick(index)

    def call_fd(self, index: int) -> int:
        return self._events.call(index)

    def report(self) -> TransportReport:
        connection = ConnectionReport(self._is_there, "vhost-vdpa", self.path, self._why)
        return TransportReport(connection, self._offered, self._offered)

    def close(self) -> None:
        """To close the device is to reset it."""
        with self._lock:
            if self._is_there:
                with suppress(DeviceError):
                    self._reset()
            self._leave("closed")
        self._close_all()
