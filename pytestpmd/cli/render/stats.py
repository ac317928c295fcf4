"""``show port stats|xstats``, ``clear port stats``: what a port has counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytestpmd.ethdev.stats import Rates, Stats

BORDER = "#" * 24


@dataclass(frozen=True)
class WatchedXstat:
    """An extended statistic that ``--display-xstats`` asked for, and its rate a second since the last look."""

    name: str
    value: int
    rate: int


def nic_stats(port_id: int, stats: Stats, rates: Rates, watched: Sequence[WatchedXstat] = ()) -> str:
    """``show port stats``, with the empty line in front."""
    return "\n".join(
        [
            f"\n  {BORDER} NIC statistics for port {port_id:<2} {BORDER}",
            f"  RX-packets: {stats.ipackets:<10} RX-missed: {stats.imissed:<10} RX-bytes:  {stats.ibytes}",
            f"  RX-errors: {stats.ierrors}",
            f"  RX-nombuf:  {stats.rx_nombuf:<10}",
            f"  TX-packets: {stats.opackets:<10} TX-errors: {stats.oerrors:<10} TX-bytes:  {stats.obytes}",
            "\n  Throughput (since last show)",
            f"  Rx-pps: {rates.rx_pps:12}          Rx-bps: {rates.rx_bps:12}",
            f"  Tx-pps: {rates.tx_pps:12}          Tx-bps: {rates.tx_bps:12}",
            *_watched(watched),
            f"  {BORDER}{'#' * 28}{BORDER}",
        ]
    )


def _watched(watched: Sequence[WatchedXstat]) -> Iterable[str]:
    if not watched:
        return
    yield f"\n{' ':<31}{'Value':<17}Rate (since last show)"
    for xstat in watched:
        yield f"  {xstat.name:<25}{xstat.value:12} {xstat.rate:15}"


def xstats(
    port_id: int, values: Iterable[tuple[str, int]], *, hide_zero: bool = False, show_state: bool = False
) -> str:
    """``show port xstats``. No counter here can be switched off, of which the original says ``-``."""
    state = "state: -\t" if show_state else ""
    lines = [f"{state}{name}: {value}" for name, value in values if value or not hide_zero]
    return "\n".join([f"###### NIC extended statistics for port {port_id:<2}", *lines])


def cleared(port_id: int) -> str:
    """``clear port stats``, with the empty line in front."""
    return f"\n  NIC statistics for port {port_id} cleared"
