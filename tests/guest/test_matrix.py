"""Our driver in a guest, on every form of QEMU's device and by every way to it: pings, and the callbacks that it chose.

Each way is one run of the program: first on one queue each, then on those devices that have two.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fakes.netns import private_network
from guest.machine import Machine, Nic
from guest.program import GuestProgram
from guest.wires import Datagrams, HostEnd, HostTap
from peers.programs import eventually

WAYS = {"uio_pci_generic": "uio_pci_generic", "no module": None, "vfio-noiommu": "vfio-pci"}
PINGS = 3


@dataclass(frozen=True)
class Form:
    """One form of QEMU's device, and what the driver is to make of it."""

    options: str
    layout: str
    rx: str
    tx: str


FORMS = {
    "legacy": Form("disable-modern=on", "legacy", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "modern": Form("disable-legacy=on", "modern", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "packed": Form(
        "disable-legacy=on,packed=on", "modern", "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"
    ),
    "mrg_rxbuf=off": Form("mrg_rxbuf=off", "modern", "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
}
TWO_QUEUES = ("legacy", "modern", "packed")
FIRST, FIRST_OF_TWO = 3, 10


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HostEnd]]:
    """A cable for each form, and one of two queues for each that is tried so."""
    folder = tmp_path_factory.mktemp("w")
    with private_network():
        made: dict[str, HostEnd] = {name: Datagrams(folder, str(i)) for i, name in enumerate(FORMS)}
        made |= {f"{name}, two queues": HostTap(f"e{i}", queues=2) for i, name in enumerate(TWO_QUEUES)}
        yield made
        for wire in made.values():
            wire.close()


@pytest.fixture(scope="module")
def nics(wires: dict[str, HostEnd]) -> dict[str, Nic]:
    made = {name: Nic(slot, wires[name], form.options) for slot, (name, form) in enumerate(FORMS.items(), FIRST)}
    for slot, name in enumerate(TWO_QUEUES, FIRST_OF_TWO):
        wire = wires[f"{name}, two queues"]
        made[f"{name}, two queues"] = Nic(slot, wire, f"{FORMS[name].options},mq=on,vectors=6")
    return made


@pytest.fixture(scope="module")
def machine(nics: dict[str, Nic]) -> Iterator[Machine]:
    with Machine(*nics.values(), hugepages=160) as machine:
        machine.modprobe("uio_pci_generic")
        machine.allow_noiommu()
        yield machine


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest, machine: Machine) -> str:
    """All devices are to be reached so."""
    machine.bind_all([nic.address for nic in machine.nics], WAYS[request.param])
    return str(request.param)


@pytest.fixture(scope="module")
def program(machine: Machine, way: str) -> Iterator[GuestProgram]:
    """Ours on every device, answering pings on those of one queue."""
    allowed = " ".join(f"-a {nic.address}" for nic in machine.nics)
    with machine.pytestpmd(f"-l 0-1 {allowed} -- -i --total-num-mbufs=8192").ready() as program:
        assert program.banner.count("EAL: Probe PCI driver: net_virtio") == len(machine.nics), program.banner
        for line in ("set fwd icmpecho", "set portlist 0,1,2,3", "start"):
            program.run(line)
        yield program
        program.run("stop")
        assert program.quit() == 0


@pytest.fixture(scope="module")
def on_two_queues(program: GuestProgram) -> GuestProgram:
    """The same, on the devices of two queues; the others are closed."""
    ports = [len(FORMS) + i for i in range(len(TWO_QUEUES))]
    for line in ("stop", "port stop all", *(f"port close {i}" for i in range(len(FORMS)))):
        program.run(line)
    for line in ("port config all rxq 2", "port config all txq 2", "port start all"):
        program.run(line)
    program.run(f"set portlist {','.join(map(str, ports))}")
    assert program.run("start").count("RX P=") == 2 * len(ports)
    return program


def callbacks(program: GuestProgram, port_id: int) -> tuple[str, str]:
    """What receives and what sends."""
    found = re.findall(r"^  [RT]x: (\w+)", program.run(f"show port {port_id} rxtx"), re.MULTILINE)
    assert len(found) == 2
    return found[0], found[1]


def way_of(program: GuestProgram, port_id: int) -> str:
    """What the driver says of how it reaches the device."""
    found = re.search(r"^pci: (.*)$", program.run(f"show port info {port_id}"), re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("name", FORMS)
def test_pings_are_answered(
    machine: Machine, program: GuestProgram, wires: dict[str, HostEnd], nics: dict[str, Nic], way: str, name: str
) -> None:
    port_id, form = list(FORMS).index(name), FORMS[name]
    assert wires[name].ping(PINGS) == nics[name].mac
    counted = program.stats(port_id)
    assert min(counted["RX-packets"], counted["TX-packets"]) > PINGS
    assert callbacks(program, port_id) == (form.rx, form.tx)
    assert way_of(program, port_id).startswith(f"{form.layout}, {way}")


def test_who_sleeps_is_woken_by_a_ping(
    machine: Machine, program: GuestProgram, wires: dict[str, HostEnd], way: str
) -> None:
    """By VFIO each queue has an interrupt; by the other ways there is none, and lcores poll."""
    for line in ("stop", "set interrupt on", "set portlist 1"):
        program.run(line)
    said = program.run("start")
    if way == "vfio-noiommu":
        assert "Interrupt mode: lcore 1 sleeps" in said
        eventually(lambda: "is asleep" in program.run("show fwd interrupt"), "it sleeps")
        wires["modern"].ping(PINGS)
        woken = re.search(r"woken (\d+) times by packets", program.run("show fwd interrupt"))
        assert woken
        assert int(woken[1]) > 0
    else:
        assert "Interrupt mode: lcore 1 keeps polling" in said
        wires["modern"].ping(PINGS)
    for line in ("stop", "set interrupt off"):
        program.run(line)


@pytest.mark.parametrize("name", TWO_QUEUES)
def test_two_queues_both_answer(
    machine: Machine, on_two_queues: GuestProgram, wires: dict[str, HostEnd], nics: dict[str, Nic], name: str
) -> None:
    """The kernel's tap deals flows to queues by a hash of their addresses."""
    wire = wires[f"{name}, two queues"]
    for host in range(2, 34):
        assert wire.ping(1, ip=f"10.9.0.{host}") == nics[f"{name}, two queues"].mac
    counted = on_two_queues.xstats(len(FORMS) + TWO_QUEUES.index(name))
    assert all(counted[f"{way}_q{queue}_good_packets"] > 0 for way in ("rx", "tx") for queue in (0, 1))
