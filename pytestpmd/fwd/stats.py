"""What forwarding counted: of streams, of ports, and of both together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pytestpmd.ethdev.stats import Stats
from pytestpmd.fwd.streams import Stream
from pytestpmd.fwd.topology import StreamSpec


@dataclass(frozen=True)
class PortForwardStats:
    """What forwarding did with one port, or with all (``port_id`` -1), in packets."""

    port_id: int
    rx_packets: int = 0
    rx_dropped: int = 0
    rx_errors: int = 0
    rx_nombuf: int = 0
    tx_packets: int = 0
    tx_dropped: int = 0
    rx_bursts: Mapping[int, int] | None = None
    tx_bursts: Mapping[int, int] | None = None
    bad_ip_csum: int = 0
    bad_l4_csum: int = 0
    bad_outer_ip_csum: int = 0
    bad_outer_l4_csum: int = 0

    @property
    def rx_total(self) -> int:
        """Received, and missed by the device."""
        return self.rx_packets + self.rx_dropped

    @property
    def tx_total(self) -> int:
        """Sent, and dropped on the way."""
        return self.tx_packets + self.tx_dropped


@dataclass(frozen=True)
class StreamStats:
    """What one stream did, in packets."""

    rx_port: int
    rx_queue: int
    tx_port: int
    tx_queue: int
    rx_packets: int
    tx_packets: int
    tx_dropped: int
    rx_bursts: Mapping[int, int] | None = None
    tx_bursts: Mapping[int, int] | None = None
    bad_ip_csum: int = 0
    bad_l4_csum: int = 0
    bad_outer_ip_csum: int = 0
    bad_outer_l4_csum: int = 0


@dataclass(frozen=True)
class Balance:
    """Packets that engines made, that they freed instead of sending, and that they dropped as ports did not take them.

    Of one stream only the difference of the first two is known.
    """

    made: int
    freed: int
    #: By the port that did not take them.
    dropped_at: Mapping[int, int]

    @property
    def dropped(self) -> int:
        """At all ports."""
        return sum(self.dropped_at.values())


@dataclass(frozen=True)
class StreamSample:
    """What one stream has counted since ``start``, whatever was cleared since; busy cycles where they are recorded."""

    lcore_id: int
    spec: StreamSpec
    rx_packets: int
    tx_packets: int
    fwd_dropped: int
    busy_cycles: int

    @classmethod
    def of(cls, lcore_id: int, stream: Stream) -> Self:
        """Counters are read as they are, by any thread."""
        c = stream.ptr
        return cls(lcore_id, stream.spec, int(c.rx_packets), int(c.tx_packets), int(c.fwd_dropped), int(c.busy_cycles))


@dataclass(frozen=True)
class ForwardStats:
    """The whole of ``show fwd stats all``; ``streams`` only where there are more of them than ports."""

    engine: str
    ports: tuple[PortForwardStats, ...]
    streams: tuple[StreamStats, ...]
    total: PortForwardStats
    busy_cycles: int | None = None
    clock_mhz: int = 0


def port_stats(port_id: int, counted: Stats, streams: Sequence[Stream]) -> PortForwardStats:
    """What forwarding did with one port, by the port's own counters and those of all streams."""
    sending = [stream for stream in streams if stream.spec.tx_port == port_id]
    receiving = [stream for stream in streams if stream.spec.rx_port == port_id]
    return PortForwardStats(
        port_id,
        rx_packets=counted.ipackets,
        rx_dropped=counted.imissed,
        rx_errors=counted.ierrors,
        rx_nombuf=counted.rx_nombuf,
        tx_packets=counted.opackets,
        tx_dropped=sum(stream.count("fwd_dropped") for stream in sending) + counted.oerrors,
        rx_bursts=receiving[0].bursts("rx_bursts") if len(receiving) == 1 else None,
        tx_bursts=sending[0].bursts("tx_bursts") if len(sending) == 1 else None,
        bad_ip_csum=sum(stream.count("rx_bad_ip_csum") for stream in receiving),
        bad_l4_csum=sum(stream.count("rx_bad_l4_csum") for stream in receiving),
    )


def stream_stats(stream: Stream) -> StreamStats | None:
    """None of one that did nothing."""
    counts = stream.count("rx_packets"), stream.count("tx_packets"), stream.count("fwd_dropped")
    if not any(counts):
        return None
    spec = stream.spec
    return StreamStats(
        spec.rx_port,
        spec.rx_queue,
        spec.tx_port,
        spec.tx_queue,
        *counts,
        stream.bursts("rx_bursts"),
        stream.bursts("tx_bursts"),
        stream.count("rx_bad_ip_csum"),
        stream.count("rx_bad_l4_csum"),
    )


def sum_bursts(counts: Iterable[Mapping[int, int] | None]) -> Mapping[int, int] | None:
    """Together, None if there is nothing to add."""
    known = [each for each in counts if each is not None]
    return dict(sum(map(Counter, known), Counter[int]())) if known else None


def total_of(ports: Sequence[PortForwardStats]) -> PortForwardStats:
    """All ports together, as a port of number -1."""
    return PortForwardStats(
        -1,
        **{
            name: sum(getattr(port, name) for port in ports)
            for name in ("rx_packets", "rx_dropped", "rx_errors", "rx_nombuf", "tx_packets", "tx_dropped")
        },
    )
