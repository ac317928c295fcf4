"""The area in which a back-end notes what it has in hand, and what one that comes after it makes of that.

The front-end keeps the area (vhost-user, "Inflight I/O tracking") and gives it to each back-end in turn; ``track.c``
keeps it right while rings are served. Here a ring is taken up from it. Nothing in it is believed: an index beyond the
ring, a ring of another size or a list without end cost no more than what was noted.
"""

import fcntl
import os
from typing import Any, Final

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.vhost.mapping import Mapping
from pytestpmd.eal.memory import Arena
from pytestpmd.errors import DeviceError

VERSION: Final = 1
ALIGNMENT: Final = 64
#: Bytes of all regions together: 32 packed rings of the largest size, and no front-end has more.
MAX_AREA: Final = 1 << 26
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_STATE: Final = lib.VRING_PACKED_DESC_F_AVAIL | lib.VRING_PACKED_DESC_F_USED


def region_size(ring_size: int, packed: bool) -> int:
    """Bytes of a ring's region."""
    kind = "packed" if packed else "split"
    size = ffi.sizeof(f"struct inflight_{kind}") + ring_size * ffi.sizeof(f"struct inflight_{kind}_desc")
    return int(-(-size // ALIGNMENT) * ALIGNMENT)


def area_size(nb_rings: int, ring_size: int, packed: bool) -> int:
    """Bytes of all of them; :class:`DeviceError` for more than anybody needs."""
    size = nb_rings * region_size(ring_size, packed)
    if size > MAX_AREA:
        raise DeviceError(f"an in-flight area for {nb_rings} rings of {ring_size} descriptors is too large")
    return size


def new_area(size: int) -> int:
    """A file for an area in which nothing is noted; it cannot shrink. The fd is the caller's."""
    fd = os.memfd_create("inflight", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


class InflightArea:
    """``size`` bytes at ``offset`` of a file, for ``nb_rings`` rings of at most ``ring_size``.

    The fd stays the caller's. Raises :class:`DeviceError` when it cannot be mapped, or is too small for its rings.
    """

    def __init__(self, fd: int, size: int, offset: int, nb_rings: int, ring_size: int, *, packed: bool) -> None:
        needed = area_size(nb_rings, ring_size, packed)
        if size < needed:
            raise DeviceError(f"an in-flight area of {size} bytes for {nb_rings} rings, which need {needed}")
        self.nb_rings, self.ring_size, self.size = nb_rings, ring_size, needed
        self._arena = Arena(4096, name="an in-flight area")
        self._dead = self._arena.struct("uint32_t")
        self._mapping = Mapping(fd, offset, needed, self._dead, "the in-flight area")

    @property
    def is_dead(self) -> bool:
        """Whether its file lost pages under us."""
        return bool(self._dead[0])

    def region(self, ring: int, size: int, packed: bool) -> Any:
        """Where a ring's notes are; NULL for a ring that has none. Too many descriptors are a :class:`DeviceError`."""
        if ring >= self.nb_rings:
            return ffi.NULL
        if size > self.ring_size:
            raise DeviceError(f"ring {ring} has {size} descriptors, its in-flight region {self.ring_size}")
        step = region_size(self.ring_size, packed)
        if (ring + 1) * step > self.size:
            raise DeviceError(f"ring {ring} has another layout than when its in-flight area was made")
        return self._mapping.host + ring * step

    def close(self) -> None:
        """Unmap it; no lcore may use it."""
        self._mapping.close()


def _in_hand(area: Any, size: int) -> list[int]:
    """Entries that are noted to be in hand, in the order in which they were taken."""
    found = [entry for entry in range(size) if area.desc[entry].inflight]
    return sorted(found, key=lambda entry: int(area.desc[entry].counter))


def _is_known(area: Any, size: int) -> bool:
    return (area.version, area.desc_num) == (VERSION, size)


def take_up_split(area: Any, size: int, used_idx: int) -> list[int]:
    """The heads that are in hand still, after what the last batch left half done was finished.

    ``area`` is a ``struct inflight_split *``, ``used_idx`` what the used ring says.
    """
    if not _is_known(area, size):
        for entry in range(size):
            area.desc[entry].inflight = 0
        area.used_idx, area.desc_num = used_idx, size
        area.version = VERSION
    head = int(area.last_batch_head)
    for _ in range(min(size, (used_idx - area.used_idx) & 0xFFFF)):
        if head >= size:
            break
        area.desc[head].inflight = 0
        head = int(area.desc[head].next)
    area.used_idx = used_idx
    return _in_hand(area, size)


class Resubmission:
    """Heads that a split ring is to take before any other, because another back-end took them out of order.

    They stand in an available ring of our own, which the data plane reads as if it were the driver's; meanwhile it
    calls the driver after every burst, whatever that wishes. ``index`` is where the driver's own ring comes next.
    """

    def __init__(self, vq: Any, heads: list[int], used_idx: int) -> None:
        self._arena = Arena(2 * (3 + vq.size), name="a resubmission")
        self._vq, self._avail, self._event_idx = vq, vq.avail, int(vq.event_idx)
        self.index = (used_idx + len(heads)) & 0xFFFF
        own = ffi.cast("struct vring_avail *", self._arena.alloc(2 * (3 + vq.size)))
        for position, head in enumerate(heads, used_idx):
            own.ring[position % vq.size] = head
        own.idx = self.index
        vq.avail, vq.event_idx = own, 0

    @property
    def is_done(self) -> bool:
        """Whether all of them have been used up."""
        return int(self._vq.last_avail) == self.index

    def end(self) -> None:
        """No lcore may look meanwhile."""
        self._vq.avail, self._vq.event_idx = self._avail, self._event_idx


def take_up_packed(area: Any, ring: Any, size: int, base: int) -> int:
    """Where a packed ring goes on, as SET_VRING_BASE has it; ``base`` where nothing was noted.

    ``area`` is a ``struct inflight_packed *``, ``ring`` the descriptors. What was in hand is put back in the ring,
    where the device takes it next: used descriptors of a batch that nobody was shown may lie there.
    """
    if _is_known(area, size) and max(area.old_used_idx, area.used_idx) < size:
        _finish_batch(area, ring)
        base = area.old_used_idx | area.old_used_wrap_counter << 15
        _put_back(area, ring, size, base)
    _clear(area, size, base)
    return base


def _finish_batch(area: Any, ring: Any) -> None:
    """Commit the last batch if the driver was shown it, which its first descriptor tells."""
    flags = int(ring[area.old_used_idx].flags) & _STATE
    if area.used_idx != area.old_used_idx and flags != _avail(bool(area.old_used_wrap_counter)):
        area.old_free_head = area.free_head
        area.old_used_wrap_counter = bool(area.used_wrap_counter)
        area.old_used_idx = area.used_idx
    area.old_used_wrap_counter = bool(area.old_used_wrap_counter)
    entry = int(area.old_free_head)
    for _ in range(area.desc_num):
        if entry >= area.desc_num:
            break
        area.desc[entry].inflight = 0
        entry = int(area.desc[entry].next)


def _put_back(area: Any, ring: Any, size: int, base: int) -> None:
    place, wrap = base & 0x7FFF, bool(base >> 15)
    room = size
    for head in _in_hand(area, size):
        for desc in _chain(area, head, size):
            if not room:
                return
            room -= 1
            flags = desc.flags & ~_STATE | _avail(wrap)
            ring[place].addr, ring[place].len, ring[place].id = desc.addr, desc.len, desc.id
            ring[place].flags = flags
            place += 1
            if place == size:
                place, wrap = 0, not wrap


def _chain(area: Any, head: int, size: int) -> list[Any]:
    """The descriptors of a chain: as many as its first says, one after the other by ``next``."""
    found, entry = [], head
    for _ in range(min(size, int(area.desc[head].num))):
        if entry >= size:
            break
        found.append(area.desc[entry])
        entry = int(area.desc[entry].next)
    return found


def _avail(wrap: bool) -> int:
    return int(lib.VRING_PACKED_DESC_F_AVAIL if wrap else lib.VRING_PACKED_DESC_F_USED)


def _clear(area: Any, size: int, base: int) -> None:
    """Nothing is in hand, and all entries are free, each linked to the one behind it."""
    area.version = 0
    for entry in range(size):
        area.desc[entry].inflight, area.desc[entry].next = 0, entry + 1
    area.free_head = area.old_free_head = 0
    area.used_idx = area.old_used_idx = base & 0x7FFF
    area.used_wrap_counter = area.old_used_wrap_counter = base >> 15
    area.desc_num = size
    area.version = VERSION
