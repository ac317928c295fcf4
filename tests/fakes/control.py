"""The device's end of a control queue, read from virtio 1.2, 5.1.6.5, on either layout.

What it does with a command is a step of the test's: by default it notes it and says OK.
"""

from collections.abc import Callable, Iterator
from typing import Any

from fakes.guest import GuestMemory, view_of
from fakes.net_device import Chain, NetDevice
from fakes.packed_device import PackedDevice
from fakes.transport import FakeTransport
from fakes.virtio_device import SplitDevice

from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Region

OK, ERR = 0, 1
Answer = Callable[["CommandDevice", Chain], None]


def ok(device: "CommandDevice", chain: Chain) -> None:
    """Done."""
    device.answer(chain, OK)


def error(device: "CommandDevice", chain: Chain) -> None:
    """Not done."""
    device.answer(chain, ERR)


def silence(device: "CommandDevice", chain: Chain) -> None:
    """No answer at all."""


def ring_in(arena: Any, ring: Any, packed: bool, *, event_idx: bool = False) -> NetDevice:
    """The ring at those addresses, of a device that reaches the arena and nothing else."""
    kind = PackedDevice if packed else SplitDevice
    at = (ring.desc, ring.avail, ring.used, ring.size)
    return kind(GuestMemory([view_of(arena)]), *at, event_idx=event_idx, indirect=False)


class CommandDevice:
    """Serves a ring; ``commands`` holds what was asked for, class and code first."""

    def __init__(self, ring: NetDevice) -> None:
        self.ring, self.memory = ring, ring.memory
        self.commands: list[bytes] = []
        self.pieces: list[tuple[int, ...]] = []
        self.respond: Answer = ok

    def serve(self) -> None:
        """Answer what waits."""
        while self.ring.waiting():
            chain = self.ring.take()
            *read, ack = chain.pieces
            assert ack.writable
            assert ack.length == 1, "5.1.6.5: one byte for the ack"
            assert not any(piece.writable for piece in read)
            self.pieces.append(tuple(piece.length for piece in read))
            self.commands.append(b"".join(self.memory.read(piece.address, piece.length) for piece in read))
            self.respond(self, chain)

    def answer(self, chain: Chain, ack: int, length: int = 1) -> None:
        """Write the ack, and give the chain back as one of which so many bytes were written."""
        self.memory.write(chain.pieces[-1].address, bytes([ack]))
        self.ring.use(chain, length)
        self.ring.publish()

    def of_class(self, number: int) -> Iterator[bytes]:
        """The commands of a class, without that byte."""
        return (command[1:] for command in self.commands if command[0] == number)


class ControlledTransport(FakeTransport):
    """A device that has its control queue itself, and is looked at when somebody waits."""

    port: VirtioPort

    def __init__(self, offered: int, nb_pairs: int = 4) -> None:
        super().__init__(offered, nb_pairs)
        self.device: CommandDevice | None = None
        self.control_index = -1
        self.respond: Any = None

    def setup_control(self, index: int, ring: RingAddresses, base: int, region: Region) -> None:
        self._tell("control", index)
        self.control_index = index
        assert self.port._control
        agreed = self.port.agreed
        self.device = CommandDevice(ring_in(self.port._control.memory, ring, agreed.packed, event_idx=agreed.event_idx))
        if self.respond:
            self.device.respond = self.respond

    def serve_control(self) -> None:
        assert self.device
        before = len(self.device.commands)
        self.device.serve()
        for command in self.device.commands[before:]:
            self._tell("command", command)

    def stop_control(self, index: int) -> None:
        self._tell("stop", index)

    def control_doorbell(self, index: int) -> Doorbell:
        return Doorbell.none()

    @property
    def commands(self) -> list[bytes]:
        """All so far, of all devices."""
        return [command for (command,) in self.steps("command")]  # type: ignore[misc]
