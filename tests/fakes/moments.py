"""Looks and moments of a program that was never run, for what shows them."""

from collections.abc import Sequence

from pytestpmd.app.sampling import NS, Sample
from pytestpmd.cli.dashboard.history import History
from pytestpmd.cli.dashboard.look import Look, PortLook, QueueKey, Ring
from pytestpmd.ethdev.link import Link
from pytestpmd.ethdev.stats import QueueCounters, Stats
from pytestpmd.fwd.stats import StreamSample
from pytestpmd.fwd.topology import StreamSpec

RING = 256


def a_look(
    at_s: float,
    packets: int,
    *,
    ports: int = 2,
    dropped: int = 0,
    missed: int = 0,
    cycles: tuple[int, int] | None = None,
    bursts: dict[int, int] | None = None,
    sleeps: int | None = None,
    waiting: int = 0,
    link: Link | None = None,
) -> Look:
    """Ports that each received and sent so many packets of 64 bytes, by one queue and one stream each."""
    ids = range(ports)
    counters = QueueCounters(packets=packets, bytes=64 * packets, missed=missed)
    stats = Stats(
        ipackets=packets, opackets=packets, ibytes=64 * packets, obytes=64 * packets, imissed=missed, rx_nombuf=0
    )
    rings: dict[QueueKey, Ring] = {}
    for i in ids:
        rings |= {("rxq", i, 0): Ring(waiting, RING), ("txq", i, 0): Ring()}
    streams = tuple(StreamSample(1, StreamSpec(i, 0, i ^ 1, 0), packets, packets - dropped, dropped, 0) for i in ids)
    queues = {(i, 0): counters for i in ids}
    return Look(
        sample=Sample(round(at_s * NS), dict.fromkeys(ids, stats), queues, queues, streams),
        engine="macswap",
        running=True,
        ports=tuple(PortLook(i, f"net_null{i}", True, link or Link(True)) for i in ids),
        rings=rings,
        cycles={1: cycles} if cycles else {},
        sleeps={} if sleeps is None else {1: sleeps},
        rx_bursts=bursts,
        tx_bursts=bursts,
    )


def a_history(looks: Sequence[Look]) -> History:
    made = History()
    for each in looks:
        made.add(each)
    return made
