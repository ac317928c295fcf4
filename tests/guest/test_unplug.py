"""A device that is pulled out, or taken from its driver, while packets go through it."""

import re
from collections.abc import Iterator

import pytest
from guest.hotplug import PluggedNic, plug, pull, wait_until_gone
from guest.machine import Machine
from guest.wires import Datagrams, HostEnd

EAL = "--lcores 0@0,1@1"
APP = "-i --total-num-mbufs=2048 --mbcache=64 --port-topology=loop --forward-mode=icmpecho --console=plain"


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[HostEnd]]:
    folder = tmp_path_factory.mktemp("w")
    made: list[HostEnd] = [Datagrams(folder, name) for name in ("a", "b")]
    yield made
    for wire in made:
        wire.close()


@pytest.fixture(scope="module")
def machine(wires: list[HostEnd]) -> Iterator[Machine]:
    """Two NICs behind an IOMMU, each in a slot of its own."""
    options = "iommu_platform=on,disable-legacy=on"
    nics = [PluggedNic(5 + i, wire, options, bus=1 + i) for i, wire in enumerate(wires)]
    with Machine(*nics, hugepages=16, iommu=True) as machine:
        machine.modprobe("vfio-pci")
        for nic in nics:
            machine.bind(nic.address, "vfio-pci")
        yield machine


def nics(machine: Machine) -> list[PluggedNic]:
    return [nic for nic in machine.nics if isinstance(nic, PluggedNic)]


def test_a_device_that_is_pulled_out_takes_its_port_and_no_other(machine: Machine, wires: list[HostEnd]) -> None:
    first, second = nics(machine)
    with machine.pytestpmd(f"{EAL} -- {APP}").ready() as pmd:
        pmd.run("start")
        assert [wire.ping() for wire in wires] == [first.mac, second.mac]
        pull(machine, first)
        pmd.expect("Port 0: device removal event")
        pmd.expect("Port 0 is closed")
        pmd.expect("Now total ports is 1")
        pmd.expect("icmpecho packet forwarding packets/burst")
        wait_until_gone(machine, first)
        assert wires[1].ping() == second.mac
        plug(machine, first)
        machine.bind(first.address, "vfio-pci")
        pmd.run("stop")
        assert "Port 0 is attached. Now total ports is 2" in pmd.run(f"port attach {first.address}")
        assert "Done" in pmd.run("port start 0")
        pmd.run("start")
        assert [wire.ping() for wire in wires] == [first.mac, second.mac]
        pmd.run("stop")
        assert pmd.quit() == 0


def test_without_the_interrupt_the_port_stays_with_its_link_down(machine: Machine, wires: list[HostEnd]) -> None:
    first, second = nics(machine)
    with machine.pytestpmd(f"{EAL} -- {APP} --no-rmv-interrupt").ready() as pmd:
        pmd.run("start")
        assert wires[0].ping() == first.mac
        pull(machine, first)
        pmd.expect(f"Port 0: device {first.address} is gone; the port stays, with its link down")
        assert "Link status: down" in pmd.run("show port info 0")
        assert wires[1].ping() == second.mac
        said = pmd.run("stop")
        assert re.search(r"Forward statistics for port 0 ", said)
        assert pmd.quit() == 0
    wait_until_gone(machine, first)
    plug(machine, first)
    machine.bind(first.address, "vfio-pci")
