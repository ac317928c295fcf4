"""Checksums and segments that DPDK's driver and our back-end leave to each other; scapy says what is right."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.inet import FRAMES, Unfinished, tcp
from fakes.packets import content, free, packet, receive_mbufs, transmit
from fakes.vhost_frontend import FakeFrontend, R
from peers.files import read_frames, write_frames
from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually

from pytestpmd._dataplane import lib
from pytestpmd.drivers.vhost.features import offered
from pytestpmd.drivers.virtio_net import Feature as F

pytestmark = pytest.mark.peer("dpdk-testpmd")

RINGS = ["packed_vq=0", "packed_vq=1", "packed_vq=1,in_order=0", "mrg_rxbuf=0,in_order=0"]
SEGMENT = 800
#: DPDK's csum engine finds no TCP behind extension headers.
SENT = {name: sent for name, sent in FRAMES.items() if name != "tcp6 extension"} | {"tcp4 longer": tcp(30000)}
NONE, GOOD, LRO = lib.MBUF_F_RX_L4_CKSUM_NONE, lib.MBUF_F_RX_L4_CKSUM_GOOD, lib.MBUF_F_RX_LRO


def spoiled(sent: Unfinished) -> bytes:
    """With a checksum that is surely wrong."""
    at = sent.csum_start + sent.csum_offset
    return sent.whole[:at] + bytes(byte ^ 0xFF for byte in sent.whole[at : at + 2]) + sent.whole[at + 2 :]


@contextmanager
def front_end(folder: Path, sock: Path, rings: str, commands: list[str], *, engine: str) -> Iterator[DpdkTestpmd]:
    """DPDK between our back-end and two files, its port 0 configured by these commands."""
    files = f"net_pcap0,rx_pcap={folder / 'in.pcap'},tx_pcap={folder / 'out.pcap'}"
    options = f"-i --no-flush-rx --forward-mode={engine}"
    with DpdkTestpmd(f"net_virtio_user0,path={sock},{rings}", files, options=options).ready() as dpdk:
        for line in ("port stop 0", *commands, "port start 0"):
            dpdk.run(line)
        yield dpdk


def take(ours: Ours, count: int) -> list[tuple[bytes, int, int]]:
    """So many packets without an lcore: bytes behind the addresses, which csum changes, flags and segment size."""
    queue, got = ours.app.ports[0].rx_queues[0], list[tuple[bytes, int, int]]()

    def more() -> bool:
        mbufs = receive_mbufs(queue.burst, queue.handle)
        got.extend((content(m)[12:], int(m.ol_flags), int(m.tso_segsz)) for m in mbufs)
        free(*mbufs)
        return len(got) >= count

    eventually(more, f"{count} packets come")
    return got


@pytest.mark.parametrize("tso", [False, True])
def test_we_offer_what_dpdk_offers_but_for_what_nobody_does_and_the_status_besides(sock: Path, tso: bool) -> None:
    """Any GSO and UDP fragments have no flags here, and with ECN a packet would need help that nobody gives; DPDK's
    back-end has no configuration space to tell the link's status in.
    """
    with DpdkTestpmd(f"net_vhost0,iface={sock},tso={int(tso)}").ready(), FakeFrontend(sock) as front:
        dpdk = F(front.ask(R.GET_FEATURES))
    left_out = F(1 << 6) | F.VIRTIO_NET_F_GUEST_ECN | F.VIRTIO_NET_F_HOST_ECN
    left_out |= F.VIRTIO_NET_F_GUEST_UFO | F.VIRTIO_NET_F_HOST_UFO
    assert offered(tso=tso) == dpdk & ~left_out | F.VIRTIO_NET_F_STATUS


@pytest.mark.parametrize("rings", RINGS)
def test_what_dpdk_leaves_to_us_arrives_finished(sock: Path, tmp_path: Path, rings: str) -> None:
    write_frames(tmp_path / "in.pcap", [spoiled(sent) for sent in SENT.values()])
    commands = ["csum set tcp hw 0", "csum set udp hw 0", f"tso set {SEGMENT} 0"]
    with (
        Ours(f"net_vhost0,iface={sock},tso=1") as ours,
        front_end(tmp_path, sock, rings, commands, engine="csum") as dpdk,
    ):
        assert all(map(ours.agreed, (F.VIRTIO_NET_F_CSUM, F.VIRTIO_NET_F_HOST_TSO4, F.VIRTIO_NET_F_HOST_TSO6)))
        dpdk.run("start")
        got = take(ours, len(SENT))
    for (name, sent), (data, flags, segment) in zip(SENT.items(), got, strict=True):
        is_long = sent.csum_offset == 16 and len(sent.whole) > sent.hdr_len + SEGMENT
        assert data == sent.whole[12:], name
        assert flags == GOOD | (LRO if is_long else 0), name
        assert segment == SEGMENT or not is_long, name


@pytest.mark.parametrize("more", ["", ",legacy-ol-flags=1"])
def test_a_port_that_wants_to_know_is_told_what_dpdk_left_undone(sock: Path, tmp_path: Path, more: str) -> None:
    write_frames(tmp_path / "in.pcap", [spoiled(sent) for sent in SENT.values() if len(sent.whole) < 1500])
    sent = [each for each in SENT.values() if len(each.whole) < 1500]
    options = "-i" if more else "-i --rx-offloads=0xc"
    with (
        Ours(f"net_vhost0,iface={sock}{more}", options=options) as ours,
        front_end(tmp_path, sock, RINGS[0], ["csum set tcp hw 0", "csum set udp hw 0"], engine="csum") as dpdk,
    ):
        dpdk.run("start")
        got = take(ours, len(sent))
    assert [data for data, _, _ in got] == [each.partial[12:] for each in sent]
    kinds = {flags & (NONE | lib.MBUF_F_TX_L4_MASK) for _, flags, _ in got}
    assert kinds == ({lib.MBUF_F_TX_TCP_CKSUM, lib.MBUF_F_TX_UDP_CKSUM} if more else {NONE})


def asking(pool: Any, sent: Unfinished) -> Any:
    """A packet as an engine hands it over, longer ones as segments."""
    mbuf = packet(pool, spoiled(sent), split=(2000,) * (len(sent.whole) // 2040))
    mbuf.l2_len, mbuf.l3_len, mbuf.l4_len, mbuf.tso_segsz = sent.l2_len, sent.l3_len, sent.l4_len, SEGMENT
    mbuf.ol_flags = lib.MBUF_F_TX_IPV6 if sent.is_ipv6 else lib.MBUF_F_TX_IPV4
    mbuf.ol_flags |= lib.MBUF_F_TX_TCP_CKSUM if sent.csum_offset == 16 else lib.MBUF_F_TX_UDP_CKSUM
    if len(sent.whole) > 1518:
        mbuf.ol_flags |= lib.MBUF_F_TX_TCP_SEG
    return mbuf


@pytest.mark.parametrize("rings", RINGS[:2])
@pytest.mark.parametrize("wants", ["finished", "checksums", "segments"])
def test_dpdk_gets_what_it_agreed_to_finish(sock: Path, tmp_path: Path, rings: str, wants: str) -> None:
    write_frames(tmp_path / "in.pcap", [])
    on = {"finished": [], "checksums": ["udp_cksum", "tcp_cksum"], "segments": ["udp_cksum", "tcp_cksum", "tcp_lro"]}
    commands = [f"port config 0 rx_offload {name} on" for name in on[wants]]
    sent = [each for each in FRAMES.values() if wants == "segments" or len(each.whole) < 1500]
    with (
        Ours(f"net_vhost0,iface={sock}") as ours,
        front_end(tmp_path, sock, rings, commands, engine="io") as dpdk,
    ):
        assert ours.agreed(F.VIRTIO_NET_F_GUEST_CSUM) == (wants != "finished")
        assert ours.agreed(F.VIRTIO_NET_F_GUEST_TSO4) == (wants == "segments")
        dpdk.run("set verbose 1")
        dpdk.run("start")
        tx = ours.app.ports[0].tx_queues[0]
        assert transmit(tx.burst, tx.handle, [asking(ours.app.pools[0], each) for each in sent]) == len(sent)
        eventually(lambda: dpdk.stats(1)["TX-packets"] == len(sent), "all were written to the file")
        dpdk.run("stop")
        said = dpdk.said
        dpdk.run("port stop 1")
    assert read_frames(tmp_path / "out.pcap") == [each.whole if wants == "finished" else each.partial for each in sent]
    assert said.count("RTE_MBUF_F_RX_L4_CKSUM_NONE") == (0 if wants == "finished" else len(sent))
    assert said.count("RTE_MBUF_F_RX_LRO") == (wants == "segments")
