"""The control queue of a PCI device, served on a thread of its own, as a device elsewhere does it."""

import select
import threading
from typing import Any

from fakes.control import CommandDevice
from fakes.pci import FakePci, FakeQueue

LOOK_S = 0.02


class ServedPci(FakePci):
    """A device that carries out what comes over its control queue; ``commands`` holds all of it.

    ``respond`` answers a command, by default with OK.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: list[bytes] = []
        self.respond: Any = None
        self._served: CommandDevice | None = None
        self._served_queue: FakeQueue | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="control queue")
        self._thread.start()

    def _serve(self) -> None:
        while not self._stopping:
            index = self.nb_queues - 1
            bell = self.bell_fd(index)
            if select.select([bell], [], [], LOOK_S)[0] and self.notifications(index) and self.queues[index].enabled:
                self._answer(index)

    def _answer(self, index: int) -> None:
        queue = self.queues[index]
        if self._served is None or self._served_queue is not queue:
            self._served, self._served_queue = CommandDevice(self.far_end(index)), queue
        if self.respond:
            self._served.respond = self.respond
        before = len(self._served.commands)
        self._served.serve()
        self.commands += self._served.commands[before:]

    def close(self) -> None:
        self._stopping = True
        self._thread.join()
        super().close()
