"""The statistics of pytestpmd-kni, as the KNI example of DPDK laid them out."""

from collections.abc import Sequence
from dataclasses import dataclass

from pytestpmd.programs.kni.settings import PortLcores

_COLUMNS = ("Port", "Lcore(RX/TX)", "rx_packets", "rx_dropped", "tx_packets", "tx_dropped")
_WIDTHS = (6, 14, 12, 12, 12, 12)


@dataclass(frozen=True)
class KniStats:
    """Packets: ``rx`` from the port to the interface, ``tx`` back; ``dropped`` are those that found no room there."""

    rx_packets: int = 0
    rx_dropped: int = 0
    tx_packets: int = 0
    tx_dropped: int = 0

    def __add__(self, other: "KniStats") -> "KniStats":
        return KniStats(*(a + b for a, b in zip(self.counts(), other.counts(), strict=True)))

    def counts(self) -> tuple[int, int, int, int]:
        return self.rx_packets, self.rx_dropped, self.tx_packets, self.tx_dropped


def statistics(rows: Sequence[tuple[PortLcores, KniStats]]) -> str:
    """The table."""
    double, single = ("  ".join(mark * width for width in _WIDTHS) for mark in "=-")
    lines = ["**KNI example application statistics**", double]
    lines.append("  ".join(f" {name:{width - 1}}" for name, width in zip(_COLUMNS, _WIDTHS, strict=True)).rstrip())
    lines.append(single)
    for lcores, stats in rows:
        cells = (f"{lcores.port_id:7d}", f"{lcores.lcore_rx:10d}/{lcores.lcore_tx:2d}")
        lines.append(" ".join([*cells, *(f"{count:13d}" for count in stats.counts())]))
    return "\n".join([*lines, double])
