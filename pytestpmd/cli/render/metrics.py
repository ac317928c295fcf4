"""``show metrics``: the layout in which DPDK's ``dpdk-proc-info --metrics`` shows them."""

from collections.abc import Mapping

BORDER = "#" * 52


def metrics(of_all: Mapping[str, int], of_ports: Mapping[int, Mapping[str, int]]) -> str:
    """What is of no single port, then port by port; what nobody asked for is left out."""
    blocks = [_block("Non port specific metrics ", of_all)] if of_all else []
    blocks += [_block(f"metrics for port {port_id:<2}", values) for port_id, values in of_ports.items() if values]
    return "\n".join(blocks) or "No metrics to display (none have been registered)"


def _block(title: str, values: Mapping[str, int]) -> str:
    lines = (f"{name}: {value}" for name, value in values.items())
    return "\n".join([f"###### {title} #########", BORDER, *lines, BORDER])
