"""DPDK with one port that is made of files: frames from one file go to ours, and what comes back is in another."""

from pathlib import Path
from typing import Self

from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually
from peers.rounds import go_round_both_ways, wait_for_link
from scapy.utils import PcapWriter, RawPcapReader

#: What both programs are told for the longest frames that the tests send.
LONG_FRAMES = "-i --max-pkt-len=9018"


def write_frames(path: Path, frames: list[bytes]) -> None:
    with PcapWriter(str(path), linktype=1) as file:
        file.write_header(None)
        for data in frames:
            file.write(data)


def read_frames(path: Path) -> list[bytes]:
    with RawPcapReader(str(path)) as file:
        return [data for data, _ in file]


def addressed(data: bytes, mac: bytes) -> bytes:
    """What mac does: to the peer's address, which is made up, from the port's."""
    return bytes.fromhex("020000000000") + mac + data[12:]


class FileReader:
    """DPDK with two ports: the other end of ours, and one that is made of files."""

    def __init__(self, folder: Path, device: str, options: str = "-i") -> None:
        self._sent, self._back = folder / "sent.pcap", folder / "back.pcap"
        write_frames(self._sent, [])
        files = f"net_pcap0,rx_pcap={self._sent},tx_pcap={self._back}"
        # what waits at the start is what we want: the file
        self.dpdk = DpdkTestpmd(device, files, options=f"--no-flush-rx {options}")

    def __enter__(self) -> Self:
        self.dpdk.ready()
        return self

    def __exit__(self, *error: object) -> None:
        self.dpdk.kill()

    def load(self, frames: list[bytes]) -> None:
        """Have DPDK read these, from its next start on."""
        write_frames(self._sent, frames)
        for line in ("stop", "port stop 1", "port start 1"):
            self.dpdk.run(line)

    def send_round(self, frames: list[bytes], ours: Ours, engine: str = "macswap") -> list[bytes]:
        """Send frames through ``ours``; what came back."""
        dpdk = self.dpdk
        self.load(frames)
        dpdk.run("set portlist 0")
        # once round every ring, so that indices wrap and each buffer has been used
        go_round_both_ways(dpdk, ours)
        ours.run(f"set fwd {engine}")
        ours.run("start")
        for line in ("set fwd io", "set portlist 0,1", "clear port stats 1", "start"):
            dpdk.run(line)
        eventually(lambda: dpdk.stats(1)["TX-packets"] == len(frames), "every frame came back")
        ours.run("stop")
        for line in ("stop", "port stop 1"):
            dpdk.run(line)
        return read_frames(self._back)

    def record(self, ours: Ours, engine: str) -> list[bytes]:
        """What ``ours`` sends when it makes packets itself: some of it, from the first on."""
        dpdk = self.dpdk
        self.load([])
        wait_for_link(dpdk, ours)
        for line in ("set fwd io", "set portlist 0,1", "clear port stats 1", "start"):
            dpdk.run(line)
        ours.run(f"set fwd {engine}")
        ours.run("start")
        eventually(lambda: dpdk.stats(1)["TX-packets"] > 0, "packets came")
        ours.run("stop")
        for line in ("stop", "port stop 1"):
            dpdk.run(line)
        return read_frames(self._back)[:40]
