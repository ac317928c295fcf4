"""Why vectors that were asked for (``vectorized=1``) are not used, in the words that DPDK logs at configure: pure.

Unlike DPDK's, the wish is not forgotten: what was in the way of it once may be gone at the next configure.
"""

from collections.abc import Iterator

from pytestpmd.drivers.virtio.paths import (
    MIN_SIMD_WIDTH,
    PACKED_SIMD_WIDTH,
    SPLIT_OFFLOADS,
    Facts,
)
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.offloads import RxOffload


def disabled(facts: Facts) -> Iterator[str]:
    """One line for each reason; none where nobody asked."""
    if facts.vectorized:
        yield from _packed(facts) if facts.packed else _split(facts)


def _packed(facts: Facts) -> Iterator[str]:
    version_1 = facts.agreed.has(Feature.VIRTIO_F_VERSION_1)
    if not facts.in_order or not version_1 or facts.simd_width < PACKED_SIMD_WIDTH:
        yield "disabled packed ring vectorized path for requirements not met"
        return
    rx = "disabled packed ring vectorized rx for"
    if facts.mergeable:
        yield f"{rx} mrg_rxbuf enabled"
    if facts.rx_offloads & RxOffload.TCP_LRO:
        yield f"{rx} TCP_LRO enabled"
    if facts.rx_offloads & RxOffload.RSS_HASH:
        yield f"{rx} RSS_HASH enabled"


def _split(facts: Facts) -> Iterator[str]:
    if facts.mergeable:
        yield "disabled split ring vectorized rx for mrg_rxbuf enabled"
    if facts.rx_offloads & SPLIT_OFFLOADS:
        yield "disabled split ring vectorized rx for offloading enabled"
    if facts.simd_width < MIN_SIMD_WIDTH:
        yield "disabled split ring vectorized rx, max SIMD bitwidth too low"
