"""A virtio network device on the PCI bus, in Python, read from virtio 1.2, 4.1 and 5.1: both layouts, its interrupts.

:class:`FakePci` is the opened device as the driver gets it. What it tells lies about is set before the driver looks:
``queue_sizes``, ``notify_offs``, ``places``, ``refused_vectors`` and so on. Registers must be reached by one access of
their own width, and only where there are any.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack, pack_into

from fakes.guest import GuestMemory
from fakes.packed_device import PackedDevice
from fakes.virtio_device import SplitDevice

from pytestpmd._dataplane import ffi
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Region
from pytestpmd.eal.pci.access import PciAccess, Window
from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.eal.pci.bus import PciDevice, PciResource
from pytestpmd.errors import DeviceError

F = Feature
COMMON, NOTIFY, ISR, DEVICE = 1, 2, 3, 4
NO_VECTOR = 0xFFFF
MODERN_BAR, LEGACY_BAR = 4, 0
MULTIPLIER = 4
MSIX_AT = 0x98
OFFERED = (
    F.VIRTIO_NET_F_MAC
    | F.VIRTIO_NET_F_MTU
    | F.VIRTIO_NET_F_STATUS
    | F.VIRTIO_NET_F_MRG_RXBUF
    | F.VIRTIO_F_ANY_LAYOUT
    | F.VIRTIO_RING_F_INDIRECT_DESC
    | F.VIRTIO_F_VERSION_1
)
MAC = bytes([0x52, 0x54, 0, 0, 0, 5])


@dataclass
class Place:
    """Where a capability says that a structure is."""

    bar: int
    offset: int
    length: int


@dataclass
class FakeQueue:
    """What the driver said of a queue since the reset."""

    size: int = 256
    enabled: int = 0
    vector: int = NO_VECTOR
    addresses: list[int] = field(default_factory=lambda: [0, 0, 0])


class FakeWindow(Window):
    """A BAR, or a part of one."""

    def __init__(self, pci: "FakePci", bar: int, size: int) -> None:
        super().__init__(f"{pci.device.address} BAR {bar}", size)
        self._pci, self._bar = pci, bar

    def _load(self, at: int, size: int) -> int:
        return self._pci.read_bar(self._bar, at, size)

    def _store(self, at: int, size: int, value: int) -> None:
        self._pci.write_bar(self._bar, at, size, value)

    def _ring(self, at: int, value: int) -> Doorbell:
        self._pci.doorbells[value] = (self._bar, at)
        return Doorbell.eventfd(self._pci.bell_fd(value))


class FakePci(PciAccess):
    """A device of ``nb_pairs`` pairs of queues and a control queue, opened by ``way``.

    ``told`` is every write to a register of the driver's, by name, in order.
    """

    needs_physical = False
    is_gone = False

    def __init__(
        self,
        *,
        modern: bool = True,
        legacy: bool = True,
        offered: int = OFFERED,
        nb_pairs: int = 1,
        vectors: int = 0,
        intx: bool = False,
        way: str = "uio_pci_generic",
    ) -> None:
        self.way, self.nb_vectors = way, vectors
        self.is_modern, self.is_legacy = modern, legacy
        self.offered = int(offered)
        self.nb_pairs = nb_pairs
        self.net_config = bytearray(pack("<6sHHHIBBHI", MAC, 1, nb_pairs, 1500, 10_000, 1, 0, 0, 0))
        self.told: list[tuple[object, ...]] = []
        self.doorbells: dict[int, tuple[int, int]] = {}
        self.mapped: tuple[Region, ...] = ()
        self.is_closed = self.is_abandoned = False
        self.reads_ones = False
        self.on_generation_read: Callable[[], None] = lambda: None
        # lies, and weaknesses
        self.queue_sizes: dict[int, int] = {}
        self.notify_offs: dict[int, int] = {}
        self.refused_vectors: set[int] = set()
        self.resets_after = 0
        self.accepts_features = True
        self.bar_sizes = {LEGACY_BAR: 0x40, MODERN_BAR: 0x4000}
        self.places = {
            COMMON: Place(MODERN_BAR, 0, 0x1000),
            ISR: Place(MODERN_BAR, 0x1000, 0x1000),
            DEVICE: Place(MODERN_BAR, 0x2000, 0x1000),
            NOTIFY: Place(MODERN_BAR, 0x3000, 0x1000),
        }
        self._bells: dict[int, int] = {}
        self._intx_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) if intx else -1
        self.acknowledged = 0
        self.vector_fds: tuple[int, ...] = ()
        self.generation = 0
        self.feature_select = self.driver_select = 0
        self._begin()
        modern_id = modern and not legacy
        resources = tuple(PciResource(0, 0, 0) for _ in range(6))
        self.device = PciDevice(
            address=PciAddress.parse("0000:00:05.0"),
            vendor=0x1AF4,
            device=0x1041 if modern_id else 0x1000,
            subsystem_vendor=0x1AF4,
            subsystem_device=1,
            class_code=0x020000,
            driver=way,
            numa_node=-1,
            resources=resources,
            path=Path("/nowhere"),
            iommu_group=None,
        )
        self.config_space = bytearray(256)
        self.write_capabilities()

    def _begin(self) -> None:
        """After a reset."""
        self.status = self.isr = 0
        self.driver_features = 0
        self.selected = 0
        self.config_vector = NO_VECTOR
        self.queues = self._make_queues()
        self.is_resetting = 0

    @property
    def nb_queues(self) -> int:
        """5.1.2: those of the pairs, of which there are several once the driver wants them, and the control queue."""
        return 2 * (self.nb_pairs if self.driver_features & F.VIRTIO_NET_F_MQ else 1) + 1

    def _make_queues(self) -> dict[int, FakeQueue]:
        last = self.nb_queues - 1
        return {i: FakeQueue(self.queue_sizes.get(i, 64 if i == last else 256)) for i in range(self.nb_queues)}

    def _take_features(self, features: int) -> None:
        self.driver_features = features
        self.queues = self._make_queues()
        self.told.append(("features", features))

    # Configuration space.

    def write_capabilities(self) -> None:
        """The list, MSI-X first, from the places."""
        space = self.config_space
        pack_into("<HH", space, 0, self.device.vendor, self.device.device)
        space[6] = 0x10
        space[0x34] = MSIX_AT
        chain = [MSIX_AT]
        space[MSIX_AT] = 0x11
        if self.is_modern:
            at = 0x40
            for cfg_type, place in self.places.items():
                length = 20 if cfg_type == NOTIFY else 16
                pack_into("<BBBBB3xII", space, at, 9, 0, length, cfg_type, place.bar, place.offset, place.length)
                if cfg_type == NOTIFY:
                    pack_into("<I", space, at + 16, MULTIPLIER)
                chain.append(at)
                at += length
        for here, following in zip(chain, [*chain[1:], 0], strict=True):
            space[here + 1] = following

    def read_config(self, offset: int, size: int) -> bytes:
        return b"\xff" * size if self.reads_ones else bytes(self.config_space[offset : offset + size])

    def write_config(self, offset: int, data: bytes) -> None:
        assert offset < 0x40, "4.1.4.1: the driver writes to no capability"
        self.config_space[offset : offset + len(data)] = data

    @property
    def has_msix(self) -> bool:
        return bool(self.config_space[MSIX_AT + 3] & 0x80)

    # What opened it.

    def window(self, bar: int) -> Window:
        if bar not in self.bar_sizes or (bar == LEGACY_BAR and not self.is_legacy):
            raise DeviceError(f"there is no BAR {bar}")
        return FakeWindow(self, bar, self.bar_sizes[bar])

    @property
    def is_bus_master(self) -> bool:
        return bool(self.config_space[4] & 4)

    def enable_vectors(self, fds: Sequence[int]) -> None:
        assert len(fds) <= self.nb_vectors
        self.vector_fds = tuple(fds)
        self.config_space[MSIX_AT + 3] |= 0x80

    def disable_vectors(self) -> None:
        self.vector_fds = ()
        self.config_space[MSIX_AT + 3] &= ~0x80

    def intx_fd(self) -> int:
        return self._intx_fd

    def acknowledge_intx(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._intx_fd)
        self.acknowledged += 1

    def map_memory(self, regions: Sequence[Region]) -> None:
        self.mapped = tuple(regions)

    def abandon(self) -> None:
        self.is_abandoned = True

    def close(self) -> None:
        self.is_closed = True
        for fd in (*self._bells.values(), *([self._intx_fd] if self._intx_fd >= 0 else [])):
            os.close(fd)
        self._bells, self._intx_fd = {}, -1

    def bell_fd(self, queue: int) -> int:
        """An eventfd in the place of the register: C rings it."""
        if queue not in self._bells:
            self._bells[queue] = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return self._bells[queue]

    def notifications(self, queue: int) -> int:
        """Kicks of a queue since the last look."""
        try:
            return os.eventfd_read(self._bells[queue])
        except (BlockingIOError, KeyError):
            return 0

    # Registers.

    def read_bar(self, bar: int, at: int, size: int) -> int:
        if self.reads_ones:
            return (1 << 8 * size) - 1
        if bar == LEGACY_BAR:
            return self._read_legacy(at, size)
        for cfg_type, place in self.places.items():
            if place.bar == bar and place.offset <= at < place.offset + place.length:
                return self._read_modern(cfg_type, at - place.offset, size)
        return 0

    def write_bar(self, bar: int, at: int, size: int, value: int) -> None:
        if self.reads_ones:
            return
        assert 0 <= value < 1 << 8 * size
        if bar == LEGACY_BAR:
            self._write_legacy(at, size, value)
            return
        place = self.places[COMMON]
        assert (bar, at - place.offset) in {(place.bar, i) for i in range(56)}, f"a write to 0x{at:x} of BAR {bar}"
        self._write_modern(at - place.offset, size, value)

    @property
    def queue(self) -> FakeQueue:
        """The one that is selected; beyond the last there is one of size 0."""
        return self.queues.get(self.selected, FakeQueue(0))

    def _read_isr(self) -> int:
        assert not self.has_msix, "4.1.4.5: with MSI-X the ISR is not for the driver to read"
        isr, self.isr = self.isr, 0
        return isr

    def _read_status(self) -> int:
        if self.is_resetting:
            self.is_resetting -= 1
            return 0x0F
        return self.status

    def _config_bytes(self, at: int, size: int) -> int:
        return int.from_bytes(self.net_config[at : at + size].ljust(size, b"\0"), "little")

    def _read_modern(self, cfg_type: int, at: int, size: int) -> int:
        if cfg_type == DEVICE:
            return self._config_bytes(at, size)
        if cfg_type == ISR:
            return self._read_isr()
        assert cfg_type == COMMON, "the notification structure is not read"
        if at == 21:
            self.on_generation_read()
        reads: dict[tuple[int, int], Callable[[], int]] = {
            (4, 4): lambda: self.offered >> 32 * self.feature_select & 0xFFFFFFFF if self.feature_select < 2 else 0,
            (16, 2): lambda: self.config_vector,
            (18, 2): lambda: self.nb_queues,
            (20, 1): self._read_status,
            (21, 1): lambda: self.generation & 0xFF,
            (24, 2): lambda: self.queue.size,
            (26, 2): lambda: self.queue.vector,
            (28, 2): lambda: self.queue.enabled,
            (30, 2): lambda: self.notify_offs.get(self.selected, self.selected),
        }
        return reads[at, size]()

    def _write_modern(self, at: int, size: int, value: int) -> None:
        match at, size:
            case 0, 4:
                self.feature_select = value
            case 8, 4:
                self.driver_select = value
            case 12, 4:
                shift = 32 * self.driver_select
                self._take_features(self.driver_features & ~(0xFFFFFFFF << shift) | value << shift)
            case 16, 2:
                self.config_vector = NO_VECTOR if value in self.refused_vectors else value
                self.told.append(("config vector", value))
            case 20, 1:
                self._write_status(value)
            case 22, 2:
                self.selected = value
            case 24, 2:
                assert value
                assert value <= self.queue.size
                self.queue.size = value
            case 26, 2:
                self.queue.vector = NO_VECTOR if value in self.refused_vectors else value
            case 28, 2:
                assert value == 1, "4.1.4.3.2: the driver writes no 0 to queue_enable"
                self.queue.enabled = 1
                self.told.append(("queue", self.selected))
            case ((32 | 36 | 40 | 44 | 48 | 52), 4):
                assert not self.queue.enabled, "4.1.4.3.2: the other fields come first"
                which, high = divmod(at - 32, 8)
                shift = 8 * high
                before = self.queue.addresses[which]
                self.queue.addresses[which] = before & ~(0xFFFFFFFF << shift) | value << shift
            case _:
                raise AssertionError(f"a write of {size} bytes to 0x{at:x} of the common configuration")

    def _write_status(self, value: int) -> None:
        self.told.append(("status", value))
        if value == 0:
            self._begin()
            self.is_resetting = self.resets_after
            return
        assert value & self.status == self.status, "2.1.1: only a reset clears a bit"
        self.status = value if self.accepts_features else value & ~8

    def _config_at(self) -> int:
        return 24 if self.has_msix else 20

    def _read_legacy(self, at: int, size: int) -> int:
        if at >= self._config_at():
            return self._config_bytes(at - self._config_at(), size)
        reads: dict[tuple[int, int], Callable[[], int]] = {
            (0, 4): lambda: self.offered & 0xFFFFFFFF,
            (8, 4): lambda: self.queue.addresses[0] >> 12,
            (12, 2): lambda: self.queue.size,
            (18, 1): self._read_status,
            (19, 1): self._read_isr,
            (20, 2): lambda: self.config_vector,
            (22, 2): lambda: self.queue.vector,
        }
        return reads[at, size]()

    def _write_legacy(self, at: int, size: int, value: int) -> None:
        if at >= self._config_at():
            assert size == 1
            self.net_config[at - self._config_at()] = value
            self.told.append(("config", at - self._config_at()))
            return
        match at, size:
            case 4, 4:
                self._take_features(value)
            case 8, 4:
                self.queue.addresses[0] = value << 12
                self.queue.enabled = int(value != 0)
                self.told.append(("queue", self.selected))
            case 14, 2:
                self.selected = value
            case 18, 1:
                assert not value & 8, "3.1.2: a legacy device has no FEATURES_OK"
                self._write_status(value)
            case 20, 2:
                self.config_vector = NO_VECTOR if value in self.refused_vectors else value
                self.told.append(("config vector", value))
            case 22, 2:
                self.queue.vector = NO_VECTOR if value in self.refused_vectors else value
            case _:
                raise AssertionError(f"a write of {size} bytes to 0x{at:x} of the legacy registers")

    # What it does.

    def far_end(self, index: int) -> SplitDevice | PackedDevice:
        """The device on a ring, which reaches what it was told of and nothing else."""
        queue = self.queues[index]
        assert queue.enabled
        assert self.is_bus_master
        regions = [
            (region.address, memoryview(ffi.buffer(ffi.cast("uint8_t *", region.address), region.size)))
            for region in self.mapped
        ]
        memory = GuestMemory(regions)
        has = self.driver_features
        hdr_size = 12 if has & (F.VIRTIO_F_VERSION_1 | F.VIRTIO_NET_F_MRG_RXBUF) else 10
        desc, avail, used = queue.addresses
        if has & F.VIRTIO_F_RING_PACKED:
            return PackedDevice(memory, desc, avail, used, queue.size, hdr_size=hdr_size)
        if not has & F.VIRTIO_F_VERSION_1:
            avail = desc + 16 * queue.size
            used = -(-(avail + 4 + 2 * queue.size + 2) // 4096) * 4096
        return SplitDevice(memory, desc, avail, used, queue.size, hdr_size=hdr_size)

    def change_config(self, offset: int, data: bytes) -> None:
        """Another configuration, of which it tells."""
        self.net_config[offset : offset + len(data)] = data
        self.generation += 1
        self._interrupt(self.config_vector, 3)

    def need_reset(self) -> None:
        """It cannot go on."""
        self.status |= 64
        self._interrupt(self.config_vector, 3)

    def interrupt_queue(self, index: int) -> None:
        """It used a buffer."""
        self._interrupt(self.queues[index].vector, 1)

    def _interrupt(self, vector: int, isr: int) -> None:
        if self.has_msix:
            if vector < len(self.vector_fds):
                os.eventfd_write(self.vector_fds[vector], 1)
            return
        self.isr |= isr
        if self._intx_fd >= 0:
            os.eventfd_write(self._intx_fd, 1)

    def unplug(self) -> None:
        """There is nothing behind the registers any more."""
        self.reads_ones = True
