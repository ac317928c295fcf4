"""Command lines that people type and scripts send, word for word, with a real peer at the other end."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from peers.programs import OUR_CPU, PEER_CPU, PYTESTPMD, DpdkTestpmd, Program, Pytestpmd, eventually, lcores
from peers.rounds import call_home, feed, wait_for_link

pytestmark = pytest.mark.peer("dpdk-testpmd")
needs_two_cpus = pytest.mark.skipif(not {0, 1} <= os.sched_getaffinity(0), reason="-l 0-1 needs CPUs 0 and 1")


@needs_two_cpus
def test_the_guides_front_end_forwards_with_dpdks_back_end(sock: Path) -> None:
    line = f"-l 0-1 -n 4 --vdev=net_virtio_user0,path={sock} -- -i --tx-offloads=0x0 --rxq=1 --txq=1 --nb-cores=1"
    with (
        DpdkTestpmd(f"net_vhost0,iface={sock}", eal="-l 0-1").ready() as dpdk,
        Program([PYTESTPMD, *line.split()]).ready() as ours,
    ):
        wait_for_link(ours, dpdk)
        dpdk.run("start")
        feed(ours)
        call_home(ours)
        assert ours.quit() == 0


@needs_two_cpus
def test_the_shortest_back_end_serves_dpdks_front_end(sock: Path) -> None:
    with Program([PYTESTPMD, f"--vdev=net_vhost0,iface={sock}"]) as ours:
        ours.expect("Press enter to exit")
        with DpdkTestpmd(f"net_virtio_user0,path={sock}", eal="-l 0-1").ready() as dpdk:
            feed(dpdk)
            call_home(dpdk)
            sent = dpdk.stats()["TX-packets"]
            assert dpdk.quit() == 0
        ours.expect("vhost peer closed")
        assert ours.quit("") == 0
        assert re.search(rf"RX-packets: {sent} ", ours.said)


class Shell:
    """A testpmd as DPDK's test suite drives it: after each command an empty line brings the prompt out."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def send(self, command: str, needed: str = "") -> str:
        output = self._program.run(command) + self._program.run("")
        assert needed in output
        return output

    def start(self, command: str = "start") -> None:
        self.send(command)
        self.send("start", "Packet forwarding already started")

    def totals(self) -> list[int]:
        """Packets received and sent, of all ports."""
        output = self.send("show port stats all", "NIC statistics for port 0")
        return [sum(map(int, re.findall(rf"{way}-packets:\s+(\d+)", output))) for way in ("RX", "TX")]


Make = Callable[..., Program]
OPTIONS = "--mask-event=intr_lsc -i"


def eal(cpu: int, name: str) -> str:
    return f"{lcores(cpu)} -n 4 --file-prefix={name} --no-pci"


@pytest.mark.parametrize(("make_vhost", "make_virtio"), [(Pytestpmd, DpdkTestpmd), (DpdkTestpmd, Pytestpmd)])
def test_dpdks_virtio_suite_passes(sock: Path, make_vhost: Make, make_virtio: Make) -> None:
    vhost_device = f"eth_vhost0,iface={sock},client=1"
    virtio_device = f"net_virtio_user0,mac=00:01:02:03:04:05,path={sock},server=1"
    with make_vhost(vhost_device, eal=eal(OUR_CPU, "vhost"), options=OPTIONS).ready() as back:
        vhost = Shell(back)
        vhost.send("set fwd mac", "Set mac packet forwarding mode")
        for _ in range(2):
            with make_virtio(virtio_device, eal=eal(PEER_CPU, "virtio"), options=OPTIONS).ready() as front:
                virtio = Shell(front)
                wait_for_link(back, front)
                vhost.send("clear port stats all", "NIC statistics for port 0 cleared")
                virtio.send("set fwd mac", "Set mac packet forwarding mode")
                vhost.start()
                virtio.start("start tx_first 32")
                eventually(lambda: all(vhost.totals()), "packets came and went")
                vhost.send("stop", "Done.")
                virtio.send("stop", "Done.")
                assert front.quit() == 0
        assert back.quit() == 0
