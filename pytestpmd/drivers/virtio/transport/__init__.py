"""What a virtio device must answer, however it is reached."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio.vring import Layout, ring_layout
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Region
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.report import ConnectionReport, FeatureReport


@dataclass(frozen=True)
class TransportReport:
    """The way to the device at one moment.

    ``offered`` is what the device itself offers, ``usable`` what the driver may count on (:meth:`Transport.features`),
    ``wants`` what the transport takes of it on its own account.
    """

    connection: ConnectionReport
    offered: Feature
    usable: Feature
    wants: int = 0
    protocol_features: tuple[FeatureReport, ...] = ()
    conversation: tuple[str, ...] = ()


class Transport(ABC):
    """A device as its driver sees it (virtio 1.2, 4). Every method may raise ``DeviceError``."""

    #: Called on a thread of the transport's when the device came or went; ``connected`` then tells which.
    on_change: Callable[[], None]
    #: Called there when the configuration space changed.
    on_config: Callable[[], None]
    #: Called on that thread every now and then.
    on_tick: Callable[[], None]
    #: Called on that thread when the device told of an error; :meth:`needs_reset` may then know more.
    on_error: Callable[[], None]

    #: What messages call us, and whoever is at the other end.
    side = "front-end"
    peer = "back-end"

    #: Another number is another device: one may have come while the last one's end was not told yet.
    generation = 0

    #: Whether a ring is one block that its beginning tells all of (virtio 1.2, 2.7.2; :func:`~.vring.legacy_layout`).
    has_legacy_rings = False
    #: Whether the device goes on after a reset where a ring says that it was; one that does not begins it anew (2.4.1).
    resumes = True
    #: Whether the device reaches memory by its address alone, and not by a file.
    is_on_bus = False
    #: Whether that address is another one than ours, in mode PA (:func:`~pytestpmd.eal.iova.to_iova`).
    uses_iova = False

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether there is a device at the other end."""

    @abstractmethod
    def reconnect(self) -> None:
        """Look for the device again, if it is gone and we are who looks."""

    @abstractmethod
    def drop(self, why: str) -> None:
        """Have nothing more to do with a device that cannot be worked with."""

    @abstractmethod
    def features(self) -> Feature:
        """What the device offers."""

    @abstractmethod
    def max_queue_pairs(self) -> int:
        """How many pairs of queues may be used where VIRTIO_NET_F_MQ was not agreed."""

    @abstractmethod
    def read_config(self, offset: int, size: int) -> bytes:
        """So many bytes of the device's configuration space (virtio 1.2, 5.1.4), or fewer where it ends."""

    def config_generation(self) -> int:
        """A number that is another one after the configuration space has changed (2.5.1)."""
        return 0

    def write_mac(self, address: bytes) -> None:
        """Put the port's address into the configuration space, where there is no command for that (5.1.4.2); raises
        ``OperationError`` where it cannot be written. One that we have ourselves needs no telling."""
        return

    @abstractmethod
    def set_status(self, status: Status) -> None:
        """Tell the device how far the driver is; ``RESET`` forgets everything."""

    @abstractmethod
    def needs_reset(self) -> bool:
        """Whether the device says that it cannot go on before it was reset (virtio 1.2, 2.1.2)."""

    @abstractmethod
    def set_features(self, features: Feature) -> None:
        """Tell the device what was agreed; it must not be asked for more than :meth:`features`."""

    @abstractmethod
    def set_mtu(self, mtu: int) -> None:
        """Tell the device the MTU that is kept to, in bytes, where VIRTIO_NET_F_MTU was agreed."""

    def ring_size(self, index: int, asked: int) -> int:
        """How many descriptors a queue has, 1 to 32768: as many as are ``asked`` for, unless the device fixes it."""
        return asked

    def ring_layout(self, index: int, asked: int, packed: bool) -> Layout:
        """Where the parts of a queue's ring lie; raises ``ConfigError`` for a size that it cannot have."""
        size = self.ring_size(index, asked)
        if not packed and size & (size - 1):
            raise ConfigError("split virtqueue size is not power of 2")
        return ring_layout(size, packed=packed, legacy=self.has_legacy_rings)

    @abstractmethod
    def share_memory(self, regions: Sequence[Region]) -> None:
        """Let the device see the rings and the buffers."""

    @abstractmethod
    def setup_queue(self, index: int, ring: RingAddresses, base: int) -> None:
        """Tell the device where a ring is and at which index to begin; it may look from now on."""

    @abstractmethod
    def enable_queue(self, index: int, on: bool) -> None:
        """Let a ring that was set up move packets, or not."""

    @abstractmethod
    def stop_queue(self, index: int) -> None:
        """Have the device let go of a ring; it touches no buffer of it afterwards."""

    @abstractmethod
    def kick_fd(self, index: int) -> int:
        """The eventfd that tells the device of new buffers; the same for the transport's whole life."""

    def doorbell(self, index: int) -> Doorbell:
        """How the device is told of new buffers, for as long as it lives."""
        return Doorbell.eventfd(self.kick_fd(index))

    @abstractmethod
    def call_fd(self, index: int) -> int:
        """The eventfd by which the device tells of used buffers; one for each queue, for the transport's whole life.

        Raises ``NotSupported`` where the queue has no interrupt of its own.
        """

    # The control queue: another queue of the device's, unless the transport has it served within this process.

    @property
    def serves_control(self) -> bool:
        """Whether the device at the other end has nothing to do with the control queue, nor sees its memory."""
        return False

    def setup_control(self, index: int, ring: RingAddresses, base: int, region: Region) -> None:
        """Tell whoever carries commands out where their ring is; the features are agreed, and the region is all that
        commands lie in."""
        self.setup_queue(index, ring, base)
        self.enable_queue(index, True)

    def serve_control(self) -> None:
        """Somebody waits for the answer to a command. A device elsewhere was kicked, and there is nothing to do; one
        that is known to be gone need not be waited for."""
        return

    def stop_control(self, index: int) -> None:
        """Have the device let go of the control queue."""
        self.stop_queue(index)

    def control_doorbell(self, index: int) -> Doorbell:
        """How the device is told of commands."""
        return self.doorbell(index)

    def report(self) -> TransportReport:
        """For people to look at; a transport that has a conversation tells of it."""
        return TransportReport(ConnectionReport(self.connected), self.features(), self.features())

    @abstractmethod
    def close(self) -> None:
        """Give back sockets, fds and threads."""
