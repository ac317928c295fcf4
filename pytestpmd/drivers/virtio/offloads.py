"""What a port's offloads take of the device, and what is done in C when it agreed: pure.

A feature is asked for only with an offload that needs it, so that a device which no one told otherwise sends packets
with whole checksums, and none that is longer than the MTU. Tags are the driver's own work.
"""

from dataclasses import dataclass

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio.features import Agreement, negotiate
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import NotSupported
from pytestpmd.ethdev.offloads import RxOffload, TxOffload

F = Feature

GUEST_TSO = F.VIRTIO_NET_F_GUEST_TSO4 | F.VIRTIO_NET_F_GUEST_TSO6
HOST_TSO = F.VIRTIO_NET_F_HOST_TSO4 | F.VIRTIO_NET_F_HOST_TSO6


@dataclass(frozen=True)
class Rule:
    """An offload, what the device must agree to for it, and what is said when it did not."""

    offload: RxOffload | TxOffload
    features: Feature
    refusal: str


RX_RULES = (
    Rule(
        RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM, F.VIRTIO_NET_F_GUEST_CSUM, "rx checksum not available on this host"
    ),
    Rule(RxOffload.TCP_LRO, GUEST_TSO | F.VIRTIO_NET_F_GUEST_CSUM, "Large Receive Offload not available on this host"),
    Rule(RxOffload.VLAN_FILTER, F.VIRTIO_NET_F_CTRL_VLAN, "vlan filtering not available on this host"),
    Rule(RxOffload.RSS_HASH, F.VIRTIO_NET_F_HASH_REPORT, "receive hash not available on this host"),
)
TX_RULES = (
    Rule(TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM, F.VIRTIO_NET_F_CSUM, "tx checksum not available on this host"),
    Rule(TxOffload.TCP_TSO, HOST_TSO | F.VIRTIO_NET_F_CSUM, "TCP segmentation not available on this host"),
)

#: What is done to received packets, and what is heeded of those to be sent (``virtqueue.h``), by what was agreed.
RX_WORK = {
    F.VIRTIO_NET_F_GUEST_CSUM: lib.VIRTQUEUE_RX_CSUM,
    GUEST_TSO: lib.VIRTQUEUE_RX_LRO,
    F.VIRTIO_NET_F_HASH_REPORT: lib.VIRTQUEUE_RX_HASH,
}
TX_WORK = {F.VIRTIO_NET_F_CSUM: lib.VIRTQUEUE_TX_CSUM, HOST_TSO: lib.VIRTQUEUE_TX_TSO}


def _applied(rx_offloads: int, tx_offloads: int) -> list[Rule]:
    rules = [rule for rule in RX_RULES if rx_offloads & rule.offload]
    return rules + [rule for rule in TX_RULES if tx_offloads & rule.offload]


def asked(rx_offloads: int, tx_offloads: int) -> Feature:
    """The features that these offloads need."""
    features = Feature(0)
    for rule in _applied(rx_offloads, tx_offloads):
        features |= rule.features
    return features


def check(rx_offloads: int, tx_offloads: int, agreed: Agreement) -> None:
    """Raise :class:`NotSupported`, in DPDK's words, for the first offload that the device did not agree to."""
    for rule in _applied(rx_offloads, tx_offloads):
        if rule.features not in agreed.features:
            raise NotSupported(rule.refusal)


def capabilities(offered: Feature, wanted: Feature) -> tuple[RxOffload, TxOffload]:
    """What a port can be asked for when its device offers these, and these are wanted of it anyway."""
    everything = asked(-1, -1) & ~F.VIRTIO_NET_F_CTRL_VLAN  # which goes with the control queue
    possible = negotiate(offered, wanted | everything).features
    rx, tx = RxOffload.VLAN_STRIP, TxOffload.VLAN_INSERT | TxOffload.MULTI_SEGS
    if F.VIRTIO_NET_F_MRG_RXBUF in possible:
        rx |= RxOffload.SCATTER
    for rule in RX_RULES:
        rx |= rule.offload if rule.features in possible else RxOffload(0)
    for rule in TX_RULES:
        tx |= rule.offload if rule.features in possible else TxOffload(0)
    return rx, tx


def work(agreed: Agreement, is_rx: bool) -> int:
    """``struct virtqueue``'s ``offloads`` for a queue, but for what the device has no part in."""
    return sum(bit for feature, bit in (RX_WORK if is_rx else TX_WORK).items() if feature in agreed.features)
