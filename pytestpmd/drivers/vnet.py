"""Offloads of the ports whose frames go to and come from the kernel behind a net header (virtio 1.2, 5.1.6): pure."""

from pytestpmd.ethdev.offloads import RxOffload, TxOffload

RX_CKSUM = RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM
#: What the kernel does to any frame whose header asks for it, and what is done here for it.
TX_CAPABILITIES = (
    TxOffload.VLAN_INSERT
    | TxOffload.IPV4_CKSUM
    | TxOffload.UDP_CKSUM
    | TxOffload.TCP_CKSUM
    | TxOffload.TCP_TSO
    | TxOffload.MULTI_SEGS
)
#: Of the header's first two bytes: NEEDS_CSUM, and all of gso_type.
HEADER_MASK = 0xFF01


def tx_fields() -> dict[str, int]:
    """``struct vnet_offload`` of a queue that sends: the kernel is left what anybody asks for."""
    return {"csum": True, "tso4": True, "tso6": True}


def rx_fields(rx_offloads: int, *, comes_unfinished: bool) -> dict[str, int]:
    """The same of a queue that receives. ``comes_unfinished``: whether the kernel sends frames without a checksum.

    It is finished here unless checksums, or segments, were asked to be left to whoever gets the frame.
    """
    wants = bool(rx_offloads & (RX_CKSUM | RxOffload.TCP_LRO))
    return {
        "header_mask": HEADER_MASK if comes_unfinished else 0,
        "sw_csum": comes_unfinished and not wants,
        "tso4": bool(rx_offloads & RxOffload.TCP_LRO),
        "tso6": bool(rx_offloads & RxOffload.TCP_LRO),
        "vlan_strip": bool(rx_offloads & RxOffload.VLAN_STRIP),
    }
