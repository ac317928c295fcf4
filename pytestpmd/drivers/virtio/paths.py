"""Which receive and which transmit function a port uses, and the sentence that says why.

The rules stand in order of preference; the first that holds is taken, anew at every configure. What they ask is what
was agreed with the device, never the device itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytestpmd.drivers.virtio.features import Agreement


@dataclass(frozen=True)
class Path:
    """A burst function of C, how DPDK's log names it, when it may be used, and why it then is."""

    callback: str
    label: str
    rule: Callable[[Agreement], bool]
    because: str

    @property
    def name(self) -> str:
        """The callback as the guide names it: only mergeable and transmit ones have an in-order variant by name."""
        return self.callback if self.callback in NAMED_INORDER else self.callback.removesuffix("_inorder")


NAMED_INORDER = ("virtio_recv_mergeable_pkts_inorder", "virtio_xmit_pkts_inorder")


@dataclass(frozen=True)
class Choice:
    """The two that a port uses."""

    rx: Path
    tx: Path

    def log_lines(self, port_id: int) -> tuple[str, str]:
        """What DPDK's driver logs, transmit first."""
        return tuple(  # type: ignore[return-value]
            f"set_rxtx_funcs(): virtio: using {path.label} path on port {port_id}" for path in (self.tx, self.rx)
        )


RX_PATHS = (
    Path(
        "virtio_recv_mergeable_pkts_packed_inorder",
        "packed ring mergeable buffer Rx",
        lambda agreed: agreed.packed and agreed.mergeable and agreed.in_order,
        "packed rings, mergeable receive buffers and in-order use are agreed",
    ),
    Path(
        "virtio_recv_mergeable_pkts_packed",
        "packed ring mergeable buffer Rx",
        lambda agreed: agreed.packed and agreed.mergeable,
        "packed rings and mergeable receive buffers are agreed",
    ),
    Path(
        "virtio_recv_pkts_packed_inorder",
        "packed ring standard Rx",
        lambda agreed: agreed.packed and agreed.in_order,
        "packed rings and in-order use are agreed, mergeable receive buffers are not",
    ),
    Path(
        "virtio_recv_pkts_packed",
        "packed ring standard Rx",
        lambda agreed: agreed.packed,
        "packed rings are agreed, mergeable receive buffers are not",
    ),
    Path(
        "virtio_recv_mergeable_pkts_inorder",
        "inorder Rx",
        lambda agreed: agreed.mergeable and agreed.in_order,
        "mergeable receive buffers and in-order use are agreed",
    ),
    Path(
        "virtio_recv_mergeable_pkts",
        "mergeable buffer Rx",
        lambda agreed: agreed.mergeable,
        "mergeable receive buffers are agreed",
    ),
    Path(
        "virtio_recv_pkts_inorder",
        "standard Rx",
        lambda agreed: agreed.in_order,
        "in-order use is agreed, mergeable receive buffers are not",
    ),
    Path("virtio_recv_pkts", "standard Rx", lambda agreed: True, "mergeable receive buffers are not agreed"),
)
TX_PATHS = (
    Path(
        "virtio_xmit_pkts_packed_inorder",
        "packed ring standard Tx",
        lambda agreed: agreed.packed and agreed.in_order,
        "packed rings and in-order use are agreed",
    ),
    Path("virtio_xmit_pkts_packed", "packed ring standard Tx", lambda agreed: agreed.packed, "packed rings are agreed"),
    Path("virtio_xmit_pkts_inorder", "inorder Tx", lambda agreed: agreed.in_order, "in-order use is agreed"),
    Path("virtio_xmit_pkts", "standard Tx", lambda agreed: True, "it serves every split ring"),
)


def choose(agreed: Agreement) -> Choice:
    """The best receive and transmit function for what was agreed."""
    return Choice(_first(RX_PATHS, agreed), _first(TX_PATHS, agreed))


def _first(paths: Sequence[Path], agreed: Agreement) -> Path:
    return next(path for path in paths if path.rule(agreed))
