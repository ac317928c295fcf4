"""Offload flags of mbufs by DPDK's names, in the order of ``lib/mbuf/rte_mbuf.c``."""

from collections.abc import Sequence
from typing import NamedTuple

from pytestpmd._dataplane import lib


class Flag(NamedTuple):
    """A name that is given when the bits of ``mask`` are ``value``."""

    name: str
    value: int
    mask: int


RX_L4 = lib.MBUF_F_RX_L4_CKSUM_BAD | lib.MBUF_F_RX_L4_CKSUM_GOOD
RX_IP = lib.MBUF_F_RX_IP_CKSUM_BAD | lib.MBUF_F_RX_IP_CKSUM_GOOD
TX_L4 = lib.MBUF_F_TX_L4_MASK


def _bit(name: str) -> Flag:
    value = int(getattr(lib, f"MBUF_F_{name}"))
    return Flag(name, value, value)


RX_FLAGS = (
    _bit("RX_VLAN"),
    _bit("RX_RSS_HASH"),
    Flag("RX_L4_CKSUM_BAD", lib.MBUF_F_RX_L4_CKSUM_BAD, RX_L4),
    Flag("RX_L4_CKSUM_GOOD", lib.MBUF_F_RX_L4_CKSUM_GOOD, RX_L4),
    Flag("RX_L4_CKSUM_NONE", RX_L4, RX_L4),
    Flag("RX_L4_CKSUM_UNKNOWN", 0, RX_L4),
    Flag("RX_IP_CKSUM_BAD", lib.MBUF_F_RX_IP_CKSUM_BAD, RX_IP),
    Flag("RX_IP_CKSUM_GOOD", lib.MBUF_F_RX_IP_CKSUM_GOOD, RX_IP),
    Flag("RX_IP_CKSUM_NONE", RX_IP, RX_IP),
    Flag("RX_IP_CKSUM_UNKNOWN", 0, RX_IP),
    _bit("RX_VLAN_STRIPPED"),
    _bit("RX_LRO"),
    # of tunnels, which no driver here looks into
    Flag("RX_OUTER_L4_CKSUM_UNKNOWN", 0, 0),
)
TX_FLAGS = (
    _bit("TX_VLAN"),
    _bit("TX_IP_CKSUM"),
    Flag("TX_TCP_CKSUM", lib.MBUF_F_TX_TCP_CKSUM, TX_L4),
    Flag("TX_SCTP_CKSUM", lib.MBUF_F_TX_SCTP_CKSUM, TX_L4),
    Flag("TX_UDP_CKSUM", lib.MBUF_F_TX_UDP_CKSUM, TX_L4),
    Flag("TX_L4_NO_CKSUM", 0, TX_L4),
    _bit("TX_TCP_SEG"),
    _bit("TX_IPV4"),
    _bit("TX_IPV6"),
)


def named(flags: int, table: Sequence[Flag]) -> str:
    """The names that apply, each with a space behind it."""
    return "".join(f"RTE_MBUF_F_{flag.name} " for flag in table if flags & flag.mask == flag.value)
