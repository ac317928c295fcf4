"""Counters as Python reads them: a snapshot, a difference, a rate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

#: The plain counters of ``struct queue_stats`` (ethdev/ethdev.h).
QUEUE_FIELDS = ("packets", "bytes", "errors", "nombuf", "missed", "multicast", "broadcast")

SIZE_BINS = (
    "undersize",
    "size_64",
    "size_65_127",
    "size_128_255",
    "size_256_511",
    "size_512_1023",
    "size_1024_1518",
    "size_1519_max",
)


@dataclass(frozen=True)
class QueueCounters:
    """One queue's counters; ``size_bins`` counts packets by length in the order of ``SIZE_BINS``."""

    packets: int = 0
    bytes: int = 0
    errors: int = 0
    nombuf: int = 0
    missed: int = 0
    multicast: int = 0
    broadcast: int = 0
    size_bins: tuple[int, ...] = (0,) * len(SIZE_BINS)

    def __sub__(self, earlier: "QueueCounters") -> "QueueCounters":
        return QueueCounters(
            **{name: getattr(self, name) - getattr(earlier, name) for name in QUEUE_FIELDS},
            size_bins=tuple(now - then for now, then in zip(self.size_bins, earlier.size_bins, strict=True)),
        )

    def value(self, name: str) -> int:
        """A counter by its name, or a size bin by the name that ``SIZE_BINS`` gives it."""
        if name in SIZE_BINS:
            return self.size_bins[SIZE_BINS.index(name)]
        return int(getattr(self, name))


@dataclass(frozen=True)
class Stats:
    """A port's basic statistics (``rte_eth_stats``), packets and bytes without the frame check sequence."""

    ipackets: int = 0
    opackets: int = 0
    ibytes: int = 0
    obytes: int = 0
    imissed: int = 0
    ierrors: int = 0
    oerrors: int = 0
    rx_nombuf: int = 0

    def __sub__(self, earlier: "Stats") -> "Stats":
        return Stats(**{f.name: getattr(self, f.name) - getattr(earlier, f.name) for f in fields(self)})

    def __add__(self, other: "Stats") -> "Stats":
        return Stats(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def xstats(self) -> Iterator[tuple[str, int]]:
        """The basic statistics under the names that xstats give them."""
        yield "rx_good_packets", self.ipackets
        yield "tx_good_packets", self.opackets
        yield "rx_good_bytes", self.ibytes
        yield "tx_good_bytes", self.obytes
        yield "rx_missed_errors", self.imissed
        yield "rx_errors", self.ierrors
        yield "tx_errors", self.oerrors
        yield "rx_mbuf_allocation_errors", self.rx_nombuf


def port_stats(rx: Sequence[QueueCounters], tx: Sequence[QueueCounters]) -> Stats:
    """The port's statistics from those of its queues."""
    return Stats(
        ipackets=sum(q.packets for q in rx),
        opackets=sum(q.packets for q in tx),
        ibytes=sum(q.bytes for q in rx),
        obytes=sum(q.bytes for q in tx),
        imissed=sum(q.missed for q in rx),
        ierrors=sum(q.errors for q in rx),
        oerrors=sum(q.errors for q in tx),
        rx_nombuf=sum(q.nombuf for q in rx),
    )


@dataclass(frozen=True)
class Rates:
    """Packets and bits a second."""

    rx_pps: int = 0
    rx_bps: int = 0
    tx_pps: int = 0
    tx_bps: int = 0


class RateMeter:
    """What some counters count a second, between one look and the next; the first look has no rates."""

    def __init__(self) -> None:
        self._counts: tuple[int, ...] = ()
        self._taken_ns = 0

    def sample(self, counts: tuple[int, ...], now_ns: int) -> tuple[int, ...]:
        """Rates since the last sample, by a clock that only goes forward. Counters that were cleared count as still."""
        before = self._counts if len(self._counts) == len(counts) else counts
        passed_ns = now_ns - self._taken_ns
        self._counts, self._taken_ns = counts, now_ns
        return tuple(
            max(0, now - then) * 10**9 // passed_ns if passed_ns > 0 else 0
            for now, then in zip(counts, before, strict=True)
        )

    def sample_port(self, stats: Stats, now_ns: int) -> Rates:
        """The same for a port's packets and bytes."""
        packets_in, bytes_in, packets_out, bytes_out = self.sample(
            (stats.ipackets, stats.ibytes, stats.opackets, stats.obytes), now_ns
        )
        return Rates(packets_in, bytes_in * 8, packets_out, bytes_out * 8)
