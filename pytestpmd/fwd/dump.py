"""``set verbose``: packets as they pass, noted by the lcores and handed out by a thread of their own.

C writes what it sees into a ring for each lcore and never waits; what finds no room is counted. So a burst may be
missing from what is shown, never a packet from what is forwarded.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.control import ControlThread
from pytestpmd.eal.memory import Arena

_FIELDS = struct.Struct("=QQQIIHHHHHHHHHHHBB")
RECEIVED, SENT = 1, 2


@dataclass(frozen=True)
class Summed:
    """What the csum engine found and did; lengths in bytes. ``asks``: the transmit port does some of it."""

    address: int
    tx_flags: int
    asks: bool
    lro_segsz: int
    tso_segsz: int
    l2_len: int
    l3_len: int
    l4_len: int


@dataclass(frozen=True)
class DumpedPacket:
    """One packet: lengths in bytes, ``data`` its first bytes. ``nb_burst`` is 0 behind the first of a burst."""

    port: int
    queue: int
    sent: bool
    nb_burst: int
    nb_segs: int
    pkt_len: int
    ol_flags: int
    data: bytes
    hash_rss: int = 0
    vlan_tci: int = 0
    #: Only of a packet that the csum engine was done with.
    summed: Summed | None = None


class DumpRing:
    """One lcore's ring."""

    def __init__(self, memory: Arena) -> None:
        self._memory = memory
        self.ptr = memory.struct("struct dump_ring")

    @staticmethod
    def bytes() -> int:
        """What one takes of an arena."""
        return int(ffi.sizeof("struct dump_ring"))

    @property
    def lost(self) -> int:
        """Packets that were not noted because nobody had read those before."""
        return int(self.ptr.lost)

    def read(self) -> Iterator[DumpedPacket]:
        """Every packet that waits."""
        waiting = int(lib.dump_waiting(self.ptr))
        first = int(self.ptr.tail)
        for i in range(first, first + waiting):
            yield _packet(self.ptr.packets[i % lib.DUMP_PACKETS])
        lib.dump_read(self.ptr, waiting)


def _packet(packet: Any) -> DumpedPacket:
    raw = bytes(ffi.buffer(ffi.addressof(packet)))
    fields = _FIELDS.unpack_from(raw)
    ol_flags, tx_flags, address, pkt_len, hash_rss, nb_burst, port, queue, nb_segs, kind, length = fields[:11]
    vlan_tci, asks, lro_segsz, tso_segsz, l3_len, l2_len, l4_len = fields[11:]
    data = raw[_FIELDS.size : _FIELDS.size + length]
    summed = None
    if kind == lib.DUMP_CSUM:
        summed = Summed(address, tx_flags, bool(asks), lro_segsz, tso_segsz, l2_len, l3_len, l4_len)
    return DumpedPacket(
        port, queue, kind == lib.DUMP_SENT, nb_burst, nb_segs, pkt_len, ol_flags, data, hash_rss, vlan_tci, summed
    )


class Dumper:
    """Hands what waits in some rings to ``show``, ten times a second and once more at the end."""

    def __init__(self, rings: Sequence[DumpRing], show: Callable[[list[DumpedPacket], int], None]) -> None:
        self._rings = rings
        self._show = show
        self._lost = 0
        self._thread = ControlThread("dump", self._tick)
        self._thread.start()

    def _tick(self) -> None:
        packets = [packet for ring in self._rings for packet in ring.read()]
        lost = sum(ring.lost for ring in self._rings)
        if packets or lost != self._lost:
            self._show(packets, lost - self._lost)
        self._lost = lost

    def close(self) -> None:
        """Show the rest; the lcores must have stopped, or their streams been told to note no more."""
        self._thread.stop()
        self._tick()
