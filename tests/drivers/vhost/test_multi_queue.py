"""Many pairs of rings behind one port: each its own, enabled and disabled one by one, also while lcores forward."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.packets import frame, frames, packet, receive, transmit
from fakes.vhost_frontend import FEATURES, FakeFrontend, exchange
from fakes.virtio_driver import Desc

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool

Make = Callable[..., VhostPort]
PACKED = Feature.VIRTIO_F_RING_PACKED
IN_ORDER = Feature.VIRTIO_F_IN_ORDER
each_layout = pytest.mark.parametrize(
    "layout", [0, PACKED, PACKED | IN_ORDER], ids=["split", "packed", "packed in order"]
)


@each_layout
def test_sixteen_pairs_each_carry_their_own_packets(make_port: Make, sock: Path, pool: Mempool, layout: int) -> None:
    port = make_port(",queues=16", nb_rxq=16, nb_txq=16)
    with FakeFrontend(sock, nb_pairs=16, features=FEATURES | layout, room=4 << 20) as front:
        front.start_as_dpdk()
        for turn, pair in product(range(3), range(16)):
            exchange(port, front, pool, pair, count=1 + pair + turn)
        counted = [sum(1 + pair + turn for turn in range(3)) for pair in range(16)]
        assert [queue.lifetime().packets for queue in port.rx_queues] == counted
        assert [queue.lifetime().packets for queue in port.tx_queues] == counted


def test_each_change_of_a_ring_is_an_event_and_no_repetition_is(make_port: Make, sock: Path) -> None:
    port = make_port(",queues=4", nb_rxq=4, nb_txq=4)
    told: list[object] = []
    port.on_queue_state = told.append
    with FakeFrontend(sock, nb_pairs=4) as front:
        front.start_as_dpdk()
        assert len(told) == 8
        for on in (True, False, False, True):
            for ring in front.rings:
                front.enable(ring, on)
        front.sync()
        assert len(told) == 8 + 2 * 8


def test_every_event_is_printed(sock: Path) -> None:
    device = f"net_vhost0,iface={sock},queues=2"
    with Appliance(device, options="--rxq=2 --txq=2") as appliance, FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        assert eventually(lambda: appliance.said.count("\nPort 0: queue state event\n") == 4), appliance.said


# Started but disabled.


@each_layout
@pytest.mark.parametrize("pieces", [1, 2, 9])
def test_whatever_a_disabled_ring_holds_is_used_up_unread(
    make_port: Make, sock: Path, pool: Mempool, layout: int, pieces: int
) -> None:
    """vhost-user, "Ring states". Nothing is read, so nothing can be wrong with it."""
    port = make_port()
    queue = port.rx_queues[0]
    with FakeFrontend(sock, features=FEATURES | layout) as front:
        front.start_as_dpdk()
        exchange(port, front, pool)
        front.enable(front.rings[1], False)
        front.sync()
        driver = front.rings[1].driver
        for _ in range(5):
            driver.offer(driver.chain([Desc(0xDEAD_BEEF_0000, 77)] * pieces))
        for _ in range(5):
            assert receive(queue.burst, queue.handle) == []
        assert len(driver.reap()) == 5
        front.enable(front.rings[1])
        front.sync()
        exchange(port, front, pool)
    assert (port.stats().ierrors, queue.handle.bad_chains) == (0, 0)


def test_more_than_a_burst_is_used_up_in_several(make_port: Make, sock: Path) -> None:
    port = make_port()
    queue = port.rx_queues[0]
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        front.enable(front.rings[1], False)
        front.transmit(*frames(60))
        front.sync()
        for left in (60 - 7, 60 - 7 - 32, 0, 0):
            assert receive(queue.burst, queue.handle, 7 if left == 53 else 512) == []
            assert front.rings[1].driver.unreaped() == 60 - left


def test_a_disabled_transmit_queue_keeps_the_link_up_as_long_as_another_serves(make_port: Make, sock: Path) -> None:
    port = make_port(",queues=2", nb_rxq=2, nb_txq=2)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        for ring in front.rings[2:]:
            front.enable(ring, False)
        front.sync()
        assert port.link().up
        for ring in front.rings[:2]:
            front.enable(ring, False)
        front.sync()
        assert not port.link().up


# While lcores forward.


@pytest.fixture
def forwarding(no_leaks: None, sock: Path) -> Iterator[Appliance]:
    """Port 0 is net_vhost with four pairs, and sends back what it gets; two lcores poll them."""
    devices = f"net_vhost0,iface={sock},queues=4"
    with Appliance(devices, options="--rxq=4 --txq=4 --port-topology=loop", workers=2) as appliance:
        appliance.run("start")
        yield appliance


@each_layout
def test_pairs_are_enabled_and_disabled_while_lcores_forward(forwarding: Appliance, sock: Path, layout: int) -> None:
    """What a pair that is enabled got comes back by it, every packet; what the others got is gone."""
    with FakeFrontend(sock, nb_pairs=4, features=FEATURES | layout, room=8 << 20) as front:
        front.start_as_dpdk()
        for turn in range(24):
            enabled = [pair for pair in range(4) if (turn + 1) >> pair & 1 or pair == 3]
            for ring in front.rings:
                front.enable(ring, ring.index // 2 in enabled)
            front.sync()
            for pair in range(4):
                if front.rings[2 * pair].driver.nb_free >= 8:
                    front.post_buffers(pair, 8)
                front.transmit(*frames(8, first=8 * turn), pair=pair)
            got: dict[int, list[bytes]] = {pair: [] for pair in range(4)}

            def all_came(got: dict[int, list[bytes]] = got, enabled: list[int] = enabled) -> bool:
                for pair in range(4):
                    got[pair] += front.received(pair)
                return all(len(got[pair]) == 8 for pair in enabled)

            assert eventually(all_came)
            assert eventually(lambda: all(ring.driver.unreaped() == 8 for ring in front.rings[1::2]))
            for pair, ring in enumerate(front.rings[1::2]):
                ring.driver.reap()
                assert got[pair] == (frames(8, first=8 * turn) if pair in enabled else [])


def test_packets_for_a_queue_whose_ring_is_disabled_are_dropped_and_counted(
    make_port: Make, sock: Path, pool: Mempool
) -> None:
    port = make_port(",queues=2", nb_rxq=2, nb_txq=2)
    tx = port.tx_queues[1]
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        front.post_buffers(1)
        front.enable(front.rings[2], False)
        front.sync()
        assert transmit(tx.burst, tx.handle, [packet(pool, frame())] * 1) == 0
        assert (tx.lifetime().missed, front.received(1)) == (1, [])
