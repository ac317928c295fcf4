"""Our choice of functions beside DPDK's own, wherever the same rules hold; and where and why they do not.

The facts are DPDK 26.07's log at level info, on an x86 machine with AVX-512: net_virtio_user with DPDK's net_vhost
(``tests/data/dpdk_callbacks.csv``).
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from pytestpmd.drivers.virtio import offloads
from pytestpmd.drivers.virtio.disabled import disabled
from pytestpmd.drivers.virtio.features import negotiate
from pytestpmd.drivers.virtio.paths import PACKED_SIMD_WIDTH, Choice, Facts, choose
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.offloads import RxOffload, TxOffload

F = Feature
FACTS = Path(__file__).parents[2] / "data" / "dpdk_callbacks.csv"
BASE = F.VIRTIO_F_VERSION_1 | F.VIRTIO_RING_F_INDIRECT_DESC
CHECKED = RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM


@dataclass(frozen=True)
class Run:
    """What DPDK was told, and what it logged."""

    packed: bool
    mergeable: bool
    in_order: bool
    vectorized: bool
    rx_offloads: int
    tx_offloads: int
    simd: int
    features: int
    tx_path: str
    rx_path: str
    disabled: list[str]

    def __str__(self) -> str:
        words = [name for name in ("packed", "mergeable", "in_order", "vectorized") if getattr(self, name)]
        return "-".join([*words, f"rx{self.rx_offloads:x}", f"tx{self.tx_offloads:x}", f"simd{self.simd}"])

    @cached_property
    def wanted(self) -> Feature:
        """What our driver asks for, told the same."""
        wanted = BASE | offloads.asked(self.rx_offloads, self.tx_offloads)
        wanted |= F.VIRTIO_F_RING_PACKED if self.packed else F(0)
        wanted |= F.VIRTIO_NET_F_MRG_RXBUF if self.mergeable else F(0)
        return wanted | (F.VIRTIO_F_IN_ORDER if self.in_order else F(0))

    @cached_property
    def choice(self) -> Choice:
        agreed = negotiate(-1, self.wanted)
        return choose(Facts(agreed, self.vectorized, self.rx_offloads, self.tx_offloads, self.simd))

    @property
    def has_packed_vectors(self) -> bool:
        return self.packed and self.in_order and self.vectorized and self.simd >= PACKED_SIMD_WIDTH


def runs() -> list[Run]:
    with FACTS.open() as file:
        return [
            Run(
                *(row[name] == "1" for name in ("packed_vq", "mrg_rxbuf", "in_order", "vectorized")),
                int(row["rx_offloads"], 16),
                int(row["tx_offloads"], 16),
                int(row["simd"]),
                int(row["features"], 16),
                row["tx_path"],
                row["rx_path"],
                [line for line in row["disabled"].split("; ") if line],
            )
            for row in csv.DictReader(file)
        ]


@dataclass(frozen=True)
class Difference:
    """Where we choose otherwise, and why."""

    why: str
    holds: Callable[[Run], bool]
    expected: str


RX_DIFFERENCES = (
    Difference(
        "47.6 of the guide: in order without mergeable buffers has no receive function of its own",
        lambda run: not run.packed and run.in_order and not run.mergeable and not run.vectorized,
        "standard Rx",
    ),
    Difference(
        "47.6 of the guide: vectors whenever nothing is in their way, used in order or not",
        lambda run: not run.packed and run.in_order and not run.mergeable and run.vectorized,
        "vectorized Rx",
    ),
)
TX_DIFFERENCES = (
    Difference(
        "47.6 of the guide: the simple transmit function where there is no Tx offload; DPDK has dropped it",
        lambda run: (
            not (run.packed or run.in_order or run.mergeable)
            and run.vectorized
            and not run.tx_offloads
            and run.simd >= 128
        ),
        "simple Tx",
    ),
)

each_run = pytest.mark.parametrize("run", runs(), ids=str)


def compare(ours: str, dpdk: str, run: Run, differences: tuple[Difference, ...]) -> None:
    stated = [difference for difference in differences if difference.holds(run)]
    if stated:
        assert ours == stated[0].expected != dpdk, stated[0].why
    else:
        assert ours == dpdk


@each_run
def test_the_receive_function_is_dpdk_s_or_the_guide_s(run: Run) -> None:
    compare(run.choice.rx.label, run.rx_path, run, RX_DIFFERENCES)


@each_run
def test_the_transmit_function_is_dpdk_s_or_the_guide_s(run: Run) -> None:
    compare(run.choice.tx.label, run.tx_path, run, TX_DIFFERENCES)


@each_run
def test_what_is_in_the_way_of_vectors_is_told_in_dpdk_s_words(run: Run) -> None:
    told = list(disabled(run.choice.facts))
    if not run.packed and run.in_order and run.mergeable and run.vectorized:
        # IN_ORDER alone stops DPDK's vectors, and it does not say so; here it is the mergeable buffers
        assert (told, run.disabled) == (["disabled split ring vectorized rx for mrg_rxbuf enabled"], [])
    else:
        assert told == run.disabled


@each_run
def test_features_follow_from_offloads_as_dpdk_s_do(run: Run) -> None:
    """But for the checksums that segments need (virtio 1.2, 5.1.3.1), which DPDK leaves to chance."""
    ours = int(run.wanted)
    if run.rx_offloads & RxOffload.TCP_LRO and not run.rx_offloads & CHECKED:
        ours &= ~F.VIRTIO_NET_F_GUEST_CSUM
    if run.tx_offloads & TxOffload.TCP_TSO:
        assert run.features & F.VIRTIO_NET_F_CSUM
    assert hex(ours) == hex(run.features)


@pytest.mark.parametrize("difference", [*RX_DIFFERENCES, *TX_DIFFERENCES], ids=lambda difference: difference.why)
def test_every_difference_was_seen(difference: Difference) -> None:
    assert any(map(difference.holds, runs()))


def test_nobody_who_did_not_ask_for_vectors_hears_of_them() -> None:
    agreed = negotiate(-1, BASE | F.VIRTIO_NET_F_MRG_RXBUF)
    assert not list(disabled(Facts(agreed)))
    assert not list(disabled(Facts(agreed, vectorized=False)))
