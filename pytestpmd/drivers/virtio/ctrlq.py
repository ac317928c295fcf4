"""The control virtqueue: its memory, and a command's way to the device and back, with a deadline.

Whoever gives a command waits for its answer, one at a time. A device that does not answer in time, or answers what
cannot be, is asked nothing more until the queue has been made anew.
"""

import time
from collections import deque
from collections.abc import Callable

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.virtio.ctrl import CTRL_OK, Command
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.virtqueue import FAULTS, Virtqueue, private_bytes, shared_bytes
from pytestpmd.drivers.virtio.vring import Layout
from pytestpmd.eal.memory import Arena, Region
from pytestpmd.errors import DeviceError, DeviceTimeout
from pytestpmd.ethdev.report import ControlReport

CONTROL_RING_SIZE = 64
#: The longest command: a table of 64 addresses, or the RSS table and key, and some room; in bytes.
MAX_COMMAND_BYTES = 2048
#: How long the device may take for one, in seconds; the one on a bus may be an emulator that has other things to do.
ANSWER_S, BUS_ANSWER_S = 1.0, 5.0
#: How often we look, in seconds.
LOOK_S = 0.0001
REMEMBERED = 32
#: What the ack reads until the device has written it.
NO_ANSWER = 0xFF


class ControlRefused(DeviceError):
    """The device answered that it does not do that."""


class ControlQueue:
    """The queue of that index. ``serve`` is called whenever a device within this process should look at it; it raises
    ``DeviceError`` where the device is gone."""

    def __init__(
        self,
        index: int,
        layout: Layout,
        serve: Callable[[], None],
        timeout: float | None = None,
        *,
        is_on_bus: bool = False,
        uses_iova: bool = False,
    ) -> None:
        # memory of its own: a device that is not at the other end of the data rings gets this, and they do not
        self.memory = Arena(shared_bytes(layout) + MAX_COMMAND_BYTES + 256, shared=not is_on_bus, bus=is_on_bus)
        self._private = Arena(private_bytes(layout.size) + 256, name="a control queue")
        self.virtqueue = Virtqueue(index, layout, self.memory, self._private, is_control=True, uses_iova=uses_iova)
        self._queue = self._private.struct("struct ctrl_queue")
        self._queue.vq = self.virtqueue.ptr
        self._queue.command = self.memory.alloc(MAX_COMMAND_BYTES)
        self._queue.ack = self.memory.alloc(1)
        self._serve = serve
        usual = BUS_ANSWER_S if is_on_bus else ANSWER_S
        self._timeout = usual if timeout is None else timeout
        self._broken = ""
        self._sent = self._refused = 0
        self._last: deque[str] = deque(maxlen=REMEMBERED)

    @property
    def region(self) -> Region:
        """What a device must see to read commands."""
        return self.memory.region()

    def reset(self, agreed: Agreement) -> None:
        """An empty ring, for a device that begins."""
        self.virtqueue.prepare_control(agreed)
        self.virtqueue.reset()
        lib.ctrl_forget(self._queue)
        self._broken = ""

    def exchange(self, command: Command) -> None:
        """Have the device do that.

        Raises :class:`ControlRefused` when it will not, :class:`DeviceTimeout` when it does not answer, and
        :class:`DeviceError` when its answer cannot be; after these two the queue is broken.
        """
        if self._broken:
            raise DeviceError(f"the control queue is broken: {self._broken}")
        data = b"".join(command.pieces)
        assert len(data) <= MAX_COMMAND_BYTES
        ffi.memmove(self._queue.command, data, len(data))
        self._queue.ack[0] = NO_ANSWER
        lib.ctrl_submit(self._queue, [len(piece) for piece in command.pieces], len(command.pieces))
        self._sent += 1
        try:
            self._await()
        except DeviceError as error:
            self._broken = str(error)
            self._last.append(f"{command.describe()}: {error}")
            raise
        if self._queue.ack[0] == CTRL_OK:
            self._last.append(f"{command.describe()}: ok")
            return
        self._refused += 1
        self._last.append(f"{command.describe()}: refused")
        raise ControlRefused(f"the device refused {command.code.name}")

    def _await(self) -> None:
        """Wait until the command was used.

        After the deadline there is one more look: it may be us who did not run in the meantime.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            is_late = time.monotonic() >= deadline
            self._serve()
            if lib.ctrl_poll(self._queue):
                return
            fault = self.virtqueue.ptr.fault
            if fault:
                raise DeviceError(FAULTS[fault])
            if is_late:
                raise DeviceTimeout(f"the device did not answer a command within {self._timeout:g} s")
            time.sleep(LOOK_S)

    def report(self) -> ControlReport:
        """What was asked, and how it went."""
        return ControlReport(self.virtqueue.index, self._sent, self._refused, self._broken, tuple(self._last))
