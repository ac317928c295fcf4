"""Where a virtqueue's parts lie: pure, offsets from a size (virtio 1.2, 2.7 and 2.8).

In our own layout each index lies at the end of a cache line and its ring begins on the next. The entries of both rings
hardly ever change (``virtqueue.h``), so their lines stay in both cores' caches; an index in among them would take them
away every burst. A legacy device leaves no choice.
"""

from dataclasses import dataclass

CACHE_LINE = 64
#: flags and idx, in front of both split rings.
INDEX_BYTES = 4
DESC_BYTES = 16
USED_BYTES = 8
EVENT_BYTES = 2
#: Where a legacy device looks for a ring, and for the used ring in it: at multiples of so many bytes.
LEGACY_ALIGN = 4096


@dataclass(frozen=True)
class Layout:
    """Offsets in bytes from the beginning, which is at a multiple of ``align``, and the whole size.

    ``avail`` and ``used`` are the rings of a split virtqueue; of a packed one they are the two event suppression areas,
    the driver's and the device's.
    """

    size: int
    desc: int
    avail: int
    used: int
    total: int
    align: int = CACHE_LINE
    packed: bool = False


def ring_layout(size: int, *, packed: bool, legacy: bool = False) -> Layout:
    """Of the kind that was agreed on; raises :class:`ValueError` for a size that it cannot have."""
    if packed:
        return packed_layout(size)
    return legacy_layout(size) if legacy else split_layout(size)


def split_layout(size: int) -> Layout:
    """A ring of ``size`` descriptors; a power of two from 1 to 32768."""
    _check_split(size)
    avail = _index_before_line(size * DESC_BYTES)
    used = _index_before_line(avail + INDEX_BYTES + size * 2 + EVENT_BYTES)
    return Layout(size, 0, avail, used, _next_line(used + INDEX_BYTES + size * USED_BYTES + EVENT_BYTES))


def legacy_layout(size: int) -> Layout:
    """The same as a legacy device expects it: the device is told one address, and knows the rest (2.7.2)."""
    _check_split(size)
    avail = size * DESC_BYTES
    used = _next(avail + INDEX_BYTES + size * 2 + EVENT_BYTES, LEGACY_ALIGN)
    total = _next(used + INDEX_BYTES + size * USED_BYTES + EVENT_BYTES, LEGACY_ALIGN)
    return Layout(size, 0, avail, used, total, LEGACY_ALIGN)


def packed_layout(size: int) -> Layout:
    """A packed ring of ``size`` descriptors, 1 to 32768, and the event areas on lines of their own."""
    if not 0 < size <= 32768:
        raise ValueError(f"{size} is no size for a packed virtqueue")
    driver = _next_line(size * DESC_BYTES)
    return Layout(size, 0, driver, driver + CACHE_LINE, driver + 2 * CACHE_LINE, packed=True)


def _check_split(size: int) -> None:
    if size & (size - 1) or not 0 < size <= 32768:
        raise ValueError(f"{size} is no size for a split virtqueue")


def _next(offset: int, align: int) -> int:
    return -(-offset // align) * align


def _next_line(offset: int) -> int:
    return _next(offset, CACHE_LINE)


def _index_before_line(end: int) -> int:
    """The place for an index on a line of its own after ``end``."""
    return _next_line(end) + CACHE_LINE - INDEX_BYTES
