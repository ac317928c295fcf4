"""net_virtio_user over /dev/vhost-vdpa-N: the kernel's simulator, and a real virtio device behind vp_vdpa."""

from collections.abc import Iterator

import pytest
from guest.machine import PYTESTPMD, Machine, Nic
from guest.program import GuestProgram
from guest.wires import Datagrams
from peers.programs import eventually

EAL = "--lcores=0@0,1@1 --no-pci --log-level=pmd.net.virtio.*:info"
SIM_MAC = "52:54:00:00:00:77"
#: vDPA pins what it maps: vhost_vdpa keeps to the limit whoever runs it.
UNLIMITED = "ulimit -l unlimited"
SIMULATED, BEHIND_PCI = "/dev/vhost-vdpa-0", "/dev/vhost-vdpa-1"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datagrams]:
    wire = Datagrams(tmp_path_factory.mktemp("w"), "0")
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def machine(wire: Datagrams) -> Iterator[Machine]:
    """A simulated device, and one that is this NIC, by way of an IOMMU."""
    nic = Nic(5, wire, "disable-legacy=on,iommu_platform=on")
    with Machine(nic, iommu=True) as machine:
        machine.modprobe("vdpa_sim_net", "vp_vdpa", "vhost_vdpa")
        machine.sh(f"vdpa dev add name sim mgmtdev vdpasim_net mac {SIM_MAC}")
        machine.bind(nic.address, "vp-vdpa")
        machine.sh(f"vdpa dev add name nic mgmtdev pci/{nic.address}; ls {SIMULATED} {BEHIND_PCI}")
        yield machine


def start(machine: Machine, path: str, options: str = "", limit: str = UNLIMITED) -> GuestProgram:
    device = f"--vdev net_virtio_user0,path={path}"
    return machine.program(f"{limit}; {PYTESTPMD} {EAL} {device} -- -i --total-num-mbufs=4096 {options}").ready()


def test_the_simulator_gives_back_what_it_was_given(machine: Machine) -> None:
    with start(machine, SIMULATED, f"--eth-peer=0,{SIM_MAC}") as ours:
        assert "Backend type detected: VHOST_VDPA" in ours.banner
        assert f"Port 0: {SIM_MAC}" in ours.banner
        for _ in range(2):
            before = ours.stats()["RX-packets"]
            ours.run("start tx_first")
            eventually(lambda seen=before: ours.stats()["RX-packets"] > seen + 1000, "a thousand packets")  # type: ignore[misc]
            ours.run("stop")
            ours.run("port stop 0")
            ours.run("port start 0")
        assert "vhost-vdpa at /dev/vhost-vdpa-0, connected" in ours.run("show port 0 virtio")
        said = ours.run("port attach net_virtio_user7,path=/dev/vhost-vdpa-0")
        assert "fail to open /dev/vhost-vdpa-0, Device or resource busy (another program has it)" in said
        assert ours.quit() == 0


def test_the_limit_of_locked_memory_is_one_line_and_lifted_by_what_it_says(machine: Machine) -> None:
    with start(machine, SIMULATED, limit="ulimit -l 1024") as ours:
        lines = [line for line in ours.banner.splitlines() if "cannot be given" in line]
        assert lines
        assert all(
            "the limit of what may be locked is 1024 kB (ulimit -l unlimited lifts it)" in line for line in lines
        )
        assert ours.quit() == 0


def test_a_nic_behind_vdpa_answers_has_a_link_and_a_control_queue(machine: Machine, wire: Datagrams) -> None:
    with start(machine, BEHIND_PCI) as ours:
        ours.run("set fwd icmpecho")
        ours.run("start")
        assert wire.ping() == machine.nics[0].mac
        assert "queue 2: commands sent" in ours.run("show port 0 virtio")
        ours.run("set promisc 0 off")
        assert "Promiscuous mode: disabled" in ours.run("show port info 0")
        for up in (False, True):
            machine.monitor.set_link("net5", up)
            ours.expect("Port 0: link state change event")
            ours.run("")
            assert ours.is_up() is up
        assert wire.ping() == machine.nics[0].mac
        ours.run("stop")
        ours.run("port stop 0")
        ours.run("port start 0")
        ours.run("start")
        assert wire.ping() == machine.nics[0].mac
        assert ours.quit() == 0
