"""The tap whose frames vhost-net moves: an interface of the kernel's, and a queue of it for each pair of rings.

The kernel spreads what it sends over the queues that are attached, so those are the ones whose pairs are in use; the
first always is. All else is the interface's, and is set by way of the first.
"""

import errno
import fcntl
import os
from contextlib import suppress
from struct import pack

from pytestpmd.drivers.tap import device
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.netdev import SIOCSIFHWADDR, NetDev
from pytestpmd.errors import ConfigError, DeviceError

ARPHRD_ETHER = 1
#: As many bytes as there may be: vhost has bounds of its own.
MAX_SEND_BUFFER = 0x7FFFFFFF
OFFLOADS = {
    Feature.VIRTIO_NET_F_GUEST_CSUM: device.TUN_F_CSUM,
    Feature.VIRTIO_NET_F_GUEST_TSO4: device.TUN_F_TSO4,
    Feature.VIRTIO_NET_F_GUEST_TSO6: device.TUN_F_TSO6,
}


class Tap:
    """The interface ``name``, made if there is none; ``%d`` in it is the kernel's to choose.

    One that is there is taken if it was made to be (``ip tuntap add``), and nobody else is using it as far as can be
    told; one without several queues serves a single pair. What the kernel refuses raises :class:`DeviceError`.
    """

    def __init__(self, name: str, nb_pairs: int) -> None:
        fd, self.name = _open_first(name)
        self._fds = [fd]
        try:
            self.has_queues = bool(device.interface_of(fd)[1] & device.IFF_MULTI_QUEUE)
            if nb_pairs > 1 and not self.has_queues:
                raise DeviceError(f"tap {self.name} does not support multi queue")
            self._netdev = NetDev.named(self.name)
            while len(self._fds) < nb_pairs:
                self._fds.append(device.open_queue(self.name)[0])
                device.attach(self._fds[-1], False)
        except OSError as error:
            self.close()
            raise DeviceError(device.refusal(self.name, error)) from None
        except (ConfigError, DeviceError):
            self.close()
            raise

    def close(self) -> None:
        """The interface goes too, unless it was made to stay. Harmless when repeated."""
        if hasattr(self, "_netdev"):
            self._netdev.close()
        while self._fds:
            with suppress(OSError):
                os.close(self._fds.pop())

    def fd(self, pair: int) -> int:
        """The queue of a pair."""
        return self._fds[pair]

    def attach(self, pair: int, on: bool) -> None:
        """Have a pair beyond the first take part, or not; repeated, it does nothing."""
        try:
            device.attach(self._fds[pair], on)
            device.set_send_buffer(self._fds[0], MAX_SEND_BUFFER)
        except OSError as error:
            if error.errno != errno.EINVAL:  # which says that it is so already
                raise self._refused("a queue cannot be attached", error) from None

    def begin(self, hdr_size: int, features: Feature) -> None:
        """Have frames come with such a header, and unfinished as was agreed."""
        offloads = 0
        if Feature.VIRTIO_NET_F_GUEST_CSUM in features:
            offloads = sum(bit for feature, bit in OFFLOADS.items() if feature in features)
        try:
            device.set_header(self._fds[0], hdr_size)
            device.set_send_buffer(self._fds[0], MAX_SEND_BUFFER)
            device.set_offload(self._fds[0], offloads)
        except OSError as error:
            raise self._refused("its offloads cannot be set", error) from None

    def set_mac(self, address: bytes) -> None:
        """The interface has the port's address, as with DPDK."""
        try:
            fcntl.ioctl(self._fds[0], SIOCSIFHWADDR, pack("16sH6s16x", b"", ARPHRD_ETHER, address))
        except OSError as error:
            raise self._refused(f"it does not take the address {address.hex(':')}", error) from None

    def set_mtu(self, mtu: int) -> None:
        """In bytes; that of an interface which somebody took to another network namespace is theirs to set."""
        try:
            self._netdev.set_mtu(mtu)
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.ENXIO):
                raise self._refused(f"it does not take an MTU of {mtu}", error) from None

    def _refused(self, what: str, error: OSError) -> DeviceError:
        return DeviceError(f"interface {self.name}: {what}: {error.strerror}")

    @property
    def is_there(self) -> bool:
        """Whether there is an interface still, be it in another network namespace."""
        try:
            self.name = device.interface_of(self._fds[0])[0]
        except (OSError, IndexError):
            return False
        return True

    @property
    def is_up(self) -> bool:
        """Whether frames can pass; one that cannot be seen from here is taken for up."""
        state = self._netdev.state()
        return state is None or state.has_link


def _open_first(name: str) -> tuple[int, str]:
    """A queue of an interface that nobody else uses, and the interface's name."""
    fd = device.open_tun()
    try:
        return fd, _take(fd, name)
    except OSError as error:
        os.close(fd)
        raise DeviceError(device.refusal(name, error)) from None


def _take(fd: int, name: str) -> str:
    """A new one if it can be, else one that waits for its user: with several queues if it has them."""
    with suppress(FileExistsError):
        return _new(fd, name)
    try:
        made = device.set_interface(fd, name, device.IFF_MULTI_QUEUE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return device.set_interface(fd, name, 0)
    if not device.interface_of(fd)[1] & device.IFF_PERSIST:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    return made


def _new(fd: int, name: str) -> str:
    try:
        return device.set_interface(fd, name, device.IFF_MULTI_QUEUE | device.IFF_TUN_EXCL)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise FileExistsError(name) from None
        raise
