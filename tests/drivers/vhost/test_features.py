"""What net_vhost offers, and what it makes of a front-end's choice (virtio 1.2, 2.2)."""

import random
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
from fakes.leaks import eventually
from fakes.packets import DST_MAC, SRC_MAC, packet, receive, transmit
from fakes.vhost_frontend import FakeFrontend, R

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.vhost.features import in_want
from pytestpmd.drivers.virtio_net import NEEDS, Feature
from pytestpmd.eal.mempool import Mempool

F = Feature
Make = Callable[..., VhostPort]
DEVARGS = ["", ",queues=4", ",tso=1", ",tso=0", ",client=0,queues=1"]
SEEDS = range(64)


@pytest.mark.parametrize("devargs", DEVARGS)
def test_what_is_offered_is_offered_with_what_it_needs(make_port: Make, sock: Path, devargs: str) -> None:
    make_port(devargs)
    with FakeFrontend(sock) as front:
        offered = front.ask(R.GET_FEATURES)
    assert offered & F.VIRTIO_F_VERSION_1
    for feature, needed in NEEDS.items():
        assert not offered & feature or offered & needed, feature.name


def subset(offered: int, seed: int) -> int:
    return random.Random(seed).getrandbits(64) & offered


def test_every_valid_subset_is_accepted(make_port: Make, sock: Path) -> None:
    make_port(",tso=1")
    with FakeFrontend(sock) as front:
        offered = front.ask(R.GET_FEATURES)
        front.agree_on_protocol()
        for seed in SEEDS:
            features = subset(offered, seed) & ~in_want(subset(offered, seed))
            assert front.try_(R.SET_FEATURES, pack("=Q", features)), hex(features)
            front.set_status(0xB)
            assert front.ask(R.GET_STATUS) == 0xB


WRONG = [
    F.VIRTIO_NET_F_HOST_TSO4,
    F.VIRTIO_NET_F_HOST_TSO6 | F.VIRTIO_F_VERSION_1,
    F.VIRTIO_F_RING_PACKED,
    F(1 << 62),
]


@pytest.mark.parametrize("wrong", WRONG, ids=hex)
def test_a_subset_that_lacks_what_it_needs_is_refused_and_features_ok_stays_away(
    make_port: Make, sock: Path, wrong: Feature
) -> None:
    """virtio 1.2, 2.2.2 and 3.1.1: the driver that reads the status back learns of it."""
    port = make_port(",tso=1")
    with FakeFrontend(sock) as front:
        front.agree_on_protocol()
        assert not front.try_(R.SET_FEATURES, pack("=Q", wrong))
        front.set_status(0xB)
        assert front.ask(R.GET_STATUS) == 3
        front.set_status(0)
        front.start_as_dpdk()
        assert front.ask(R.GET_STATUS) == 0xF
        assert eventually(lambda: port.link().up)


def test_a_control_queue_is_the_front_end_s_own_affair(make_port: Make, sock: Path) -> None:
    """DPDK's virtio-user has one, and does not say so: MQ without CTRL_VQ."""
    make_port(",queues=2", nb_rxq=2, nb_txq=2)
    with FakeFrontend(sock) as front:
        front.agree_on_protocol()
        assert front.try_(R.SET_FEATURES, pack("=Q", F.VIRTIO_F_VERSION_1 | F.VIRTIO_NET_F_MQ))


def test_tagged_frames_go_through_as_they_are(make_port: Make, sock: Path, pool: Mempool) -> None:
    """5.1.6.5.3: without a filter every tag is welcome."""
    port = make_port()
    tagged = [DST_MAC + SRC_MAC + b"\x81\x00" + pack(">H", tag) + b"\x08\x00" + bytes(44) for tag in (0, 1, 4095)]
    rx, tx = port.rx_queues[0], port.tx_queues[0]
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        front.transmit(*tagged)
        assert receive(rx.burst, rx.handle) == tagged
        front.post_buffers(count=3)
        assert transmit(tx.burst, tx.handle, [packet(pool, data) for data in tagged]) == 3
        assert front.received() == tagged
