"""Offload names and bits, as DPDK's ``lib/ethdev/rte_ethdev.h`` numbers them (without ``RTE_ETH_RX_OFFLOAD_``)."""

from dataclasses import dataclass
from enum import IntFlag


class RxOffload(IntFlag):
    """What a port may be asked to do to packets that it receives."""

    VLAN_STRIP = 1 << 0
    IPV4_CKSUM = 1 << 1
    UDP_CKSUM = 1 << 2
    TCP_CKSUM = 1 << 3
    TCP_LRO = 1 << 4
    QINQ_STRIP = 1 << 5
    OUTER_IPV4_CKSUM = 1 << 6
    MACSEC_STRIP = 1 << 7
    VLAN_FILTER = 1 << 9
    VLAN_EXTEND = 1 << 10
    SCATTER = 1 << 13
    TIMESTAMP = 1 << 14
    SECURITY = 1 << 15
    KEEP_CRC = 1 << 16
    SCTP_CKSUM = 1 << 17
    OUTER_UDP_CKSUM = 1 << 18
    RSS_HASH = 1 << 19
    BUFFER_SPLIT = 1 << 20


class TxOffload(IntFlag):
    """What a port may be asked to do to packets that it sends."""

    VLAN_INSERT = 1 << 0
    IPV4_CKSUM = 1 << 1
    UDP_CKSUM = 1 << 2
    TCP_CKSUM = 1 << 3
    SCTP_CKSUM = 1 << 4
    TCP_TSO = 1 << 5
    UDP_TSO = 1 << 6
    OUTER_IPV4_CKSUM = 1 << 7
    QINQ_INSERT = 1 << 8
    VXLAN_TNL_TSO = 1 << 9
    GRE_TNL_TSO = 1 << 10
    IPIP_TNL_TSO = 1 << 11
    GENEVE_TNL_TSO = 1 << 12
    MACSEC_INSERT = 1 << 13
    MT_LOCKFREE = 1 << 14
    MULTI_SEGS = 1 << 15
    MBUF_FAST_FREE = 1 << 16
    SECURITY = 1 << 17
    UDP_TNL_TSO = 1 << 18
    IP_TNL_TSO = 1 << 19
    OUTER_UDP_CKSUM = 1 << 20
    SEND_ON_TIMESTAMP = 1 << 21


#: What may change while a port is started.
VLAN_OFFLOADS = RxOffload.VLAN_STRIP | RxOffload.VLAN_FILTER | RxOffload.VLAN_EXTEND | RxOffload.QINQ_STRIP


@dataclass(frozen=True)
class Offloads:
    """What one port is asked for, as bits of :class:`RxOffload` and :class:`TxOffload`."""

    rx: int
    tx: int

    def of_port(self, tx_capa: int) -> "Offloads":
        """Mbuf fast free is a wish of the program's own: a port without it does not get it."""
        return Offloads(self.rx, self.tx & ~(TxOffload.MBUF_FAST_FREE & ~tx_capa))


def names(offloads: int, kind: type[RxOffload] | type[TxOffload]) -> list[str]:
    """The names of the bits that are set, lowest bit first."""
    return [bit.name for bit in kind if offloads & bit and bit.name]
