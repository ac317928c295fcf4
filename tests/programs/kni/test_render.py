"""The statistics' layout."""

from pytestpmd.programs.kni.render import KniStats, statistics
from pytestpmd.programs.kni.settings import PortLcores


def test_the_table_has_a_line_for_each_port() -> None:
    rows = [
        (PortLcores(0, 1, 3), KniStats(10, 2, 5, 1)),
        (PortLcores(12, 4, 10), KniStats(123456789012, 0, 7, 0) + KniStats(1, 1, 1, 1)),
    ]
    assert statistics(rows).splitlines() == [
        "**KNI example application statistics**",
        "======  ==============  ============  ============  ============  ============",
        " Port    Lcore(RX/TX)    rx_packets    rx_dropped    tx_packets    tx_dropped",
        "------  --------------  ------------  ------------  ------------  ------------",
        "      0          1/ 3            10             2             5             1",
        "     12          4/10  123456789013             1             8             1",
        "======  ==============  ============  ============  ============  ============",
    ]
