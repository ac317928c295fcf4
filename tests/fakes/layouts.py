"""The kinds of ring that a port may have, and the burst functions that go with each."""

from dataclasses import dataclass
from typing import Any

import pytest
from fakes.net_device import NetDevice
from fakes.packed_device import InOrderPackedDevice, PackedDevice
from fakes.packets import Burst
from fakes.virtio_device import InOrderSplitDevice, SplitDevice

from pytestpmd._dataplane import lib


@dataclass(frozen=True)
class Kind:
    """A layout, and whether IN_ORDER is agreed."""

    packed: bool = False
    in_order: bool = False

    def __str__(self) -> str:
        return ("packed" if self.packed else "split") + ("-inorder" if self.in_order else "")

    @property
    def suffix(self) -> str:
        """Of the functions' names."""
        return ("_packed" if self.packed else "") + ("_inorder" if self.in_order else "")

    @property
    def xmit(self) -> Burst:
        burst: Burst = getattr(lib, f"virtio_xmit_pkts{self.suffix}")
        return burst

    def device(self, *ring: Any, **settings: Any) -> NetDevice:
        """Its far end, as it is on the first lap or at ``start``."""
        classes: dict[Kind, type[SplitDevice | PackedDevice]] = {
            SPLIT: SplitDevice,
            SPLIT_IN_ORDER: InOrderSplitDevice,
            PACKED: PackedDevice,
            PACKED_IN_ORDER: InOrderPackedDevice,
        }
        return classes[self](*ring, **settings)


SPLIT, SPLIT_IN_ORDER = Kind(), Kind(in_order=True)
PACKED, PACKED_IN_ORDER = Kind(packed=True), Kind(packed=True, in_order=True)
KINDS = (SPLIT, SPLIT_IN_ORDER, PACKED, PACKED_IN_ORDER)
SPLIT_KINDS = (SPLIT, SPLIT_IN_ORDER)
IN_ORDER_KINDS = (SPLIT_IN_ORDER, PACKED_IN_ORDER)
PACKED_KINDS = (PACKED, PACKED_IN_ORDER)
ANY_ORDER_KINDS = (SPLIT, PACKED)


@dataclass(frozen=True)
class RxPath:
    """A kind of ring, and whether a frame may span several of its buffers."""

    kind: Kind
    mergeable: bool

    def __str__(self) -> str:
        return f"{self.kind}-{'mergeable' if self.mergeable else 'regular'}"

    @property
    def recv(self) -> Burst:
        burst: Burst = getattr(lib, f"virtio_recv_{'mergeable_' * self.mergeable}pkts{self.kind.suffix}")
        return burst


PATHS = tuple(RxPath(kind, mergeable) for kind in KINDS for mergeable in (False, True))
every_path = pytest.mark.parametrize("path", PATHS, ids=str)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
each_in_order = pytest.mark.parametrize("kind", IN_ORDER_KINDS, ids=str)
each_in_any_order = pytest.mark.parametrize("kind", ANY_ORDER_KINDS, ids=str)
each_split = pytest.mark.parametrize("kind", SPLIT_KINDS, ids=str)
each_packed = pytest.mark.parametrize("kind", PACKED_KINDS, ids=str)
