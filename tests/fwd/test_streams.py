"""A plan made into what C runs."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import CsumConfig, ForwardConfig
from pytestpmd.drivers.null import NullPort
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.offloads import TxOffload
from pytestpmd.ethdev.port import PortConf
from pytestpmd.fwd import ENGINES
from pytestpmd.fwd.streams import FlushJob, LcoreJob, StreamMaker, Streams, clock_hz
from pytestpmd.fwd.topology import plan

MAC = bytes.fromhex("020000000077")


@pytest.fixture
def ports(pool: Mempool) -> Iterator[dict[int, NullPort]]:
    """Two ports of net_null with two queues each."""
    made = {}
    for port_id in range(2):
        port = made[port_id] = NullPort(f"net_null{port_id}", "", NullPort.Args())
        port.port_id = port_id
        port.configure(PortConf(nb_rxq=2, nb_txq=2), pool)
        port.start()
    yield made
    for port in made.values():
        port.close()


Make = Callable[..., Streams]


@pytest.fixture
def make(ports: dict[int, NullPort], pool: Mempool) -> Make:
    """Make the streams of both ports; they are held, since their memory goes with them."""
    held: list[Streams] = []

    def make_streams(*lcores: int, **config: Any) -> Streams:
        held.append(StreamMaker(ForwardConfig(**config), ports, pool).make(plan([0, 1], 2, 2, lcores or [1]).lcores))
        return held[-1]

    return make_streams


def same(pointer: Any, other: Any) -> bool:
    return address_of(pointer) == address_of(other)


def test_a_stream_joins_the_queues_of_its_plan(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    streams = make().streams
    assert len(streams) == 4
    for stream in streams:
        spec, ptr = stream.spec, stream.ptr
        rx, tx = ports[spec.rx_port].rx_queues[spec.rx_queue], ports[spec.tx_port].tx_queues[spec.tx_queue]
        assert same(ptr.rx_queue, rx.handle)
        assert same(ptr.tx_queue, tx.handle)
        assert ptr.rx_burst == ffi.addressof(lib, "null_rx")
        assert ptr.tx_burst == ffi.addressof(lib, "null_tx")
        assert same(ptr.pool, pool.ptr)
        assert (ptr.tx_port, ptr.burst) == (spec.tx_port, 32)


def test_no_two_streams_share_a_cache_line_or_a_queue(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    streams = make().streams
    places = sorted(address_of(stream.ptr) for stream in streams)
    size = ffi.sizeof("struct fwd_stream")
    assert all(place % 64 == 0 for place in places)
    assert all(after - before >= size for before, after in itertools.pairwise(places))
    assert len({address_of(stream.ptr.rx_queue) for stream in streams}) == 4
    assert len({address_of(stream.ptr.tx_queue) for stream in streams}) == 4


def test_addresses_are_the_transmit_port_s_and_its_peer_s(
    make: Make, ports: dict[int, NullPort], pool: Mempool
) -> None:
    streams = make(eth_peers={1: MAC}).streams
    for stream in streams:
        tx_port = stream.spec.tx_port
        assert bytes(stream.ptr.own_mac) == ports[tx_port].mac
        assert bytes(stream.ptr.peer_mac) == (MAC if tx_port == 1 else bytes([2, 0, 0, 0, 0, 0]))


@pytest.mark.parametrize(("retry", "num"), [(False, 0), (True, 7)])
def test_retries_are_made_only_where_they_were_asked_for(
    make: Make, ports: dict[int, NullPort], pool: Mempool, retry: bool, num: int
) -> None:
    stream = make(retry=retry, burst_tx_retry=7, burst_tx_delay_us=100).streams[0]
    assert stream.ptr.retry_num == num
    assert stream.ptr.retry_delay_cycles == (100 * clock_hz() // 1_000_000 if retry else 0)


def test_the_frame_of_txonly_is_the_port_s(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    for stream in make(txpkts=[64, 36]).streams:
        frame = stream.ptr.txonly
        assert bytes(frame.hdr)[6:12] == ports[stream.spec.tx_port].mac
        assert (frame.nb_segs, list(frame.seg_len[0:2]), frame.pkt_len) == (2, [64, 36], 100)


def test_the_csum_engine_is_told_of_the_transmit_port(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    ports[1].conf = PortConf(tx_offloads=TxOffload.TCP_CKSUM | TxOffload.TCP_TSO)
    told = {1: CsumConfig(mac_swap=False, parse_tunnel=True, tso_segsz=800)}
    for stream in make(csum=defaultdict(CsumConfig, told), vxlan_gpe_port=5, geneve_port=6).streams:
        settings, is_told = stream.ptr.csum, stream.spec.tx_port == 1
        assert (settings.tcp_flags, settings.udp_flags) == (lib.MBUF_F_TX_TCP_CKSUM if is_told else 0, 0)
        assert (settings.tso_flags, settings.tso_segsz) == ((lib.MBUF_F_TX_TCP_SEG, 800) if is_told else (0, 0))
        assert settings.mac_swap != settings.parse_tunnel == is_told
        assert (settings.vxlan_gpe_port, settings.geneve_port) == (5, 6)


@pytest.mark.parametrize(("txsplit", "is_split"), [("off", 0), ("on", 1), ("rand", 1)])
def test_the_csum_engine_is_told_whether_packets_are_split(make: Make, txsplit: str, is_split: int) -> None:
    assert {stream.ptr.csum.split for stream in make(txsplit=txsplit).streams} == {is_split}


def test_lcores_get_the_streams_that_they_were_dealt(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    made = make(3, 5, 9)
    assert [job.lcore_id for job in made.jobs] == [3, 5, 9]
    assert [job._ptr.nb_streams for job in made.jobs] == [1, 1, 2]
    assert [job._ptr.lcore_id for job in made.jobs] == [3, 5, 9]


def test_a_job_runs_as_many_turns_as_it_was_told(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    (job,) = make().jobs
    job.prepare(ENGINES["rxonly"], turns=3)
    job.run()
    assert job.turns() == 3
    assert sum(port.stats().ipackets for port in ports.values()) == 4 * 3 * 32
    job.run()
    assert job.turns() == 6


def test_a_job_that_was_stopped_does_not_begin(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    (job,) = make().jobs
    job.prepare(ENGINES["rxonly"])
    job.stop()
    job.run()
    assert job.turns() == 0


def test_counts_begin_where_they_were_cleared(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    made = make(record_burst_stats=True)
    (job,), (stream, *_) = made.jobs, made.streams
    job.prepare(ENGINES["io"], turns=2)
    job.run()
    assert (stream.count("rx_packets"), stream.count("tx_packets")) == (64, 64)
    stream.clear()
    assert stream.count("rx_packets") == 0
    assert not any((stream.bursts("rx_bursts") or {}).values())
    job.run()
    assert (stream.count("rx_packets"), stream.bursts("tx_bursts")) == (64, {32: 2})
    assert stream.ptr.rx_packets == 128, "what the lcore owns is subtracted from, never written"


def test_bursts_that_were_not_recorded_are_not_told(make: Make, ports: dict[int, NullPort], pool: Mempool) -> None:
    assert make().streams[0].bursts("rx_bursts") is None


def test_a_queue_that_always_has_packets_is_flushed_as_far_as_a_ring_can_be_full(
    make: Make, ports: dict[int, NullPort], pool: Mempool
) -> None:
    streams = make().streams
    FlushJob(streams[:1]).run()
    flushed = ports[0].stats().ipackets
    assert 32768 <= flushed < 32768 + 64
    assert pool.in_use() == 0


def test_the_clock_is_measured_once_and_right() -> None:
    assert clock_hz() == clock_hz()
    assert abs(int(lib.lcore_cycles_hz(20_000)) / clock_hz() - 1) < 0.05


def test_a_job_without_streams_is_no_error() -> None:
    memory = Arena(1 << 20)
    job = LcoreJob(1, [], memory)
    job.prepare(ENGINES["io"], turns=1)
    job.run()
    assert job.turns() == 1
