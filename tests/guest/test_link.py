"""What the console shows of a link without its interrupt, and what a guest does that is told that it was moved.

That a cable which is pulled and plugged in is told, in every form of device, is shown with the ways to devices.
"""

from collections.abc import Iterator

import pytest
from guest.machine import Machine, Nic
from guest.wires import Datagrams, HostEnd
from scapy.layers.l2 import Ether

EAL = "--lcores 0@0,1@1"
APP = "-i --total-num-mbufs=2048 --mbcache=64 --port-topology=loop --forward-mode=icmpecho --console=plain"
RARP = 0x8035


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostEnd]:
    made = Datagrams(tmp_path_factory.mktemp("w"), "a")
    yield made
    made.close()


@pytest.fixture(scope="module")
def machine(wire: HostEnd) -> Iterator[Machine]:
    with Machine(Nic(5, wire, "iommu_platform=on,disable-legacy=on"), hugepages=16, iommu=True) as machine:
        machine.modprobe("vfio-pci")
        machine.bind(machine.nics[0].address, "vfio-pci")
        yield machine


def test_without_the_interrupt_the_link_is_shown_and_not_told(machine: Machine) -> None:
    nic = machine.nics[0]
    with machine.pytestpmd(f"{EAL} -a {nic.address} -- {APP} --no-lsc-interrupt").ready() as pmd:
        assert "Port 0 Link up at " in pmd.banner
        machine.monitor.set_link(nic.name, False)
        said = ""
        for _ in range(50):
            said += (shown := pmd.run("show port info 0"))
            if "Link status: down" in shown:
                break
        assert "Link status: down" in said
        assert "link state change event" not in said
        machine.monitor.set_link(nic.name, True)
        assert pmd.quit() == 0


def test_a_guest_that_was_moved_announces_itself(machine: Machine, wire: HostEnd) -> None:
    nic = machine.nics[0]
    with machine.pytestpmd(f"{EAL} -a {nic.address} -- {APP}").ready() as pmd:
        pmd.run("start")
        assert wire.ping() == nic.mac
        wire.drain()
        machine.monitor.hmp("announce_self")
        frames = [Ether(wire.receive())]
        while frames[-1].type != RARP:
            frames.append(Ether(wire.receive()))
        assert (frames[-1].src, frames[-1].dst) == (nic.mac, "ff:ff:ff:ff:ff:ff")
        pmd.run("stop")
        assert pmd.quit() == 0
