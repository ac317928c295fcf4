"""What options may ask of a NIC in hardware that no device here has: how the original refuses it, port by port."""

from pytestpmd.config import Config

_FLOW = "Function not implemented"


def refusal_to_configure(config: Config, port_id: int) -> str:
    """Before a port is configured: the lines of the refusal, "" without one."""
    if not config.ports.flow_isolate_all:
        return ""
    return (
        f"port_flow_complain(): Caught PMD error type 1 (cause unspecified): {_FLOW}: {_FLOW}\n"
        f"Failed to apply isolated mode on port {port_id}"
    )


def refusal_of_rx_queues(config: Config, port_id: int) -> str:
    """Before its receive queues are set up: the same."""
    why = _why_no_rx_queues(config, port_id)
    return f"{why}\nFail to configure port {port_id} rx queues" if why else ""


def _why_no_rx_queues(config: Config, port_id: int) -> str:
    sizes, split = config.pool.mbuf_sizes, config.rx_split
    if split.multi_rx_mempool and len(sizes) == 1:
        return f"Invalid number of mempools {len(sizes)}"
    if split.multi_rx_mempool:
        return f"Port {port_id} doesn't support requested multi-rx-mempool configuration."
    return "ETHDEV: No Rx segmentation offload configured" if split.segments > 1 else ""
