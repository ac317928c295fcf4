"""The registers from before virtio 1.0, one after the other in the first I/O BAR (virtio 1.2, 4.1.4.10).

Features are 32, a ring is known by the number of its first page, there is no FEATURES_OK, and the device's own
configuration moves by four bytes when MSI-X is turned on.
"""

from typing import ClassVar

from pytestpmd.drivers.virtio.transport.pci.capabilities import msix_is_on
from pytestpmd.drivers.virtio.transport.pci.layout import NO_VECTOR, Layout
from pytestpmd.drivers.virtio.transport.pci.registers import Register, read_fields
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Status
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.pci.access import PciAccess
from pytestpmd.errors import DeviceError

BAR = 0
DEVICE_FEATURES, DRIVER_FEATURES = Register(0, 4), Register(4, 4)
QUEUE_PAGE, QUEUE_SIZE, QUEUE_SELECT, QUEUE_NOTIFY = Register(8, 4), Register(12, 2), Register(14, 2), Register(16, 2)
DEVICE_STATUS, ISR_STATUS = Register(18, 1), Register(19, 1)
CONFIG_VECTOR, QUEUE_VECTOR = Register(20, 2), Register(22, 2)
CONFIG_AT, CONFIG_AT_WITH_MSIX = 20, 24
PAGE_SHIFT = 12
MAC_BYTES = 6
#: How often fields that are not read at once are read until they are the same twice (2.5.3).
MAX_READS = 16


class LegacyLayout(Layout):
    """The legacy header of an opened device."""

    name: ClassVar[str] = "legacy"
    has_legacy_rings: ClassVar[bool] = True

    def __init__(self, access: PciAccess) -> None:
        self._access = access
        self._bar = access.window(BAR)
        if self._bar.size < CONFIG_AT_WITH_MSIX:
            raise DeviceError(f"its legacy registers have {self._bar.size} bytes, not {CONFIG_AT_WITH_MSIX}")

    def features(self) -> int:
        return DEVICE_FEATURES.read(self._bar)

    def set_features(self, features: int) -> None:
        DRIVER_FEATURES.write(self._bar, features & 0xFFFFFFFF)

    def status(self) -> int:
        return DEVICE_STATUS.read(self._bar)

    def set_status(self, status: int) -> None:
        """A legacy device knows nothing of FEATURES_OK (3.1.2)."""
        DEVICE_STATUS.write(self._bar, status & ~Status.FEATURES_OK)

    def config_generation(self) -> int:
        return 0

    def _config_at(self) -> int:
        return CONFIG_AT_WITH_MSIX if msix_is_on(self._access.read_config) else CONFIG_AT

    def read_config(self, offset: int, size: int) -> bytes:
        start = self._config_at() + offset
        before = read_fields(self._bar, start, size)
        for _ in range(MAX_READS if size > 1 else 0):
            again = read_fields(self._bar, start, size)
            if again == before:
                return before
            before = again
        if size > 1:
            raise DeviceError(f"its configuration space changed during each of {MAX_READS} reads")
        return before

    def write_mac(self, address: bytes) -> bool:
        start = self._config_at()
        for i in range(MAC_BYTES):
            self._bar.write(start + i, 1, address[i])
        return True

    def isr(self) -> int:
        return ISR_STATUS.read(self._bar)

    def _select(self, index: int) -> None:
        QUEUE_SELECT.write(self._bar, index)

    def queue_size(self, index: int) -> int:
        self._select(index)
        return QUEUE_SIZE.read(self._bar)

    def setup_queue(self, index: int, ring: RingAddresses, vector: int) -> int:
        page, rest = divmod(ring.desc, 1 << PAGE_SHIFT)
        if rest or page >> 32:
            raise DeviceError(
                f"queue {index} cannot be at 0x{ring.desc:x}: a legacy device finds it by a page of 32 bits"
            )
        size = self.queue_size(index)
        if size != ring.size:
            raise DeviceError(f"queue {index} has {size} descriptors, and had {ring.size} before")
        QUEUE_PAGE.write(self._bar, page)
        if QUEUE_PAGE.read(self._bar) != page:
            raise DeviceError(f"it did not take the address of queue {index}")
        if vector == NO_VECTOR:
            return NO_VECTOR
        QUEUE_VECTOR.write(self._bar, vector)
        return QUEUE_VECTOR.read(self._bar)

    def doorbell(self, index: int) -> Doorbell:
        return self._bar.doorbell(QUEUE_NOTIFY.offset, index)

    def set_config_vector(self, vector: int) -> int:
        """Without MSI-X something else is at this place."""
        if vector == NO_VECTOR:
            return NO_VECTOR
        CONFIG_VECTOR.write(self._bar, vector)
        return CONFIG_VECTOR.read(self._bar)
