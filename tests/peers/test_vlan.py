"""Tags on the wire: frames from DPDK through our port, which inserts or strips, and back into DPDK's file.

DPDK's own driver has lost the insertion on its way from 18.11: it sends such frames without a tag.
"""

from pathlib import Path

import pytest
from fakes.internet import tagged
from fakes.packets import frame
from peers.files import FileReader, addressed
from peers.ours import Ours
from peers.test_payloads import ALL_RINGS, USUAL, swapped
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

pytestmark = pytest.mark.peer("dpdk-testpmd")

TCI = 0x2005
FRAMES = [frame(length, number) for number, length in enumerate(USUAL[:-1])]
VECTORS = [",mrg_rxbuf=0,in_order=0", ",mrg_rxbuf=0,vectorized=1", ",packed_vq=1,mrg_rxbuf=0,vectorized=1"]
every_ring = pytest.mark.parametrize("rings", [*(f",{rings}" for rings in ALL_RINGS), *VECTORS])


@every_ring
def test_what_our_front_end_sends_has_the_tag(back_end: FileReader, back_end_socket: Path, rings: str) -> None:
    with Ours(f"net_virtio_user0,path={back_end_socket}{rings}") as ours:
        for line in ("port stop 0", f"tx_vlan set 0 {TCI}", "port start 0"):
            ours.run(line)
        assert "VLAN_INSERT" in ours.run("show port 0 tx_offload configuration").splitlines()[1]
        mac = ours.app.ports[0].mac
        assert back_end.send_round(FRAMES, ours, "mac") == [tagged(addressed(data, mac), TCI) for data in FRAMES]
        for line in ("port stop 0", "tx_vlan reset 0", "port start 0"):
            ours.run(line)
        assert back_end.send_round(FRAMES, ours, "macswap") == [swapped(data) for data in FRAMES]


@every_ring
def test_our_front_end_strips_while_it_runs(back_end: FileReader, back_end_socket: Path, rings: str) -> None:
    sent = [tagged(data, TCI) for data in FRAMES]
    with Ours(f"net_virtio_user0,path={back_end_socket}{rings}") as ours:
        for on in (True, False):
            assert ours.run(f"vlan set strip {'on' if on else 'off'} 0") == ""
            expected = [swapped(data) for data in (FRAMES if on else sent)]
            assert back_end.send_round(sent, ours) == expected


@pytest.mark.parametrize("rings", ["", ",packed_vq=1", ",mrg_rxbuf=0,in_order=0"])
def test_our_back_end_inserts(sock: Path, tmp_path: Path, rings: str) -> None:
    with (
        Ours(f"net_vhost0,iface={sock}", options="-i --tx-offloads=0x8001") as ours,
        FileReader(tmp_path, f"net_virtio_user0,path={sock}{rings}") as front_end,
    ):
        ours.app.config.forward.tx_vlans[0] = TCI
        mac = ours.app.ports[0].mac
        assert front_end.send_round(FRAMES, ours, "mac") == [tagged(addressed(data, mac), TCI) for data in FRAMES]
        assert front_end.send_round(FRAMES, ours, "macswap") == [tagged(swapped(data), TCI) for data in FRAMES]
        assert front_end.send_round(FRAMES, ours, "io") == FRAMES


@pytest.mark.parametrize("rings", ["", ",packed_vq=1"])
def test_our_back_end_strips(sock: Path, tmp_path: Path, rings: str) -> None:
    with (
        Ours(f"net_vhost0,iface={sock}", options="-i --enable-hw-vlan-strip") as ours,
        FileReader(tmp_path, f"net_virtio_user0,path={sock}{rings}") as front_end,
    ):
        assert front_end.send_round([tagged(data, TCI) for data in FRAMES], ours, "io") == FRAMES
        assert front_end.send_round(FRAMES, ours, "io") == FRAMES


@every_ring
def test_tags_and_checksums_go_together(back_end: FileReader, back_end_socket: Path, rings: str) -> None:
    """txonly asks for both; DPDK's back-end finishes what is behind the tag."""
    with Ours(f"net_virtio_user0,path={back_end_socket}{rings}") as ours:
        for line in ("port stop 0", f"tx_vlan set 0 {TCI}", "csum set udp hw 0", "port start 0", "set txpkts 91"):
            ours.run(line)
        sent = back_end.record(ours, "txonly")
        assert sent
        for data in sent:
            whole = Ether(data)
            assert (whole[Dot1Q].vlan, whole[Dot1Q].prio, len(data)) == (TCI & 0xFFF, TCI >> 13, 95)
            assert whole[UDP].chksum
            assert Ether(bytes(changed(whole))) == whole


def changed(whole: Packet) -> Packet:
    """The frame with checksums that scapy makes."""
    again = whole.copy()
    del again[UDP].chksum, again[IP].chksum
    return again
