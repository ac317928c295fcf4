"""Which receive queue feeds which transmit queue, and which lcore forwards it: values in, values out.

testpmd deals in two steps, and both are facts that its users rely on (DPDK ``app/test-pmd/config.c``,
``fwd_config_setup``). First the streams, in an order of their own: one a port on queue 0 unless there is more than one
receive *and* more than one transmit queue; with several queues the ports turn fastest (port 0 queue 0, port 1 queue 0,
..., port 0 queue 1); for an engine that answers where it heard, the queues turn fastest. Then the streams are cut into
runs of equal length, one an lcore; where they do not come out even, the **last** lcores get one more each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pytestpmd.config import Topology

ODD_PORT_WARNING = "Warning! port-topology=paired and odd forward ports number, the last port will pair with itself."


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One receive queue and the transmit queue that it feeds, by port id and queue id."""

    rx_port: int
    rx_queue: int
    tx_port: int
    tx_queue: int

    @property
    def peer_port(self) -> int:
        """The port whose peer address the engine writes as destination."""
        return self.tx_port


@dataclass(frozen=True, slots=True)
class LcoreSpec:
    """One forwarding lcore and the streams that it polls, in polling order."""

    lcore_id: int
    streams: tuple[StreamSpec, ...]


@dataclass(frozen=True, slots=True)
class FwdPlan:
    """What one ``start`` runs. ``warning`` is a line to show the user, once a process, or None."""

    ports: tuple[int, ...]
    lcores: tuple[LcoreSpec, ...]
    warning: str | None = None

    @property
    def streams(self) -> tuple[StreamSpec, ...]:
        """Every stream, in testpmd's numbering."""
        return tuple(stream for lcore in self.lcores for stream in lcore.streams)


def tx_port_index(rx_index: int, nb_ports: int, topology: Topology) -> int:
    """The place, in the list of forwarding ports, of the port that ``rx_index`` sends to."""
    if topology == "loop":
        return rx_index
    if topology == "chained":
        return (rx_index + 1) % nb_ports
    return min(rx_index ^ 1, nb_ports - 1)


def plan(
    ports: Sequence[int],
    nb_rxq: int,
    nb_txq: int,
    lcores: Sequence[int],
    topology: Topology = "paired",
    *,
    same_port: bool = False,
) -> FwdPlan:
    """Deal the streams of ``ports`` (ids, in forwarding order) to ``lcores`` (ids of the forwarding lcores).

    ``same_port`` is for an engine that answers on the port it heard (icmpecho): every receive queue is polled and the
    topology plays no part. Lcores that would have no stream are left out of the plan.
    """
    if same_port:
        streams = _echo_streams(ports, nb_rxq, nb_txq)
        lcores = lcores[: nb_txq * len(ports)]
    else:
        streams = _forward_streams(ports, nb_rxq, nb_txq, topology)
    return FwdPlan(tuple(ports), _deal(streams, lcores), _warning(ports, topology, same_port))


def _forward_streams(ports: Sequence[int], nb_rxq: int, nb_txq: int, topology: Topology) -> list[StreamSpec]:
    tx_ports = [ports[tx_port_index(i, len(ports), topology)] for i in range(len(ports))]
    nb_queues = max(1, min(nb_rxq, nb_txq))
    return [StreamSpec(rx, q, tx, q) for q in range(nb_queues) for rx, tx in zip(ports, tx_ports, strict=True)]


def _echo_streams(ports: Sequence[int], nb_rxq: int, nb_txq: int) -> list[StreamSpec]:
    # The original takes tx queue = rx queue, past the last one when there are fewer; ours stays among those that exist.
    return [StreamSpec(port, q, port, q % max(1, nb_txq)) for port in ports for q in range(nb_rxq)]


def _deal(streams: Sequence[StreamSpec], lcores: Sequence[int]) -> tuple[LcoreSpec, ...]:
    used = lcores[: len(streams)]
    if not used:
        return ()
    share, extra = divmod(len(streams), len(used))
    dealt, first = [], 0
    for place, lcore_id in enumerate(used):
        last = first + share + (place >= len(used) - extra)
        dealt.append(LcoreSpec(lcore_id, tuple(streams[first:last])))
        first = last
    return tuple(dealt)


def _warning(ports: Sequence[int], topology: Topology, same_port: bool) -> str | None:
    if topology == "paired" and not same_port and len(ports) % 2:
        return ODD_PORT_WARNING
    return None
