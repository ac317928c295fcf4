"""Everything that is counted, at one moment, and what that makes a second between two of them.

For whoever looks on while packets are forwarded, on any thread: fields of C structs are read, nothing is changed and no
lock is taken. The lcores go on meanwhile, so figures of one sample may be some packets apart. Counts are those since a
port was made, or a stream (``start``), and no ``clear`` changes them.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pytestpmd.ethdev.ports import Ports
from pytestpmd.ethdev.stats import QueueCounters, Rates, Stats
from pytestpmd.fwd.session import Session
from pytestpmd.fwd.stats import StreamSample

NS = 10**9
BITS = 8


class App(Protocol):
    """What is looked at."""

    @property
    def ports(self) -> Ports: ...
    @property
    def session(self) -> Session: ...


@dataclass(frozen=True)
class Sample:
    """Counts at ``taken_ns`` of a clock that only goes forward: of ports and their queues by their ids, of streams."""

    taken_ns: int
    ports: Mapping[int, Stats]
    rx_queues: Mapping[tuple[int, int], QueueCounters]
    tx_queues: Mapping[tuple[int, int], QueueCounters]
    streams: tuple[StreamSample, ...]

    @property
    def total(self) -> Stats:
        """All ports together."""
        return sum(self.ports.values(), Stats())

    @property
    def busy_cycles(self) -> Mapping[int, int]:
        """By lcore, of all its streams; 0 where they are not recorded."""
        cycles: dict[int, int] = {}
        for stream in self.streams:
            cycles[stream.lcore_id] = cycles.get(stream.lcore_id, 0) + stream.busy_cycles
        return cycles


def take(app: App, clock: Callable[[], int] = time.monotonic_ns) -> Sample:
    """How things are now."""
    ports = list(app.ports)
    return Sample(
        clock(),
        {port.port_id: port.lifetime_stats() for port in ports},
        {(port.port_id, i): queue.lifetime() for port in ports for i, queue in enumerate(port.rx_queues)},
        {(port.port_id, i): queue.lifetime() for port in ports for i, queue in enumerate(port.tx_queues)},
        app.session.sample(),
    )


def seconds(before: Sample, after: Sample) -> float:
    """How long lies between two samples."""
    return (after.taken_ns - before.taken_ns) / NS


def counted(before: Sample, after: Sample) -> Mapping[int, Stats]:
    """What each port of the later sample counted in between; one that was not there before, or was another, all."""
    found = {}
    for port_id, now in after.ports.items():
        then = before.ports.get(port_id, Stats())
        found[port_id] = now - then if now.ipackets >= then.ipackets and now.opackets >= then.opackets else now
    return found


def rates_of(stats: Stats, duration_s: float) -> Rates:
    """What this is a second, in whole packets and bits; zeros for no time at all."""
    if duration_s <= 0:
        return Rates()
    return Rates(
        rx_pps=round(stats.ipackets / duration_s),
        rx_bps=round(stats.ibytes * BITS / duration_s),
        tx_pps=round(stats.opackets / duration_s),
        tx_bps=round(stats.obytes * BITS / duration_s),
    )


def rates(before: Sample, after: Sample) -> Mapping[int, Rates]:
    """Packets and bits a second, by port."""
    return {port_id: rates_of(stats, seconds(before, after)) for port_id, stats in counted(before, after).items()}
