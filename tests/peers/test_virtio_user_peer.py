"""Our net_vhost, the back-end, and DPDK's net_virtio_user, the front-end."""

from pathlib import Path

import pytest
from peers.ours import Ours
from peers.programs import PEER_CPU, DpdkTestpmd, lcores
from peers.rounds import MANY_PACKETS, go_round_both_ways

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("dpdk-testpmd")
TWO_QUEUES = "-i --rxq=2 --txq=2"


@pytest.mark.parametrize("mrg_rxbuf", [1, 0])
def test_packets_go_round_with_a_front_end_that_listens(sock: Path, mrg_rxbuf: int) -> None:
    device = f"net_virtio_user0,path={sock},server=1,mrg_rxbuf={mrg_rxbuf}"
    with DpdkTestpmd(device) as dpdk, Ours(f"net_vhost0,iface={sock},client=1") as ours:
        dpdk.ready()
        go_round_both_ways(dpdk, ours)
        assert ours.agreed(Feature.VIRTIO_NET_F_MRG_RXBUF) == bool(mrg_rxbuf)


@pytest.mark.parametrize("rings", ["in_order=0", "packed_vq=1"])
def test_a_front_end_on_its_vector_path(sock: Path, rings: str) -> None:
    """Over packed rings only where the CPU has AVX-512; it is the standard path else."""
    device = f"net_virtio_user0,path={sock},mrg_rxbuf=0,vectorized=1,{rings}"
    widest = f"{lcores(PEER_CPU)} --force-max-simd-bitwidth=512"
    with (
        Ours(f"net_vhost0,iface={sock}") as ours,
        DpdkTestpmd(device, eal=widest, options="-i --tx-offloads=0x0").ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)


def test_a_front_end_that_wants_segments_without_checksums_is_served(sock: Path) -> None:
    """DPDK's driver asks for GUEST_TSO and leaves GUEST_CSUM to chance."""
    with (
        Ours(f"net_vhost0,iface={sock}") as ours,
        DpdkTestpmd(f"net_virtio_user0,path={sock}", options="-i --enable-lro").ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)
        assert ours.agreed(Feature.VIRTIO_NET_F_GUEST_TSO4)
        assert not ours.agreed(Feature.VIRTIO_NET_F_GUEST_CSUM)


def test_two_queues_are_two_rounds(sock: Path) -> None:
    device = f"net_virtio_user0,path={sock},queues=2"
    with (
        Ours(f"net_vhost0,iface={sock},queues=2", options=TWO_QUEUES) as ours,
        DpdkTestpmd(device, options=TWO_QUEUES).ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)
        counted = ours.xstats()
        assert all(counted[f"{way}_q{queue}_good_packets"] for way in ("rx", "tx") for queue in (0, 1))


@pytest.mark.parametrize("rings", ["", ",packed_vq=1,queue_size=200"], ids=["split", "packed"])
def test_ring_indices_begin_again(sock: Path, rings: str) -> None:
    device = f"net_virtio_user0,path={sock}{rings}"
    with Ours(f"net_vhost0,iface={sock}") as ours, DpdkTestpmd(device).ready() as dpdk:
        go_round_both_ways(dpdk, ours, MANY_PACKETS)
