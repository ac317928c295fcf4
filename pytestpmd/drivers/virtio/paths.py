"""Which receive and which transmit function a port uses, and the sentence that says why.

The rules stand in order of preference; the first that holds is taken, anew at every configure. What they ask is what
was agreed with the device, never the device itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.ethdev.port import BurstChoice

#: What a path may ask of the agreement, and how it is had or not: the words, and the devarg.
CONDITIONS = {
    "packed": ("packed rings", "packed_vq"),
    "mergeable": ("mergeable receive buffers", "mrg_rxbuf"),
    "in_order": ("in-order use", "in_order"),
}


@dataclass(frozen=True)
class Path:
    """A burst function of C, how DPDK's log names it, and what must or must not have been agreed for it."""

    callback: str
    label: str
    needs: Mapping[str, bool]

    @property
    def name(self) -> str:
        """The callback as the guide names it: only mergeable and transmit ones have an in-order variant by name."""
        return self.callback if self.callback in NAMED_INORDER else self.callback.removesuffix("_inorder")

    def serves(self, agreed: Agreement) -> bool:
        """Whether it may be used."""
        return all(getattr(agreed, condition) == wanted for condition, wanted in self.needs.items())

    @property
    def because(self) -> str:
        """Why it is used where it is: what it needs."""
        return "; ".join(_claim(*need) for need in self.needs.items()) or "it serves every ring"

    def lacks(self, agreed: Agreement) -> list[str]:
        """What would have to change for it, with the devarg that asks for that."""
        return [
            f"{CONDITIONS[condition][0]} {'' if wanted else 'not '}agreed ({CONDITIONS[condition][1]}={int(wanted)})"
            for condition, wanted in self.needs.items()
            if getattr(agreed, condition) != wanted
        ]


def _claim(condition: str, wanted: bool) -> str:
    return f"{CONDITIONS[condition][0]} {'are' if wanted else 'are not'} agreed".replace("use are", "use is")


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


PACKED = {"packed": True}
SPLIT = {"packed": False}
IN_ORDER = {"in_order": True}
ANY_ORDER = {"in_order": False}
MERGEABLE = {"mergeable": True}
ONE_BUFFER = {"mergeable": False}

RX_PATHS = (
    Path("virtio_recv_mergeable_pkts_packed_inorder", "packed ring mergeable buffer Rx", PACKED | MERGEABLE | IN_ORDER),
    Path("virtio_recv_mergeable_pkts_packed", "packed ring mergeable buffer Rx", PACKED | MERGEABLE | ANY_ORDER),
    Path("virtio_recv_pkts_packed_inorder", "packed ring standard Rx", PACKED | ONE_BUFFER | IN_ORDER),
    Path("virtio_recv_pkts_packed", "packed ring standard Rx", PACKED | ONE_BUFFER | ANY_ORDER),
    Path("virtio_recv_mergeable_pkts_inorder", "inorder Rx", SPLIT | MERGEABLE | IN_ORDER),
    Path("virtio_recv_mergeable_pkts", "mergeable buffer Rx", SPLIT | MERGEABLE | ANY_ORDER),
    Path("virtio_recv_pkts_inorder", "standard Rx", SPLIT | ONE_BUFFER | IN_ORDER),
    Path("virtio_recv_pkts", "standard Rx", SPLIT | ONE_BUFFER | ANY_ORDER),
)
TX_PATHS = (
    Path("virtio_xmit_pkts_packed_inorder", "packed ring standard Tx", PACKED | IN_ORDER),
    Path("virtio_xmit_pkts_packed", "packed ring standard Tx", PACKED | ANY_ORDER),
    Path("virtio_xmit_pkts_inorder", "inorder Tx", SPLIT | IN_ORDER),
    Path("virtio_xmit_pkts", "standard Tx", SPLIT | ANY_ORDER),
)


def explain(kind: str, paths: Sequence[Path], agreed: Agreement) -> BurstChoice:
    """The path in use among ``paths``, why, and what each other one would take."""
    chosen = _first(paths, agreed)
    others: dict[str, tuple[str, ...]] = {}
    for path in paths:
        lacks = tuple(path.lacks(agreed))
        if path.name != chosen.name and (path.name not in others or len(lacks) < len(others[path.name])):
            others[path.name] = lacks
    return BurstChoice(kind, chosen.name, chosen.because, tuple(others.items()))


def choose(agreed: Agreement) -> Choice:
    """The best receive and transmit function for what was agreed."""
    return Choice(_first(RX_PATHS, agreed), _first(TX_PATHS, agreed))


def _first(paths: Sequence[Path], agreed: Agreement) -> Path:
    return next(path for path in paths if path.serves(agreed))
