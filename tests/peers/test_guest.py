"""Our net_vhost and QEMU's guest: no system, only its firmware, which boots from the network."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.packets import packet, receive, transmit
from peers.ours import Ours
from peers.programs import eventually
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("qemu-system-x86_64")
GUEST_MAC, OUR_MAC = "52:54:00:12:34:56", "02:00:00:00:00:01"
#: What the guest makes of its MAC address without asking (RFC 4291, appendix A), and one of our own.
GUEST_IP, OUR_IP = "fe80::5054:ff:fe12:3456", "fe80::1"
#: Software emulation: slow, but the same everywhere.
MACHINE = "-machine pc,memory-backend=mem -accel tcg -m 128 -nodefaults -display none -serial none -monitor stdio"
MEMORY = "-object memory-backend-memfd,id=mem,size=128M,share=on"


class Guest:
    """A machine with one network card whose device is behind a vhost-user socket."""

    def __init__(self, socket: str, card: str) -> None:
        network = f"-chardev socket,id=c0,path={socket} -netdev vhost-user,id=n0,chardev=c0"
        # vectors=0: with MSI-X, QEMU 7.2 under TCG does not survive a vhost-user device
        device = f"-device virtio-net-pci,netdev=n0,mac={GUEST_MAC},vectors=0,bootindex=0,{card}"
        words = f"{MACHINE} {MEMORY} {network} {device}".split()
        self._qemu = subprocess.Popen(
            ["qemu-system-x86_64", *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *error: object) -> None:
        self._qemu.kill()
        self._qemu.communicate()

    def reset(self) -> None:
        """Press the button."""
        assert self._qemu.stdin
        self._qemu.stdin.write("system_reset\n")
        self._qemu.stdin.flush()


class Network:
    """What the guest is connected to: a second vhost port that ours forwards with, and its front-end, which is us."""

    def __init__(self, ours: Ours) -> None:
        port = ours.app.ports[2]
        self._pool, self._rx, self._tx = ours.app.pools[0], port.rx_queues[0], port.tx_queues[0]
        self._came: list[Packet] = []

    def wait_for(self, layer: type[Packet]) -> Packet:
        """The next frame from the guest that has such a layer."""
        eventually(lambda: self._has(layer), f"{layer.__name__} from the guest")
        return self._came.pop()

    def _has(self, layer: type[Packet]) -> bool:
        frames = [Ether(data) for data in receive(self._rx.burst, self._rx.handle)]
        self._came = [frame for frame in frames if layer in frame]
        return bool(self._came)

    def send(self, frame: Packet) -> None:
        assert transmit(self._tx.burst, self._tx.handle, [packet(self._pool, bytes(frame))]) == 1


def question() -> Packet:
    """Who has the guest's address?"""
    return (
        Ether(src=OUR_MAC, dst=GUEST_MAC)
        / IPv6(src=OUR_IP, dst=GUEST_IP, hlim=255)
        / ICMPv6ND_NS(tgt=GUEST_IP)
        / ICMPv6NDOptSrcLLAddr(lladdr=OUR_MAC)
    )


def converse(network: Network) -> Packet:
    """The guest asks for an address, and answers for the one that it has."""
    discover = network.wait_for(DHCP)
    assert discover.src == GUEST_MAC
    network.send(question())
    answer = network.wait_for(ICMPv6ND_NA)
    assert answer[ICMPv6ND_NA].tgt == GUEST_IP
    return discover


@contextmanager
def forwarding(sock: Path, device: str) -> Iterator[tuple[Ours, Network]]:
    far = f"{sock}2"
    with Ours(device, f"net_vhost1,iface={far}", f"net_virtio_user0,path={far}") as ours:
        ours.run("set portlist 0,1")
        ours.run("start")
        yield ours, Network(ours)
        eventually(lambda: not ours.is_up(), "the link is down")
        ours.run("stop")


def test_a_guest_with_a_legacy_card_is_served(sock: Path) -> None:
    with (
        forwarding(sock, f"net_vhost0,iface={sock}") as (ours, network),
        Guest(f"{sock}", "disable-modern=on"),
    ):
        converse(network)
        assert ours.is_up()
        assert not ours.agreed(Feature.VIRTIO_F_VERSION_1)


def test_a_guest_that_listens_and_is_reset_is_served_again(sock: Path) -> None:
    with (
        forwarding(sock, f"net_vhost0,iface={sock},client=1") as (ours, network),
        Guest(f"{sock},server=on,wait=off", "disable-legacy=on") as guest,
    ):
        before = converse(network)
        assert ours.agreed(Feature.VIRTIO_F_VERSION_1)
        guest.reset()
        while converse(network)[BOOTP].xid == before[BOOTP].xid:
            pass
