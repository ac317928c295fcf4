"""Our net_vhost, the back-end, and DPDK's net_virtio_user, the front-end."""

from pathlib import Path

import pytest
from peers.ours import Ours
from peers.programs import PEER_CPU, DpdkTestpmd, lcores
from peers.rounds import MANY_PACKETS, go_round, go_round_both_ways, wait_for_link

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("dpdk-testpmd")


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


@pytest.mark.parametrize("queues", [2, 4])
@pytest.mark.parametrize("packed", [0, 1])
def test_so_many_queues_are_so_many_rounds(sock: Path, queues: int, packed: int) -> None:
    """Sixteen at our end: the front-end's pairs are the first of them."""
    options = f"-i --rxq={queues} --txq={queues}"
    with (
        Ours(f"net_vhost0,iface={sock},queues=16", options=options) as ours,
        DpdkTestpmd(
            f"net_virtio_user0,path={sock},queues={queues},packed_vq={packed}", options=options
        ).ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)
        counted = ours.xstats()
        assert all(counted[f"{way}_q{queue}_good_packets"] for way in ("rx", "tx") for queue in range(queues))


def test_queues_that_dpdk_takes_back_are_disabled_and_come_again(sock: Path) -> None:
    with (
        Ours(f"net_vhost0,iface={sock},queues=4", options="-i --rxq=4 --txq=4") as ours,
        DpdkTestpmd(f"net_virtio_user0,path={sock},queues=4", options="-i --rxq=4 --txq=4").ready() as dpdk,
    ):
        for queues in (4, 1, 3, 4):
            for line in (
                "port stop 0",
                f"port config all rxq {queues}",
                f"port config all txq {queues}",
                "port start 0",
            ):
                dpdk.run(line)
            wait_for_link(dpdk, ours)
            go_round(dpdk, ours)
            report = ours.app.ports[0].device_report()
            assert report
            assert [ring.state for ring in report.rings].count("live") == 2 * queues


@pytest.mark.parametrize("rings", ["", ",packed_vq=1,queue_size=200"], ids=["split", "packed"])
def test_ring_indices_begin_again(sock: Path, rings: str) -> None:
    device = f"net_virtio_user0,path={sock}{rings}"
    with Ours(f"net_vhost0,iface={sock}") as ours, DpdkTestpmd(device).ready() as dpdk:
        go_round_both_ways(dpdk, ours, MANY_PACKETS)
