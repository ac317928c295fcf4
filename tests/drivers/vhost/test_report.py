"""What a vhost port says of its front-end and of its rings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.leaks import eventually
from fakes.packets import receive
from fakes.vhost_frontend import FEATURES, FakeFrontend, exchange

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.report import RingReport

Make = Callable[..., VhostPort]


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture
def front(port: VhostPort, sock: Path) -> Iterator[FakeFrontend]:
    """A front-end that has said nothing yet."""
    with FakeFrontend(sock) as fake:
        yield fake


def rings(port: VhostPort) -> tuple[RingReport, ...]:
    return port.device_report().rings


def test_a_port_without_a_front_end_says_what_it_offers_and_where(port: VhostPort, sock: Path) -> None:
    shown = port.device_report()
    assert (shown.connection.connected, shown.connection.role, shown.connection.path) == (False, "server", str(sock))
    assert shown.connection.note == "none has come yet"
    assert "VIRTIO_F_VERSION_1" in [row.name for row in shown.features]
    assert all(row.offered and not row.agreed and not row.note for row in shown.features)
    assert (shown.memory, shown.rings, shown.conversation) == ((), (), ())


def test_a_client_says_so(make_port: Make) -> None:
    assert make_port(",client=1").device_report().connection.role == "client"


def test_features_are_those_offered_with_those_acknowledged(port: VhostPort, front: FakeFrontend) -> None:
    front.start_as_dpdk()
    rows = port.device_report().features
    assert {row.name for row in rows if row.agreed} == {bit.name for bit in Feature if bit & FEATURES}
    refused = [row for row in rows if not row.agreed]
    assert refused
    assert {row.note for row in refused} == {"not acknowledged by the front-end"}
    assert all(row.offered and row.wanted is None for row in rows)


def test_memory_is_the_front_end_s_table(port: VhostPort, front: FakeFrontend) -> None:
    front.start_as_dpdk()
    device = port._device
    assert device is not None
    assert [(region.guest_addr, region.size) for region in port.device_report().memory] == [
        (region.guest_addr, region.size) for region in device.regions
    ]
    assert port.device_report().memory


def test_rings_are_live_and_stand_where_the_packets_brought_them(
    port: VhostPort, front: FakeFrontend, pool: Mempool
) -> None:
    front.start_as_dpdk()
    exchange(port, front, pool, count=5)
    shown = rings(port)
    assert [(ring.index, ring.queue, ring.state) for ring in shown] == [(0, "txq 0", "live"), (1, "rxq 0", "live")]
    for ring, theirs in zip(shown, front.rings, strict=True):
        assert (ring.avail_idx, ring.used_idx, ring.size) == (5, 5, theirs.driver.size)
        assert ring.desc == front.user(theirs.driver.desc)
        assert ring.counters["bad_chains"] == 0
        assert ring.counters["calls"] + ring.counters["calls_suppressed"] > 0
        assert ring.fault == ""


def test_a_ring_that_was_given_back_keeps_its_place(port: VhostPort, front: FakeFrontend, pool: Mempool) -> None:
    front.start_as_dpdk()
    exchange(port, front, pool, count=7)
    assert front.stop() == [7, 7]
    assert [(ring.avail_idx, ring.used_idx) for ring in rings(port)] == [(7, 7), (7, 7)]
    assert {ring.state for ring in rings(port)} == {"waits for SET_VRING_KICK"}


@pytest.mark.parametrize(
    ("left_out", "states"),
    [
        ("set_mem_table", ["waits for SET_MEM_TABLE"] * 2),
        ("describe_ring", ["waits for SET_VRING_NUM"] * 2),
        ("set_kick", ["waits for SET_VRING_KICK"] * 2),
        ("enable", ["waits for SET_VRING_ENABLE", "discards what comes until SET_VRING_ENABLE"]),
        ("set_status", ["waits for DRIVER_OK"] * 2),
    ],
)
def test_a_ring_that_is_not_served_says_what_it_waits_for(
    port: VhostPort, front: FakeFrontend, left_out: str, states: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, left_out, lambda *_: None)
    front.start_as_dpdk()
    assert [ring.state for ring in rings(port)] == states


def test_a_stopped_port_and_a_queue_that_it_does_not_have_are_told_apart(make_port: Make, sock: Path) -> None:
    port = make_port(",queues=2", nb_rxq=1, nb_txq=1)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        port.stop()
        assert [ring.state for ring in rings(port)] == ["the port is stopped"] * 2 + ["the port has no such queue"] * 2


def test_a_fault_is_told(port: VhostPort, front: FakeFrontend) -> None:
    front.start_as_dpdk()
    front.rings[1].driver.publish(1000)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert rings(port)[1].fault == "the front-end moved avail.idx further than the ring is long"
    assert rings(port)[0].fault == ""


def test_the_conversation_outlives_the_front_end_and_says_how_it_ended(port: VhostPort, front: FakeFrontend) -> None:
    front.start_as_dpdk()
    before = port.device_report().conversation
    assert before[0] == "< VHOST_USER_SET_OWNER"
    front.close()
    eventually(lambda: not port.device_report().connection.connected)
    shown = port.device_report()
    assert shown.connection.note == "vhost peer closed"
    assert shown.conversation == (*before, "< connection closed")
