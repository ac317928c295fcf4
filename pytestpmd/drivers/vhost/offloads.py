"""What is done to packets besides copying them: what the port was asked for, and what the front-end agreed to.

Checksums that neither is willing to see unfinished are finished by us, in software, as DPDK's driver does
(``vhost_dev_csum_configure``).
"""

from dataclasses import dataclass

from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.offloads import RxOffload, TxOffload

RX_CKSUM = RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM
TX_CKSUM = TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM
#: Of the header's first two bytes: NEEDS_CSUM, and all of gso_type (virtio 1.2, 5.1.6).
HEADER_MASK = 0xFF01


@dataclass(frozen=True)
class Wishes:
    """A port's configuration and device arguments; offloads as bits of ``ethdev/offloads.py``.

    ``legacy``: what a front-end asks of us is told as flags for the next driver's transmission. ``linear``: a received
    frame has one segment, or is dropped; ``large``: one that is longer than an mbuf gets a buffer that holds it.
    """

    rx_offloads: int = 0
    tx_offloads: int = 0
    legacy: bool = False
    linear: bool = False
    large: bool = False


def rx_capabilities(legacy: bool) -> RxOffload:
    """What the port can be asked to do to what it receives."""
    return RxOffload.VLAN_STRIP | (RxOffload(0) if legacy else RX_CKSUM)


def tx_capabilities(legacy: bool) -> TxOffload:
    """What the port can be asked to do to what it sends."""
    return TxOffload.VLAN_INSERT | TxOffload.MULTI_SEGS | (TxOffload(0) if legacy else TX_CKSUM)


def has_rx_sw_csum(features: int, wishes: Wishes) -> bool:
    """Whether checksums that the front-end left to us are completed as packets come."""
    return bool(features & Feature.VIRTIO_NET_F_CSUM) and not wishes.legacy and not wishes.rx_offloads & RX_CKSUM


def has_tx_sw_csum(features: int, wishes: Wishes) -> bool:
    """Whether checksums that an engine leaves to us are completed before packets go."""
    asked = bool(wishes.tx_offloads & TX_CKSUM) and not wishes.legacy
    return asked and not features & Feature.VIRTIO_NET_F_GUEST_CSUM


def ring_fields(index: int, features: int, wishes: Wishes) -> dict[str, int]:
    """``struct vnet_offload`` for the ring ``index``, by what was agreed; odd ones are those that we receive from.

    Segments without checksums are nothing that can be agreed on (virtio 1.2, 5.1.3.1).
    """
    receives = bool(index % 2)
    csum, tso4, tso6 = (
        (Feature.VIRTIO_NET_F_CSUM, Feature.VIRTIO_NET_F_HOST_TSO4, Feature.VIRTIO_NET_F_HOST_TSO6)
        if receives
        else (Feature.VIRTIO_NET_F_GUEST_CSUM, Feature.VIRTIO_NET_F_GUEST_TSO4, Feature.VIRTIO_NET_F_GUEST_TSO6)
    )
    has_csum = bool(features & csum)
    return {
        "csum": has_csum,
        "tso4": has_csum and bool(features & tso4),
        "tso6": has_csum and bool(features & tso6),
        "header_mask": HEADER_MASK if receives and has_csum else 0,
        "sw_csum": receives and has_rx_sw_csum(features, wishes),
        "legacy": receives and wishes.legacy,
        "vlan_strip": receives and bool(wishes.rx_offloads & RxOffload.VLAN_STRIP),
        "linear": receives and wishes.linear,
    }
