"""A tap interface from its user's end: /dev/net/tun and its ioctls (Documentation/networking/tuntap.rst)."""

import errno
import fcntl
import os
import struct

from pytestpmd.errors import DeviceError

TUN_PATH = "/dev/net/tun"
IFF_TAP, IFF_MULTI_QUEUE, IFF_ATTACH_QUEUE, IFF_DETACH_QUEUE = 0x0002, 0x0100, 0x0200, 0x0400
IFF_PERSIST, IFF_NO_PI, IFF_VNET_HDR, IFF_TUN_EXCL = 0x0800, 0x1000, 0x4000, 0x8000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
TUNSETIFF, TUNSETPERSIST, TUNSETOFFLOAD = 0x400454CA, 0x400454CB, 0x400454D0
TUNGETIFF, TUNSETSNDBUF, TUNSETVNETHDRSZ, TUNSETQUEUE, TUNSETCARRIER = (
    0x800454D2,
    0x400454D4,
    0x400454D8,
    0x400454D9,
    0x400454E2,
)

#: The net header's length, in bytes: virtio 1.2, 5.1.6, with num_buffers, which a tap does not use.
HDR_SIZE = 12
_IFREQ = struct.Struct("16sH22x")


def open_queue(name: str, *, vnet_hdr: bool = True) -> tuple[int, str]:
    """A queue of the tap interface ``name``, which is made if there is none: its fd, and the interface's name.

    The fd does not block. Whether frames have a net header is the whole interface's, and said by its first queue.
    Raises :class:`DeviceError` with one line that says what to do.
    """
    fd = open_tun()
    try:
        made = set_interface(fd, name, IFF_MULTI_QUEUE, vnet_hdr=vnet_hdr)
        if vnet_hdr:
            set_header(fd)
        if bool(interface_of(fd)[1] & IFF_VNET_HDR) != vnet_hdr:
            raise DeviceError(f"{name}: another program has the interface, and frames of another form")
    except OSError as error:
        os.close(fd)
        raise DeviceError(refusal(name, error)) from None
    except DeviceError:
        os.close(fd)
        raise
    return fd, made


def open_tun() -> int:
    """A fd that is of no interface yet, and does not block."""
    try:
        return os.open(TUN_PATH, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceError(f"{TUN_PATH}: {error.strerror} (modprobe tun makes it; it takes CAP_NET_ADMIN)") from None


def set_interface(fd: int, name: str, flags: int, *, vnet_hdr: bool = True) -> str:
    """Make the fd a queue of a tap interface of these flags, with net headers or without: the interface's name."""
    flags |= IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if vnet_hdr else 0)
    made = fcntl.ioctl(fd, TUNSETIFF, _IFREQ.pack(name.encode(), flags))
    return _name(made)


def interface_of(fd: int) -> tuple[str, int]:
    """The interface that it is a queue of, by name and flags; OSError when that is gone."""
    answer = fcntl.ioctl(fd, TUNGETIFF, bytes(_IFREQ.size))
    return _name(answer), _IFREQ.unpack(answer)[1]


def _name(ifreq: bytes) -> str:
    name: bytes = _IFREQ.unpack(ifreq)[0]
    return name.rstrip(b"\0").decode()


def refusal(name: str, error: OSError) -> str:
    """Why there is no such queue, in one line that says what to do."""
    reasons = {
        errno.EPERM: "no permission: to make a tap interface takes CAP_NET_ADMIN",
        errno.EBUSY: "the interface is there already, and in use",
        errno.EINVAL: "an interface of this name is there already, and is no tap of several queues with net headers",
        errno.E2BIG: "the interface has as many queues as the kernel allows",
    }
    return f"{name}: {reasons.get(error.errno or 0, f'the kernel makes no tap interface of it: {error.strerror}')}"


def set_header(fd: int, size: int = HDR_SIZE) -> None:
    """Have a net header of this size, which is the one of our bursts; it is the whole interface's."""
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", size))


def set_offload(fd: int, offloads: int) -> None:
    """Which unfinished frames we take, as ``TUN_F_`` bits: the whole interface's too."""
    fcntl.ioctl(fd, TUNSETOFFLOAD, offloads)


def set_send_buffer(fd: int, size: int) -> None:
    """How many bytes may wait for the kernel to take them, on each queue that is attached."""
    fcntl.ioctl(fd, TUNSETSNDBUF, struct.pack("i", size))


def set_persistent(fd: int, on: bool) -> None:
    """Whether the interface outlives its last queue."""
    fcntl.ioctl(fd, TUNSETPERSIST, int(on))


def set_carrier(fd: int, on: bool) -> None:
    """Whether the interface's user sees a link."""
    fcntl.ioctl(fd, TUNSETCARRIER, struct.pack("i", on))


def attach(fd: int, on: bool) -> None:
    """Let the interface's frames go to this queue too, or no more."""
    fcntl.ioctl(fd, TUNSETQUEUE, _IFREQ.pack(b"", IFF_ATTACH_QUEUE if on else IFF_DETACH_QUEUE))
