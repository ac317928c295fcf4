"""Where a virtqueue's parts lie: pure, offsets from a size (virtio 1.2, 2.7 and 2.8).

Each index lies at the end of a cache line and its ring begins on the next. The entries of both rings hardly ever change
(``virtqueue.h``), so their lines stay in both cores' caches; an index in among them would take them away every burst.
"""

from dataclasses import dataclass

CACHE_LINE = 64
#: flags and idx, in front of both split rings.
INDEX_BYTES = 4
DESC_BYTES = 16
USED_BYTES = 8
EVENT_BYTES = 2


@dataclass(frozen=True)
class Layout:
    """Offsets in bytes from a line boundary, and the whole size.

    ``avail`` and ``used`` are the rings of a split virtqueue; of a packed one they are the two event suppression areas,
    the driver's and the device's.
    """

    size: int
    desc: int
    avail: int
    used: int
    total: int


def split_layout(size: int) -> Layout:
    """A ring of ``size`` descriptors; a power of two from 1 to 32768."""
    if size & (size - 1) or not 0 < size <= 32768:
        raise ValueError(f"{size} is no size for a split virtqueue")
    avail = _index_before_line(size * DESC_BYTES)
    used = _index_before_line(avail + INDEX_BYTES + size * 2 + EVENT_BYTES)
    return Layout(size, 0, avail, used, _next_line(used + INDEX_BYTES + size * USED_BYTES + EVENT_BYTES))


def packed_layout(size: int) -> Layout:
    """A packed ring of ``size`` descriptors, 1 to 32768, and the event areas on lines of their own."""
    if not 0 < size <= 32768:
        raise ValueError(f"{size} is no size for a packed virtqueue")
    driver = _next_line(size * DESC_BYTES)
    return Layout(size, 0, driver, driver + CACHE_LINE, driver + 2 * CACHE_LINE)


def _next_line(offset: int) -> int:
    return -(-offset // CACHE_LINE) * CACHE_LINE


def _index_before_line(end: int) -> int:
    """The place for an index on a line of its own after ``end``."""
    return _next_line(end) + CACHE_LINE - INDEX_BYTES
