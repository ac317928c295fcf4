from transcripts import transcript

from pytestpmd.cli.render import stats as render
from pytestpmd.ethdev.stats import Rates, Stats


def test_port_statistics_are_the_originals_line_by_line() -> None:
    text = "".join(render.nic_stats(port_id, Stats(), Rates()) + "\n" for port_id in (0, 1))
    assert text == transcript("show-port-stats-all")


def test_rates_are_right_aligned() -> None:
    stats = Stats(ipackets=1280, opackets=1312, ibytes=81920, obytes=83968)
    rates = Rates(rx_pps=1165, rx_bps=596896, tx_pps=1194, tx_bps=611824)
    assert render.nic_stats(0, stats, rates) + "\n" == transcript("virtio-show-port-stats-all")


def test_the_packets_line_is_six_words_whatever_the_counts() -> None:
    big = 2**64 - 1
    text = render.nic_stats(31, Stats(ipackets=big, imissed=big, ibytes=big), Rates())
    assert len(next(line for line in text.splitlines() if "RX-packets:" in line).split()) == 6


def test_watched_xstats_stand_before_the_last_border() -> None:
    text = render.nic_stats(0, Stats(), Rates(), [render.WatchedXstat("rx_good_packets", 7, 3)])
    assert text.splitlines()[-3:] == [
        " " * 31 + "Value            Rate (since last show)",
        "  rx_good_packets                     7               3",
        "  " + "#" * 76,
    ]


def test_xstats_are_listed_in_order_and_zeros_can_be_hidden() -> None:
    names = [line.split(":")[0] for line in transcript("show-port-xstats-0").splitlines()[1:]]
    assert render.xstats(0, [(name, 0) for name in names]) + "\n" == transcript("show-port-xstats-0")
    assert render.xstats(0, [("a", 0), ("b", 1)], hide_zero=True).splitlines()[1:] == ["b: 1"]


def test_cleared_is_said_after_an_empty_line() -> None:
    assert render.cleared(0) + "\n" + render.cleared(1) + "\n" == transcript("clear-port-stats-all")
