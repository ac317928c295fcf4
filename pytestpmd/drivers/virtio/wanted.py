"""What the virtio drivers have in common before they meet a device: features asked for, and speeds."""

from pytestpmd.drivers.virtio_net import Feature

#: What the ``speed`` argument takes, in Mbit/s.
SPEEDS = {str(speed): speed for speed in (10000, 20000, 25000, 40000, 50000, 56000, 100000, 200000, 400000, 800000)}

#: Asked of every device.
DEFAULT_FEATURES = (
    Feature.VIRTIO_NET_F_MAC
    | Feature.VIRTIO_NET_F_MTU
    | Feature.VIRTIO_NET_F_STATUS
    | Feature.VIRTIO_NET_F_MRG_RXBUF
    | Feature.VIRTIO_RING_F_INDIRECT_DESC
    | Feature.VIRTIO_RING_F_EVENT_IDX
    | Feature.VIRTIO_F_VERSION_1
)
#: Asked of those that are to have a control queue.
CONTROL_FEATURES = (
    Feature.VIRTIO_NET_F_CTRL_VQ
    | Feature.VIRTIO_NET_F_CTRL_RX
    | Feature.VIRTIO_NET_F_CTRL_VLAN
    | Feature.VIRTIO_NET_F_CTRL_MAC_ADDR
    | Feature.VIRTIO_NET_F_GUEST_ANNOUNCE
)
