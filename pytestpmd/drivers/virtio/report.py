"""What a virtio port reports of its features and rings: pure but for reading a queue's counters.

The lcore goes on while its queue is read, so figures of one ring may be some packets apart.
"""

from pytestpmd.drivers.report import feature_reports, protocol_reports
from pytestpmd.drivers.virtio.features import describe
from pytestpmd.drivers.virtio.virtqueue import FAULTS, Virtqueue
from pytestpmd.drivers.virtio_net import NEEDS, Feature
from pytestpmd.eal.memory import Region
from pytestpmd.ethdev.report import FeatureReport, RegionReport, RingReport

F = Feature

#: The device argument by which a feature is asked for that is not asked of every device.
DEVARGS = {
    F.VIRTIO_NET_F_MRG_RXBUF: "mrg_rxbuf=1",
    F.VIRTIO_F_IN_ORDER: "in_order=1",
    F.VIRTIO_F_RING_PACKED: "packed_vq=1",
    F.VIRTIO_NET_F_MAC: "mac=ADDRESS",
    F.VIRTIO_NET_F_MQ: "queues=2",
    F.VIRTIO_NET_F_CTRL_VQ: "cq=1",
    F.VIRTIO_NET_F_CTRL_RX: "cq=1",
    F.VIRTIO_NET_F_CTRL_VLAN: "cq=1",
    F.VIRTIO_NET_F_CTRL_MAC_ADDR: "cq=1",
    F.VIRTIO_NET_F_GUEST_ANNOUNCE: "cq=1",
}
#: The offload that asks for a feature.
OFFLOADS = {
    F.VIRTIO_NET_F_CSUM: "tx_offload udp_cksum",
    F.VIRTIO_NET_F_GUEST_CSUM: "rx_offload udp_cksum",
    F.VIRTIO_NET_F_HOST_TSO4: "tx_offload tcp_tso",
    F.VIRTIO_NET_F_HOST_TSO6: "tx_offload tcp_tso",
    F.VIRTIO_NET_F_GUEST_TSO4: "rx_offload tcp_lro",
    F.VIRTIO_NET_F_GUEST_TSO6: "rx_offload tcp_lro",
    F.VIRTIO_NET_F_HASH_REPORT: "rx_offload rss_hash",
}
NOT_OFFERED = "not offered by the {}"
ANSWERED = "the front-end answers for it itself"
NOT_USED = "not wanted: the driver makes no use of it"


def features(offered: int, usable: int, wanted: int, agreed: int, peer: str = "back-end") -> tuple[FeatureReport, ...]:
    """Every feature that somebody has a part in: ``offered`` by the peer, ``usable`` by way of the transport.

    The transport takes away what it has no way to use, and adds what the front-end answers for itself.
    """

    def note(bit: int) -> str:
        if agreed & bit:
            return "" if offered & bit else ANSWERED if usable & bit else f"agreed with an earlier {peer}"
        if not wanted & bit:
            return _not_wanted(Feature(bit))
        if not usable & bit:
            return "offered, but the transport has no way to use it" if offered & bit else NOT_OFFERED.format(peer)
        missing = NEEDS.get(Feature(bit), 0) & ~agreed
        return f"needs {describe(missing)}" if missing else "not offered when the port was configured"

    return feature_reports(offered, wanted, agreed, note)


def _not_wanted(feature: Feature) -> str:
    if feature in OFFLOADS:
        return f"not wanted: {OFFLOADS[feature]} asks for it"
    return f"not wanted: devarg {DEVARGS[feature]} asks for it" if feature in DEVARGS else NOT_USED


def protocol(offered: int, wanted: int, agreed: int) -> tuple[FeatureReport, ...]:
    """The features of the vhost-user protocol, of which the front-end takes all that both have."""

    def note(bit: int) -> str:
        if agreed & bit:
            return ""
        return NOT_OFFERED.format("back-end") if wanted & bit else NOT_USED

    return protocol_reports(offered, wanted, agreed, note)


def region(shared: Region) -> RegionReport:
    """Memory that the back-end sees: its addresses here serve as guest and as user addresses."""
    return RegionReport(shared.address, shared.address, shared.size, shared.offset)


def ring(virtqueue: Virtqueue, state: str, is_started: bool) -> RingReport:
    """One virtqueue as it is now; one of a stopped port has been drained, whatever its indices say."""
    vq, at = virtqueue.ptr, virtqueue.addresses
    return RingReport(
        virtqueue.index,
        virtqueue.name,
        "packed" if virtqueue.packed else "split",
        at.size,
        state,
        at.desc,
        at.avail,
        at.used,
        int(vq.avail_idx),
        int(vq.used_cons),
        int(vq.avail_wrap) if virtqueue.packed else None,
        int(vq.used_wrap) if virtqueue.packed else None,
        {
            "outstanding": virtqueue.outstanding if is_started else 0,
            "kicks": int(vq.kicks),
            "kicks_suppressed": int(vq.kicks_suppressed),
        },
        FAULTS.get(vq.fault, ""),
    )
