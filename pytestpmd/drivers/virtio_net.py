"""Names of the virtio specification that decisions are made with: feature bits, status bits, bounds.

Bits with their sections in virtio 1.2: 5.1.3 for the network device's, 6 for everybody's.
"""

from enum import IntFlag
from typing import Final


class Feature(IntFlag):
    """Feature bits, spelled as the specification does."""

    VIRTIO_NET_F_CSUM = 1 << 0
    VIRTIO_NET_F_GUEST_CSUM = 1 << 1
    VIRTIO_NET_F_MTU = 1 << 3
    VIRTIO_NET_F_MAC = 1 << 5
    VIRTIO_NET_F_GUEST_TSO4 = 1 << 7
    VIRTIO_NET_F_GUEST_TSO6 = 1 << 8
    VIRTIO_NET_F_GUEST_ECN = 1 << 9
    VIRTIO_NET_F_GUEST_UFO = 1 << 10
    VIRTIO_NET_F_HOST_TSO4 = 1 << 11
    VIRTIO_NET_F_HOST_TSO6 = 1 << 12
    VIRTIO_NET_F_HOST_ECN = 1 << 13
    VIRTIO_NET_F_HOST_UFO = 1 << 14
    VIRTIO_NET_F_MRG_RXBUF = 1 << 15
    VIRTIO_NET_F_STATUS = 1 << 16
    VIRTIO_NET_F_CTRL_VQ = 1 << 17
    VIRTIO_NET_F_CTRL_RX = 1 << 18
    VIRTIO_NET_F_CTRL_VLAN = 1 << 19
    VIRTIO_NET_F_GUEST_ANNOUNCE = 1 << 21
    VIRTIO_NET_F_MQ = 1 << 22
    VIRTIO_NET_F_CTRL_MAC_ADDR = 1 << 23
    VHOST_F_LOG_ALL = 1 << 26
    VIRTIO_F_ANY_LAYOUT = 1 << 27
    VIRTIO_RING_F_INDIRECT_DESC = 1 << 28
    VIRTIO_RING_F_EVENT_IDX = 1 << 29
    VHOST_USER_F_PROTOCOL_FEATURES = 1 << 30
    VIRTIO_F_VERSION_1 = 1 << 32
    VIRTIO_F_ACCESS_PLATFORM = 1 << 33
    VIRTIO_F_RING_PACKED = 1 << 34
    VIRTIO_F_IN_ORDER = 1 << 35
    VIRTIO_F_ORDER_PLATFORM = 1 << 36
    VIRTIO_NET_F_HASH_REPORT = 1 << 57
    VIRTIO_NET_F_RSS = 1 << 60
    VIRTIO_NET_F_SPEED_DUPLEX = 1 << 63


#: What makes no sense without another one (virtio 1.2, 2.2.1 and 5.1.3.1).
NEEDS: Final = {
    Feature.VIRTIO_NET_F_GUEST_TSO4: Feature.VIRTIO_NET_F_GUEST_CSUM,
    Feature.VIRTIO_NET_F_GUEST_TSO6: Feature.VIRTIO_NET_F_GUEST_CSUM,
    Feature.VIRTIO_NET_F_HOST_TSO4: Feature.VIRTIO_NET_F_CSUM,
    Feature.VIRTIO_NET_F_HOST_TSO6: Feature.VIRTIO_NET_F_CSUM,
    Feature.VIRTIO_NET_F_CTRL_RX: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_NET_F_CTRL_VLAN: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_NET_F_GUEST_ANNOUNCE: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_NET_F_MQ: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_NET_F_CTRL_MAC_ADDR: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_NET_F_HASH_REPORT: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_NET_F_RSS: Feature.VIRTIO_NET_F_CTRL_VQ,
    Feature.VIRTIO_F_RING_PACKED: Feature.VIRTIO_F_VERSION_1,
}


class Status(IntFlag):
    """Device status (virtio 1.2, 2.1)."""

    RESET = 0
    ACKNOWLEDGE = 1
    DRIVER = 2
    DRIVER_OK = 4
    FEATURES_OK = 8
    NEEDS_RESET = 64
    FAILED = 128


#: 5.1.4.1: what a device may say of its MTU.
MIN_MTU = 68
#: Longest frame that the driver receives, net header included, and what of it is not MTU: that header, the Ethernet
#: header and one tag (DPDK ``virtio_ethdev.h``); in bytes.
MAX_RX_PKT_LEN = 9728
RX_TAG_AND_ETHERNET = 14 + 4
RX_OVERHEAD = 12 + RX_TAG_AND_ETHERNET

#: 5.1.6: the header before every packet, without and with num_buffers, and with a hash.
HDR_SIZE_LEGACY = 10
HDR_SIZE = 12
HDR_SIZE_HASH = 20

#: 2.7: the largest ring.
MAX_QUEUE_SIZE = 32768
