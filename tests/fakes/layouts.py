"""The kinds of ring that a port may have, and the burst functions that go with each."""

from dataclasses import dataclass
from typing import Any

import pytest
from fakes.net_device import NetDevice
from fakes.packed_device import InOrderPackedDevice, PackedDevice
from fakes.packets import Burst
from fakes.virtio_device import InOrderSplitDevice, SplitDevice

from pytestpmd._dataplane import lib

#: Endings of the vector functions that this machine can run.
VECTORS = tuple(
    ending for width, ending in ((128, ""), (256, "_256"), (512, "_512")) if lib.lcore_simd_width() >= width
)


@dataclass(frozen=True)
class Kind:
    """A layout, whether IN_ORDER is agreed, and the ending of the vector functions that send, if they do."""

    packed: bool = False
    in_order: bool = False
    vec: str | None = None

    def __str__(self) -> str:
        vec = "" if self.vec is None else f"-vec{self.vec}"
        return ("packed" if self.packed else "split") + ("-inorder" if self.in_order else "") + vec

    @property
    def suffix(self) -> str:
        """Of the functions' names."""
        return ("_packed" if self.packed else "") + ("_inorder" if self.in_order else "")

    @property
    def xmit(self) -> Burst:
        name = self.suffix if self.vec is None else f"{'_packed_vec' if self.packed else '_simple'}{self.vec}"
        burst: Burst = getattr(lib, f"virtio_xmit_pkts{name}")
        return burst

    def device(self, *ring: Any, **settings: Any) -> NetDevice:
        """Its far end, as it is on the first lap or at ``start``."""
        classes: dict[Kind, type[SplitDevice | PackedDevice]] = {
            SPLIT: SplitDevice,
            SPLIT_IN_ORDER: InOrderSplitDevice,
            PACKED: PackedDevice,
            PACKED_IN_ORDER: InOrderPackedDevice,
        }
        return classes[Kind(self.packed, self.in_order)](*ring, **settings)


SPLIT, SPLIT_IN_ORDER = Kind(), Kind(in_order=True)
PACKED, PACKED_IN_ORDER = Kind(packed=True), Kind(packed=True, in_order=True)
SIMPLE_KINDS = tuple(Kind(vec=ending) for ending in VECTORS)
PACKED_VEC_KINDS = tuple(Kind(packed=True, in_order=True, vec=ending) for ending in VECTORS)
KINDS = (SPLIT, SPLIT_IN_ORDER, PACKED, PACKED_IN_ORDER, *SIMPLE_KINDS, *PACKED_VEC_KINDS)
SPLIT_KINDS = (SPLIT, SPLIT_IN_ORDER, *SIMPLE_KINDS)
IN_ORDER_KINDS = (SPLIT_IN_ORDER, PACKED_IN_ORDER, *PACKED_VEC_KINDS)
PACKED_KINDS = (PACKED, PACKED_IN_ORDER, *PACKED_VEC_KINDS)
ANY_ORDER_KINDS = (SPLIT, PACKED, *SIMPLE_KINDS)


@dataclass(frozen=True)
class RxPath:
    """A kind of ring, whether a frame may span several of its buffers, and the vector functions' ending, if any."""

    kind: Kind
    mergeable: bool
    vec: str | None = None

    def __str__(self) -> str:
        vec = "" if self.vec is None else f"-vec{self.vec}"
        return f"{self.kind}-{'mergeable' if self.mergeable else 'regular'}{vec}"

    @property
    def recv(self) -> Burst:
        vec = "" if self.vec is None else f"_vec{self.vec}"
        ending = f"_packed{vec}" if vec and self.kind.packed else vec + self.kind.suffix
        burst: Burst = getattr(lib, f"virtio_recv_{'mergeable_' * self.mergeable}pkts{ending}")
        return burst


SCALAR_KINDS = (SPLIT, SPLIT_IN_ORDER, PACKED, PACKED_IN_ORDER)
PATHS = (
    *(RxPath(kind, mergeable) for kind in SCALAR_KINDS for mergeable in (False, True)),
    *(
        RxPath(kind, mergeable=False, vec=ending)
        for kind in (SPLIT, SPLIT_IN_ORDER, PACKED_IN_ORDER)
        for ending in VECTORS
    ),
)
every_path = pytest.mark.parametrize("path", PATHS, ids=str)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
each_in_order = pytest.mark.parametrize("kind", IN_ORDER_KINDS, ids=str)
each_in_any_order = pytest.mark.parametrize("kind", ANY_ORDER_KINDS, ids=str)
each_split = pytest.mark.parametrize("kind", SPLIT_KINDS, ids=str)
each_packed = pytest.mark.parametrize("kind", PACKED_KINDS, ids=str)

#: What net_virtio_user is told for each, in pairs of our own ends.
PAIRS = {
    "split": "",
    "split regular": ",mrg_rxbuf=0",
    "not in order": ",in_order=0",
    "vectors": ",mrg_rxbuf=0,in_order=0",
    "packed": ",packed_vq=1",
    "packed regular": ",packed_vq=1,mrg_rxbuf=0",
    "packed not in order": ",packed_vq=1,in_order=0",
    "packed vectors": ",packed_vq=1,mrg_rxbuf=0,vectorized=1",
}
every_layout = pytest.mark.parametrize("layout", PAIRS.values(), ids=PAIRS)
