"""A network namespace of one's own, and the kernel's user in it: frames in and out of its interfaces."""

import ctypes
import fcntl
import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytestpmd.eal.netdev import Flag, NetDev

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 0x0003
PATIENCE_S = 10.0
_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@contextmanager
def private_network() -> Iterator[None]:
    """The calling thread, and those that it starts, are in an empty network namespace; skips where that needs rights.

    Its interfaces speak no IPv6, so that nothing is sent which nobody asked for.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            _check(_LIBC.unshare(CLONE_NEWNET))
        except PermissionError:
            pytest.skip("needs CAP_SYS_ADMIN and CAP_NET_ADMIN, for a network namespace of its own")
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            pytest.skip("there is no /dev/net/tun that could be opened")
        with suppress(OSError):  # a kernel without IPv6
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        yield
    finally:
        _check(_LIBC.setns(before, CLONE_NEWNET))
        os.close(before)


class Station:
    """Who uses an interface: what it receives and sends, as the kernel's own protocols would."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.htons(ETH_P_ALL))
        self._socket.bind((interface, ETH_P_ALL))

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._socket.send(frame)

    def receive(self, count: int = 1, within_s: float = PATIENCE_S) -> list[bytes]:
        """As many frames, those that the interface itself sends left out; ``TimeoutError`` when one does not come."""
        found: list[bytes] = []
        self._socket.settimeout(within_s)
        while len(found) < count:
            data, address = self._socket.recvfrom(1 << 16)
            if address[2] != socket.PACKET_OUTGOING:
                found.append(data)
        return found

    def close(self) -> None:
        self._socket.close()


class Wire:
    """The far end of an interface that is made for it: frames go in and out as on a cable.

    With ``vnet_hdr`` they do so behind a net header of 10 bytes (virtio 1.2, 5.1.6), as from and to a guest.
    """

    IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
    TUNSETIFF = 0x400454CA

    def __init__(self, interface: str, *, vnet_hdr: bool = False) -> None:
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        flags = self.IFF_TAP | self.IFF_NO_PI | (self.IFF_VNET_HDR if vnet_hdr else 0)
        fcntl.ioctl(self.fd, self.TUNSETIFF, struct.pack("16sH22x", interface.encode(), flags))
        self.netdev = NetDev.named(interface)
        self.netdev.set_flags(Flag.UP, True)

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            os.write(self.fd, frame)

    def receive(self, count: int = 1, within_s: float = PATIENCE_S) -> list[bytes]:
        """So many frames, none of which lets itself be waited for longer than that."""
        found: list[bytes] = []
        while len(found) < count:
            assert select.select([self.fd], [], [], within_s)[0], f"{len(found)} of {count} frames came"
            found.append(os.read(self.fd, 1 << 17))
        return found

    def close(self) -> None:
        """Harmless when repeated; the interface is gone."""
        if self.fd >= 0:
            os.close(self.fd)
            self.netdev.close()
        self.fd = -1


@contextmanager
def wire(interface: str, *, vnet_hdr: bool = False) -> Iterator[Wire]:
    """A :class:`Wire`, for as long as the block."""
    made = Wire(interface, vnet_hdr=vnet_hdr)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def station(interface: str) -> Iterator[Station]:
    """A :class:`Station`, for as long as the block."""
    made = Station(interface)
    try:
        yield made
    finally:
        made.close()


def interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex()]
