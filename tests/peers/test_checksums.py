"""Checksums on the wire: frames from DPDK, through our csum engine, and back to DPDK, which writes them to a file."""

from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.checksums import fields, frame, ipv4, ipv6, partial, right_frames, spoiled, tcp, udp
from fakes.packets import content, free, packet, receive_mbufs, transmit
from peers.files import LONG_FRAMES, FileReader, addressed
from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually
from peers.rounds import wait_for_link
from scapy.layers.inet import UDP
from scapy.packet import Raw

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.ethdev.port import EthPort

pytestmark = pytest.mark.peer("dpdk-testpmd")

#: Every shape, short ones, and of odd and even length.
RIGHT = [*right_frames(8).values(), *right_frames(41).values(), *right_frames(1380).values()]
LONG = [frame(ipv4(), tcp(), payload=8001), frame(ipv4(), udp(), payload=7000), frame(ipv4(), tcp(), payload=2100)]
RINGS = ("", ",packed_vq=1", ",mrg_rxbuf=0", ",in_order=0", ",in_order=0,packed_vq=1,mrg_rxbuf=0")


@pytest.mark.parametrize("rings", RINGS)
def test_our_front_end_mends_checksums(back_end: FileReader, back_end_socket: Path, rings: str) -> None:
    mergeable = "mrg_rxbuf=0" not in rings
    right = RIGHT + LONG if mergeable else RIGHT
    options = f"{LONG_FRAMES} --enable-scatter" if mergeable else "-i"
    with Ours(f"net_virtio_user0,path={back_end_socket}{rings}", options=options) as ours:
        mac = ours.app.ports[0].mac
        sent = [spoiled(data) for data in right]
        assert back_end.send_round(sent, ours, "csum") == [addressed(data, mac) for data in right]


@pytest.mark.parametrize("rings", RINGS)
def test_our_front_end_leaves_checksums_to_a_back_end_that_finishes_them(
    back_end: FileReader, back_end_socket: Path, rings: str
) -> None:
    """As commands have it, which the port and its back-end agree on anew."""
    mergeable = "mrg_rxbuf=0" not in rings
    right = RIGHT + LONG if mergeable else RIGHT
    options = f"{LONG_FRAMES} --enable-scatter" if mergeable else "-i"
    with Ours(f"net_virtio_user0,path={back_end_socket}{rings}", options=options) as ours:
        mac = ours.app.ports[0].mac
        assert not ours.agreed(Feature.VIRTIO_NET_F_CSUM)
        for line in ("port stop 0", "csum set tcp hw 0", "csum set udp hw 0", "port start 0"):
            ours.run(line)
        assert ours.agreed(Feature.VIRTIO_NET_F_CSUM)
        sent = [spoiled(data) for data in right]
        assert back_end.send_round(sent, ours, "csum") == [addressed(data, mac) for data in right]


#: DPDK writes no more of a frame.
MOST_IN_FILE = 16128


@pytest.mark.parametrize("rings", ["", ",packed_vq=1", ",in_order=0"])
def test_our_front_end_leaves_segments_to_a_back_end(sock: Path, tmp_path: Path, rings: str) -> None:
    """DPDK does not cut them up: it finishes the checksum over all of the frame, and hands that on."""
    large = [
        frame(ip, tcp(), payload=payload, seed=i)
        for i, (ip, payload) in enumerate(product((ipv4(), ipv6()), (100, 900, 9000, 40000, 64000)))
    ]
    with (
        FileReader(tmp_path, f"net_vhost0,iface={sock},tso=1", LONG_FRAMES) as back_end,
        Ours(f"net_virtio_user0,path={sock}{rings}", options=f"{LONG_FRAMES} --enable-scatter") as ours,
    ):
        mac = ours.app.ports[0].mac
        for line in ("port stop 0", "tso set 800 0", "port start 0"):
            ours.run(line)
        assert ours.agreed(Feature.VIRTIO_NET_F_HOST_TSO4)
        assert ours.agreed(Feature.VIRTIO_NET_F_HOST_TSO6)
        came = back_end.send_round([spoiled(data) for data in large], ours, "csum")
        assert came == [addressed(data, mac)[:MOST_IN_FILE] for data in large]


#: The transmit offloads that our port is started with: checksums are made by the engine, or left to the port.
SW, HW = "--tx-offloads=0x8000", "--tx-offloads=0x800c"
#: What makes DPDK's front-end accept checksums that are not finished.
ACCEPT = (
    "port stop 0",
    "port config 0 rx_offload udp_cksum on",
    "port config 0 rx_offload tcp_cksum on",
    "port start 0",
)


@pytest.mark.parametrize("rings", ["", ",packed_vq=1", ",mrg_rxbuf=0,in_order=0"])
@pytest.mark.parametrize(("ours_does", "front_ends"), [(SW, ()), (HW, ()), (HW, ACCEPT)], ids=["sw", "hw", "left"])
def test_our_back_end_mends_checksums_or_leaves_them_to_a_front_end_that_agreed(
    sock: Path, tmp_path: Path, rings: str, ours_does: str, front_ends: tuple[str, ...]
) -> None:
    right = RIGHT + LONG if "mrg_rxbuf=0" not in rings else RIGHT
    device = f"net_virtio_user0,path={sock}{rings}"
    with (
        Ours(f"net_vhost0,iface={sock}", options=f"-i {ours_does}") as ours,
        FileReader(tmp_path, device) as front_end,
    ):
        mac = ours.app.ports[0].mac
        for line in front_ends:
            front_end.dpdk.run(line)
        came = front_end.send_round([spoiled(data) for data in right], ours, "csum")
        assert ours.agreed(Feature.VIRTIO_NET_F_GUEST_CSUM) == bool(front_ends)
        assert came == [addressed(partial(data) if front_ends else data, mac) for data in right]


# What DPDK's front-end leaves to our back-end.


#: DPDK's csum engine asks its virtio port for checksums, or for segments of so many bytes as well.
ASK = ("port stop 0", "csum set tcp hw 0", "csum set udp hw 0", "csum mac-swap off 0")
SEGSZ = 800
ASK_SEGMENTS = (*ASK, f"tso set {SEGSZ} 0")
#: What has our port tell of checksums rather than finish them.
TOLD = "--rx-offloads=0xc"
#: DPDK 22.11 does not look behind extension headers.
ASKED_OF_US = [data for payload in (8, 41, 1380) for name, data in right_frames(payload).items() if "ext" not in name]
NONE, GOOD = lib.MBUF_F_RX_L4_CKSUM_NONE, lib.MBUF_F_RX_L4_CKSUM_GOOD


class Received(NamedTuple):
    """A frame that our port gave us, with what it said of it."""

    data: bytes
    flags: int
    tso_segsz: int
    lengths: tuple[int, int, int]


def collect(port: EthPort, count: int) -> list[Received]:
    """So many frames from a port that no lcore polls."""
    queue, came = port.rx_queues[0], list[Received]()

    def all_came() -> bool:
        mbufs = receive_mbufs(queue.burst, queue.handle)
        came.extend(Received(content(m), int(m.ol_flags), m.tso_segsz, (m.l2_len, m.l3_len, m.l4_len)) for m in mbufs)
        free(*mbufs)
        return len(came) >= count

    eventually(all_came, "every frame reached our port")
    return came


def received(front_end: FileReader, ours: Ours, asks: tuple[str, ...], frames: list[bytes]) -> list[Received]:
    """Frames as they reach our port from DPDK's csum engine, in order."""
    front_end.load(frames)
    for line in (*asks, "port start 0", "set fwd csum"):
        front_end.dpdk.run(line)
    wait_for_link(front_end.dpdk, ours)
    front_end.dpdk.run("start")
    return collect(ours.app.ports[0], len(frames))


@pytest.mark.parametrize("rings", ["", ",packed_vq=1"])
@pytest.mark.parametrize(
    ("options", "is_left", "flags"), [("", False, GOOD), (TOLD, True, NONE)], ids=["finished", "told of"]
)
def test_checksums_that_a_front_end_leaves_are_finished_or_told_of(
    sock: Path, tmp_path: Path, rings: str, options: str, is_left: bool, flags: int
) -> None:
    with (
        Ours(f"net_vhost0,iface={sock}", options=f"-i {options}") as ours,
        FileReader(tmp_path, f"net_virtio_user0,path={sock}{rings}") as front_end,
    ):
        came = received(front_end, ours, ASK, [spoiled(data) for data in ASKED_OF_US])
        assert [frame.data for frame in came] == [partial(data) if is_left else data for data in ASKED_OF_US]
        assert {frame.flags for frame in came} == {flags}


@pytest.mark.parametrize("rings", ["", ",packed_vq=1"])
@pytest.mark.parametrize("payload", [1000, 9000, 60000])
def test_segments_that_a_front_end_leaves_come_as_one_frame(
    sock: Path, tmp_path: Path, rings: str, payload: int
) -> None:
    large = [frame(ip, tcp(), payload=payload, seed=i) for i, ip in enumerate((ipv4(), ipv6()))]
    with (
        Ours(f"net_vhost0,iface={sock},tso=1", options=f"-i {TOLD}") as ours,
        FileReader(tmp_path, f"net_virtio_user0,path={sock}{rings}") as front_end,
    ):
        came = received(front_end, ours, ASK_SEGMENTS, [spoiled(data) for data in large])
        for sent, got in zip(large, came, strict=True):
            assert got.flags == lib.MBUF_F_RX_LRO | NONE
            assert (got.tso_segsz, got.lengths) == (SEGSZ, (14, 20 if sent[12] == 8 else 40, 32))
            assert got.data == partial(sent)


@pytest.mark.parametrize("rings", ["", ",packed_vq=1", ",in_order=0"])
def test_segments_go_through_dpdk_from_one_front_end_of_ours_to_another(tmp_path: Path, rings: str) -> None:
    """With legacy flags DPDK hands on what the first leaves to it, and the second accepts large frames."""
    sockets = [tmp_path / f"s{i}" for i in range(2)]
    back_ends = [f"net_vhost{i},iface={sock},tso=1,legacy-ol-flags=1" for i, sock in enumerate(sockets)]
    large = [frame(ip, tcp(), payload=payload) for ip in (ipv4(), ipv6()) for payload in (900, 9000, 60000)]
    with (
        DpdkTestpmd(*back_ends).ready() as dpdk,
        Ours(*[f"net_virtio_user{i},path={sock}{rings}" for i, sock in enumerate(sockets)]) as ours,
    ):
        ours.run("port stop all")
        for line in ("tx_offload tcp_tso", "rx_offload tcp_lro", "rx_offload scatter", "tx_offload multi_segs"):
            ours.run(f"port config all {line} on")
        ours.run("port start all")
        eventually(lambda: all(program.is_up(i) for program in (dpdk, ours) for i in (0, 1)), "all links are up")
        dpdk.run("start")
        first, second = ours.app.ports
        mbufs = [asking_for_segments(ours, data) for data in large]
        assert transmit(first.tx_queues[0].burst, first.tx_queues[0].handle, mbufs) == len(mbufs)
        came = collect(second, len(large))
        assert [but_checksum(got.data) for got in came] == [but_checksum(data) for data in large]
        assert {(got.flags, got.tso_segsz) for got in came} == {(lib.MBUF_F_RX_LRO | NONE, SEGSZ)}


def but_checksum(data: bytes) -> bytes:
    """DPDK leaves in TCP's field what network cards want there: a sum without the length."""
    at, length = list(fields(data))[-1]
    return data[:at] + bytes(length) + data[at + length :]


def asking_for_segments(ours: Ours, data: bytes) -> Any:
    """A packet with a bad checksum that its port is to cut up."""
    mbuf = packet(ours.app.pools[0], spoiled(data), split=[2000] * ((len(data) - 1) // 2000))
    is_ipv4 = data[12:14] == b"\x08\0"
    mbuf.ol_flags = lib.MBUF_F_TX_TCP_SEG | lib.MBUF_F_TX_TCP_CKSUM
    mbuf.ol_flags |= lib.MBUF_F_TX_IPV4 | lib.MBUF_F_TX_IP_CKSUM if is_ipv4 else lib.MBUF_F_TX_IPV6
    mbuf.l2_len, mbuf.l3_len, mbuf.l4_len, mbuf.tso_segsz = 14, 20 if is_ipv4 else 40, 32, SEGSZ
    return mbuf


def test_what_is_in_a_tunnel_is_left_to_a_back_end_that_finishes_it(
    back_end: FileReader, back_end_socket: Path
) -> None:
    """VXLAN without a checksum of its own, as is usual; DPDK's back-end is told where the inner one begins."""
    inner = [data for name, data in right_frames(100).items() if "ext" not in name]
    outer = [UDP(sport=7, dport=4789, chksum=0) / Raw(b"\x08\0\0\0\0\0\x05\0" + data) for data in inner]
    right = [frame(ipv4(), transport, payload=0) for transport in outer]
    wrong = [data[: -len(inside)] + spoiled(inside) for data, inside in zip(right, inner, strict=True)]
    with Ours(f"net_virtio_user0,path={back_end_socket}") as ours:
        mac = ours.app.ports[0].mac
        for line in ("port stop 0", "csum set tcp hw 0", "csum set udp hw 0", "csum parse-tunnel on 0", "port start 0"):
            ours.run(line)
        assert back_end.send_round(wrong, ours, "csum") == [addressed(data, mac) for data in right]
