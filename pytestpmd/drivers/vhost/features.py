"""What a vhost port offers to front-ends: pure."""

from pytestpmd.drivers.virtio_net import NEEDS, Feature

#: What the data plane carries out, whatever a front-end makes of it.
DATA_PLANE = (
    Feature.VIRTIO_NET_F_CSUM
    | Feature.VIRTIO_NET_F_GUEST_CSUM
    | Feature.VIRTIO_NET_F_GUEST_TSO4
    | Feature.VIRTIO_NET_F_GUEST_TSO6
    | Feature.VIRTIO_NET_F_MRG_RXBUF
    | Feature.VIRTIO_F_ANY_LAYOUT
    | Feature.VIRTIO_RING_F_INDIRECT_DESC
    | Feature.VIRTIO_RING_F_EVENT_IDX
    | Feature.VIRTIO_F_VERSION_1
    | Feature.VIRTIO_F_RING_PACKED
    # chains are used up in the order in which they came, one used element each
    | Feature.VIRTIO_F_IN_ORDER
)
#: The front-end's process answers its driver's control queue and announces it; a back-end only has not to forbid it.
FRONT_END = (
    Feature.VIRTIO_NET_F_CTRL_VQ
    | Feature.VIRTIO_NET_F_CTRL_RX
    | Feature.VIRTIO_NET_F_MQ
    | Feature.VIRTIO_NET_F_GUEST_ANNOUNCE
)
CONTROL_PLANE = (
    Feature.VIRTIO_NET_F_MTU
    | Feature.VIRTIO_NET_F_STATUS
    | Feature.VHOST_F_LOG_ALL
    | Feature.VHOST_USER_F_PROTOCOL_FEATURES
)
#: What the data plane is not to be asked for. Whether there is a control queue is the front-end's own affair, and so is
#: what it is ready to receive: DPDK's virtio-user says MQ without CTRL_VQ, and with ``--enable-lro`` GUEST_TSO without
#: GUEST_CSUM; it is sent no segments then.
FRONT_END_S_AFFAIR = (Feature.VIRTIO_NET_F_CTRL_VQ, Feature.VIRTIO_NET_F_GUEST_CSUM)
CHECKED = {feature: needed for feature, needed in NEEDS.items() if needed not in FRONT_END_S_AFFAIR}
HOST_TSO = Feature.VIRTIO_NET_F_HOST_TSO4 | Feature.VIRTIO_NET_F_HOST_TSO6


def offered(*, tso: bool = False) -> Feature:
    """Feature bits; ``tso``: a front-end may leave the segmentation of what it transmits to us."""
    return DATA_PLANE | FRONT_END | CONTROL_PLANE | (HOST_TSO if tso else Feature(0))


def in_want(features: int) -> Feature:
    """Those that a front-end has acknowledged without what they need (virtio 1.2, 2.2.2)."""
    lacking = [feature for feature, needed in CHECKED.items() if features & feature and not features & needed]
    return Feature(sum(lacking))
