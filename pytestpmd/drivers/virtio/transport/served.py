"""A transport that carries commands out itself, because the device at the other end has no control queue."""

from abc import abstractmethod

from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio.transport.control_device import ControlDevice
from pytestpmd.drivers.virtio.transport.eventfds import QueueEvents
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import Region


class ServedTransport(Transport):
    """With MQ, pairs beyond the first wait for the command that says how many to use (virtio 1.2, 5.1.6.5.5)."""

    def __init__(self, nb_pairs: int) -> None:
        self._nb_pairs = nb_pairs
        self._agreed = Feature(0)
        #: Rings beyond the first pair that are set up.
        self._waiting: set[int] = set()
        self._events = QueueEvents()
        self.control = ControlDevice(nb_pairs, self._use_pairs)

    @abstractmethod
    def _enable(self, index: int, on: bool) -> None:
        """Have the device move packets of this ring, or not."""

    def _agree(self, features: Feature) -> None:
        """The device begins with these."""
        self._agreed = features
        self._waiting.clear()

    def enable_queue(self, index: int, on: bool) -> None:
        if index > 1 and Feature.VIRTIO_NET_F_MQ in self._agreed:
            (self._waiting.add if on else self._waiting.discard)(index)
            if on:
                return
        self._enable(index, on)

    def _use_pairs(self, count: int) -> None:
        """What VQ_PAIRS_SET does here, with the rings that there are: pairs beyond the count are not used any more."""
        for index in sorted(self._waiting):
            self._enable(index, index < 2 * count)

    @property
    def serves_control(self) -> bool:
        return True

    def setup_control(self, index: int, ring: RingAddresses, base: int, region: Region) -> None:
        self.control.attach(ring, region, self._agreed)

    def serve_control(self) -> None:
        self.control.serve()

    def stop_control(self, index: int) -> None:
        self.control.detach()

    def control_doorbell(self, index: int) -> Doorbell:
        return Doorbell.none()

    def kick_fd(self, index: int) -> int:
        return self._events.kick(index)

    def call_fd(self, index: int) -> int:
        return self._events.call(index)
