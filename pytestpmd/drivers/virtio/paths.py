"""Which receive and which transmit function a port uses, and the sentence that says why.

The rules stand in order of preference; the first that holds is taken, anew at every configure. What they ask is what
was agreed with the device, never the device itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytestpmd.drivers.virtio.features import Agreement


@dataclass(frozen=True)
class Path:
    """A burst function of C by its name, how DPDK's log names it, when it may be used, and why it then is."""

    callback: str
    label: str
    rule: Callable[[Agreement], bool]
    because: str


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
        "virtio_recv_mergeable_pkts",
        "mergeable buffer Rx",
        lambda agreed: agreed.mergeable,
        "mergeable receive buffers are agreed",
    ),
    Path("virtio_recv_pkts", "standard Rx", lambda agreed: True, "mergeable receive buffers are not agreed"),
)
TX_PATHS = (Path("virtio_xmit_pkts", "standard Tx", lambda agreed: True, "it serves every split ring"),)


def choose(agreed: Agreement) -> Choice:
    """The best receive and transmit function for what was agreed."""
    return Choice(_first(RX_PATHS, agreed), _first(TX_PATHS, agreed))


def _first(paths: Sequence[Path], agreed: Agreement) -> Path:
    return next(path for path in paths if path.rule(agreed))
