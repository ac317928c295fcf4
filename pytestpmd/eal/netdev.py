"""A network interface of the kernel's: what it is now, what can be set, and when it changes (netdevice(7)).

An interface is known by its index: its name may change under us. Whoever watches reads the netlink socket only to know
*that* something changed, and then asks *what*; so nothing that the kernel tells has to be taken apart.
"""

import errno
import fcntl
import re
import socket
import struct
from dataclasses import dataclass
from enum import IntFlag

from pytestpmd.errors import ConfigError

MAX_NAME = 15
_ADDRESS_FAMILY_ETHER = 1  # ARPHRD_ETHER
_RTMGRP_LINK = 1
_IFREQ = struct.Struct("16s24s")

SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
SIOCGIFMTU, SIOCSIFMTU = 0x8921, 0x8922
SIOCSIFHWADDR, SIOCGIFHWADDR = 0x8924, 0x8927


class Flag(IntFlag):
    """Of an interface (``IFF_``)."""

    UP = 1 << 0
    RUNNING = 1 << 6
    PROMISC = 1 << 8
    ALLMULTI = 1 << 9


@dataclass(frozen=True)
class NetDevState:
    """An interface at one moment; ``mtu`` in bytes."""

    name: str
    flags: Flag
    mtu: int
    mac: bytes

    @property
    def is_up(self) -> bool:
        return Flag.UP in self.flags

    @property
    def has_link(self) -> bool:
        """Whether frames can pass: it is up, and has a carrier."""
        return Flag.UP | Flag.RUNNING in self.flags


def interface_name(text: str) -> str:
    """A name that the kernel would take; ValueError, which says what is expected, for any other.

    ``%d`` stands for the first number that makes the name a new one.
    """
    if not re.fullmatch(rf"[^\s/:\0]{{1,{MAX_NAME}}}", text) or text in (".", ".."):
        raise ValueError(f"an interface's name of 1 to {MAX_NAME} characters, without / and :")
    return text


class NetDev:
    """One interface. What it cannot do raises OSError; with ENODEV when it is gone."""

    def __init__(self, index: int) -> None:
        self.index = index
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    @classmethod
    def named(cls, name: str) -> "NetDev":
        """The interface of this name; ConfigError if there is none."""
        try:
            return cls(socket.if_nametoindex(name))
        except OSError:
            raise ConfigError(f"there is no interface {name}") from None

    def close(self) -> None:
        """Harmless when repeated."""
        self._socket.close()

    @property
    def name(self) -> str:
        """Its name now."""
        return socket.if_indextoname(self.index)

    def state(self) -> NetDevState | None:
        """What it is now; None when it is gone."""
        try:
            return NetDevState(
                self.name, self._flags(), self._ioctl(SIOCGIFMTU, "i")[0], self._ioctl(SIOCGIFHWADDR, "H6s")[1]
            )
        except OSError:
            return None

    def set_flags(self, flags: Flag, on: bool) -> None:
        """Set or clear these."""
        now = self._flags()
        wanted = now | flags if on else now & ~flags
        if wanted != now:
            self._ioctl(SIOCSIFFLAGS, "H", int(wanted))

    def set_mtu(self, mtu: int) -> None:
        """In bytes, Ethernet header not included."""
        self._ioctl(SIOCSIFMTU, "i", mtu)

    def set_mac(self, address: bytes) -> None:
        """Its Ethernet address."""
        self._ioctl(SIOCSIFHWADDR, "H6s", _ADDRESS_FAMILY_ETHER, address)

    def _flags(self) -> Flag:
        return Flag(self._ioctl(SIOCGIFFLAGS, "H")[0])

    def _ioctl(self, request: int, kind: str, *values: int | bytes) -> tuple[int, bytes]:
        """One ioctl of netdevice(7): ``kind`` is the shape of what goes behind the name, both ways."""
        data = struct.pack(kind, *values) if values else b""
        answer = fcntl.ioctl(self._socket, request, _IFREQ.pack(self.name.encode(), data))
        return (*struct.unpack_from(kind, answer, 16), b"")[:2]


class LinkEvents:
    """A socket that is readable when any interface changed, came or went."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._socket.bind((0, _RTMGRP_LINK))

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> None:
        """Take off all that waits: whoever asks afterwards sees what it told of."""
        while True:
            try:
                self._socket.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # too many to be told of one by one: this one says so
                    raise

    def close(self) -> None:
        """Harmless when repeated."""
        self._socket.close()
