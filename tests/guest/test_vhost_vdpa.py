"""net_virtio_user over /dev/vhost-vdpa-N: the kernel's simulator, and real virtio devices behind vp_vdpa."""

from collections.abc import Iterator

import pytest
from fakes.netns import private_network
from guest.machine import PYTESTPMD, Machine, Nic
from guest.program import GuestProgram
from guest.wires import Datagrams, HostEnd, HostTap
from peers.programs import eventually

EAL = "--lcores=0@0,1@1 --no-pci --log-level=pmd.net.virtio.*:info"
SIM_MAC = "52:54:00:00:00:77"
#: vDPA pins what it maps: vhost_vdpa keeps to the limit whoever runs it.
UNLIMITED = "ulimit -l unlimited"
SIMULATED, BEHIND_PCI, PACKED, TWO_PAIRS = (f"/dev/vhost-vdpa-{i}" for i in range(4))
#: QEMU's device has as many queues as it was asked for last, and vp_vdpa counts them before anybody asks: agree on
#: VIRTIO_NET_F_MQ, with its registers alone (virtio 1.2, 4.1.4.3), and leave it so.
ASK_FOR_PAIRS = """\
import ctypes, mmap, os, sys
folder = "/sys/bus/pci/devices/" + sys.argv[1]
with open(folder + "/enable", "w") as enable:
    enable.write("1")
window = mmap.mmap(os.open(folder + "/resource4", os.O_RDWR), 4096)
select, features = (ctypes.c_uint32.from_buffer(window, at) for at in (8, 12))
status = ctypes.c_uint8.from_buffer(window, 20)
for value in (0, 1, 3):
    status.value = value
for half, bits in enumerate((1 << 22 | 1 << 17, 3)):
    select.value, features.value = half, bits
status.value = 11
"""


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HostEnd]]:
    """The cable of each device that has one."""
    folder = tmp_path_factory.mktemp("w")
    with private_network():
        made: dict[str, HostEnd] = {
            BEHIND_PCI: Datagrams(folder, "0"),
            PACKED: Datagrams(folder, "1"),
            TWO_PAIRS: HostTap("e0", queues=2),
        }
        yield made
        for wire in made.values():
            wire.close()


@pytest.fixture(scope="module")
def wire(wires: dict[str, HostEnd]) -> HostEnd:
    return wires[BEHIND_PCI]


@pytest.fixture(scope="module")
def machine(wires: dict[str, HostEnd]) -> Iterator[Machine]:
    """A simulated device, and those that are these NICs, by way of an IOMMU."""
    forms = {BEHIND_PCI: "", PACKED: ",packed=on", TWO_PAIRS: ",packed=on,mq=on,vectors=6"}
    nics = [
        Nic(slot, wires[path], f"disable-legacy=on,iommu_platform=on{more}")
        for slot, (path, more) in enumerate(forms.items(), 5)
    ]
    with Machine(*nics, iommu=True) as machine:
        machine.modprobe("vdpa_sim_net", "vp_vdpa", "vhost_vdpa")
        machine.sh(f"vdpa dev add name sim mgmtdev vdpasim_net mac {SIM_MAC}")
        for path, nic in zip(forms, nics, strict=True):
            machine.bind(nic.address, None)
            if path == TWO_PAIRS:
                machine.sh(f"python3 - {nic.address} <<'EOF'\n{ASK_FOR_PAIRS}EOF")
            machine.bind(nic.address, "vp-vdpa")
            machine.sh(f"vdpa dev add name nic{nic.slot} mgmtdev pci/{nic.address}; ls {path}")
        yield machine


def start(machine: Machine, path: str, options: str = "", *, limit: str = UNLIMITED, devargs: str = "") -> GuestProgram:
    device = f"--vdev net_virtio_user0,path={path}{devargs}"
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


def test_a_nic_behind_vdpa_answers_has_a_link_and_a_control_queue(machine: Machine, wire: HostEnd) -> None:
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


def restart(ours: GuestProgram) -> None:
    for line in ("stop", "port stop 0", "port start 0", "start"):
        ours.run(line)


def test_packed_rings_of_a_nic_behind_vdpa_answer_from_each_beginning(
    machine: Machine, wires: dict[str, HostEnd]
) -> None:
    with start(machine, PACKED, "--txd=64 --rxd=64", devargs=",packed_vq=1") as ours:
        shown = ours.run("show port 0 virtio")
        assert "VIRTIO_F_RING_PACKED         yes      yes     yes" in shown
        assert "virtio_xmit_pkts_packed" in ours.run("show port 0 rxtx")
        ours.run("set fwd icmpecho")
        ours.run("start")
        assert wires[PACKED].ping(300) == machine.nics[1].mac
        restart(ours)
        assert wires[PACKED].ping() == machine.nics[1].mac
        ours.run("set promisc 0 off")
        assert "Promiscuous mode: disabled" in ours.run("show port info 0")
        assert ours.quit() == 0


@pytest.mark.parametrize("layout", ["", ",packed_vq=1"], ids=["split", "packed"])
def test_two_pairs_of_a_nic_behind_vdpa_both_answer(machine: Machine, wires: dict[str, HostEnd], layout: str) -> None:
    """The kernel's tap deals flows to queues by a hash of their addresses."""
    with start(machine, TWO_PAIRS, "--rxq=2 --txq=2", devargs=f",queues=2{layout}") as ours:
        assert "queue 4: commands sent" in ours.run("show port 0 virtio")
        ours.run("set fwd icmpecho")
        ours.run("start")
        for _ in range(2):
            ours.run("clear port xstats 0")
            for host in range(2, 34):
                assert wires[TWO_PAIRS].ping(1, ip=f"10.9.0.{host}") == machine.nics[2].mac
            counted = ours.xstats(0)
            assert all(counted[f"{way}_q{queue}_good_packets"] > 0 for way in ("rx", "tx") for queue in (0, 1))
            restart(ours)
        assert ours.quit() == 0
