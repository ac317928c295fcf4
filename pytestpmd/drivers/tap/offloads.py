"""What a tap leaves to us, and what may be left to it: pure."""

from pytestpmd.drivers.tap.device import TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6
from pytestpmd.ethdev.offloads import RxOffload, TxOffload

RX_CKSUM = RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM
RX_CAPABILITIES = RX_CKSUM | RxOffload.TCP_LRO | RxOffload.VLAN_STRIP | RxOffload.SCATTER
TX_CAPABILITIES = (
    TxOffload.VLAN_INSERT
    | TxOffload.IPV4_CKSUM
    | TxOffload.UDP_CKSUM
    | TxOffload.TCP_CKSUM
    | TxOffload.TCP_TSO
    | TxOffload.MULTI_SEGS
)
#: Of the header's first two bytes: NEEDS_CSUM, and all of gso_type (virtio 1.2, 5.1.6).
HEADER_MASK = 0xFF01


def kernel_offloads(rx_offloads: int) -> int:
    """What the kernel may leave undone in what we receive, as ``TUN_F_`` bits; segments never without checksums."""
    if rx_offloads & RxOffload.TCP_LRO:
        return TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
    return TUN_F_CSUM if rx_offloads & RX_CKSUM else 0


def vnet_fields(rx_offloads: int = 0) -> dict[str, int]:
    """``struct vnet_offload`` of a queue; one that sends leaves to the kernel what anybody asks for."""
    left = kernel_offloads(rx_offloads)
    return {
        "header_mask": HEADER_MASK if left else 0,
        "csum": True,
        "tso4": True,
        "tso6": True,
        "vlan_strip": bool(rx_offloads & RxOffload.VLAN_STRIP),
    }
