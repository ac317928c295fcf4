"""A device that offers what the test says and remembers what it was told; no socket, no thread."""

import os
from collections.abc import Callable, Sequence
from struct import pack

from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.memory import Region
from pytestpmd.errors import DeviceError

ALL_FEATURES = Feature(sum(Feature)) & ~Feature.VIRTIO_F_RING_PACKED


def default_config(nb_pairs: int) -> bytes:
    """An address, a link that is up, an MTU of 9000, 10 Gbit/s full duplex, hashes of every kind (5.1.4)."""
    return pack("<6sHHHIBBHI", bytes([2, 0, 0, 0, 0, 9]), 1, nb_pairs, 9000, 10_000, 1, 40, 128, 0x1FF)


class FakeTransport(Transport):
    """``told`` holds every step with its arguments; ``refuse`` names steps that raise, ``hooks`` act after one."""

    def __init__(self, offered: int = ALL_FEATURES, nb_pairs: int = 4) -> None:
        self.offered = Feature(offered)
        self.nb_pairs = nb_pairs
        self.is_there = True
        self.is_closed = False
        self.told: list[tuple[object, ...]] = []
        self.refuse: dict[str, DeviceError] = {}
        self.hooks: dict[str, Callable[[], None]] = {}
        self.rings: dict[int, RingAddresses] = {}
        self.bases: dict[int, int] = {}
        self.regions: tuple[Region, ...] = ()
        self.kicks = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(2 * nb_pairs)]
        self.calls = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(2 * nb_pairs)]
        self.on_change = self.on_tick = self.on_error = self.on_config = lambda: None
        self.config = default_config(nb_pairs)
        self.generation = 0
        self.is_broken = False
        #: What was written to where the configuration space has the port's own.
        self.addresses: list[bytes] = []
        #: What the device fixes, by queue.
        self.ring_sizes: dict[int, int] = {}

    def _tell(self, step: str, *arguments: object) -> None:
        self.told.append((step, *arguments))
        if step in self.refuse:
            raise type(self.refuse[step])(*self.refuse[step].args)
        if step in self.hooks:
            self.hooks[step]()

    def steps(self, name: str) -> list[tuple[object, ...]]:
        """The arguments of every step of that name."""
        return [arguments for step, *arguments in self.told if step == name]  # type: ignore[misc]

    def notifications(self, index: int) -> int:
        """Kicks of a queue since the last look."""
        try:
            return os.eventfd_read(self.kicks[index])
        except BlockingIOError:
            return 0

    def go(self) -> None:
        """The device is gone."""
        self.is_there = False
        self.on_change()

    def come(self, offered: int | None = None) -> None:
        """Another one comes, which may offer something else."""
        self.generation += 1
        self.is_there = True
        self.offered = self.offered if offered is None else Feature(offered)
        self.on_change()

    @property
    def connected(self) -> bool:
        return self.is_there

    def reconnect(self) -> None:
        self._tell("reconnect")

    def drop(self, why: str) -> None:
        self._tell("drop", why)
        self.is_there = False

    def features(self) -> Feature:
        return self.offered

    def max_queue_pairs(self) -> int:
        return self.nb_pairs

    def read_config(self, offset: int, size: int) -> bytes:
        return self.config[offset : offset + size]

    def config_generation(self) -> int:
        return self.generation

    def write_mac(self, address: bytes) -> None:
        self.addresses.append(address)

    def set_status(self, status: Status) -> None:
        if status == Status.RESET:
            self.is_broken = False
        self._tell("status", status)

    def needs_reset(self) -> bool:
        self._tell("needs_reset")
        return self.is_broken

    def break_down(self) -> None:
        """It cannot go on, and says so."""
        self.is_broken = True
        self.on_error()

    def set_features(self, features: Feature) -> None:
        self._tell("features", features)

    def set_mtu(self, mtu: int) -> None:
        self._tell("mtu", mtu)

    def ring_size(self, index: int, asked: int) -> int:
        return self.ring_sizes.get(index, asked)

    def share_memory(self, regions: Sequence[Region]) -> None:
        self.regions = tuple(regions)
        self._tell("memory")

    def setup_queue(self, index: int, ring: RingAddresses, base: int) -> None:
        self.rings[index], self.bases[index] = ring, base
        self._tell("setup", index)

    def enable_queue(self, index: int, on: bool) -> None:
        self._tell("enable", index, on)

    def stop_queue(self, index: int) -> None:
        self._tell("stop", index)

    def kick_fd(self, index: int) -> int:
        return self.kicks[index]

    def call_fd(self, index: int) -> int:
        return self.calls[index]

    def close(self) -> None:
        self.is_closed = True
        for fd in (*self.kicks, *self.calls):
            os.close(fd)
        self.kicks, self.calls = [], []
