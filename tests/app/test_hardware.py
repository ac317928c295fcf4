"""What only hardware can do keeps ports from starting, in the words of testpmd 26.07."""

import pytest

from pytestpmd.app.hardware import refusal_of_rx_queues, refusal_to_configure
from pytestpmd.config import Config


def test_nothing_is_refused_that_nobody_asked_for() -> None:
    assert (refusal_to_configure(Config(), 0), refusal_of_rx_queues(Config(), 0)) == ("", "")


def test_isolation_is_refused() -> None:
    config = Config()
    config.ports.flow_isolate_all = True
    assert refusal_to_configure(config, 1).splitlines() == [
        "port_flow_complain(): Caught PMD error type 1 (cause unspecified): Function not implemented: "
        "Function not implemented",
        "Failed to apply isolated mode on port 1",
    ]


@pytest.mark.parametrize(
    ("segments", "pools", "sizes", "why"),
    [
        (1, False, [2176], ""),
        (2, False, [2176], "ETHDEV: No Rx segmentation offload configured"),
        (2, True, [2176], "Invalid number of mempools 1"),
        (0, True, [2176, 1024], "Port 1 doesn't support requested multi-rx-mempool configuration."),
    ],
)
def test_split_packets_are_refused(segments: int, pools: bool, sizes: list[int], why: str) -> None:
    config = Config()
    config.rx_split.segments, config.rx_split.multi_rx_mempool, config.pool.mbuf_sizes = segments, pools, sizes
    assert refusal_of_rx_queues(config, 1) == (f"{why}\nFail to configure port 1 rx queues" if why else "")
