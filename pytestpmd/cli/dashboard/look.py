"""Everything that the dashboard shows, read at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytestpmd.app.sampling import Sample, take
from pytestpmd.errors import OperationError
from pytestpmd.ethdev.link import Link
from pytestpmd.ethdev.port import EthPort, PortState

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

#: A queue: its kind (rxq or txq), its port and its number.
QueueKey = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Ring:
    """Descriptors with packets that wait, of all that there are; 0 of 0 where a port has no rings."""

    used: int = 0
    size: int = 0


@dataclass(frozen=True)
class PortLook:
    """A port, but for what it counts."""

    port_id: int
    name: str
    started: bool
    link: Link


@dataclass(frozen=True)
class Look:
    """Counts only grow, but for what begins anew with ``start``: streams, cycles and, cleared or not, bursts.

    ``cycles`` are busy ones and all by lcore, ``sleeps`` how often those slept that do. Bursts are counted by size,
    None where that is not recorded.
    """

    sample: Sample
    engine: str
    running: bool
    ports: tuple[PortLook, ...]
    rings: Mapping[QueueKey, Ring]
    cycles: Mapping[int, tuple[int, int]]
    sleeps: Mapping[int, int]
    rx_bursts: Mapping[int, int] | None
    tx_bursts: Mapping[int, int] | None


def look(app: "TestPmd") -> Look:
    """How things are now; nobody may be operating ports meanwhile (``OPERATING``)."""
    session = app.session
    engine = session.plan.engine if session.plan and session.running else app.config.forward.engine
    rx_bursts, tx_bursts = session.bursts()
    return Look(
        sample=take(app),
        engine=engine,
        running=session.running,
        ports=tuple(_port(port) for port in app.ports),
        rings={key: ring for port in app.ports for key, ring in _rings(port).items()},
        cycles=session.cycles() if app.config.forward.record_core_cycles else {},
        sleeps={lcore_id: counts.sleeps for lcore_id, counts in session.sleeps().items()},
        rx_bursts=rx_bursts,
        tx_bursts=tx_bursts,
    )


def _port(port: EthPort) -> PortLook:
    return PortLook(port.port_id, port.name, port.state is PortState.STARTED, port.link())


def _rings(port: EthPort) -> Mapping[QueueKey, Ring]:
    queues = {"rxq": port.rx_queues, "txq": port.tx_queues}
    return {(kind, port.port_id, i): _ring(port, kind, i) for kind in queues for i in range(len(queues[kind]))}


def _ring(port: EthPort, kind: str, queue_id: int) -> Ring:
    try:
        return Ring(port.used_count(kind, queue_id), port.queue_info(kind, queue_id).nb_desc)
    except OperationError:
        return Ring()
