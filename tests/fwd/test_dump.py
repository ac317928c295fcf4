from typing import Any

import pytest

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd.dump import DumpedPacket, Dumper, DumpRing, Summed


@pytest.fixture
def ring() -> DumpRing:
    return DumpRing(Arena(DumpRing.bytes() + 4096))


@pytest.fixture
def pool() -> Mempool:
    return Mempool("dump", 2048, 2176, 0)


def burst(pool: Mempool, count: int, length: int = 64) -> Any:
    pkts = ffi.new("struct mbuf *[]", count)
    assert lib.mempool_get_bulk(pool.ptr, pkts, count) == count
    for i, m in enumerate(pkts):
        m.pkt_len = m.data_len = length
        ffi.memmove(m.buf_addr + m.data_off, bytes([i & 0xFF]) * length, length)
    return pkts


def test_packets_are_read_as_they_were_noted(ring: DumpRing, pool: Mempool) -> None:
    lib.dump_burst(ring.ptr, burst(pool, 2, 200), 2, 3, 1, True)
    first, second = ring.read()
    assert first == DumpedPacket(3, 1, True, 2, 1, 200, 0, b"\0" * lib.DUMP_BYTES)
    assert (second.nb_burst, second.data) == (0, b"\1" * lib.DUMP_BYTES)
    assert list(ring.read()) == []


def test_what_a_driver_told_besides_the_bytes_is_noted(ring: DumpRing, pool: Mempool) -> None:
    pkts = burst(pool, 1)
    pkts[0].ol_flags, pkts[0].vlan_tci, pkts[0].hash_rss = lib.MBUF_F_RX_VLAN, 0x1005, 0xCAFEF00D
    lib.dump_burst(ring.ptr, pkts, 1, 0, 0, False)
    (packet,) = ring.read()
    assert (packet.ol_flags, packet.vlan_tci, packet.hash_rss) == (lib.MBUF_F_RX_VLAN, 0x1005, 0xCAFEF00D)
    assert packet.summed is None


def test_what_the_csum_engine_did_is_noted_until_there_is_no_room(ring: DumpRing, pool: Mempool) -> None:
    (m,) = burst(pool, 1)
    m.ol_flags, m.tso_segsz, m.l2_len, m.l3_len, m.l4_len = lib.MBUF_F_TX_TCP_SEG, 800, 18, 1000, 32
    for _ in range(lib.DUMP_PACKETS + 2):
        lib.dump_csum(ring.ptr, m, 5, lib.MBUF_F_RX_LRO, 1460, True)
    packets = list(ring.read())
    assert (len(packets), ring.lost) == (lib.DUMP_PACKETS, 2)
    assert (packets[0].port, packets[0].ol_flags, packets[0].pkt_len) == (5, lib.MBUF_F_RX_LRO, 64)
    address = int(ffi.cast("uintptr_t", m))
    assert packets[0].summed == Summed(address, lib.MBUF_F_TX_TCP_SEG, True, 1460, 800, 18, 1000, 32)


def test_a_burst_without_room_is_lost_as_a_whole_and_counted(ring: DumpRing, pool: Mempool) -> None:
    pkts = burst(pool, 500)
    for _ in range(3):
        lib.dump_burst(ring.ptr, pkts, 500, 0, 0, False)
    assert ring.lost == 500
    assert len(list(ring.read())) == 1000


def test_the_ring_goes_round(ring: DumpRing, pool: Mempool) -> None:
    pkts = burst(pool, 300)
    for _ in range(10):
        lib.dump_burst(ring.ptr, pkts, 300, 0, 0, False)
        assert [packet.data[0] for packet in ring.read()] == [i & 0xFF for i in range(300)]
    assert ring.lost == 0


def test_the_dumper_shows_the_rest_when_it_is_closed(ring: DumpRing, pool: Mempool) -> None:
    shown: list[tuple[int, int]] = []
    dumper = Dumper([ring], lambda packets, lost: shown.append((len(packets), lost)))
    lib.dump_burst(ring.ptr, burst(pool, 4), 4, 0, 0, False)
    dumper.close()
    assert sum(count for count, _ in shown) == 4
