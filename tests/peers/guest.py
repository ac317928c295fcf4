"""QEMU's guest: no system, only its firmware, which boots from the network over a device behind a vhost-user socket."""

import subprocess

from fakes.packets import packet, receive, transmit
from peers.ours import Ours
from peers.programs import eventually
from scapy.layers.dhcp import DHCP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

GUEST_MAC, OUR_MAC = "52:54:00:12:34:56", "02:00:00:00:00:01"
#: What the guest makes of its MAC address without asking (RFC 4291, appendix A), and one of our own.
GUEST_IP, OUR_IP = "fe80::5054:ff:fe12:3456", "fe80::1"
#: Software emulation: slow, but the same everywhere.
MACHINE = "-machine pc,memory-backend=mem -accel tcg -m 128 -nodefaults -display none -serial none -monitor stdio"
MEMORY = "-object memory-backend-memfd,id=mem,size=128M,share=on"


class Guest:
    """A machine with one network card whose device is behind a vhost-user socket."""

    def __init__(self, socket: str, card: str, *more: str) -> None:
        network = f"-chardev socket,id=c0,path={socket} -netdev vhost-user,id=n0,chardev=c0"
        # vectors=0: under TCG a vhost-user device goes without MSI-X
        device = f"-device virtio-net-pci,netdev=n0,mac={GUEST_MAC},vectors=0,bootindex=0,{card}"
        words = f"{MACHINE} {MEMORY} {network} {device}".split()
        self._qemu = subprocess.Popen(
            ["qemu-system-x86_64", *words, *more], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *error: object) -> None:
        self._qemu.kill()
        self._qemu.communicate()

    def reset(self) -> None:
        """Press the button."""
        self.command("system_reset")

    def command(self, line: str) -> None:
        """Type it at the monitor."""
        assert self._qemu.stdin
        self._qemu.stdin.write(line + "\n")
        self._qemu.stdin.flush()


class Network:
    """What the guest is connected to: a port, another front-end's or the guest's own, whose bursts are ours here."""

    def __init__(self, ours: Ours, port_id: int = 2) -> None:
        port = ours.app.ports[port_id]
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
