"""Frames that DPDK reads from a file, sends round through ours and writes to another: not a byte may differ."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.packets import frame
from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually
from scapy.utils import PcapWriter, RawPcapReader

pytestmark = pytest.mark.peer("dpdk-testpmd")

#: From the shortest to the longest usual frame, at every distance from a cache line's start. They all fit into a ring
#: of 256 at once, so that none is dropped however slow the other side is.
USUAL = [frame(length, number) for number, length in enumerate(range(60, 1519, 9))]
#: Around one, two and more buffers of 2048 bytes, of which the header takes 12; 200 buffers at most, likewise.
JUMBO = [
    frame(length, number)
    for number, length in enumerate(
        [*range(2030, 2055), *range(4076, 4100, 3), *range(6130, 6160, 5), 8171, 9000, 9014]
    )
]
LONG_FRAMES = "-i --max-pkt-len=9018 --enable-scatter"


def write_frames(path: Path, frames: list[bytes]) -> None:
    with PcapWriter(str(path), linktype=1) as file:
        for data in frames:
            file.write(data)


def read_frames(path: Path) -> list[bytes]:
    with RawPcapReader(str(path)) as file:
        return [data for data, _ in file]


def as_it_was(data: bytes, ours: Ours) -> bytes:
    """What io does."""
    return data


def swapped(data: bytes, ours: Ours) -> bytes:
    """What macswap does."""
    return data[6:12] + data[:6] + data[12:]


def addressed(data: bytes, ours: Ours) -> bytes:
    """What mac does: to the peer's address, which is made up, from the port's."""
    return bytes.fromhex("020000000000") + ours.app.ports[0].mac + data[12:]


Expected = Callable[[bytes, Ours], bytes]
ENGINES = [("io", as_it_was), ("macswap", swapped), ("mac", addressed)]


class Round:
    """DPDK's end of the round: the port that is the other end of ours, and a port made of two files."""

    def __init__(self, folder: Path, device: str, options: str = "-i") -> None:
        self._sent, self._back = folder / "sent.pcap", folder / "back.pcap"
        files = f"net_pcap0,rx_pcap={self._sent},tx_pcap={self._back}"
        # what waits at the start is what we want: the file
        self.options = f"--no-flush-rx {options}"
        self.devices = device, files

    def carries(self, frames: list[bytes], ours: Ours, engine: str, expected: Expected) -> None:
        """Send frames through ``ours``, and compare."""
        write_frames(self._sent, frames)
        with DpdkTestpmd(*self.devices, options=self.options).ready() as dpdk:
            eventually(lambda: dpdk.is_up() and ours.is_up(), "the link is up")
            ours.run(f"set fwd {engine}")
            ours.run("start")
            dpdk.run("start")
            eventually(lambda: dpdk.stats(1)["TX-packets"] == len(frames), "every frame came back")
            assert dpdk.quit() == 0
        assert read_frames(self._back) == [expected(data, ours) for data in frames]


@pytest.mark.parametrize(("engine", "expected"), ENGINES)
@pytest.mark.parametrize("mrg_rxbuf", [1, 0])
def test_a_back_end_gets_every_byte_back(
    sock: Path, tmp_path: Path, mrg_rxbuf: int, engine: str, expected: Expected
) -> None:
    peer = Round(tmp_path, f"net_vhost0,iface={sock},client=1")
    with Ours(f"net_virtio_user0,path={sock},server=1,mrg_rxbuf={mrg_rxbuf}") as ours:
        peer.carries(USUAL, ours, engine, expected)


@pytest.mark.parametrize(("engine", "expected"), ENGINES)
@pytest.mark.parametrize("mrg_rxbuf", [1, 0])
def test_a_front_end_gets_every_byte_back(
    sock: Path, tmp_path: Path, mrg_rxbuf: int, engine: str, expected: Expected
) -> None:
    peer = Round(tmp_path, f"net_virtio_user0,path={sock},mrg_rxbuf={mrg_rxbuf}")
    with Ours(f"net_vhost0,iface={sock}") as ours:
        peer.carries(USUAL, ours, engine, expected)


def test_a_back_end_gets_frames_of_many_buffers_back(sock: Path, tmp_path: Path) -> None:
    peer = Round(tmp_path, f"net_vhost0,iface={sock},client=1", options="-i --max-pkt-len=9018")
    with Ours(f"net_virtio_user0,path={sock},server=1", options=LONG_FRAMES) as ours:
        peer.carries(JUMBO, ours, "macswap", swapped)


def test_a_front_end_gets_frames_of_many_buffers_back(sock: Path, tmp_path: Path) -> None:
    peer = Round(tmp_path, f"net_virtio_user0,path={sock}")
    with Ours(f"net_vhost0,iface={sock}") as ours:
        peer.carries(JUMBO, ours, "macswap", swapped)
