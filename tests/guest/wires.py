"""What a guest's NIC is plugged into, and the host's end of it: frames in and out, and what is asked there."""

import socket
import struct
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

#: A guest without hardware support needs its time, and more of it on a machine that others use too.
PATIENCE_S = 30.0
OUR_MAC, OUR_IP, GUEST_IP = "02:00:00:00:00:01", "10.9.0.1", "10.9.0.2"
ETH_P_ALL = 0x0003
BROADCAST = "ff:ff:ff:ff:ff:ff"


class Wire(ABC):
    """One NIC's cable."""

    @abstractmethod
    def arguments(self, name: str) -> Sequence[str]:
        """QEMU's, for a netdev of this name."""


class HostEnd(Wire):
    """A cable whose other end is here."""

    @abstractmethod
    def send(self, frame: bytes) -> None: ...

    @abstractmethod
    def receive(self, within_s: float = PATIENCE_S) -> bytes:
        """The next frame; TimeoutError without one."""

    @abstractmethod
    def close(self) -> None: ...

    def drain(self) -> int:
        """Forget what has come so far: how many frames."""
        count = 0
        try:
            while self.receive(0.01):
                count += 1
        except (TimeoutError, BlockingIOError):
            return count
        return count

    def ask(self, question: Packet, within_s: float = PATIENCE_S) -> Packet:
        """Send it, each second again, since who is just starting may miss one; the first answer, as scapy sees it."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            self.send(bytes(question))
            again = time.monotonic() + 1
            while time.monotonic() < again:
                try:
                    came = Ether(self.receive(max(0.01, again - time.monotonic())))
                except TimeoutError:
                    break
                if came.payload.answers(question.payload):
                    return came
        raise TimeoutError(f"nobody answered within {within_s:g} s: {question.summary()}")

    def resolve(self, ip: str = GUEST_IP, within_s: float = PATIENCE_S) -> str:
        """The address that ARP gives."""
        question = Ether(src=OUR_MAC, dst=BROADCAST) / ARP(hwsrc=OUR_MAC, psrc=OUR_IP, pdst=ip)
        return str(self.ask(question, within_s)[ARP].hwsrc)

    def ping(self, count: int = 3, *, length: int = 56, ip: str = GUEST_IP, within_s: float = PATIENCE_S) -> str:
        """Ask who has the address, then for so many echoes, each of which must be right: the address that ARP gave."""
        mac = self.resolve(ip, within_s)
        self.drain()
        for number in range(count):
            payload = bytes((number + i) & 0xFF for i in range(length))
            above = IP(src=OUR_IP, dst=ip) / ICMP(id=7, seq=number) / Raw(payload)
            reply = self.ask(Ether(src=OUR_MAC, dst=mac) / above, within_s)
            assert (reply.src, reply.dst, reply[ICMP].type) == (mac, OUR_MAC, 0)
            assert bytes(reply[ICMP].payload)[:length] == payload
        return mac


class Datagrams(HostEnd):
    """QEMU's netdev dgram on a Unix socket: a frame a datagram."""

    def __init__(self, folder: Path, name: str) -> None:
        self._here, self._there = folder / f"{name}.host", folder / f"{name}.qemu"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._here))

    def arguments(self, name: str) -> Sequence[str]:
        ends = f"local.type=unix,local.path={self._there},remote.type=unix,remote.path={self._here}"
        return ["-netdev", f"dgram,id={name},{ends}"]

    def send(self, frame: bytes) -> None:
        self._socket.settimeout(PATIENCE_S)
        self._socket.sendto(frame, str(self._there))

    def receive(self, within_s: float = PATIENCE_S) -> bytes:
        self._socket.settimeout(within_s)
        return self._socket.recv(1 << 17)

    def close(self) -> None:
        self._socket.close()


class Stream(HostEnd):
    """QEMU's netdev stream, or its older netdev socket, both on a Unix or TCP socket: a length before each frame."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / name
        self._socket: socket.socket | None = None

    def arguments(self, name: str) -> Sequence[str]:
        return ["-netdev", f"stream,id={name},server=on,addr.type=unix,addr.path={self._path}"]

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(str(self._path))
        return self._socket

    def send(self, frame: bytes) -> None:
        there = self._connected()
        there.settimeout(PATIENCE_S)
        there.sendall(struct.pack(">I", len(frame)) + frame)

    def receive(self, within_s: float = PATIENCE_S) -> bytes:
        here = self._connected()
        here.settimeout(within_s)
        head = here.recv(4)
        here.settimeout(PATIENCE_S)
        head += self._exactly(4 - len(head))
        return self._exactly(struct.unpack(">I", head)[0])

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._connected().recv(count - len(data)) or _gone()
        return data

    def close(self) -> None:
        if self._socket:
            self._socket.close()


def _gone() -> bytes:
    raise AssertionError("QEMU has closed its end")


class VhostUser(Wire):
    """A back-end's socket, ours to give: QEMU is its client, or (``server``) listens itself and does not wait."""

    def __init__(self, path: Path, *, queues: int = 1, server: bool = False) -> None:
        self._path, self._queues, self._server = path, queues, server

    def arguments(self, name: str) -> Sequence[str]:
        role = ",server=on,wait=off" if self._server else ""
        queues = f",queues={self._queues}" if self._queues > 1 else ""
        chardev = f"socket,id=char_{name},path={self._path}{role}"
        return ["-chardev", chardev, "-netdev", f"vhost-user,id={name},chardev=char_{name}{queues}"]


class Tap(Wire):
    """An interface of this network namespace; ``vhost=off``: QEMU moves the packets."""

    def __init__(self, interface: str, *, queues: int = 1) -> None:
        self._interface, self._queues = interface, queues

    def arguments(self, name: str) -> Sequence[str]:
        queues = f",queues={self._queues}" if self._queues > 1 else ""
        return ["-netdev", f"tap,id={name},ifname={self._interface},script=no,downscript=no,vhost=off{queues}"]


class HostTap(HostEnd, Tap):
    """A tap that is made here, and what its interface would send and receive."""

    def __init__(self, interface: str, *, queues: int = 1) -> None:
        super().__init__(interface, queues=queues)
        many = ["multi_queue"] if queues > 1 else []
        for words in (["tuntap", "add", interface, "mode", "tap", "vnet_hdr", *many], ["link", "set", interface, "up"]):
            subprocess.run(["ip", *words], check=True)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.bind((interface, ETH_P_ALL))

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def receive(self, within_s: float = PATIENCE_S) -> bytes:
        end = time.monotonic() + within_s
        while True:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            data, address = self._socket.recvfrom(1 << 17)
            if address[2] != socket.PACKET_OUTGOING:
                return data

    def close(self) -> None:
        self._socket.close()
        subprocess.run(["ip", "link", "delete", self._interface], check=False)
