"""What the csum engine is told about a transmit port: pure, settings and offloads to flags of the mbuf."""

from typing import Any

from pytestpmd._dataplane import lib
from pytestpmd.config import CsumConfig
from pytestpmd.ethdev.offloads import TxOffload

#: The field of ``struct csum_settings``, the offload that makes the port do it, and what it is asked with.
ASKED = (
    ("ip_flags", TxOffload.IPV4_CKSUM, lib.MBUF_F_TX_IP_CKSUM),
    ("udp_flags", TxOffload.UDP_CKSUM, lib.MBUF_F_TX_UDP_CKSUM),
    ("tcp_flags", TxOffload.TCP_CKSUM, lib.MBUF_F_TX_TCP_CKSUM),
    ("sctp_flags", TxOffload.SCTP_CKSUM, lib.MBUF_F_TX_SCTP_CKSUM),
)


def fill(settings: Any, config: CsumConfig, tx_offloads: int) -> None:
    """Write a ``struct csum_settings`` for a port with these offloads in force."""
    for name, offload, flag in ASKED:
        setattr(settings, name, flag if tx_offloads & offload else 0)
    segments = config.tso_segsz and tx_offloads & TxOffload.TCP_TSO
    settings.tso_flags = lib.MBUF_F_TX_TCP_SEG if segments else 0
    settings.tso_segsz = config.tso_segsz
    follow(settings, config)


def follow(settings: Any, config: CsumConfig) -> None:
    """Take over what may change while lcores run."""
    settings.mac_swap, settings.parse_tunnel = config.mac_swap, config.parse_tunnel
