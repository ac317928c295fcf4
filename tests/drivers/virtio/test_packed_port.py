"""A port whose device has packed rings: how they are handed over, and what becomes of them with the next device."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fakes.guest import GuestMemory, view_of
from fakes.layouts import PACKED, PACKED_IN_ORDER, Kind
from fakes.leaks import eventually
from fakes.packed_device import DISABLE, PackedDevice
from fakes.packets import frame, frames, packet, receive, transmit
from fakes.transport import ALL_FEATURES, FakeTransport
from fakes.vhost_backend import FEATURES, FakeBackend

from pytestpmd.drivers import ProbeError, probe
from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.ethdev.port import PortConf

F = Feature
OFFERED = ALL_FEATURES | F.VIRTIO_F_RING_PACKED
WANTED = F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_RING_F_INDIRECT_DESC | F.VIRTIO_F_VERSION_1 | F.VIRTIO_F_RING_PACKED
SIZE = 50
FIRST_LAP = 0x8000
NOT_POWER_OF_2 = "split virtqueue size is not power of 2"


class Port(VirtioPort):
    """A virtio port of no bus at all."""

    driver_name = "net_virtio_test"
    transport: FakeTransport


Make = Callable[..., Port]


@pytest.fixture(params=(PACKED, PACKED_IN_ORDER), ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """With in-order use and without."""
    found: Kind = request.param
    return found


@pytest.fixture
def make(no_leaks: None, pool: Mempool, kind: Kind) -> Iterator[Make]:
    """Make ports, configured; they are closed at the end, and the pool must then be whole."""
    made: list[Port] = []

    def make_port(size: int = SIZE, **conf: Any) -> Port:
        wanted = WANTED | (F.VIRTIO_F_IN_ORDER if kind.in_order else F(0))
        port = Port("net_virtio_test0", "", FakeTransport(OFFERED), wanted, size)
        made.append(port)
        port.port_id = 0
        port.configure(PortConf(**conf), pool)
        return port

    yield make_port
    for port in made:
        port.close()


def far_end(port: Port, pool: Mempool, index: int) -> PackedDevice:
    """A device on a ring, with nothing but what it was told of it and of the memory."""
    ring = port.transport.rings[index]
    assert port.transport.bases[index] == FIRST_LAP, "a packed ring begins at place 0 of the first lap"
    memory = GuestMemory([*map(view_of, port._virtqueues.memory), view_of(pool.arena)])
    return PackedDevice(memory, ring.desc, ring.avail, ring.used, ring.size)


def send(port: Port, pool: Mempool, data: list[bytes]) -> int:
    tx = port.tx_queues[0]
    return transmit(tx.burst, tx.handle, [packet(pool, each) for each in data])


def received(port: Port) -> list[bytes]:
    rx = port.rx_queues[0]
    return receive(rx.burst, rx.handle)


def test_rings_are_handed_over_full_or_empty_and_unnotified(make: Make, pool: Mempool) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    port.start()
    ends = [far_end(port, pool, index) for index in range(4)]
    assert [end.waiting() for end in ends] == [SIZE, 0, SIZE, 0]
    assert all(end.memory.read(end.device_event, 4) == bytes(4) for end in ends)
    assert all(end.memory.read(end.driver_event, 4) == bytes([0, 0, DISABLE, 0]) for end in ends)
    assert port.transport.notifications(0) == 1


@pytest.mark.parametrize("size", [32, 33, 50, 255])
def test_no_two_parts_share_a_byte(make: Make, size: int) -> None:
    port = make(size, nb_rxq=3, nb_txq=3)
    port.start()
    spans = []
    for ring in port.transport.rings.values():
        spans += [(ring.desc, 16 * ring.size), (ring.avail, 4), (ring.used, 4)]
    spans.sort()
    assert len(spans) == 18
    assert all(start + length <= after for (start, length), (after, _) in pairwise(spans))


def test_packets_go_both_ways_for_many_laps(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    rx, tx = far_end(port, pool, 0), far_end(port, pool, 1)
    for round_ in range(12):
        for data in frames(20, first=round_):
            rx.deliver(data)
        assert received(port) == frames(20, first=round_)
        assert send(port, pool, frames(20, first=round_)) == 20
        assert tx.collect() == frames(20, first=round_)


def test_rings_begin_anew_with_the_next_device_and_no_mbuf_is_lost(make: Make, pool: Mempool) -> None:
    """What was under way is freed: a packed ring does not say how far the last device had come."""
    port = make()
    port.start()
    for round_ in range(3):
        rx, tx = far_end(port, pool, 0), far_end(port, pool, 1)
        assert (rx.waiting(), tx.waiting()) == (SIZE, 0)
        for data in frames(7, first=round_):
            rx.deliver(data)
        assert received(port) == frames(7, first=round_)
        assert send(port, pool, frames(5)) == 5
        tx.collect()
        assert send(port, pool, frames(9)) == 9
        rx.deliver(frame())
        port.transport.go()
        assert send(port, pool, frames(3)) == 3, "the ring still has room"
        port.transport.come()
        assert pool.in_use() == SIZE
    assert port.link().up
    rx = far_end(port, pool, 0)
    rx.deliver(frame(60, 8))
    assert received(port) == [frame(60, 8)]


def test_a_device_without_packed_rings_does_not_take_their_place(make: Make) -> None:
    port = make()
    port.start()
    port.transport.go()
    port.transport.come(ALL_FEATURES)
    assert port.transport.steps("drop") == [
        ["the back-end is of no use: the device does not offer VIRTIO_F_RING_PACKED"]
    ]
    port.transport.come(OFFERED)
    assert port.link().up


def test_stopping_frees_what_is_under_way_and_starting_begins_anew(make: Make, pool: Mempool) -> None:
    port = make()
    for _ in range(5):
        port.start()
        far_end(port, pool, 0).deliver(frame())
        assert received(port) == [frame()]
        assert send(port, pool, frames(11)) == 11
        port.stop()
        assert pool.in_use() == 0


def test_a_fault_is_told_and_over_with_the_next_device(
    make: Make, pool: Mempool, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make()
    port.start()
    device = far_end(port, pool, 0)
    for _ in range(2):
        device.lie(SIZE, 72)
        assert received(port) == []
        port.transport.on_tick()
        port.transport.go()
        port.transport.come()
        device = far_end(port, pool, 0)
        device.deliver(frame())
        assert received(port) == [frame()]
    line = "VIRTIO_DRIVER: port 0 rxq 0 is stopped: the device gave back a buffer that it does not have"
    assert capsys.readouterr().err.splitlines().count(line) == 2


def test_private_info_calls_no_packed_ring_in_order(make: Make) -> None:
    """As DPDK's driver has it."""
    assert "use_inorder: rx-0 tx-0" in make().private_info().splitlines()


# Sizes that only a packed ring may have.


@pytest.mark.parametrize("size", [3, 100, 255])
def test_a_device_without_packed_rings_cannot_have_such_a_size(no_leaks: None, size: int) -> None:
    transport = FakeTransport(ALL_FEATURES)
    with pytest.raises(ConfigError, match=rf"^{NOT_POWER_OF_2}$"):
        Port("net_virtio_test0", "", transport, WANTED, size)
    transport.close()


def test_nor_one_that_comes_before_the_port_is_configured_again(make: Make, pool: Mempool) -> None:
    port = make()
    port.transport.come(ALL_FEATURES)
    with pytest.raises(ConfigError, match=rf"^{NOT_POWER_OF_2}$"):
        port.configure(PortConf(), pool)
    port.transport.come(OFFERED)
    port.configure(PortConf(), pool)
    port.start()


@pytest.mark.parametrize("size", [2, 33, 255, 32768])
def test_packed_vq_takes_any_size_where_the_back_end_has_them(no_leaks: None, tmp_path: Path, size: int) -> None:
    with FakeBackend(tmp_path / "s", features=FEATURES | F.VIRTIO_F_RING_PACKED):
        port = probe(f"net_virtio_user0,path={tmp_path / 's'},packed_vq=1,queue_size={size}")
        assert isinstance(port, VirtioUserPort)
        assert port.agreed.packed
        assert port.info().rx_ring_size == size
        port.close()


def test_without_packed_vq_packed_rings_are_not_asked_for(no_leaks: None, tmp_path: Path) -> None:
    with FakeBackend(tmp_path / "s", features=FEATURES | F.VIRTIO_F_RING_PACKED):
        port = probe(f"net_virtio_user0,path={tmp_path / 's'}")
        assert isinstance(port, VirtioUserPort)
        assert not port.agreed.packed
        port.close()


def test_a_back_end_without_them_is_used_with_split_rings(no_leaks: None, tmp_path: Path) -> None:
    with FakeBackend(tmp_path / "s"):
        port = probe(f"net_virtio_user0,path={tmp_path / 's'},packed_vq=1")
        assert isinstance(port, VirtioUserPort)
        assert not port.agreed.packed
        port.close()


def test_such_a_size_over_split_rings_loses_the_device_and_nothing_else(
    no_leaks: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeBackend(tmp_path / "s") as backend:
        with pytest.raises(ProbeError, match=r"^Failed to probe device net_virtio_user0$"):
            probe(f"net_virtio_user0,path={tmp_path / 's'},packed_vq=1,queue_size=200")
        assert backend.is_left()
        port = probe(f"net_virtio_user1,path={tmp_path / 's'},packed_vq=1,queue_size=64")
        port.close()
    assert capsys.readouterr().err.splitlines().count(f"EAL: net_virtio_user0: {NOT_POWER_OF_2}") == 1


def test_a_server_finds_it_out_when_a_back_end_has_come(no_leaks: None, tmp_path: Path, pool: Mempool) -> None:
    port = probe(f"net_virtio_user0,path={tmp_path / 's'},packed_vq=1,queue_size=200,server=1")
    assert isinstance(port, VirtioUserPort)
    assert port.agreed.packed
    with FakeBackend(tmp_path / "s", connects=True):
        assert eventually(lambda: port.transport.connected)
        with pytest.raises(TestpmdError, match=rf"^{NOT_POWER_OF_2}$"):
            port.configure(PortConf(), pool)
    port.close()
