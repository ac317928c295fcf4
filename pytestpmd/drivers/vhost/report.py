"""What a vhost port reports of its features and rings: pure but for reading a queue's counters.

The lcore goes on while its queue is read, so figures of one ring may be some packets apart.
"""

from collections.abc import Iterator, Sequence

from pytestpmd.drivers.report import feature_reports, protocol_reports
from pytestpmd.drivers.vhost.device import PROTOCOL_FEATURES, VhostDevice
from pytestpmd.drivers.vhost.rings import FAULTS, FIRST_LAP, Ring, VhostQueue
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.report import FeatureReport, RegionReport, RingReport
from pytestpmd.vhost_user.memory import MemRegion


def features(offered: int, agreed: int | None) -> tuple[FeatureReport, ...]:
    """What we offer, and what the front-end acknowledged; None while there is none."""
    if agreed is None:
        return feature_reports(offered, None, 0, lambda bit: "")
    return feature_reports(offered, None, agreed, lambda bit: _note(agreed, bit))


def protocol(agreed: int) -> tuple[FeatureReport, ...]:
    """The same of the vhost-user protocol's features."""
    return protocol_reports(PROTOCOL_FEATURES, None, agreed, lambda bit: _note(agreed, bit))


def _note(agreed: int, bit: int) -> str:
    return "" if agreed & bit else "not acknowledged by the front-end"


def region(shared: MemRegion) -> RegionReport:
    """A region of the front-end's memory table."""
    return RegionReport(shared.guest_addr, shared.user_addr, shared.size, shared.mmap_offset)


def rings(device: VhostDevice, queues: Sequence[VhostQueue | None], is_started: bool) -> Iterator[RingReport]:
    """Every ring that the front-end spoke of, or that the port has a queue for."""
    packed = bool(device.features & Feature.VIRTIO_F_RING_PACKED)
    for each, queue in zip(device.rings, queues, strict=True):
        if queue or each.size or each.address or each.kicked:
            yield _ring(each, queue, packed, _state(device, each, queue, is_started))


def _state(device: VhostDevice, ring: Ring, queue: VhostQueue | None, is_started: bool) -> str:
    if ring.queue:
        return "discards what comes until SET_VRING_ENABLE" if ring.discards else "live"
    if queue is None:
        return "the port has no such queue"
    lacks = device.lacks(ring)
    if lacks:
        return f"waits for {lacks}"
    return "cannot be served" if is_started else "the port is stopped"


def _ring(ring: Ring, queue: VhostQueue | None, packed: bool, state: str) -> RingReport:
    at = ring.address
    avail, used, wrap = _indices(ring, packed)
    return RingReport(
        ring.index,
        ring.name,
        "packed" if packed else "split",
        ring.size,
        state,
        *((at.desc, at.avail, at.used) if at else (0, 0, 0)),
        avail,
        used,
        wrap,
        wrap,
        _counters(queue),
        FAULTS.get(ring.fault, ""),
    )


def _indices(ring: Ring, packed: bool) -> tuple[int, int, int | None]:
    """Where the device is in the ring, or where it would take it up; both ends are one place in a packed ring."""
    if ring.queue is None:
        place = ring.base & ~FIRST_LAP if packed else ring.base
        return place, place, int(bool(ring.base & FIRST_LAP)) if packed else None
    vq = ring.queue.ptr
    return int(vq.last_avail), int(vq.used_idx), int(vq.wrap) if packed else None


def _counters(queue: VhostQueue | None) -> dict[str, int]:
    if queue is None:
        return {}
    vq = queue.ptr
    return {name: int(getattr(vq, name)) for name in ("calls", "calls_suppressed", "bad_chains", "bad_headers")}
