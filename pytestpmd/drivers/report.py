"""Feature bits as rows of a report, for both ends of a virtio device."""

from collections.abc import Callable
from enum import IntFlag

from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.report import FeatureReport
from pytestpmd.vhost_user.wire import ProtocolFeature

#: What there is to say of a bit; "" for nothing.
Note = Callable[[int], str]


def feature_reports(offered: int, wanted: int | None, agreed: int, note: Note) -> tuple[FeatureReport, ...]:
    """A row for each virtio feature that is offered, wanted or agreed; ``wanted`` is None where others decide."""
    return _rows(_feature_name, offered, wanted, agreed, note)


def protocol_reports(offered: int, wanted: int | None, agreed: int, note: Note) -> tuple[FeatureReport, ...]:
    """The same for the features of the vhost-user protocol."""
    return _rows(_protocol_name, offered, wanted, agreed, note)


def _rows(
    name: Callable[[int], str], offered: int, wanted: int | None, agreed: int, note: Note
) -> tuple[FeatureReport, ...]:
    return tuple(
        FeatureReport(
            name(bit),
            bool(offered & bit),
            None if wanted is None else bool(wanted & bit),
            bool(agreed & bit),
            note(bit),
        )
        for bit in bits(offered | (wanted or 0) | agreed)
    )


def bits(word: int) -> list[int]:
    """The bits of a word of 64, lowest first."""
    return [1 << i for i in range(64) if word >> i & 1]


def _feature_name(bit: int) -> str:
    return _name(Feature, bit, "")


def _protocol_name(bit: int) -> str:
    return _name(ProtocolFeature, bit, "VHOST_USER_PROTOCOL_F_")


def _name(kind: type[IntFlag], bit: int, prefix: str) -> str:
    known = kind(bit).name if bit in kind.__members__.values() else None
    return prefix + known if known else f"bit {bit.bit_length() - 1}"
