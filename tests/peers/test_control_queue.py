"""Our net_virtio_user with a control queue and several queue pairs, and DPDK's net_vhost."""

from pathlib import Path

import pytest
from peers.ours import Ours
from peers.programs import DpdkTestpmd
from peers.rounds import go_round_both_ways
from transcripts import transcript

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("dpdk-testpmd")
OWN, OTHER = "00:11:22:33:44:55", "02:11:22:33:44:55"
CONTROL = Feature.VIRTIO_NET_F_CTRL_VQ | Feature.VIRTIO_NET_F_CTRL_RX


def test_filters_are_answered_as_by_the_original(sock: Path) -> None:
    """The same lines as were typed at DPDK 26.07 with these devargs, and the same answers."""
    device = f"net_virtio_user0,path={sock},cq=1,queues=2,mac={OWN},speed=25000"
    with (
        DpdkTestpmd(f"net_vhost0,iface={sock},queues=2").ready(),
        Ours(device, options="-i --rxq=2 --txq=2") as ours,
    ):
        assert all(ours.agreed(feature) for feature in CONTROL)
        assert ours.agreed(Feature.VIRTIO_NET_F_MQ)
        info = ours.run("show port info 0")
        for line in ("Promiscuous mode: enabled", "Link speed: 25 Gbps", "max_queue_pairs: 2", f"MAC address: {OWN}"):
            assert line in info
        for line in ("set promisc all off", "set promisc all on", "set promisc 0 off"):
            assert ours.run(line) == ""
        for line in ("set allmulti all on", "set allmulti all off", f"mac_addr set 0 {OTHER}"):
            assert ours.run(line) == ""
        for line in ("mac_addr add 0 02:11:22:33:44:56", "mcast_addr add 0 01:00:5e:00:00:01", "rx_vlan add 10 0"):
            name = line.replace(" ", "-").replace(":", "-")
            assert ours.run(line) + "\n" == transcript(f"virtiocq-{name}")
        assert ours.run("show port 0 macs") + "\n" == transcript("virtiocq-show-port-0-macs")
        assert ours.run("show port 0 mcast_macs") + "\n" == transcript("virtiocq-show-port-0-mcast_macs")


@pytest.mark.parametrize("rings", ["", ",packed_vq=1"], ids=["split", "packed"])
@pytest.mark.parametrize("queues", [2, 4])
def test_every_pair_carries_packets_both_ways(sock: Path, queues: int, rings: str) -> None:
    options = f"-i --rxq={queues} --txq={queues}"
    with (
        DpdkTestpmd(f"net_vhost0,iface={sock},queues={queues}", options=options).ready() as dpdk,
        Ours(f"net_virtio_user0,path={sock},queues={queues}{rings}", options=options) as ours,
    ):
        go_round_both_ways(dpdk, ours)
        counted = ours.xstats()
        assert all(counted[f"{way}_q{queue}_good_packets"] for way in ("rx", "tx") for queue in range(queues))


def test_our_back_end_has_as_many_pairs_for_the_original_s_front_end(sock: Path) -> None:
    options = "-i --rxq=3 --txq=3"
    with (
        Ours(f"net_vhost0,iface={sock},queues=3", options=options) as ours,
        DpdkTestpmd(f"net_virtio_user0,path={sock},queues=3", options=options).ready() as dpdk,
    ):
        go_round_both_ways(dpdk, ours)
        counted = ours.xstats()
        assert all(counted[f"{way}_q{queue}_packets"] for way in ("rx", "tx") for queue in range(3))
