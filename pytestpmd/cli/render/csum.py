"""``csum show``: what a port does itself for the csum engine, and what is done for it."""

from pytestpmd.ethdev.offloads import TxOffload

#: What the console calls it, what the lines say, and the offload.
CHECKSUMS = {
    "ip": ("IP", "IP", TxOffload.IPV4_CKSUM),
    "udp": ("UDP", "UDP", TxOffload.UDP_CKSUM),
    "tcp": ("TCP", "TCP", TxOffload.TCP_CKSUM),
    "sctp": ("SCTP", "SCTP", TxOffload.SCTP_CKSUM),
    "outer-ip": ("Outer-Ip", "Outer IP", TxOffload.OUTER_IPV4_CKSUM),
    "outer-udp": ("Outer-Udp", "Outer UDP", TxOffload.OUTER_UDP_CKSUM),
}


def csum(tx_offloads: int, parse_tunnel: bool = False) -> str:
    """The settings that ``csum set`` and ``csum parse-tunnel`` change."""
    lines = [f"Parse tunnel is {'on' if parse_tunnel else 'off'}"]
    lines += [
        f"{name} checksum offload is {'hw' if tx_offloads & offload else 'sw'}"
        for name, _, offload in CHECKSUMS.values()
    ]
    return "\n".join(lines)


def facts(tx_offloads: int, parse_tunnel: bool) -> dict[str, str | bool]:
    """The same as data: by header, ``hw`` or ``sw``."""
    where = {name.replace("-", "_"): "hw" if tx_offloads & bit else "sw" for name, (_, _, bit) in CHECKSUMS.items()}
    return {"parse_tunnel": parse_tunnel, **where}
