"""A guest that has come here by migration is announced (SEND_RARP), and a device is reset (RESET_DEVICE)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

import pytest
from fakes.leaks import eventually
from fakes.packets import audit, frame, frames, receive, receive_mbufs
from fakes.packets import free as free_mbufs
from fakes.vhost_frontend import FEATURES, PROTOCOL, FakeFrontend, R, exchange
from scapy.layers.l2 import ARP, Ether

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.vhost_user.wire import ProtocolFeature

Make = Callable[..., VhostPort]
MAC = bytes.fromhex("525400a1b2c3")
ANNOUNCES = PROTOCOL | ProtocolFeature.RARP | ProtocolFeature.RESET_DEVICE


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture(params=[0, Feature.VIRTIO_F_RING_PACKED], ids=["split", "packed"])
def front(request: pytest.FixtureRequest, port: VhostPort, sock: Path) -> Iterator[FakeFrontend]:
    with FakeFrontend(sock, features=FEATURES | request.param, protocol=ANNOUNCES) as fake:
        fake.start_as_dpdk()
        yield fake


def rarp(mac: bytes = MAC) -> bytes:
    return mac + bytes(2)


def is_announced(data: bytes, mac: bytes = MAC) -> bool:
    """Whether this is a reverse ARP question from and about that address (RFC 903), as long as any other frame."""
    found = Ether(data)
    told = ARP(bytes(found.payload))
    station = mac.hex(":")
    return (
        len(data) == 64
        and (found.dst, found.src, found.type) == ("ff:ff:ff:ff:ff:ff", station, 0x8035)
        and (told.hwtype, told.ptype, told.hwlen, told.plen, told.op) == (1, 0x800, 6, 4, 3)
        and (told.hwsrc, told.hwdst) == (station, station)
    )


def test_the_next_burst_brings_the_announcement_and_the_ring_is_not_touched(
    port: VhostPort, front: FakeFrontend
) -> None:
    rx = port.rx_queues[0]
    assert front.try_(R.SEND_RARP, rarp())
    before = port.stats()
    assert [is_announced(data) for data in receive(rx.burst, rx.handle)] == [True]
    assert receive(rx.burst, rx.handle) == []
    assert port.stats().ipackets == before.ipackets + 1
    assert not front.rings[1].driver.reap()


def test_what_the_guest_sends_comes_behind_the_announcement(port: VhostPort, front: FakeFrontend) -> None:
    rx = port.rx_queues[0]
    front.transmit(*frames(3))
    assert front.try_(R.SEND_RARP, rarp())
    first, *rest = receive(rx.burst, rx.handle) + receive(rx.burst, rx.handle)
    assert is_announced(first)
    assert rest == frames(3)


def test_a_guest_that_is_not_served_yet_is_announced_when_it_is(port: VhostPort, sock: Path) -> None:
    with FakeFrontend(sock, protocol=ANNOUNCES) as front:
        front.agree_on_protocol()
        assert front.try_(R.SEND_RARP, rarp())
        rx = port.rx_queues[0]
        assert receive(rx.burst, rx.handle) == []
        front.start_as_dpdk()
        assert [is_announced(data) for data in receive(rx.burst, rx.handle)] == [True]


def test_the_last_of_several_announcements_counts(port: VhostPort, front: FakeFrontend) -> None:
    rx = port.rx_queues[0]
    for last in range(4):
        assert front.try_(R.SEND_RARP, rarp(MAC[:5] + bytes([last])))
    assert [is_announced(data, MAC[:5] + b"\3") for data in receive(rx.burst, rx.handle)] == [True]


def test_an_announcement_waits_for_a_free_mbuf(port: VhostPort, front: FakeFrontend, pool: Mempool) -> None:
    rx, held = port.rx_queues[0], []
    while front.rings[1].driver.nb_free and pool.count_free():
        front.transmit(frame())
        held += receive_mbufs(rx.burst, rx.handle)
        front.rings[1].driver.reap()
    assert front.try_(R.SEND_RARP, rarp())
    assert receive(rx.burst, rx.handle) == []
    free_mbufs(*held)
    assert [is_announced(data) for data in receive(rx.burst, rx.handle)] == [True]
    audit(pool)


@pytest.mark.parametrize("mac", [bytes(6), b"\xff" * 6, bytes.fromhex("0180c2000000")])
def test_what_is_no_station_is_not_announced(port: VhostPort, front: FakeFrontend, mac: bytes) -> None:
    assert not front.try_(R.SEND_RARP, rarp(mac))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []


def test_a_burst_of_none_keeps_the_announcement(port: VhostPort, front: FakeFrontend) -> None:
    rx = port.rx_queues[0]
    assert front.try_(R.SEND_RARP, rarp())
    assert receive(rx.burst, rx.handle, nb=0) == []
    assert len(receive(rx.burst, rx.handle, nb=1)) == 1


def test_a_device_that_was_reset_is_served_when_it_is_set_up_again(
    port: VhostPort, front: FakeFrontend, pool: Mempool
) -> None:
    exchange(port, front, pool)
    assert front.try_(R.RESET_DEVICE)
    assert eventually(lambda: not port.link().up)
    assert front.ask(R.GET_STATUS) == 0
    for ring in front.rings:
        assert front.ask(R.GET_VRING_BASE, pack("=II", ring.index, 0)) == 0
        front.set_call(ring)
    front.set_features()
    for ring in front.rings:  # the memory is still there
        front.describe_ring(ring)
        front.set_kick(ring)
        front.enable(ring)
    front.set_status(0xF)
    front.sync()
    assert port.link().up
    exchange(port, front, pool)


def test_features_may_be_others_after_a_reset(front: FakeFrontend) -> None:
    fewer = pack("=Q", front.features & ~Feature.VIRTIO_NET_F_MRG_RXBUF)
    assert not front.try_(R.SET_FEATURES, fewer)
    assert front.try_(R.RESET_DEVICE)
    assert front.try_(R.SET_FEATURES, fewer)
