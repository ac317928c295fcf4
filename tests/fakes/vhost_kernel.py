"""The kernel's vhost devices, as far as a program sees them: what it may ask when (drivers/vhost of Linux 6.1).

A :class:`FakeKernel` stands for open, ioctl, write and close; each device that it opened is in ``devices``. Packets do
not move: a test that wants some plays a device on the ring whose addresses were told.
"""

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import pack, unpack, unpack_from

from fakes.guest import GuestMemory
from fakes.virtio_device import SplitDevice

from pytestpmd._dataplane import ffi
from pytestpmd.drivers.virtio.transport.iotlb import MESSAGE, MSG_V2, Kind
from pytestpmd.drivers.virtio.transport.tap import Tap
from pytestpmd.drivers.virtio.transport.vhost_file import Kernel, Request
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.errors import DeviceError

F = Feature
#: What /dev/vhost-net offers in Linux 6.1; ANY_LAYOUT is headers of vhost's own there.
NET_FEATURES = (
    F.VIRTIO_NET_F_MRG_RXBUF
    | F.VIRTIO_RING_F_INDIRECT_DESC
    | F.VIRTIO_RING_F_EVENT_IDX
    | F.VIRTIO_F_VERSION_1
    | F.VHOST_F_LOG_ALL
    | F.VIRTIO_F_ANY_LAYOUT
    | F.VIRTIO_F_ACCESS_PLATFORM
)
#: A device whose bytes of configuration are an address, a link that is up, two pairs, an MTU of 9000.
VDPA_FEATURES = (
    F.VIRTIO_NET_F_MAC
    | F.VIRTIO_NET_F_STATUS
    | F.VIRTIO_NET_F_MTU
    | F.VIRTIO_NET_F_MQ
    | F.VIRTIO_NET_F_CTRL_VQ
    | F.VIRTIO_NET_F_MRG_RXBUF
    | F.VIRTIO_F_VERSION_1
    | F.VIRTIO_F_ACCESS_PLATFORM
)
VDPA_MAC = bytes.fromhex("020000000a0b")


def refuse(code: int) -> OSError:
    return OSError(code, os.strerror(code))


@dataclass
class FakeRing:
    """What was told of one."""

    size: int = 0
    base: int = 0
    desc: int = 0
    used: int = 0
    avail: int = 0
    fds: dict[Request, int] = field(default_factory=dict)
    backend: int = -1
    enabled: bool = False


@dataclass
class FakeVhost:
    """What both kinds have; ``asked`` is every request by name, ``refuses`` those that fail, and how."""

    offered: int
    asked: list[str] = field(default_factory=list)
    refuses: dict[Request, int] = field(default_factory=dict)
    rings: dict[int, FakeRing] = field(default_factory=dict)
    features: int | None = None
    is_owned: bool = False
    is_open: bool = True

    def ioctl(self, request: Request, data: bytearray) -> None:
        self.asked.append(request.name)
        if request in self.refuses:
            raise refuse(self.refuses[request])
        if request is Request.SET_OWNER:
            self.is_owned = True
        elif request is Request.GET_FEATURES:
            data[:] = pack("=Q", self.offered)
        elif request is Request.SET_FEATURES:
            self.take_features(unpack("=Q", data)[0])
        elif not self.is_owned:
            raise refuse(errno.EPERM)
        else:
            self.more(request, data)

    def take_features(self, features: int) -> None:
        if features & ~self.offered:
            raise refuse(errno.EOPNOTSUPP)
        self.features = features

    def ring(self, data: bytearray) -> FakeRing:
        return self.rings.setdefault(unpack_from("=I", data)[0], FakeRing())

    def more(self, request: Request, data: bytearray) -> None:
        ring = self.ring(data)
        if request is Request.SET_VRING_NUM:
            ring.size = unpack("=II", data)[1]
            if not ring.size or ring.size & (ring.size - 1):
                raise refuse(errno.EINVAL)
        elif request is Request.SET_VRING_BASE:
            ring.base = unpack("=II", data)[1]
        elif request is Request.SET_VRING_ADDR:
            _, flags, ring.desc, ring.used, ring.avail, _ = unpack("=IIQQQQ", data)
            assert flags == 0
        elif request in (Request.SET_VRING_KICK, Request.SET_VRING_CALL, Request.SET_VRING_ERR):
            ring.fds[request] = unpack("=Ii", data)[1]
        else:
            raise refuse(errno.ENOTTY)

    def write(self, data: bytes) -> int:
        raise refuse(errno.EINVAL)

    def device(self, index: int, memory: GuestMemory, hdr_size: int = 12) -> SplitDevice:
        """Somebody at the far end of a ring."""
        ring = self.rings[index]
        event_idx = bool((self.features or 0) & F.VIRTIO_RING_F_EVENT_IDX)
        return SplitDevice(memory, ring.desc, ring.avail, ring.used, ring.size, event_idx=event_idx, hdr_size=hdr_size)


class FakeVhostNet(FakeVhost):
    """A pair of rings; what is told of one must be told while it has no back-end."""

    regions: tuple[tuple[int, int, int], ...] = ()

    def more(self, request: Request, data: bytearray) -> None:
        if request is Request.SET_MEM_TABLE:
            (count,) = unpack_from("=I", data)
            assert len(data) == 8 + 32 * count
            self.regions = tuple(unpack_from("=QQQ", data, 8 + 32 * i) for i in range(count))
        elif request is Request.NET_SET_BACKEND:
            ring, fd = self.ring(data), unpack("=Ii", data)[1]
            if fd >= 0 and not (ring.desc and ring.fds and self.regions and self.features is not None):
                raise refuse(errno.EFAULT)
            ring.backend = fd
        elif self.ring(data).backend >= 0 and request in (Request.SET_VRING_NUM, Request.SET_VRING_BASE):
            raise refuse(errno.EBUSY)
        else:
            super().more(request, data)


@dataclass
class FakeVdpa(FakeVhost):
    """A whole device. ``mapped`` is what it reaches, as address: size."""

    device_id: int = 1
    backend_features: int = 0b110
    status: int = 0
    config: bytearray = field(default_factory=lambda: bytearray(pack("<6sHHH", VDPA_MAC, 1, 2, 9000)))
    knows_config_size: bool = True
    takes_mac: bool = True
    takes_features: bool = True
    is_stuck: bool = False
    max_ring_size: int = 256
    nb_queues: int = 5
    iova_range: tuple[int, int] = (0, (1 << 64) - 1)
    mapped: dict[int, int] = field(default_factory=dict)
    messages: list[Kind] = field(default_factory=list)
    config_call: int = -1
    map_error: int = 0

    def more(self, request: Request, data: bytearray) -> None:
        numbers = {
            Request.VDPA_GET_DEVICE_ID: ("=I", self.device_id),
            Request.GET_BACKEND_FEATURES: ("=Q", self.backend_features),
            Request.VDPA_GET_VRING_NUM: ("=H", self.max_ring_size),
            Request.VDPA_GET_VQS_COUNT: ("=I", self.nb_queues),
            Request.VDPA_GET_STATUS: ("=B", self.status),
        }
        if request in numbers:
            data[:] = pack(*numbers[request])
        elif request is Request.SET_BACKEND_FEATURES:
            assert not unpack("=Q", data)[0] & ~self.backend_features
        elif request is Request.VDPA_GET_IOVA_RANGE:
            data[:] = pack("=QQ", *self.iova_range)
        elif request is Request.VDPA_GET_CONFIG_SIZE and self.knows_config_size:
            data[:] = pack("=I", len(self.config))
        elif request in (Request.VDPA_GET_CONFIG, Request.VDPA_SET_CONFIG):
            self.touch_config(request, data)
        elif request is Request.VDPA_SET_CONFIG_CALL:
            (self.config_call,) = unpack("=i", data)
        elif request is Request.VDPA_SET_STATUS:
            self.set_status(data[0])
        elif request is Request.VDPA_SET_VRING_ENABLE:
            self.ring(data).enabled = bool(unpack("=II", data)[1])
        else:
            super().more(request, data)

    def take_features(self, features: int) -> None:
        if self.status & Status.FEATURES_OK:
            raise refuse(errno.EBUSY)
        if not features & F.VIRTIO_F_ACCESS_PLATFORM:
            raise refuse(errno.EINVAL)
        super().take_features(features)

    def touch_config(self, request: Request, data: bytearray) -> None:
        offset, size = unpack_from("=II", data)
        if offset + size > len(self.config):
            raise refuse(errno.E2BIG)
        if request is Request.VDPA_GET_CONFIG:
            data[8:] = self.config[offset : offset + size]
        elif self.takes_mac:
            self.config[offset : offset + size] = data[8:]

    def set_status(self, status: int) -> None:
        if status == 0:
            self.status = 0x40 if self.is_stuck else 0
            self.rings.clear()
            return
        if self.status & ~status:
            raise refuse(errno.EINVAL)
        self.status = status if self.takes_features else status & ~Status.FEATURES_OK

    def write(self, data: bytes) -> int:
        version, _, iova, size, _, rights, kind = MESSAGE.unpack(data)
        assert version == MSG_V2
        self.messages.append(Kind(kind))
        if kind == Kind.UPDATE:
            if self.map_error:
                raise refuse(self.map_error)
            assert size, "EINVAL"
            assert rights == 3
            assert iova not in self.mapped, "EEXIST"
            self.mapped[iova] = size
        elif kind == Kind.INVALIDATE:
            del self.mapped[iova]
        return len(data)


class FakeKernel(Kernel):
    """Opens devices made from a ``pattern`` of one; ``open_error`` is why it does not."""

    def __init__(self, kind: type[FakeVhost], offered: int, **settings: object) -> None:
        self._kind, self._offered, self.settings = kind, offered, settings
        self.devices: list[FakeVhost] = []
        self._by_fd: dict[int, FakeVhost] = {}
        self.open_error = 0

    def open(self, path: str) -> int:
        if self.open_error:
            raise refuse(self.open_error)
        fd = os.eventfd(0)
        self._by_fd[fd] = self._kind(self._offered, **self.settings)  # type: ignore[arg-type]  # a test's
        self.devices.append(self._by_fd[fd])
        return fd

    def ioctl(self, fd: int, request: int, data: bytearray) -> None:
        self._by_fd[fd].ioctl(Request(request), data)

    def write(self, fd: int, data: bytes) -> int:
        return self._by_fd[fd].write(data)

    def close(self, fd: int) -> None:
        os.close(fd)
        self._by_fd.pop(fd).is_open = False

    @property
    def nb_open(self) -> int:
        return len(self._by_fd)


class FakeTap(Tap):
    """An interface that is nowhere; ``told`` is all that was asked of it."""

    def __init__(self, name: str, nb_pairs: int) -> None:
        self.name = name.replace("%d", "0")
        self.has_queues = True
        self.nb_pairs = nb_pairs
        self.told: list[tuple[object, ...]] = []
        self.attached = {0}
        self.gone = self.down = self.is_closed = False
        self.refuses = ""

    def fd(self, pair: int) -> int:
        return 1000 + pair

    def close(self) -> None:
        self.is_closed = True

    def attach(self, pair: int, on: bool) -> None:
        (self.attached.add if on else self.attached.discard)(pair)

    def begin(self, hdr_size: int, features: Feature) -> None:
        self.told.append(("begin", hdr_size, features))

    def set_mac(self, address: bytes) -> None:
        if self.refuses == "mac":
            raise DeviceError("interface tap0: it does not take the address")
        self.told.append(("mac", address))

    def set_mtu(self, mtu: int) -> None:
        self.told.append(("mtu", mtu))

    @property
    def is_there(self) -> bool:
        return not self.gone

    @property
    def is_up(self) -> bool:
        return not self.down

    def last(self, what: str) -> tuple[object, ...]:
        """The arguments of the last one of that name."""
        return [rest for name, *rest in self.told if name == what][-1]  # type: ignore[return-value]


def reachable(areas: Iterable[tuple[int, int]]) -> GuestMemory:
    """Memory of this process at these addresses and of these sizes, which is what a device was told of."""
    views = ((at, memoryview(ffi.buffer(ffi.cast("uint8_t *", at), size))) for at, size in areas)
    return GuestMemory(views)


def moving(devices: Iterable[FakeVhost]) -> list[tuple[int, int]]:
    """The back-ends of each device's two rings."""
    return [(device.rings[0].backend, device.rings[1].backend) for device in devices if device.rings]
