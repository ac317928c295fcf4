import pytest
from fakes.forward import forward_stats, port_stats, stream_stats
from transcripts import transcript

from pytestpmd.cli.render import forward as render


def test_forward_statistics_are_the_originals_line_by_line() -> None:
    stats = forward_stats(
        port_stats(0, rx_packets=440832, tx_packets=440800), port_stats(1, rx_packets=440800, tx_packets=440800)
    )
    assert render.forward_stats(stats) + "\n" == transcript("show-fwd-stats-all")


def test_stop_frames_them() -> None:
    stats = forward_stats(*(port_stats(i, rx_packets=3517888, tx_packets=3517888) for i in (0, 1)))
    assert render.stopped(stats) + "\n" == transcript("stop")


def test_recorded_bursts_and_cycles_are_told() -> None:
    ports = [
        port_stats(i, rx_packets=3398944, tx_packets=3398944, rx_bursts={32: 106217}, tx_bursts={32: 106217})
        for i in (0, 1)
    ]
    stats = forward_stats(*ports, busy_cycles=626512984, clock_mhz=2596)
    assert render.stopped(stats) + "\n" == transcript("stop-recorded")


def test_csum_tells_bad_checksums() -> None:
    stats = forward_stats(port_stats(0, rx_packets=3, tx_packets=3), engine="csum")
    assert render.stopped(stats) + "\n" == transcript("csum-stop")


def test_errors_and_lack_of_mbufs_are_told_only_when_there_were_some() -> None:
    text = render.forward_stats(forward_stats(port_stats(0, rx_errors=2, rx_nombuf=5)))
    assert "  RX-error: 2\n  RX-nombufs: 5             \n" in text
    assert text.splitlines()[-2] == "  RX-nombufs: 5             "


def test_dropped_packets_add_to_the_totals() -> None:
    text = render.forward_stats(forward_stats(port_stats(0, rx_packets=5, rx_dropped=2, tx_packets=3, tx_dropped=4)))
    assert "  RX-packets: 5              RX-dropped: 2             RX-total: 7\n" in text
    assert "  TX-packets: 3              TX-dropped: 4             TX-total: 7\n" in text


def test_more_streams_than_ports_get_a_block_each() -> None:
    stream = stream_stats(rx_port=0, rx_queue=1, tx_port=1, tx_queue=1, rx_packets=9, tx_packets=8, tx_dropped=1)
    text = render.forward_stats(forward_stats(port_stats(0), streams=(stream,)))
    assert text.splitlines()[1:3] == [
        "  ------- Forward Stats for RX Port= 0/Queue= 1 -> TX Port= 1/Queue= 1 -------",
        "  RX-packets: 9              TX-packets: 8              TX-dropped: 1             ",
    ]


def test_borders_are_76_wide_and_nothing_stands_between_but_six_word_lines() -> None:
    inside = render.forward_stats(forward_stats(port_stats(0, rx_packets=1))).splitlines()
    assert inside[4] == "  " + "-" * 76
    assert inside[-1] == "  " + "+" * 76
    assert [len(line.split()) for line in (inside[2], inside[3], inside[-3], inside[-2])] == [6, 6, 6, 6]


@pytest.mark.parametrize(
    ("bursts", "text"),
    [
        ({0: 10}, "10 [100% of 0 pkts]"),
        ({0: 3, 32: 1}, "4 [75% of 0 pkts + 25% of 32 pkts]"),
        ({8: 1, 16: 2, 32: 1}, "4 [0% of 0 pkts + 50% of 16 pkts + 25% of 8 pkts + 25% of other]"),
        ({1: 1, 2: 2}, "3 [0% of 0 pkts + 66% of 2 pkts + 34% of 1 pkts]"),
    ],
)
def test_bursts_tell_the_two_sizes_seen_most(bursts: dict[int, int], text: str) -> None:
    shown = render.forward_stats(forward_stats(port_stats(0, rx_bursts=bursts)))
    assert f"  RX-bursts : {text}\n" in shown


def test_bursts_that_were_never_counted_are_not_told() -> None:
    assert "bursts" not in render.forward_stats(forward_stats(port_stats(0, rx_bursts={}, tx_bursts=None)))


def test_cycles_of_an_engine_that_only_sends_are_counted_by_what_it_sent() -> None:
    stats = forward_stats(port_stats(0, tx_packets=10), engine="txonly", busy_cycles=50, clock_mhz=1000)
    assert "cycles/packet=5.00 (busy cycles=50 / total txonly packets=10) at 1000 MHz" in render.forward_stats(stats)


def test_cycles_without_packets_are_not_told() -> None:
    assert "cycles" not in render.forward_stats(forward_stats(port_stats(0), busy_cycles=50, clock_mhz=1000))
