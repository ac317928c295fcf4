"""``show fwd stats all`` and ``stop``: what forwarding has counted."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytestpmd.fwd.stats import ForwardStats, PortForwardStats, StreamStats

BORDER = "-" * 22
TOTAL_BORDER = "+" * 15
STREAM_BORDER = "-" * 7
#: Engines that only send: their cycles are counted by packets sent.
SENDERS = ("txonly", "flowgen")


def stopped(stats: "ForwardStats") -> str:
    """``stop``: the lcores are done, and this is what they did."""
    return f"Telling cores to stop...\nWaiting for lcores to finish...\n{forward_stats(stats)}\n\nDone."


def forward_stats(stats: "ForwardStats") -> str:
    """``show fwd stats all``: a block a stream (when there are more of them than ports), a port, and the sum."""
    blocks = [_stream(stream, stats.engine) for stream in stats.streams]
    blocks += [_port(port, stats.engine) for port in stats.ports]
    return "\n".join([*blocks, _total(stats.total), *_cycles(stats)])


def _port(port: "PortForwardStats", engine: str) -> str:
    lines = [f"\n  {BORDER} Forward statistics for port {port.port_id:<2} {BORDER}", _received(port)]
    if engine == "csum":
        lines += [
            f"  Bad-ipcsum: {port.bad_ip_csum:<14} Bad-l4csum: {port.bad_l4_csum:<14}"
            f"Bad-outer-l4csum: {port.bad_outer_l4_csum:<14}",
            f"  Bad-outer-ipcsum: {port.bad_outer_ip_csum:<14}",
        ]
    if port.rx_errors + port.rx_nombuf:
        lines += [f"  RX-error: {port.rx_errors}", f"  RX-nombufs: {port.rx_nombuf:<14}"]
    lines.append(_sent(port))
    lines += [*_bursts("RX", port.rx_bursts), *_bursts("TX", port.tx_bursts)]
    lines.append(f"  {BORDER}{'-' * 32}{BORDER}")
    return "\n".join(lines)


def _received(port: "PortForwardStats") -> str:
    return f"  RX-packets: {port.rx_packets:<14} RX-dropped: {port.rx_dropped:<14}RX-total: {port.rx_total}"


def _sent(port: "PortForwardStats") -> str:
    return f"  TX-packets: {port.tx_packets:<14} TX-dropped: {port.tx_dropped:<14}TX-total: {port.tx_total}"


def _total(total: "PortForwardStats") -> str:
    lines = [
        f"\n  {TOTAL_BORDER} Accumulated forward statistics for all ports{TOTAL_BORDER}",
        _received(total),
        _sent(total),
    ]
    if total.rx_nombuf:
        lines.append(f"  RX-nombufs: {total.rx_nombuf:<14}")
    lines.append(f"  {TOTAL_BORDER}{'+' * 46}{TOTAL_BORDER}")
    return "\n".join(lines)


def _stream(stream: "StreamStats", engine: str) -> str:
    lines = [
        f"\n  {STREAM_BORDER} Forward Stats for RX Port={stream.rx_port:2}/Queue={stream.rx_queue:2} -> "
        f"TX Port={stream.tx_port:2}/Queue={stream.tx_queue:2} {STREAM_BORDER}",
        f"  RX-packets: {stream.rx_packets:<14} TX-packets: {stream.tx_packets:<14} "
        f"TX-dropped: {stream.tx_dropped:<14}",
    ]
    if engine == "csum":
        lines[-1] += (
            f"  RX- bad IP checksum: {stream.bad_ip_csum:<14}  Rx- bad L4 checksum: {stream.bad_l4_csum:<14}"
            f" Rx- bad outer L4 checksum: {stream.bad_outer_l4_csum:<14}"
        )
        lines.append(f" RX- bad outer IP checksum: {stream.bad_outer_ip_csum:<14}")
    return "\n".join([*lines, *_bursts("RX", stream.rx_bursts), *_bursts("TX", stream.tx_bursts)])


def _bursts(kind: str, counts: Mapping[int, int] | None) -> Iterator[str]:
    """The line of ``--record-burst-stats``: empty bursts, then the two sizes seen most, then the rest."""
    total = sum(counts.values()) if counts else 0
    if not counts or not total:
        return
    most_seen = sorted((size for size in counts if size and counts[size]), key=lambda size: (-counts[size], size))
    parts, left, percent_left = [], total, 100
    for size in (0, *most_seen[:2]):
        left -= counts.get(size, 0)
        if left == 0:
            parts.append(f"{percent_left}% of {size} pkts")
            break
        percent = counts.get(size, 0) * 100 // total
        percent_left -= percent
        parts.append(f"{percent}% of {size} pkts")
    else:
        parts.append(f"{percent_left}% of other")
    yield f"  {kind}-bursts : {total} [{' + '.join(parts)}]"


def _cycles(stats: "ForwardStats") -> Iterator[str]:
    """The line of ``--record-core-cycles``."""
    packets = stats.total.tx_packets if stats.engine in SENDERS else stats.total.rx_packets
    if stats.busy_cycles is None or not packets:
        return
    yield (
        f"\n  CPU cycles/packet={stats.busy_cycles / packets:.2f} (busy cycles={stats.busy_cycles} / "
        f"total {stats.engine} packets={packets}) at {stats.clock_mhz} MHz Clock"
    )
