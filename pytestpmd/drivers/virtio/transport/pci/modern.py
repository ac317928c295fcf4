"""The registers of virtio 1.0 and later, in memory at the places that capabilities tell (virtio 1.2, 4.1.4)."""

from collections.abc import Mapping
from typing import ClassVar

from pytestpmd.drivers.virtio.transport.pci.capabilities import Place, Structure
from pytestpmd.drivers.virtio.transport.pci.layout import NO_VECTOR, Layout
from pytestpmd.drivers.virtio.transport.pci.registers import Register, read_fields
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.pci.access import PciAccess, Window
from pytestpmd.errors import DeviceError

#: ``struct virtio_pci_common_cfg`` (4.1.4.3).
DEVICE_FEATURE_SELECT, DEVICE_FEATURE = Register(0, 4), Register(4, 4)
DRIVER_FEATURE_SELECT, DRIVER_FEATURE = Register(8, 4), Register(12, 4)
CONFIG_VECTOR = Register(16, 2)
DEVICE_STATUS, CONFIG_GENERATION = Register(20, 1), Register(21, 1)
QUEUE_SELECT, QUEUE_SIZE, QUEUE_VECTOR = Register(22, 2), Register(24, 2), Register(26, 2)
QUEUE_ENABLE, QUEUE_NOTIFY_OFF = Register(28, 2), Register(30, 2)
QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE = 32, 40, 48
COMMON_BYTES = 56
NOTIFY_BYTES = 2


class ModernLayout(Layout):
    """A device's structures, each behind a window of its own: nothing beyond one can be reached."""

    name: ClassVar[str] = "modern"
    has_legacy_rings: ClassVar[bool] = False

    def __init__(self, access: PciAccess, places: Mapping[Structure, Place]) -> None:
        self._common = _window(access, places, Structure.COMMON, COMMON_BYTES)
        self._notify = _window(access, places, Structure.NOTIFY, NOTIFY_BYTES)
        self._multiplier = places[Structure.NOTIFY].multiplier
        self._isr = _window(access, places, Structure.ISR, 1)
        self._device = _window(access, places, Structure.DEVICE, 1) if Structure.DEVICE in places else None

    def features(self) -> int:
        words = []
        for select in (0, 1):
            DEVICE_FEATURE_SELECT.write(self._common, select)
            words.append(DEVICE_FEATURE.read(self._common))
        return words[0] | words[1] << 32

    def set_features(self, features: int) -> None:
        for select in (0, 1):
            DRIVER_FEATURE_SELECT.write(self._common, select)
            DRIVER_FEATURE.write(self._common, features >> 32 * select & 0xFFFFFFFF)

    def status(self) -> int:
        return DEVICE_STATUS.read(self._common)

    def set_status(self, status: int) -> None:
        DEVICE_STATUS.write(self._common, status)

    def config_generation(self) -> int:
        return CONFIG_GENERATION.read(self._common)

    def read_config(self, offset: int, size: int) -> bytes:
        return read_fields(self._device, offset, size) if self._device else b""

    def write_mac(self, address: bytes) -> bool:
        return False

    def isr(self) -> int:
        return self._isr.read(0, 1)

    def _select(self, index: int) -> None:
        QUEUE_SELECT.write(self._common, index)

    def queue_size(self, index: int) -> int:
        self._select(index)
        return QUEUE_SIZE.read(self._common)

    def setup_queue(self, index: int, ring: RingAddresses, vector: int) -> int:
        self._select(index)
        QUEUE_SIZE.write(self._common, ring.size)
        QUEUE_VECTOR.write(self._common, vector)
        taken = QUEUE_VECTOR.read(self._common) if vector != NO_VECTOR else NO_VECTOR
        for at, address in ((QUEUE_DESC, ring.desc), (QUEUE_DRIVER, ring.avail), (QUEUE_DEVICE, ring.used)):
            self._common.write(at, 4, address & 0xFFFFFFFF)
            self._common.write(at + 4, 4, address >> 32)
        QUEUE_ENABLE.write(self._common, 1)
        return taken

    def doorbell(self, index: int) -> Doorbell:
        """4.1.4.4: an offset within the notification structure, and it is the device that tells it."""
        self._select(index)
        offset = QUEUE_NOTIFY_OFF.read(self._common) * self._multiplier
        if offset + NOTIFY_BYTES > self._notify.size:
            raise DeviceError(
                f"queue {index} is notified at 0x{offset:x}, beyond the {self._notify.size} bytes there are for it"
            )
        return self._notify.doorbell(offset, index)

    def set_config_vector(self, vector: int) -> int:
        CONFIG_VECTOR.write(self._common, vector)
        return CONFIG_VECTOR.read(self._common)


def _window(access: PciAccess, places: Mapping[Structure, Place], structure: Structure, least: int) -> Window:
    place, name = places[structure], structure.name.lower()
    if place.length < least:
        raise DeviceError(f"its {name} structure has {place.length} bytes, not {least}")
    bar = access.window(place.bar)
    if place.offset + place.length > bar.size:
        raise DeviceError(
            f"its {name} structure, {place.length} bytes at 0x{place.offset:x}, ends beyond BAR {place.bar}, "
            f"which has {bar.size}"
        )
    return bar.part(place.offset, place.length)
