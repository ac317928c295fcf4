"""The program driven as DPDK's own test suite drives testpmd: its start line, its two newlines, what it looks for.

The rules are those of ``dts/api/testpmd`` in DPDK: a bare newline after each command brings out the next prompt, every
answer is read up to it, and passes by a pattern. Nothing of that code is here.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest
from e2e.program import NULL_PORTS, words

PROMPT = "testpmd>"
START_OPTIONS = ("--mask-event=intr_lsc", "-i")
MAC = "00:01:02:03:04:05"


class Shell:
    """One program behind a prompt."""

    def __init__(self, *options: str, eal: tuple[str, ...] = NULL_PORTS) -> None:
        command, *arguments = words(*START_OPTIONS, *options, eal=("-n", "4", *eal))
        self._child = pexpect.spawn(command, arguments, timeout=20, encoding="utf-8", echo=False)
        self._child.expect_exact(PROMPT)

    def send(self, line: str) -> str:
        """What is printed for a line, up to the prompt that the bare newline brings out."""
        self._child.send(f"{line}\n\n")
        self._child.expect_exact(line)
        self._child.expect_exact(PROMPT)
        answer = self._child.before
        self._child.expect_exact(PROMPT)
        return answer.strip()

    def close(self) -> str:
        self._child.send("quit\n\n")
        with suppress(pexpect.EOF):
            self._child.expect(pexpect.EOF)
        self._child.close()
        return self._child.before + f"status {self._child.exitstatus}"

    def kill(self) -> None:
        self._child.close(force=True)


Start = Callable[..., Shell]


@pytest.fixture
def start() -> Iterator[Start]:
    shells: list[Shell] = []

    def make(*options: str, eal: tuple[str, ...] = NULL_PORTS) -> Shell:
        shells.append(Shell(*options, eal=eal))
        return shells[-1]

    yield make
    for shell in shells:
        shell.kill()


#: A line, what its answer must have, and what it must not have (in lower case).
CHECKS = [
    ("start", r"io packet forwarding", "error"),
    ("start", r"Packet forwarding already started", None),
    ("stop", r"Done\.", None),
    ("stop", r"Packet forwarding not started", None),
    ("set fwd mac", r"Set mac packet forwarding mode", None),
    ("set fwd csum", r"Set csum packet forwarding mode", None),
    ("show device info all", r"(?i)device name: net_null0", None),
    ("clear port stats 0", r"NIC statistics for port 0 cleared", None),
    ("clear port stats all", r"NIC statistics for port 1 cleared", None),
    ("set promisc 0 on", r"", "error"),
    ("set allmulti all on", r"", "error"),
    ("show port info 0", r"Allmulticast mode: enabled", None),
    ("show port info 0", r"Promiscuous mode: enabled", None),
    ("set verbose 1", r"Change verbose level", None),
    ("port stop all", r"Done\Z", None),
    ("csum set udp sw 0", r"(?i)udp checksum offload is sw", None),
    ("port config mtu 0 1400", r"\A\Z", None),
    ("port config 0 tx_offload multi_segs on", r"\A\Z", "error"),
    ("port config all rxq 1", r"", "error"),
    ("port start all", r"Done\Z", None),
    ("show port info 0", r"MTU: 1400", None),
    (
        "show port 0 rx_offload capabilities",
        r"(?s)Rx Offloading Capabilities of port 0 :.*Per Queue :.*Per Port  :",
        None,
    ),
    (
        "show port 0 tx_offload configuration",
        r"(?s)Tx Offloading Configuration of port 0 :.*Port :.*Queue\[ 0\] :",
        None,
    ),
    ("set portlist 1,0", r"\A(?!.*Invalid port)", None),
]


def test_every_check_of_a_suite_passes(start: Start) -> None:
    shell = start()
    for line, pattern, absent in CHECKS:
        answer = shell.send(line)
        assert re.search(pattern, answer), (line, answer)
        assert absent is None or absent not in answer.lower(), (line, answer)
    assert "Bye..." in shell.close()


INFO = {
    "port": r"Infos for port (\d+)",
    "mac": r"MAC address: ([0-9A-Fa-f:]{17})",
    "name": r"Device name: ([^\r\n]+)",
    "driver": r"Driver name: ([^\r\n]+)",
    "firmware": r"Firmware-version: ([^\r\n]+)",
    "devargs": r"Devargs: ([^\r\n]*)",
    "socket": r"Connect to socket: (\d+)",
    "memory": r"memory allocation on the socket: (\d+)",
    "link": r"Link status: (up|down)",
    "speed": r"Link speed: ([^\r\n]+)",
    "duplex": r"Link duplex: (full-duplex|half-duplex)",
    "autoneg": r"Autoneg status: (On|Off)",
    "mtu": r"MTU: (\d+)",
    "promiscuous": r"Promiscuous mode: (enabled|disabled)",
    "macs": r"Maximum number of MAC addresses: (\d+)",
    "hash macs": r"Maximum number of MAC addresses of hash filtering: (\d+)",
    "vlan": r"VLAN offload:[\s\S]*strip (on|off), filter (?:on|off), extend (?:on|off), qinq strip (?:on|off)",
    "rx buffer": r"Minimum size of RX buffer: (\d+)",
    "rx length": r"Maximum configurable length of RX packet: (\d+)",
    "lro": r"Maximum configurable size of LRO aggregated packet: (\d+)",
    "rx queues": r"Current number of RX queues: (\d+)",
    "most rx queues": r"Max possible RX queues: (\d+)",
    "most rxds": r"Max possible number of RXDs per queue: (\d+)",
    "least rxds": r"Min possible number of RXDs per queue: (\d+)",
    "rxds align": r"RXDs number alignment: (\d+)",
    "tx queues": r"Current number of TX queues: (\d+)",
    "most txds": r"Max possible number of TXDs per queue: (\d+)",
    "segments": r"Max segment number per packet: (\d+)",
    "mtu segments": r"Max segment number per MTU/TSO: (\d+)",
    "capabilities": r"Device capabilities: 0x([0-9A-Fa-f]+)",
    "errors": r"Device error handling mode: (\w+)",
}
STATS = ("RX-packets", "RX-missed", "RX-bytes", "RX-errors", "RX-nombuf", "TX-packets", "TX-errors", "TX-bytes")
RATES = ("Rx-pps", "Rx-bps", "Tx-pps", "Tx-bps")


def parsed(stats: str) -> list[dict[str, int]]:
    """The statistics of every port that a text shows."""
    blocks = re.split(r"NIC statistics for port \d+", stats)[1:]
    names = (*STATS, *RATES)
    return [{name: int(re.search(rf"{name}:\s+(\d+)", block)[1]) for name in names} for block in blocks]  # type: ignore[index]


def test_what_is_parsed_is_found(start: Start) -> None:
    shell = start()
    info = shell.send("show port info 0")
    assert not [name for name, pattern in INFO.items() if not re.search(pattern, info)]
    assert [set(port) for port in parsed(shell.send("show port stats all"))] == [{*STATS, *RATES}] * 2


def test_long_options_may_be_cut_short_as_the_suite_cuts_them(start: Start) -> None:
    shell = start(
        "--forward-mode=noisy", "--noisy-lkup-memory=1", "--nb-cores=1", "--rx-mq-mode=0x7", "--rxq=1", "--txq=1"
    )
    assert "noisy" in shell.send("show config fwd")


def pair(start: Start, path: Path) -> tuple[Shell, Shell]:
    vhost = start(eal=("--no-pci", f"--vdev=eth_vhost0,iface={path},client=1"))
    virtio = start(eal=("--no-pci", f"--vdev=virtio_user0,mac={MAC},path={path},server=1"))
    return vhost, virtio


def exchange(vhost: Shell, virtio: Shell) -> dict[str, int]:
    """Send from one to the other and back; what the port that forwards has counted."""
    for shell in (vhost, virtio):
        assert "Set mac packet forwarding mode" in shell.send("set fwd mac")
    vhost.send("start")
    virtio.send("start tx_first 32")
    counted: dict[str, int] = {}
    for _ in range(100):
        counted = parsed(vhost.send("show port stats all"))[0]
        if counted["RX-packets"] and counted["TX-packets"]:
            break
    assert "Done." in vhost.send("stop")
    virtio.send("stop")
    return counted


def test_the_suite_for_virtio_passes_and_again_after_the_front_end_came_back(start: Start, tmp_path: Path) -> None:
    vhost, virtio = pair(start, tmp_path / "sock")
    counted = exchange(vhost, virtio)
    assert counted["RX-packets"] > 0
    assert counted["TX-packets"] > 0
    queue = virtio.send("show rxq info 0 0")
    for pattern in (r"Mempool: \S+", r"RX prefetch threshold: \d+", r"Number of RXDs: \d+", r"Burst mode: \S+"):
        assert re.search(pattern, queue), queue
    assert "Bye..." in virtio.close()
    vhost.send("clear port stats all")
    again = start(eal=("--no-pci", f"--vdev=virtio_user0,mac={MAC},path={tmp_path / 'sock'},server=1"))
    for _ in range(100):
        if "Link status: up" in vhost.send("show port info 0"):
            break
    assert exchange(vhost, again)["RX-packets"] > 0
    assert "Port 0 is closed" in vhost.close()
