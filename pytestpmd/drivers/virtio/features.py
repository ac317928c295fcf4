"""What driver and device agree on: pure."""

from dataclasses import dataclass

from pytestpmd.drivers.virtio_net import HDR_SIZE, HDR_SIZE_HASH, HDR_SIZE_LEGACY, NEEDS, Feature
from pytestpmd.errors import FeatureError

F = Feature


@dataclass(frozen=True)
class Agreement:
    """Features in force, and what follows from them for the rings."""

    features: Feature

    def has(self, feature: Feature) -> bool:
        """Whether a feature is in force."""
        return feature in self.features

    @property
    def hdr_size(self) -> int:
        """Bytes of the net header (virtio 1.2, 5.1.6)."""
        if self.has(F.VIRTIO_NET_F_HASH_REPORT):
            return HDR_SIZE_HASH
        modern = self.has(F.VIRTIO_F_VERSION_1) or self.has(F.VIRTIO_NET_F_MRG_RXBUF)
        return HDR_SIZE if modern else HDR_SIZE_LEGACY

    @property
    def mergeable(self) -> bool:
        """Whether one packet may span several receive buffers."""
        return self.has(F.VIRTIO_NET_F_MRG_RXBUF)

    @property
    def event_idx(self) -> bool:
        """Whether each side says at which index it wants to hear of the other."""
        return self.has(F.VIRTIO_RING_F_EVENT_IDX)

    @property
    def packed(self) -> bool:
        """Whether the rings have the packed layout."""
        return self.has(F.VIRTIO_F_RING_PACKED)

    @property
    def in_order(self) -> bool:
        """Whether the device uses buffers in the order in which it got them, and may say so of several at once."""
        return self.has(F.VIRTIO_F_IN_ORDER)

    @property
    def indirect(self) -> bool:
        """Whether a chain may lie in a table of its own."""
        return self.has(F.VIRTIO_RING_F_INDIRECT_DESC)


def negotiate(offered: int, wanted: Feature, required: int = 0) -> Agreement:
    """The largest subset of ``offered`` and ``wanted`` in which everything has what it needs.

    Raises :class:`FeatureError` when one of ``required`` is missing.
    """
    agreed = Feature(offered & wanted)
    while lacking := [feature for feature, needed in NEEDS.items() if feature in agreed and needed not in agreed]:
        for feature in lacking:
            agreed &= ~feature
    missing = required & ~int(agreed)
    if missing:
        raise FeatureError(f"the device does not offer {describe(missing)}")
    return Agreement(agreed)


#: What a device may have or lack without another configuration: how the rings are used, not what they look like, nor
#: what packets may ask for.
ADAPTABLE = F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_RING_F_INDIRECT_DESC | F.VIRTIO_RING_F_EVENT_IDX | F.VIRTIO_F_IN_ORDER


def adapted(agreed: Agreement, possible: Agreement) -> Agreement:
    """What was agreed with another device, with as much as is ``possible`` of what may differ."""
    return Agreement((agreed.features & ~ADAPTABLE) | (possible.features & ADAPTABLE))


def difference(before: Agreement, now: Agreement) -> str:
    """``has A B besides, and lacks C``, of two that are not equal."""
    more, less = now.features & ~before.features, before.features & ~now.features
    parts = [f"has {describe(more)} besides" if more else "", f"lacks {describe(less)}" if less else ""]
    return ", and ".join(filter(None, parts))


def describe(features: int) -> str:
    """Names of the bits, lowest first, unknown ones as numbers."""
    known = [bit.name for bit in Feature if bit & features and bit.name]
    rest = features & ~sum(Feature)
    return " ".join([*known, *([f"0x{rest:x}"] if rest else [])]) or "none"
