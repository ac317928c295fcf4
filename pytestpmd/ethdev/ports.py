"""Port ids: attach, detach, look up."""

import threading
from collections.abc import Iterator

from pytestpmd.errors import PortError
from pytestpmd.ethdev.port import EthPort

MAX_PORTS = 32

#: Held by whoever operates ports: the console for the length of a line, and a removal. One in a process, as its lcores
#: are. A driver's own thread never takes it, because whoever holds it may be waiting for that thread to end.
OPERATING = threading.RLock()


class NoSuchPort(PortError):
    """``Invalid port N``, in the original's words; what is valid follows on a line of its own where it says so."""

    def __init__(self, port_id: int) -> None:
        super().__init__(f"Invalid port {port_id}")


class Ports:
    """The ports by their ids; an id that became free is the next one given out, as in ``lib/ethdev``."""

    def __init__(self) -> None:
        self._ports: dict[int, EthPort] = {}

    def attach(self, port: EthPort) -> int:
        """Give a probed port the lowest free id."""
        port_id = next((i for i in range(MAX_PORTS) if i not in self._ports), None)
        if port_id is None:
            raise PortError(f"Cannot attach {port.name}: {MAX_PORTS} ports are in use")
        port.port_id = port_id
        self._ports[port_id] = port
        return port_id

    def detach(self, port_id: int) -> EthPort:
        """Forget a port; it must have been closed."""
        return self._ports.pop(self[port_id].port_id)

    def ids(self) -> list[int]:
        """All ids in use, ascending."""
        return sorted(self._ports)

    def chosen(self, which: int | str) -> list[EthPort]:
        """One port, or all of them where ``which`` is a word; raises :class:`NoSuchPort`."""
        return list(self) if isinstance(which, str) else [self[which]]

    def __getitem__(self, port_id: int) -> EthPort:
        if port_id not in self._ports:
            raise NoSuchPort(port_id)
        return self._ports[port_id]

    def __contains__(self, port_id: int) -> bool:
        return port_id in self._ports

    def __iter__(self) -> Iterator[EthPort]:
        # of a copy: whoever looks on from another thread sees ports come and go
        return iter([port for _, port in sorted(self._ports.copy().items())])

    def __len__(self) -> int:
        return len(self._ports)
