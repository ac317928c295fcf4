"""How far the driver is with its device, as the two tell each other (virtio 1.2, 2.1)."""

import math
import time
from contextlib import suppress

from pytestpmd.drivers.virtio.transport import Transport
from pytestpmd.drivers.virtio_net import Status
from pytestpmd.errors import DeviceError, StatusError

#: A device that wants a reset sooner than so after the last one is given up; in seconds.
RESET_INTERVAL_S = 1.0


class DeviceStatus:
    """The status that was told last; bits come in the driver's order, and only a reset takes one back (2.1.1)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._told = Status.RESET
        self._last_reset = -math.inf

    def tell(self, status: Status) -> None:
        """Set the status."""
        self._told = status
        self._transport.set_status(status)

    def fail(self) -> None:
        """Tell the device that the driver gave it up, if it still listens."""
        with suppress(DeviceError):
            self.tell(self._told | Status.FAILED)

    def asks_for_reset(self) -> bool:
        """Whether the device cannot go on. Raises :class:`DeviceError` for one that a reset does not help."""
        if not self._transport.needs_reset():
            return False
        now, before = time.monotonic(), self._last_reset
        self._last_reset = now
        if now - before < RESET_INTERVAL_S:
            raise StatusError("it needs one reset after the other")
        return True
