"""Forward statistics with the counts that a test gives them."""

from typing import Any

from pytestpmd.fwd.stats import ForwardStats, PortForwardStats, StreamStats

SUMMED = ("rx_packets", "rx_dropped", "rx_errors", "rx_nombuf", "tx_packets", "tx_dropped")


def port_stats(port_id: int, **counts: Any) -> PortForwardStats:
    """What forwarding did with a port; what is not given is 0."""
    return PortForwardStats(port_id, **counts)


def stream_stats(**counts: Any) -> StreamStats:
    """What a stream did."""
    return StreamStats(**counts)


def forward_stats(*ports: PortForwardStats, streams: tuple[StreamStats, ...] = (), **rest: Any) -> ForwardStats:
    """The whole, with the sums of the ports."""
    total = PortForwardStats(-1, **{name: sum(getattr(port, name) for port in ports) for name in SUMMED})
    return ForwardStats(**{"engine": "io", "ports": ports, "streams": streams, "total": total, **rest})
