"""How a PCI device interrupts: by vectors of its own (MSI-X), by its line (INTx), or not at all.

Vector 0 is for changes of the configuration, 1 and on are for the receive queues, one each (virtio 1.2, 4.1.5.1.2).
A device may refuse any of them. With the line the ISR says what it was for; a driver that opens the device may have
it interrupt by one vector that arrives where the line's interrupts do (igb_uio), and then it is for the configuration.
"""

import os
from collections.abc import Callable
from contextlib import suppress

from pytestpmd.drivers.virtio.transport.pci.layout import NO_VECTOR
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.pci.access import PciAccess
from pytestpmd.errors import DeviceError, NotSupported

CONFIG_VECTOR = 0
FLAGS = os.EFD_CLOEXEC | os.EFD_NONBLOCK
#: Why the line interrupted (4.1.4.5).
ISR_CONFIG = 2


class Interrupts:
    """Those of an opened device, at most for ``nb_pairs`` receive queues.

    The control thread calls ``on_config`` for a change of the configuration; ``read_isr`` is asked what the line was
    for.
    """

    def __init__(
        self,
        access: PciAccess,
        nb_pairs: int,
        control: ControlThread,
        on_config: Callable[[], None],
        read_isr: Callable[[], int],
    ) -> None:
        self._access, self._control = access, control
        self._on_config, self._read_isr = on_config, read_isr
        self._events: list[int] = []
        self._line = -1
        #: Vectors that the device has refused; it may take them after the next reset.
        self.refused: set[int] = set()
        if access.nb_vectors:
            self._use_vectors(min(access.nb_vectors, 1 + nb_pairs))
        else:
            self._use_line()

    def _use_vectors(self, count: int) -> None:
        self._events = [os.eventfd(0, FLAGS) for _ in range(count)]
        self._access.enable_vectors(self._events)
        self._control.watch(self._events[CONFIG_VECTOR], self._config_event)

    def _use_line(self) -> None:
        self._line = self._access.intx_fd()
        if self._line >= 0:
            self._control.watch(self._line, self._line_event)

    @property
    def way(self) -> str:
        """For people to read."""
        if self._events:
            return f"MSI-X, {len(self._events)} vectors"
        if self._line < 0:
            return "no interrupts, it is polled"
        return "MSI-X, 1 vector" if self._access.intx_is_vector else "INTx"

    @property
    def config_vector(self) -> int:
        """To be set for changes of the configuration."""
        return CONFIG_VECTOR if self._events or (self._line >= 0 and self._access.intx_is_vector) else NO_VECTOR

    @property
    def tells_config(self) -> bool:
        """Whether a change of the configuration interrupts."""
        return (bool(self._events) or self._line >= 0) and CONFIG_VECTOR not in self.refused

    def queue_vector(self, index: int) -> int:
        """To be set for a queue; those that transmit have none, nor has the control queue."""
        vector = 1 + index // 2
        return vector if index % 2 == 0 and vector < len(self._events) else NO_VECTOR

    def call_fd(self, index: int) -> int:
        """The eventfd of a receive queue; :class:`NotSupported` where it has no interrupt of its own."""
        vector = self.queue_vector(index)
        if vector == NO_VECTOR:
            raise NotSupported(f"rxq {index // 2} has no interrupt of its own: the device has {self.way}")
        if vector in self.refused:
            raise NotSupported(f"rxq {index // 2} has no interrupt: the device refused its vector")
        return self._events[vector]

    def _config_event(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._events[CONFIG_VECTOR])
        self._on_config()

    def _line_event(self) -> None:
        """The ISR is read first, which lowers the line; an interrupt from then on is another one."""
        try:
            cause = ISR_CONFIG if self._access.intx_is_vector else self._read_isr()
            self._access.acknowledge_intx()
        except DeviceError:
            return  # it is going, which the transport looks for
        if cause & ISR_CONFIG:
            self._on_config()

    def stop(self) -> None:
        """Hear no more of the device, which may be gone. Harmless when repeated."""
        if self._line >= 0:
            self._control.unwatch(self._line)
        self._line = -1
        if self._events:
            self._control.unwatch(self._events[CONFIG_VECTOR])

    def close(self) -> None:
        """Give the eventfds back; nobody may be watching them."""
        if self._events:
            self._access.disable_vectors()
        for fd in self._events:
            os.close(fd)
        self._events = []
