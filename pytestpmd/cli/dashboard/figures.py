"""Two looks made into what is shown: packets and bits a second, drops by reason, cycles a packet."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytestpmd.app.sampling import counted, rates_of, seconds
from pytestpmd.cli.dashboard.look import Look, QueueKey, Ring
from pytestpmd.ethdev.link import Link
from pytestpmd.ethdev.stats import QueueCounters, Rates, Stats
from pytestpmd.fwd.stats import StreamSample
from pytestpmd.fwd.topology import StreamSpec

BITS = 8
PERCENT = 100
#: Why packets are lost, in the words of the statistics, and what each means.
DROPS = {
    "missed": "came while the ring had no buffer for them",
    "rx errors": "came damaged, or the device reported them badly",
    "no mbuf": "came while the pool was empty",
    "tx full": "found no room in the ring of the port they were to leave by",
    "tx errors": "were refused by the port they were to leave by",
}


@dataclass(frozen=True, slots=True)
class PortFigures:
    """One port; drops a second and in all, in the order of ``DROPS``."""

    port_id: int
    name: str
    started: bool
    link: Link
    rates: Rates
    drops: tuple[int, ...]
    dropped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue; what it lost is a second as well."""

    kind: str
    port_id: int
    queue_id: int
    pps: int
    bps: int
    lost: int
    ring: Ring


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """One stream, in packets a second."""

    spec: StreamSpec
    lcore_id: int
    rx_pps: int
    tx_pps: int
    dropped: int


@dataclass(frozen=True, slots=True)
class LcoreFigures:
    """One lcore; None where cycles are not recorded, or there were no packets to spread them over, or it polls."""

    lcore_id: int
    streams: int
    pps: int
    busy_percent: float | None
    cycles_per_packet: float | None
    sleeps: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a period of ``period_s`` seconds, which ended at ``taken_ns``, was like."""

    taken_ns: int
    period_s: float
    engine: str
    running: bool
    ports: Mapping[int, PortFigures]
    queues: Mapping[QueueKey, QueueFigures]
    streams: tuple[StreamFigures, ...]
    lcores: tuple[LcoreFigures, ...]
    rx_bursts: Mapping[int, int] | None
    tx_bursts: Mapping[int, int] | None

    @property
    def total(self) -> Rates:
        """All ports together."""
        each = [port.rates for port in self.ports.values()]
        return Rates(
            sum(one.rx_pps for one in each),
            sum(one.rx_bps for one in each),
            sum(one.tx_pps for one in each),
            sum(one.tx_bps for one in each),
        )


def moment(before: Look, after: Look) -> Moment:
    """What happened between two looks."""
    period_s = seconds(before.sample, after.sample)
    return Moment(
        after.sample.taken_ns,
        period_s,
        after.engine,
        after.running,
        {port.port_id: port for port in _ports(before, after, period_s)},
        {(queue.kind, queue.port_id, queue.queue_id): queue for queue in _queues(before, after, period_s)},
        tuple(_streams(before, after, period_s)),
        tuple(_lcores(before, after, period_s)),
        _more(before.rx_bursts, after.rx_bursts),
        _more(before.tx_bursts, after.tx_bursts),
    )


def _per_second(count: int, period_s: float) -> int:
    return round(count / period_s) if period_s > 0 else 0


def _ports(before: Look, after: Look, period_s: float) -> Iterator[PortFigures]:
    counts, full, full_in_all = counted(before.sample, after.sample), Counter[int](), Counter[int]()
    for then, now in _stream_pairs(before, after):
        full[now.spec.tx_port] += now.fwd_dropped - then.fwd_dropped
        full_in_all[now.spec.tx_port] += now.fwd_dropped
    for port in after.ports:
        stats, port_id = counts[port.port_id], port.port_id
        yield PortFigures(
            port_id,
            port.name,
            port.started,
            port.link,
            rates_of(stats, period_s),
            tuple(_per_second(count, period_s) for count in _drops(stats, full[port_id])),
            _drops(after.sample.ports[port_id], full_in_all[port_id]),
        )


def _drops(stats: Stats, full: int) -> tuple[int, ...]:
    return stats.imissed, stats.ierrors, stats.rx_nombuf, full, stats.oerrors


def _queues(before: Look, after: Look, period_s: float) -> Iterator[QueueFigures]:
    known = _counters(before)
    for key, now in sorted(_counters(after).items(), key=lambda one: (one[0][1], one[0])):
        then = known.get(key, QueueCounters())
        if then.packets > now.packets:  # another queue, of a port that was configured anew
            then = QueueCounters()
        lost = now.missed + now.errors + now.nombuf - then.missed - then.errors - then.nombuf
        yield QueueFigures(
            *key,
            _per_second(now.packets - then.packets, period_s),
            _per_second((now.bytes - then.bytes) * BITS, period_s),
            _per_second(lost, period_s),
            after.rings.get(key, Ring()),
        )


def _counters(at: Look) -> Mapping[QueueKey, QueueCounters]:
    received = {("rxq", *key): counts for key, counts in at.sample.rx_queues.items()}
    return received | {("txq", *key): counts for key, counts in at.sample.tx_queues.items()}


def _stream_pairs(before: Look, after: Look) -> Iterator[tuple[StreamSample, StreamSample]]:
    """Each stream as it was and as it is; one that was not there, or that another ``start`` made, began at 0."""
    known = {(each.lcore_id, each.spec): each for each in before.sample.streams}
    for now in after.sample.streams:
        then = known.get((now.lcore_id, now.spec))
        if then is None or then.rx_packets > now.rx_packets or then.tx_packets > now.tx_packets:
            then = StreamSample(now.lcore_id, now.spec, 0, 0, 0, 0)
        yield then, now


def _streams(before: Look, after: Look, period_s: float) -> Iterator[StreamFigures]:
    for then, now in _stream_pairs(before, after):
        yield StreamFigures(
            now.spec,
            now.lcore_id,
            _per_second(now.rx_packets - then.rx_packets, period_s),
            _per_second(now.tx_packets - then.tx_packets, period_s),
            _per_second(now.fwd_dropped - then.fwd_dropped, period_s),
        )


def _lcores(before: Look, after: Look, period_s: float) -> Iterator[LcoreFigures]:
    pairs = list(_stream_pairs(before, after))
    for lcore_id in dict.fromkeys(now.lcore_id for _, now in pairs):
        own = [(then, now) for then, now in pairs if now.lcore_id == lcore_id]
        packets = sum(max(now.rx_packets - then.rx_packets, now.tx_packets - then.tx_packets) for then, now in own)
        busy, total = _cycles(before, after, lcore_id)
        yield LcoreFigures(
            lcore_id,
            len(own),
            _per_second(packets, period_s),
            PERCENT * busy / total if total > 0 else None,
            busy / packets if total > 0 and packets else None,
            _sleeps(before, after, lcore_id, period_s),
        )


def _cycles(before: Look, after: Look, lcore_id: int) -> tuple[int, int]:
    """Busy ones of the period, and all."""
    busy, total = after.cycles.get(lcore_id, (0, 0))
    busy_then, total_then = before.cycles.get(lcore_id, (0, 0))
    return (busy, total) if total_then > total else (busy - busy_then, total - total_then)


def _sleeps(before: Look, after: Look, lcore_id: int, period_s: float) -> int | None:
    """A second; None for an lcore that polls."""
    if lcore_id not in after.sleeps:
        return None
    now, then = after.sleeps[lcore_id], before.sleeps.get(lcore_id, 0)
    return _per_second(now if then > now else now - then, period_s)


def _more(before: Mapping[int, int] | None, after: Mapping[int, int] | None) -> Mapping[int, int] | None:
    """Bursts of the period by size; all that are counted where they were cleared meanwhile."""
    if after is None:
        return None
    then = before or {}
    if any(after.get(size, 0) < count for size, count in then.items()):
        then = {}
    return {size: more for size, count in after.items() if (more := count - then.get(size, 0))}
