"""Offloads between two real ends in one process: what either asks of the other, over every kind of ring."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.internet import TCP, UDP, add_up, datagram, pseudo, tagged, whole_cksum
from fakes.layouts import every_layout
from fakes.leaks import eventually
from fakes.packets import content, frame, free, packet, receive_mbufs, transmit

from pytestpmd._dataplane import lib
from pytestpmd.ethdev.port import EthPort

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., Appliance]
TCI = 0x3007


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a pair: port 0 is the back-end, port 1 the front-end, both started and linked."""
    made: list[Appliance] = []

    def make_pair(virtio: str = "", vhost: str = "", options: str = "") -> Appliance:
        sock = tmp_path / f"s{len(made)}"
        made.append(
            Appliance(f"net_vhost0,iface={sock}{vhost}", f"net_virtio_user0,path={sock}{virtio}", options=options)
        )
        assert made[-1].are_up()
        return made[-1]

    yield make_pair
    for appliance in made:
        appliance.__exit__(None, None, None)


def send(port: EthPort, *mbufs: Any) -> None:
    queue = port.tx_queues[0]
    assert transmit(queue.burst, queue.handle, mbufs) == len(mbufs)


def take(port: EthPort) -> list[Any]:
    queue = port.rx_queues[0]
    return receive_mbufs(queue.burst, queue.handle)


def restart(pair: Appliance, port_id: int, *lines: str) -> None:
    """Type lines while the port is stopped."""
    assert "Fail" not in pair.run(f"port stop {port_id}", *lines, f"port start {port_id}")
    assert pair.are_up()


def checksummed(mbuf: Any, flags: int, **fields: int) -> Any:
    mbuf.ol_flags, mbuf.l2_len, mbuf.l3_len, mbuf.l4_len = flags | lib.MBUF_F_TX_IPV4, 14, 20, 20
    for name, value in fields.items():
        setattr(mbuf, name, value)
    return mbuf


@every_layout
def test_a_tag_goes_in_at_one_end_and_out_at_the_other(make: Make, layout: str) -> None:
    pair = make(layout)
    back, front = pair.app.ports
    pool = pair.app.pools[0]
    m = packet(pool, frame(100))
    m.ol_flags, m.vlan_tci = lib.MBUF_F_TX_VLAN, TCI
    send(front, m)
    (got,) = take(back)
    assert content(got) == tagged(frame(100), TCI)
    assert pair.run("vlan set strip on 1") == ""
    got.ol_flags = 0
    send(back, got)
    (home,) = take(front)
    assert (content(home), home.vlan_tci) == (frame(100), TCI)
    free(home)


@every_layout
def test_txonly_sends_what_tx_vlan_says(make: Make, layout: str) -> None:
    pair = make(layout, options="--forward-mode=txonly")
    restart(pair, 1, f"tx_vlan set 1 {TCI}")
    pair.run("set portlist 1", "set burst 4", "start")
    mbufs: list[Any] = []
    assert eventually(lambda: bool(mbufs.extend(take(pair.app.ports[0])) or mbufs))
    pair.run("stop")
    assert all(content(m)[12:18] == b"\x81\x00" + TCI.to_bytes(2, "big") + b"\x08\x00" for m in mbufs)
    assert all(m.pkt_len == 68 for m in mbufs)
    free(*mbufs)


@every_layout
def test_a_checksum_that_was_left_to_the_back_end_is_finished(make: Make, layout: str) -> None:
    """net_vhost hands packets on with whole checksums unless its application wants to know."""
    pair = make(layout)
    restart(pair, 1, "port config 1 tx_offload udp_cksum on")
    back, front = pair.app.ports
    data = datagram(4, UDP, bytes(range(77)), cksum=0xBAD)
    send(front, checksummed(packet(pair.app.pools[0], data), lib.MBUF_F_TX_UDP_CKSUM))
    (got,) = take(back)
    assert whole_cksum(4, UDP, content(got)[34:]) == 0xFFFF
    free(got)


@every_layout
def test_a_checksum_that_was_not_made_is_told_to_the_front_end(make: Make, layout: str) -> None:
    pair = make(layout)
    restart(pair, 0, "port config 0 tx_offload udp_cksum on")
    restart(pair, 1, "port config 1 rx_offload udp_cksum on")
    back, front = pair.app.ports
    data = datagram(4, UDP, bytes(range(77)), cksum=0xBAD)
    send(back, checksummed(packet(pair.app.pools[0], data), lib.MBUF_F_TX_UDP_CKSUM))
    (got,) = take(front)
    assert got.ol_flags & lib.MBUF_F_RX_L4_CKSUM_NONE == lib.MBUF_F_RX_L4_CKSUM_NONE
    assert content(got)[40:42] == add_up(pseudo(4, UDP, 85)).to_bytes(2, "big")
    free(got)


@pytest.mark.parametrize("layout", ["", ",packed_vq=1", ",in_order=0"])
def test_segments_that_were_not_cut_arrive_with_their_size(make: Make, layout: str) -> None:
    pair = make(layout, vhost=",tso=1")
    restart(pair, 1, "port config 1 tx_offload tcp_tso on", "port config 1 tx_offload multi_segs on")
    back, front = pair.app.ports
    data = datagram(4, TCP, bytes(3000))
    m = checksummed(packet(pair.app.pools[0], data, split=(2000,)), lib.MBUF_F_TX_TCP_SEG, tso_segsz=1000)
    send(front, m)
    (got,) = take(back)
    assert got.pkt_len == len(data)
    assert got.ol_flags & lib.MBUF_F_RX_LRO
    assert got.tso_segsz == 1000
    free(got)


def test_the_back_end_hears_of_changed_wishes(make: Make) -> None:
    pair = make(vhost=",tso=1")
    before = re.findall(r"SET_FEATURES features=(0x\w+)", pair.run("show port 1 virtio"))
    restart(pair, 1, "port config 1 rx_offload tcp_lro on", "port config 1 tx_offload tcp_tso on")
    after = re.findall(r"SET_FEATURES features=(0x\w+)", pair.run("show port 1 virtio"))
    assert after[: len(before)] == before
    assert int(after[-1], 16) & ~int(before[-1], 16) == 0x1983
    assert pair.run("show port 1 rx_offload configuration").splitlines()[1] == "  Port : TCP_LRO"
    pair.app.session.start(tx_first=1)
    assert pair.flows()
    pair.app.session.stop()


def test_a_server_presumes_offloads_until_its_back_end_comes(tmp_path: Path) -> None:
    """One that was configured then needs a back-end that has it; net_vhost has no segmentation unless it is told."""
    sock = tmp_path / "s"
    server = f"net_virtio_user0,path={sock},server=1"
    with Appliance(server, options="--tx-offloads=0x802c") as front:
        port = front.app.ports[0]
        assert (port.info().rx_offload_capa, port.info().tx_offload_capa) == (0x201D, 0x802D)
        with Appliance(f"net_vhost0,iface={sock},client=1,tso=1") as back:
            assert back.are_up()
            assert front.are_up()
        with Appliance(f"net_vhost0,iface={sock},client=1"):
            assert not eventually(lambda: port.link().up, within_s=1.5)
            assert "the device does not offer" in front.run("show port 0 virtio")


@pytest.mark.parametrize(
    ("option", "verdict"),
    [
        ("--enable-hw-vlan", "does not support Rx offloads QINQ_STRIP,VLAN_FILTER,VLAN_EXTEND"),
        ("--enable-hw-vlan-filter", "does not support Rx offloads VLAN_FILTER"),
        ("--enable-hw-qinq-strip", "does not support Rx offloads QINQ_STRIP"),
        ("--enable-rx-cksum", "does not support Rx offloads IPV4_CKSUM"),
        ("--disable-crc-strip", "does not support Rx offloads KEEP_CRC"),
        ("--tx-offloads=0x2", "does not support Tx offloads IPV4_CKSUM"),
        ("--tx-offloads=0x20", "does not support Tx offloads TCP_TSO"),
    ],
)
def test_options_for_what_there_is_not_leave_the_port_out_with_the_reason(
    tmp_path: Path, option: str, verdict: str
) -> None:
    sock = tmp_path / "s"
    with Appliance(f"net_vhost0,iface={sock}"), Appliance(f"net_virtio_user0,path={sock}", options=option) as front:
        assert front.app.ports[0].conf is None
        said = "\n".join(front.said)
        assert f"ETHDEV: Ethdev port_id=0 {verdict}\nFail to configure port 0\n" in said
        assert "Start ports failed" in said


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("--enable-lro", "TCP_LRO"),
        ("--enable-hw-vlan-strip", "VLAN_STRIP"),
        ("--rx-offloads=0x200c", "UDP_CKSUM TCP_CKSUM SCATTER"),
    ],
)
def test_options_for_what_there_is_are_in_force(tmp_path: Path, option: str, shown: str) -> None:
    sock = tmp_path / "s"
    with Appliance(f"net_vhost0,iface={sock}"), Appliance(f"net_virtio_user0,path={sock}", options=option) as front:
        assert front.are_up()
        assert front.run("show port 0 rx_offload configuration").splitlines()[1:3] == [
            f"  Port : {shown}",
            f"  Queue[ 0] : {shown}",
        ]


def test_long_packets_are_cut_as_they_go_round(make: Make) -> None:
    pair = make(options="--forward-mode=csum --txpkts=1400")
    pair.run("set port 0 gso on", "set port 1 gso on", "set port 0 gro on", "set gso segsz 600", "start tx_first")
    frames = "rx_q0_size_512_1023_packets"
    eventually(lambda: all(dict(port.xstats())[frames] for port in pair.app.ports))
    assert "Done." in pair.run("stop")
