"""What each engine does to a packet, seen from the wire on either side."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.internet import UDP, add_up, pseudo
from fakes.packets import DST_MAC, SRC_MAC, MakePool, frame, frames, free, take

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import ForwardConfig
from pytestpmd.fwd import ENGINES
from pytestpmd.fwd.frame import txonly_frame

MakeWire = Callable[..., Any]
PEER_MAC = bytes.fromhex("02000000000a")
OWN_MAC = bytes.fromhex("02000000000b")
LENGTHS = (14, 60, 64, 1514, 2100, 2101, 9000)
forwarding = pytest.mark.parametrize("engine", ["io", "mac", "macswap"])


def test_every_engine_has_a_name_a_help_and_a_direction() -> None:
    assert {"io", "mac", "macswap", "rxonly", "txonly"} <= set(ENGINES)
    for name, engine in ENGINES.items():
        assert name == engine.name
        assert engine.help
        assert engine.receives or engine.transmits
        assert engine.has_retry == (engine.transmits or name == "shared_rxq")  # takes the word, as the original does
    assert (ENGINES["rxonly"].transmits, ENGINES["txonly"].receives) == (False, False)


def test_io_passes_every_byte_on(make_wire: MakeWire) -> None:
    sent = [frame(length, i) for i, length in enumerate(LENGTHS)]
    assert make_wire("io").forward(*sent) == sent


def test_io_keeps_the_segments_of_a_packet(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.send(frame(9000))
    wire.turn()
    (chain,) = wire.right.device.take_all()
    assert len(chain.pieces) == -(-9012 // 2112)


def test_mac_sends_from_the_port_to_its_peer(make_wire: MakeWire) -> None:
    sent = [frame(length, i) for i, length in enumerate(LENGTHS)]
    assert make_wire("mac").forward(*sent) == [PEER_MAC + OWN_MAC + data[12:] for data in sent]


def test_macswap_exchanges_the_addresses(make_wire: MakeWire) -> None:
    sent = [frame(length, i) for i, length in enumerate(LENGTHS)]
    assert make_wire("macswap").forward(*sent) == [SRC_MAC + DST_MAC + data[12:] for data in sent]


@pytest.mark.parametrize("engine", ["mac", "macswap", "txonly"])
def test_engines_that_write_a_header_have_a_tag_inserted(make_wire: MakeWire, engine: str) -> None:
    wire = make_wire(engine)
    if engine == "txonly":
        txonly_frame(ForwardConfig(), OWN_MAC, PEER_MAC).fill(wire.frame)
    plain = wire.forward(frame(60, 1))
    wire.stream.tx_flags, wire.stream.tx_vlan_tci = lib.MBUF_F_TX_VLAN, 0x2345
    tagged = wire.forward(frame(60, 1))
    assert [data[:12] + data[16:] for data in tagged] == plain
    assert {data[12:16] for data in tagged} == {b"\x81\0\x23\x45"}


def test_io_has_no_tag_inserted(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.stream.tx_flags, wire.stream.tx_vlan_tci = lib.MBUF_F_TX_VLAN, 5
    assert wire.forward(frame(60, 1)) == [frame(60, 1)]


def test_txonly_asks_for_the_checksum_that_its_port_does(make_wire: MakeWire) -> None:
    wire = make_wire("txonly")
    txonly_frame(ForwardConfig(), OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.frame.tx_flags = lib.MBUF_F_TX_UDP_CKSUM | lib.MBUF_F_TX_IPV4
    wire.right.vq.offloads = lib.VIRTQUEUE_TX_CSUM
    wire.turn()
    for chain in wire.right.device.take_all():
        header, data = wire.right.device.gather(chain)
        assert header[:10] == b"\1\0\0\0\0\0" + (34).to_bytes(2, "little") + (6).to_bytes(2, "little")
        assert data[40:42] == add_up(pseudo(4, UDP, 30)).to_bytes(2, "big")
        wire.right.device.use(chain)
    wire.right.device.publish()


def test_rxonly_drops_what_it_receives(make_wire: MakeWire) -> None:
    wire = make_wire("rxonly")
    assert wire.forward(*frames(20), frame(9000)) == []
    assert (wire.stream.rx_packets, wire.stream.tx_packets, wire.stream.fwd_dropped) == (21, 0, 0)
    assert wire.pool.in_use() == 256


@forwarding
def test_packets_are_counted_and_none_is_lost(make_wire: MakeWire, engine: str) -> None:
    wire = make_wire(engine)
    for _ in range(20):
        assert len(wire.forward(*frames(32))) == 32
    assert (wire.stream.rx_packets, wire.stream.tx_packets, wire.stream.fwd_dropped) == (640, 640, 0)


@forwarding
def test_an_idle_turn_does_nothing(make_wire: MakeWire, engine: str) -> None:
    wire = make_wire(engine)
    wire.turn(1000)
    assert wire.right.device.waiting() == 0
    assert wire.right.kick.count() == 0


@forwarding
def test_no_more_than_a_burst_is_taken_at_a_time(make_wire: MakeWire, engine: str) -> None:
    wire = make_wire(engine, burst=8)
    wire.send(*frames(20))
    taken = []
    for _ in range(4):
        wire.turn()
        taken.append(len(wire.right.device.collect()))
    assert taken == [8, 8, 4, 0]


@forwarding
def test_what_finds_no_room_is_dropped_and_counted(make_wire: MakeWire, engine: str) -> None:
    wire = make_wire(engine)
    for _ in range(10):
        wire.send(*frames(32))
        wire.turn()
    assert (wire.stream.rx_packets, wire.stream.tx_packets, wire.stream.fwd_dropped) == (320, 256, 64)
    assert wire.pool.in_use() == 512


def test_retrying_delivers_what_finds_room_later(make_wire: MakeWire) -> None:
    """The transmit queue is full; the device empties it while the engine retries."""
    wire = make_wire("io")
    for _ in range(8):
        wire.send(*frames(32))
        wire.turn()
    device, calls = wire.right.device, []

    @ffi.callback("tx_burst_t")
    def slow(queue: Any, pkts: Any, nb: int) -> int:
        calls.append(nb)
        if len(calls) == 3:
            device.collect()
        return int(lib.virtio_xmit_pkts(queue, pkts, nb))

    wire.stream.tx_burst = slow
    wire.stream.retry_num, wire.stream.retry_delay_cycles = 4, 1000
    wire.send(*frames(32, first=100))
    wire.turn()
    assert calls == [32, 32, 32, 0]  # the last settles the queue
    assert device.collect() == frames(32, first=100)
    assert wire.stream.fwd_dropped == 0


def test_retrying_ends(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.stream.retry_num = 64
    for _ in range(9):
        wire.send(*frames(32))
        wire.turn()
    assert (wire.stream.tx_packets, wire.stream.fwd_dropped) == (256, 32)


def test_bursts_are_recorded_by_size_when_asked(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.forward(*frames(7))
    assert sum(wire.stream.rx_bursts) == 0
    wire.stream.record_bursts = 1
    for count in (7, 7, 32, 0):
        wire.forward(*frames(count))
    assert {size: n for size, n in enumerate(wire.stream.rx_bursts) if n} == {7: 2, 32: 1, 0: 1}
    assert {size: n for size, n in enumerate(wire.stream.tx_bursts) if n} == {7: 2, 32: 1}


def test_flushing_empties_the_receive_queue_and_counts_nothing(make_wire: MakeWire) -> None:
    wire = make_wire("io")
    wire.send(*frames(100))
    assert lib.fwd_flush(wire.stream, 1000) == 100
    assert lib.fwd_flush(wire.stream, 1000) == 0
    assert (wire.stream.rx_packets, wire.pool.in_use()) == (0, 256)


def test_flushing_a_queue_that_never_ends_ends(make_wire: MakeWire) -> None:
    wire = make_wire("io", burst=32)
    wire.send(*frames(200))
    assert lib.fwd_flush(wire.stream, 64) == 64


# txonly.


@pytest.mark.parametrize("lengths", [[64], [60], [42], [1514], [64, 64], [42, 1, 1, 100], [200] * 8])
def test_txonly_sends_the_frames_it_was_given(make_wire: MakeWire, lengths: list[int]) -> None:
    wire = make_wire("txonly")
    template = txonly_frame(ForwardConfig(txpkts=tuple(lengths)), OWN_MAC, PEER_MAC)
    template.fill(wire.frame)
    for _ in range(3):
        wire.turn()
        chains = wire.right.device.take_all()
        sent = [wire.right.device.gather(chain)[1] for chain in chains]
        assert sent
        assert {data[:42] for data in sent} == {template.headers}
        assert {len(data) for data in sent} == {sum(lengths)}
        assert {len(chain.pieces) for chain in chains} == {len(lengths)}
        assert len(sent) == min(32, 256 // len(lengths))
        wire.right.device.complete(chains)
    assert wire.stream.rx_packets == 0
    assert wire.stream.tx_packets + wire.stream.fwd_dropped == 96


def test_txonly_writes_ethernet_ipv4_and_udp(make_wire: MakeWire) -> None:
    """The facts of the original's txonly, byte by byte."""
    wire = make_wire("txonly", burst=1)
    txonly_frame(ForwardConfig(), OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.turn()
    (data,) = wire.right.device.collect()
    assert data[:14] == PEER_MAC + OWN_MAC + b"\x08\x00"
    assert data[14:24] == bytes.fromhex("45000032000000004011")
    assert data[26:34] == bytes([198, 18, 0, 1, 198, 18, 0, 2])
    assert data[34:42] == bytes.fromhex("00090009001e0000")
    words = [int.from_bytes(data[i : i + 2], "big") for i in range(14, 34, 2)]
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_txonly_frees_what_finds_no_room(make_wire: MakeWire) -> None:
    wire = make_wire("txonly")
    txonly_frame(ForwardConfig(txpkts=(64, 64)), OWN_MAC, PEER_MAC).fill(wire.frame)
    wire.turn(10)
    assert (wire.stream.tx_packets, wire.stream.fwd_dropped) == (128, 192)
    assert wire.pool.in_use() == 256 + 2 * 128


@pytest.mark.parametrize("left", range(0, 40, 3))
def test_txonly_makes_do_with_the_mbufs_there_are(make_pool: MakePool, make_wire: MakeWire, left: int) -> None:
    pool = make_pool(512)
    wire = make_wire("txonly", pool=pool)
    txonly_frame(ForwardConfig(txpkts=(64, 64, 64)), OWN_MAC, PEER_MAC).fill(wire.frame)
    held = list(take(pool, 256 - left))
    wire.turn(5)
    sent = wire.right.device.collect()
    assert {len(data) for data in sent} <= {192}
    assert pool.count_free() == left - 3 * len(sent)
    free(*held)
