"""Where the registers of a virtio PCI device are: what the modern and the legacy layout have in common.

Callers hold the transport's lock: most registers of a queue are those of the queue that was selected last.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.eal.doorbell import Doorbell

#: What a vector's register reads when the device has none to spare for it, and takes for none (4.1.5.1.2).
NO_VECTOR = 0xFFFF


class Layout(ABC):
    """Registers by their names in the specification; numbers in and out. Every method may raise ``DeviceError``."""

    name: ClassVar[str]
    #: Whether a ring is one block, known by its page (2.7.2).
    has_legacy_rings: ClassVar[bool]

    @abstractmethod
    def features(self) -> int:
        """The bits that the device offers."""

    @abstractmethod
    def set_features(self, features: int) -> None:
        """The bits that the driver takes."""

    @abstractmethod
    def status(self) -> int:
        """The device's status; 0xff is read where no device answers."""

    @abstractmethod
    def set_status(self, status: int) -> None:
        """Write the status."""

    @abstractmethod
    def config_generation(self) -> int:
        """A number that is another one when the configuration space is."""

    @abstractmethod
    def read_config(self, offset: int, size: int) -> bytes:
        """Of the device's configuration space, or fewer where it ends; fields are read whole (4.1.3.1)."""

    @abstractmethod
    def write_mac(self, address: bytes) -> bool:
        """Set the address in the configuration space; whether there is a way to (5.1.4.2)."""

    @abstractmethod
    def isr(self) -> int:
        """Why the line interrupted; reading lets go of it (4.1.4.5)."""

    @abstractmethod
    def queue_size(self, index: int) -> int:
        """Descriptors of a queue's ring; 0 where there is no such queue."""

    @abstractmethod
    def setup_queue(self, index: int, ring: RingAddresses, vector: int) -> int:
        """Tell where a ring is, and let the device look; the vector that it then has, or ``NO_VECTOR``."""

    @abstractmethod
    def doorbell(self, index: int) -> Doorbell:
        """How the device is told of new buffers in a queue."""

    @abstractmethod
    def set_config_vector(self, vector: int) -> int:
        """The vector for changes of the configuration; what the device then has, or ``NO_VECTOR``."""
