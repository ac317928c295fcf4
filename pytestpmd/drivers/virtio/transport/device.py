"""What transports have in common whose device is whole: it has a status of its own, and nobody stands in for it.

Its reset ends its use of every ring, and nothing less does; rings begin anew with each.
"""

import threading
import time
from abc import abstractmethod

from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.errors import DeviceError, DeviceTimeout

#: How long a device may take for its reset, and how often we look; in seconds.
RESET_S = 3.0
LOOK_S = 0.001
#: The last status before the device says whether it takes what was agreed.
FEATURES_SET = Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK


class DeviceTransport(Transport):
    """A device at hand; a reset may take ``reset_s`` seconds."""

    peer = "device"
    resumes = False
    # behind an IOMMU, too: memory is mapped for it at these addresses
    is_on_bus = uses_iova = True

    def __init__(self, reset_s: float) -> None:
        self._reset_s = reset_s
        self.on_change = self.on_tick = self.on_error = self.on_config = lambda: None
        #: Held while the device is asked; never while the driver is called back.
        self._lock = threading.RLock()
        self._is_there, self._why = True, ""
        #: Whether it may tell of changes.
        self._is_live = False
        self._offered = Feature(0)

    @property
    def connected(self) -> bool:
        return self._is_there

    @abstractmethod
    def _tell(self, status: Status) -> None:
        """Write the status; ``DeviceError`` where there is none to be written, here and below."""

    @abstractmethod
    def _read_status(self) -> Status: ...

    def _reset(self) -> None:
        """It is over when the status reads 0 (4.1.4.3.2); the device then has nothing to do with our memory."""
        self._is_live = False
        self._tell(Status.RESET)
        deadline = time.monotonic() + self._reset_s
        while self._read_status():
            if time.monotonic() >= deadline:
                raise DeviceTimeout(f"the device was not reset within {self._reset_s:g} s")
            time.sleep(LOOK_S)

    def _config_event(self) -> None:
        """2.1.2: that it needs a reset is told as a change of the configuration is."""
        try:
            with self._lock:
                if not self._is_live:
                    return
                needs_reset = self.needs_reset()
        except DeviceError:
            return
        (self.on_error if needs_reset else self.on_config)()

    def needs_reset(self) -> bool:
        with self._lock:
            return bool(self._read_status() & Status.NEEDS_RESET)

    def features(self) -> Feature:
        return self._offered

    def max_queue_pairs(self) -> int:
        return 1

    def set_mtu(self, mtu: int) -> None:
        """There is nothing to tell it by."""

    def stop_queue(self, index: int) -> None:
        """The reset does."""
