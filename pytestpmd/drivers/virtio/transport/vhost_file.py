"""A vhost device of the kernel's, /dev/vhost-net or /dev/vhost-vdpa-N, and what it is asked (linux/vhost.h)."""

import errno
import fcntl
import os
from contextlib import suppress
from enum import IntEnum
from struct import Struct, pack

from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.errors import DeviceError

_WRITE, _READ = 1, 2


def _request(number: int, way: int = 0, size: int = 0) -> int:
    """The number of an ioctl (asm-generic/ioctl.h); vhost's type is 0xAF."""
    return way << 30 | size << 16 | 0xAF << 8 | number


class Request(IntEnum):
    """The ioctls, by their names in linux/vhost.h without ``VHOST_``."""

    GET_FEATURES = _request(0x00, _READ, 8)
    SET_FEATURES = _request(0x00, _WRITE, 8)
    SET_OWNER = _request(0x01)
    SET_MEM_TABLE = _request(0x03, _WRITE, 8)
    SET_VRING_NUM = _request(0x10, _WRITE, 8)
    SET_VRING_ADDR = _request(0x11, _WRITE, 40)
    SET_VRING_BASE = _request(0x12, _WRITE, 8)
    SET_VRING_KICK = _request(0x20, _WRITE, 8)
    SET_VRING_CALL = _request(0x21, _WRITE, 8)
    SET_VRING_ERR = _request(0x22, _WRITE, 8)
    SET_BACKEND_FEATURES = _request(0x25, _WRITE, 8)
    GET_BACKEND_FEATURES = _request(0x26, _READ, 8)
    NET_SET_BACKEND = _request(0x30, _WRITE, 8)
    VDPA_GET_DEVICE_ID = _request(0x70, _READ, 4)
    VDPA_GET_STATUS = _request(0x71, _READ, 1)
    VDPA_SET_STATUS = _request(0x72, _WRITE, 1)
    VDPA_GET_CONFIG = _request(0x73, _READ, 8)
    VDPA_SET_CONFIG = _request(0x74, _WRITE, 8)
    VDPA_SET_VRING_ENABLE = _request(0x75, _WRITE, 8)
    VDPA_GET_VRING_NUM = _request(0x76, _READ, 2)
    VDPA_SET_CONFIG_CALL = _request(0x77, _WRITE, 4)
    VDPA_GET_IOVA_RANGE = _request(0x78, _READ, 16)
    VDPA_GET_CONFIG_SIZE = _request(0x79, _READ, 4)
    VDPA_GET_VQS_COUNT = _request(0x80, _READ, 4)


VRING_STATE, VRING_FILE, VRING_ADDR = Struct("=II"), Struct("=Ii"), Struct("=IIQQQQ")

HINTS = {
    errno.ENOENT: "{load}",
    errno.ENODEV: "{load}",
    errno.ENXIO: "{load}",
    errno.EACCES: "its user needs the right to read and write it",
    errno.EPERM: "its user needs the right to read and write it",
    errno.EBUSY: "another program has it",
    524: "its device needs an IOMMU to reach memory through",  # the kernel's own ENOTSUPP
}


class Kernel:
    """The system calls that it takes."""

    def open(self, path: str) -> int:
        """A fd for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def ioctl(self, fd: int, request: int, data: bytearray) -> None:
        """One ioctl whose argument is a pointer; the answer is in ``data``."""
        fcntl.ioctl(fd, request, data)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def close(self, fd: int) -> None:
        os.close(fd)


LINUX = Kernel()


def load_hint(path: str) -> str:
    """What makes such a device."""
    if os.path.basename(path).startswith("vhost-vdpa"):
        return "modprobe vhost_vdpa, and a device by vdpa dev add, make it"
    return "modprobe vhost_net makes it"


class VhostFile:
    """It is open; what the kernel refuses raises :class:`DeviceError`."""

    def __init__(self, path: str, kernel: Kernel = LINUX) -> None:
        self.path, self._kernel = path, kernel
        self._fd = -1
        try:
            self._fd = kernel.open(path)
        except OSError as error:
            hint = HINTS.get(error.errno or 0, "").format(load=load_hint(path))
            raise DeviceError(f"fail to open {path}, {error.strerror}{hint and f' ({hint})'}") from None
        try:
            self.call(Request.SET_OWNER)
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Harmless when repeated."""
        if self._fd >= 0:
            with suppress(OSError):
                self._kernel.close(self._fd)
        self._fd = -1

    def try_call(self, request: Request, data: bytes = b"", room: int = 0) -> bytes:
        """:meth:`call` that raises ``OSError``."""
        if self._fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        buffer = bytearray(data or bytes(room))
        self._kernel.ioctl(self._fd, request, buffer)
        return bytes(buffer)

    def call(self, request: Request, data: bytes = b"", room: int = 0) -> bytes:
        """Ask the kernel: ``data`` as it may have changed it, or the ``room`` bytes that it has written."""
        try:
            return self.try_call(request, data, room)
        except OSError as error:
            raise DeviceError(f"({self.path}) VHOST_{request.name} failed: {error.strerror}") from None

    def number(self, request: Request, size: int) -> int:
        """An answer of ``size`` bytes."""
        return int.from_bytes(self.call(request, room=size), "little")

    def write(self, data: bytes) -> None:
        """A message; raises ``OSError``."""
        if self._kernel.write(self._fd, data) != len(data):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def set_features(self, features: int) -> None:
        """What was agreed."""
        self.call(Request.SET_FEATURES, pack("=Q", features))

    def set_vring(self, index: int, ring: RingAddresses) -> None:
        """Where a ring is; the device may not be moving its packets."""
        self.call(Request.SET_VRING_NUM, VRING_STATE.pack(index, ring.size))
        self.call(Request.SET_VRING_ADDR, VRING_ADDR.pack(index, 0, ring.desc, ring.used, ring.avail, 0))

    def set_vring_file(self, request: Request, index: int, fd: int) -> None:
        """Which fd a ring has for this; -1 is none."""
        self.call(request, VRING_FILE.pack(index, fd))
