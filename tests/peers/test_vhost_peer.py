"""Our net_virtio_user, the front-end, and DPDK's net_vhost, the back-end."""

from pathlib import Path

import pytest
from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually
from peers.rounds import MANY_PACKETS, go_round_both_ways

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("dpdk-testpmd")
TWO_QUEUES = "-i --rxq=2 --txq=2"


def test_packets_go_round_with_a_back_end_that_listens_for_one_after_the_other(sock: Path) -> None:
    with DpdkTestpmd(f"net_vhost0,iface={sock}").ready() as dpdk:
        for mrg_rxbuf in (1, 0):
            with Ours(f"net_virtio_user0,path={sock},mrg_rxbuf={mrg_rxbuf}") as ours:
                go_round_both_ways(dpdk, ours)
                assert ours.agreed(Feature.VIRTIO_NET_F_MRG_RXBUF) == bool(mrg_rxbuf)
            eventually(lambda: not dpdk.is_up(), "the link is down")


@pytest.mark.parametrize("mrg_rxbuf", [1, 0])
def test_packets_go_round_with_a_back_end_that_we_listen_for(sock: Path, mrg_rxbuf: int) -> None:
    with (
        Ours(f"net_virtio_user0,path={sock},server=1,mrg_rxbuf={mrg_rxbuf}") as ours,
        DpdkTestpmd(f"net_vhost0,iface={sock},client=1").ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)
        assert ours.agreed(Feature.VIRTIO_NET_F_MRG_RXBUF) == bool(mrg_rxbuf)


def test_two_queues_are_two_rounds(sock: Path) -> None:
    device = f"net_vhost0,iface={sock},queues=2,client=1"
    with (
        Ours(f"net_virtio_user0,path={sock},queues=2,server=1", options=TWO_QUEUES) as ours,
        DpdkTestpmd(device, options=TWO_QUEUES).ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)
        counted = ours.xstats()
        assert all(counted[f"{way}_q{queue}_good_packets"] for way in ("rx", "tx") for queue in (0, 1))


@pytest.mark.parametrize(
    "rings",
    ["", ",packed_vq=1,queue_size=200", ",packed_vq=1,queue_size=200,mrg_rxbuf=0,vectorized=1"],
    ids=["split", "packed", "packed-vectors"],
)
def test_ring_indices_begin_again(sock: Path, rings: str) -> None:
    with (
        Ours(f"net_virtio_user0,path={sock},server=1{rings}") as ours,
        DpdkTestpmd(f"net_vhost0,iface={sock},client=1").ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours, MANY_PACKETS)
