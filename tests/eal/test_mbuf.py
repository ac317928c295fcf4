"""Mbuf flags are numbered as DPDK numbers them: who reads a dump of either reads the other."""

import pytest

from pytestpmd._dataplane import lib

#: ``lib/mbuf/rte_mbuf_core.h``: first bit, and the value from there on.
FLAGS = {
    "RX_VLAN": (0, 1),
    "RX_RSS_HASH": (1, 1),
    "RX_L4_CKSUM_BAD": (3, 1),
    "RX_IP_CKSUM_BAD": (4, 1),
    "RX_VLAN_STRIPPED": (6, 1),
    "RX_IP_CKSUM_GOOD": (7, 1),
    "RX_L4_CKSUM_GOOD": (8, 1),
    "RX_L4_CKSUM_NONE": (3, 0b100001),
    "RX_LRO": (16, 1),
    "RX_TIMESTAMP": (23, 1),  # dynamic in DPDK, which gives this number first
    "TX_TCP_SEG": (50, 1),
    "TX_TCP_CKSUM": (52, 1),
    "TX_SCTP_CKSUM": (52, 2),
    "TX_UDP_CKSUM": (52, 3),
    "TX_L4_MASK": (52, 3),
    "TX_IP_CKSUM": (54, 1),
    "TX_IPV4": (55, 1),
    "TX_IPV6": (56, 1),
    "TX_VLAN": (57, 1),
    "TX_OFFLOAD_MASK": (41, 2**20 - 1),
}


@pytest.mark.parametrize("name", FLAGS)
def test_flag_has_dpdks_number(name: str) -> None:
    shift, value = FLAGS[name]
    assert getattr(lib, f"MBUF_F_{name}") == value << shift


def test_every_flag_is_listed() -> None:
    assert {name for name in dir(lib) if name.startswith("MBUF_F_")} == {f"MBUF_F_{name}" for name in FLAGS}
