"""Which receive and which transmit function a port uses, and the sentence that says why.

The rules stand in order of preference; the first that holds is taken, anew at every configure. They are those of the
driver's guide (47.6) where it speaks, and DPDK's where it is silent.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import BurstChoice

#: Receive offloads that no vector function over packed rings serves, and over split ones.
PACKED_OFFLOADS = RxOffload.TCP_LRO | RxOffload.RSS_HASH
SPLIT_OFFLOADS = PACKED_OFFLOADS | RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM | RxOffload.VLAN_STRIP
MIN_SIMD_WIDTH = 128
#: Packed rings have vectors only where a cache line is one, as DPDK's have; but an ARM machine has no wider ones.
PACKED_SIMD_WIDTH = 512 if platform.machine() in ("x86_64", "i686") else 128


@dataclass(frozen=True)
class Facts:
    """All that the choice depends on: what was agreed, what was asked for, how wide vectors may be (bits).

    ``vectorized`` is the devarg: forbidden, asked for wherever it is right, or (None) left to the guide's rule, which
    wants no transmit offload at all.
    """

    agreed: Agreement
    vectorized: bool | None = None
    rx_offloads: int = 0
    tx_offloads: int = 0
    simd_width: int = MIN_SIMD_WIDTH

    @property
    def packed(self) -> bool:
        return self.agreed.packed

    @property
    def mergeable(self) -> bool:
        return self.agreed.mergeable

    @property
    def in_order(self) -> bool:
        return self.agreed.in_order

    def against_vectors(self, way: str, packed: bool) -> list[str]:
        """What would have to change for vectors to be used, ``Rx`` or ``Tx``, the ring's layout and order apart."""
        needs = self._packed_vector_needs(way == "Rx") if packed else self._split_vector_needs(way == "Rx")
        return [need for need, is_met in needs.items() if not is_met]

    def _split_vector_needs(self, rx: bool) -> dict[str, bool]:
        plain_tx = self.tx_offloads == 0 or (rx and self.vectorized is True)
        return {
            "mergeable receive buffers not agreed (mrg_rxbuf=0)": not self.mergeable,
            "vectors not forbidden (vectorized=1)": self.vectorized is not False,
            "no Rx offload that needs the header": not rx or not self.rx_offloads & SPLIT_OFFLOADS,
            "no Tx offload (--tx-offloads=0x0)": plain_tx,
            f"vectors of {MIN_SIMD_WIDTH} bits (--force-max-simd-bitwidth)": self.simd_width >= MIN_SIMD_WIDTH,
        }

    def _packed_vector_needs(self, rx: bool) -> dict[str, bool]:
        return {
            "mergeable receive buffers not agreed (mrg_rxbuf=0)": not rx or not self.mergeable,
            "vectors asked for (vectorized=1)": self.vectorized is True,
            "no Rx offload of segments or hashes": not rx or not self.rx_offloads & PACKED_OFFLOADS,
            "version 1 agreed": self.agreed.has(Feature.VIRTIO_F_VERSION_1),
            f"vectors of {PACKED_SIMD_WIDTH} bits (--force-max-simd-bitwidth)": self.simd_width >= PACKED_SIMD_WIDTH,
        }


#: What a path may ask of the agreement, and how it is had or not: the words, and the devarg.
CONDITIONS = {
    "packed": ("packed rings", "packed_vq"),
    "mergeable": ("mergeable receive buffers", "mrg_rxbuf"),
    "in_order": ("in-order use", "in_order"),
}
#: Whether vectors are right, and wanted, on the way they are for.
VECTORS = {"vector_rx": "Rx", "vector_tx": "Tx"}


@dataclass(frozen=True)
class Path:
    """A burst function of C, how DPDK's log names it, and what must or must not be the case for it.

    With ``by_width`` there are variants of it for wider vectors.
    """

    callback: str
    label: str
    needs: Mapping[str, bool]
    by_width: bool = False

    @property
    def name(self) -> str:
        """The callback as the guide names it: only mergeable and transmit ones have an in-order variant by name."""
        return self.callback if self.callback in NAMED_INORDER else self.callback.removesuffix("_inorder")

    def function(self, facts: Facts) -> str:
        """The name in C: of the variant with the widest vectors that may be used."""
        width = next((bits for bits in (512, 256) if facts.simd_width >= bits), 0)
        if not self.by_width or not width:
            return self.callback
        stem = self.callback.removesuffix("_inorder")
        return f"{stem}_{width}{self.callback.removeprefix(stem)}"

    def serves(self, facts: Facts) -> bool:
        """Whether it may be used."""
        return all(self._finds(facts, condition) == wanted for condition, wanted in self.needs.items())

    def _finds(self, facts: Facts, condition: str) -> bool:
        if condition in VECTORS:
            return not facts.against_vectors(VECTORS[condition], self.needs["packed"])
        return bool(getattr(facts, condition))

    def because(self, facts: Facts) -> str:
        """Why it is used where it is: what it needs."""
        return "; ".join(_claim(facts, *need) for need in self.needs.items())

    def lacks(self, facts: Facts) -> list[str]:
        """What would have to change for it, with the devarg or option that asks for that."""
        return [
            change
            for condition, wanted in self.needs.items()
            if self._finds(facts, condition) != wanted
            for change in _changes(facts, condition, wanted, self.needs["packed"])
        ]


def _claim(facts: Facts, condition: str, wanted: bool) -> str:
    if condition in VECTORS:
        return "nothing is asked for that vectors cannot do" if wanted else "vectors are not used"
    return f"{CONDITIONS[condition][0]} {'are' if wanted else 'are not'} agreed".replace("use are", "use is")


def _changes(facts: Facts, condition: str, wanted: bool, packed: bool) -> list[str]:
    if condition in VECTORS:
        return facts.against_vectors(VECTORS[condition], packed) if wanted else ["vectors forbidden (vectorized=0)"]
    name, devarg = CONDITIONS[condition]
    return [f"{name} {'' if wanted else 'not '}agreed ({devarg}={int(wanted)})"]


NAMED_INORDER = ("virtio_recv_mergeable_pkts_inorder", "virtio_xmit_pkts_inorder")


@dataclass(frozen=True)
class Choice:
    """The two that a port uses, and what they were chosen by."""

    rx: Path
    tx: Path
    facts: Facts

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
VECTOR_RX = {"vector_rx": True}
SCALAR_RX = {"vector_rx": False}
VECTOR_TX = {"vector_tx": True}
SCALAR_TX = {"vector_tx": False}

RX_PATHS = (
    Path("virtio_recv_mergeable_pkts_packed_inorder", "packed ring mergeable buffer Rx", PACKED | MERGEABLE | IN_ORDER),
    Path("virtio_recv_mergeable_pkts_packed", "packed ring mergeable buffer Rx", PACKED | MERGEABLE | ANY_ORDER),
    Path("virtio_recv_pkts_packed_vec", "packed ring vectorized Rx", PACKED | IN_ORDER | VECTOR_RX, by_width=True),
    Path("virtio_recv_pkts_packed_inorder", "packed ring standard Rx", PACKED | ONE_BUFFER | IN_ORDER | SCALAR_RX),
    Path("virtio_recv_pkts_packed", "packed ring standard Rx", PACKED | ONE_BUFFER | ANY_ORDER),
    Path("virtio_recv_mergeable_pkts_inorder", "inorder Rx", SPLIT | MERGEABLE | IN_ORDER),
    Path("virtio_recv_mergeable_pkts", "mergeable buffer Rx", SPLIT | MERGEABLE | ANY_ORDER),
    Path("virtio_recv_pkts_vec_inorder", "vectorized Rx", SPLIT | IN_ORDER | VECTOR_RX, by_width=True),
    Path("virtio_recv_pkts_inorder", "standard Rx", SPLIT | ONE_BUFFER | IN_ORDER | SCALAR_RX),
    Path("virtio_recv_pkts_vec", "vectorized Rx", SPLIT | ANY_ORDER | VECTOR_RX, by_width=True),
    Path("virtio_recv_pkts", "standard Rx", SPLIT | ONE_BUFFER | ANY_ORDER | SCALAR_RX),
)
TX_PATHS = (
    Path("virtio_xmit_pkts_packed_vec", "packed ring vectorized Tx", PACKED | IN_ORDER | VECTOR_TX, by_width=True),
    Path("virtio_xmit_pkts_packed_inorder", "packed ring standard Tx", PACKED | IN_ORDER | SCALAR_TX),
    Path("virtio_xmit_pkts_packed", "packed ring standard Tx", PACKED | ANY_ORDER),
    Path("virtio_xmit_pkts_inorder", "inorder Tx", SPLIT | IN_ORDER),
    Path("virtio_xmit_pkts_simple", "simple Tx", SPLIT | ANY_ORDER | VECTOR_TX, by_width=True),
    Path("virtio_xmit_pkts", "standard Tx", SPLIT | ANY_ORDER | SCALAR_TX),
)


def explain(way: str, paths: Sequence[Path], facts: Facts) -> BurstChoice:
    """The path in use among ``paths``, why, and what each other one would take."""
    chosen = _first(paths, facts)
    others: dict[str, tuple[str, ...]] = {}
    for path in paths:
        lacks = tuple(path.lacks(facts))
        if path.name != chosen.name and (path.name not in others or len(lacks) < len(others[path.name])):
            others[path.name] = lacks
    return BurstChoice(way, chosen.name, chosen.because(facts), tuple(others.items()))


def choose(facts: Facts) -> Choice:
    """The best receive and transmit function for what is the case."""
    return Choice(_first(RX_PATHS, facts), _first(TX_PATHS, facts), facts)


def _first(paths: Sequence[Path], facts: Facts) -> Path:
    return next(path for path in paths if path.serves(facts))
