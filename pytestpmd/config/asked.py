"""What one port is asked for, out of the tree: what was said of it alone, or what holds for all."""

from pytestpmd.config.tree import DEFAULT_MTU, MQ_RX_RSS, ForwardConfig, PortsConfig, QueueConfig
from pytestpmd.ethdev.offloads import Offloads
from pytestpmd.ethdev.rss import rss_functions


def peer_of(config: ForwardConfig, port_id: int) -> bytes:
    """The MAC address that engines write as destination for packets leaving by ``port_id``."""
    return config.eth_peers.get(port_id, bytes([2, 0, 0, 0, 0, port_id]))


def rss_functions_of(queues: QueueConfig) -> int:
    """What is hashed to choose receive queues, as bits of ``ethdev/rss.py``: nothing where there is only one."""
    forced = bool(queues.rss)
    is_allowed = bool(queues.rx_mq_mode & MQ_RX_RSS)
    is_used = is_allowed and (forced or (queues.rss is None and queues.rxq > 1))
    return rss_functions(tuple(queues.rss_functions)) if is_used else 0


def offloads_of(queues: QueueConfig, port_id: int) -> Offloads:
    """What a port is asked for at its next configuration."""
    return queues.port_offloads.get(port_id, Offloads(queues.rx_offloads, queues.tx_offloads))


def ask_offloads(queues: QueueConfig, port_id: int, on: bool, *, rx: int = 0, tx: int = 0) -> None:
    """Have a port asked for these, or not, from its next configuration on."""
    was = offloads_of(queues, port_id)
    now = Offloads(was.rx | rx, was.tx | tx) if on else Offloads(was.rx & ~rx, was.tx & ~tx)
    queues.port_offloads[port_id] = now


def mtu_of(config: PortsConfig, port_id: int, overhead: int, most: int) -> int:
    """A port's MTU, in bytes: what a command asked for; what ``--max-pkt-len`` leaves for it when frames have so much
    more; or 1500, where the device can have ``most`` so much."""
    if port_id in config.mtus:
        return config.mtus[port_id]
    return min(DEFAULT_MTU, most) if config.max_pkt_len is None else config.max_pkt_len - overhead
