"""Packed rings as a front-end speaks of them: their size, their place, and where they go on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

import pytest
from fakes.packed_device import off_wrap
from fakes.packets import frame, receive
from fakes.vhost_frontend import FEATURES, FakeFrontend, R, exchange

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool

Make = Callable[..., VhostPort]
PACKED = FEATURES | Feature.VIRTIO_F_RING_PACKED


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture
def make(port: VhostPort, sock: Path) -> Iterator[Callable[..., FakeFrontend]]:
    """A front-end that has said nothing yet."""
    made: list[FakeFrontend] = []

    def front(**settings: int) -> FakeFrontend:
        made.append(FakeFrontend(sock, **{"features": int(PACKED), **settings}))
        return made[-1]

    yield front
    for each in made:
        each.close()


@pytest.fixture
def running(make: Callable[..., FakeFrontend]) -> FakeFrontend:
    """One whose rings, of a size that is no power of two, are served."""
    front = make(size=11)
    front.start_as_dpdk()
    return front


def bases(front: FakeFrontend) -> list[int]:
    """What each ring's driver would call the place where it stands: both ends, the used one in the upper half."""
    return [ring.driver.base | ring.driver.base << 16 for ring in front.rings]


@pytest.mark.parametrize("start", [FakeFrontend.start_as_dpdk, FakeFrontend.start_as_qemu], ids=["dpdk", "qemu"])
@pytest.mark.parametrize("size", [4, 7, 64, 200])
def test_packets_go_both_ways_through_packed_rings_of_any_size(
    port: VhostPort, make: Callable[..., FakeFrontend], pool: Mempool, start: Callable[[FakeFrontend], None], size: int
) -> None:
    front = make(size=size)
    start(front)
    assert port.link().up
    for _ in range(6):
        exchange(port, front, pool)


def test_without_the_layout_such_a_size_is_refused(make: Callable[..., FakeFrontend]) -> None:
    front = make(size=7, features=int(FEATURES))
    front.set_features()
    assert not front.try_(R.SET_VRING_NUM, pack("=II", 0, 7))


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 5, 8])
def test_a_ring_is_given_back_with_both_ends_and_goes_on_from_there(
    port: VhostPort, running: FakeFrontend, pool: Mempool, rounds: int
) -> None:
    """With the wrap counters: rounds of 4 over a ring of 11."""
    for _ in range(rounds):
        exchange(port, running, pool)
    told = running.stop()
    assert told == bases(running) == [off_wrap(4 * rounds, 11) * 0x1_0001] * 2
    for ring, base in zip(running.rings, told, strict=True):
        running.describe_ring(ring, base)
        running.set_kick(ring)
        running.enable(ring)
    running.sync()
    exchange(port, running, pool)


def test_a_ring_that_was_never_served_is_given_back_as_it_came(
    port: VhostPort, make: Callable[..., FakeFrontend]
) -> None:
    port.stop()
    front = make(size=11)
    front.start_as_dpdk(off_wrap(17, 11))
    assert front.stop() == [off_wrap(17, 11) * 0x1_0001] * 2


def test_a_ring_that_is_disabled_or_whose_port_stops_goes_on(
    port: VhostPort, running: FakeFrontend, pool: Mempool
) -> None:
    for _ in range(4):
        exchange(port, running, pool)
        for ring in running.rings:
            running.enable(ring, False)
        running.sync()
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
        for ring in running.rings:
            running.enable(ring)
        running.transmit(frame())
        running.sync()
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
        running.rings[1].driver.reap()
        port.stop()
        port.start()
        exchange(port, running, pool)


def test_memory_may_be_exchanged_while_packed_rings_run(port: VhostPort, running: FakeFrontend, pool: Mempool) -> None:
    for _ in range(4):
        exchange(port, running, pool)
        assert running.try_(R.SET_MEM_TABLE, running.mem_table(), [running.file])


@pytest.mark.parametrize("base", [11, 0x7FFF, 0x800B, 0xFFFF, 0xFFFF_FFFF], ids=hex)
def test_a_base_beyond_the_ring_does_no_harm(
    port: VhostPort, make: Callable[..., FakeFrontend], pool: Mempool, base: int
) -> None:
    front = make(size=11)
    front.start_as_dpdk(base)
    front.transmit(frame())
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    assert all(told & 0x7FFF < 11 for told in front.stop())


@pytest.mark.parametrize("part", ["desc", "avail", "used"])
def test_a_packed_ring_that_does_not_lie_in_the_memory_is_refused(
    port: VhostPort, running: FakeFrontend, pool: Mempool, part: str
) -> None:
    ring = running.rings[1]
    outside = running.vring_addr(ring, **{part: running.user(ring.driver.desc) + (1 << 40)})
    assert not running.try_(R.SET_VRING_ADDR, outside)
    at_the_end = running.room - (16 * 11 - 16 if part == "desc" else 0)
    assert not running.try_(
        R.SET_VRING_ADDR, running.vring_addr(ring, **{part: running.user(0x1_0000_0000 + at_the_end)})
    )
    exchange(port, running, pool)


def test_the_next_front_end_may_have_the_other_layout(
    port: VhostPort, make: Callable[..., FakeFrontend], pool: Mempool
) -> None:
    for features in (PACKED, FEATURES, PACKED | Feature.VIRTIO_F_IN_ORDER, FEATURES):
        front = make(features=int(features))
        front.start_as_dpdk()
        exchange(port, front, pool)
        assert port.rx_queues[0].handle.is_packed == front.is_packed
        front.close()
