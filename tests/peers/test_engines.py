"""Engines beside those of the same names in DPDK: what goes in being equal, what comes out is, to the byte."""

from itertools import product
from pathlib import Path

import pytest
from fakes.checksums import right_frames
from fakes.packets import frame
from peers.files import FileReader, read_frames, write_frames
from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

pytestmark = pytest.mark.peer("dpdk-testpmd")

PAYLOAD = Raw(bytes(range(1, 100)))
ETHER = Ether(dst="02:00:00:00:00:0a", src="02:00:00:00:00:0b")
TAGS = (ETHER, ETHER / Dot1Q(vlan=5), ETHER / Dot1AD(vlan=6) / Dot1Q(vlan=5), ETHER / Dot1Q() / Dot1Q() / Dot1Q())
IPS = (
    IP(src="198.18.0.1", dst="198.18.7.2"),
    IP(src="198.18.0.1", dst="198.18.7.2", options=[IPOption_Router_Alert()]),
    IPv6(src="2001:db8::1", dst="2001:db8:1::2"),
)
ABOVE = (UDP(sport=1000, dport=2), TCP(sport=80, dport=50000, flags="S"), ICMP(), Raw(b"raw"))


def frames() -> list[bytes]:
    """Of every kind but fragments, whose data the original would exchange."""
    tuples = [bytes(ether / ip / above / PAYLOAD) for ether, ip, above in product(TAGS, IPS, ABOVE)]
    others: list[Packet] = [
        ETHER / ARP(psrc="10.0.0.1", pdst="10.0.0.2") / PAYLOAD,
        ETHER / IPv6(src="::1", dst="::2") / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / PAYLOAD,
    ]
    lengths = [frame(length, length) for length in (60, 64, 1514)]
    return [*tuples, *map(bytes, others), *right_frames(8).values(), *right_frames(1380).values(), *lengths]


def through_dpdk(folder: Path, sent: list[bytes], engine: str, options: str = "") -> list[bytes]:
    """What DPDK's engine makes of frames between two files."""
    there, back = folder / "there.pcap", folder / "back_from_dpdk.pcap"
    write_frames(there, sent)
    device = f"net_pcap0,rx_pcap={there},tx_pcap={back}"
    with DpdkTestpmd(device, options=f"--no-flush-rx {options} -i") as dpdk:
        dpdk.ready()
        for line in (f"set fwd {engine}", "start"):
            dpdk.run(line)
        eventually(lambda: dpdk.stats()["TX-packets"] >= max(len(sent), 1), "every frame went through")
        for line in ("stop", "port stop 0"):
            dpdk.run(line)
    return read_frames(back)


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("5tswap", ""),
        ("noisy", ""),
        ("noisy", "--noisy-tx-sw-buffer-size=64 --noisy-tx-sw-buffer-flushtime=10"),
        ("noisy", "--noisy-lkup-memory=1 --noisy-lkup-num-writes=1 --noisy-lkup-num-reads=1"),
    ],
)
def test_frames_leave_as_from_dpdk_s_engine(
    back_end: FileReader, back_end_socket: Path, tmp_path: Path, engine: str, options: str
) -> None:
    sent = frames()
    with Ours(f"net_virtio_user0,path={back_end_socket}", options=f"{options} -i") as ours:
        assert back_end.send_round(sent, ours, engine) == through_dpdk(tmp_path, sent, engine, options)


@pytest.mark.parametrize("mode", ["mac", "macswap", "5tswap"])
def test_noisy_does_what_dpdk_s_engine_of_the_mode_does(
    back_end: FileReader, back_end_socket: Path, tmp_path: Path, mode: str
) -> None:
    """Its own noisy has these modes since 22.11 only. mac sends from the port, whose address is another."""
    sent = frames()
    with Ours(f"net_virtio_user0,path={back_end_socket}", options=f"--noisy-forward-mode={mode} -i") as ours:
        came = back_end.send_round(sent, ours, "noisy")
        mac = ours.app.ports[0].mac
    expected = through_dpdk(tmp_path, sent, mode)
    if mode == "mac":
        expected = [data[:6] + mac + data[12:] for data in expected]
    assert came == expected


@pytest.mark.parametrize("options", ["", "--flowgen-flows=7", "--flowgen-clones=3", "--txpkts=1000"])
def test_flowgen_makes_the_same_frames(
    back_end: FileReader, back_end_socket: Path, tmp_path: Path, options: str
) -> None:
    """But for the data, which neither writes."""
    theirs = [data[:42] + bytes(len(data) - 42) for data in through_dpdk(tmp_path, [], "flowgen", options)[:40]]
    with Ours(f"net_virtio_user0,path={back_end_socket}", options=f"{options} -i") as ours:
        made = back_end.record(ours, "flowgen")
    assert [data[:42] + bytes(len(data) - 42) for data in made] == theirs[: len(made)]
    assert len(made) >= 32
