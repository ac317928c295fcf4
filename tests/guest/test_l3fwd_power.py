"""The router in a guest, on the guide's own command line: MSI-X wakes it, and it sleeps when there is nothing to do."""

import time
from collections.abc import Iterator

import pytest
from guest.machine import PYTESTPMD, Machine, Nic
from guest.wires import OUR_MAC, Datagrams
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

PATIENCE_S = 60.0
#: Main lcore 0 and worker 1, as the guide has them.
LINE = '-l 0-1 -- -p 1 -P --config="(0,0,1)" --no-numa --parse-ptype'
ROUTER = f"{PYTESTPMD}-l3fwd-power"


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Datagrams]]:
    folder = tmp_path_factory.mktemp("w")
    made = [Datagrams(folder, f"w{slot}") for slot in (3,)]
    yield made
    for wire in made:
        wire.close()


@pytest.fixture(scope="module")
def machine(wires: list[Datagrams]) -> Iterator[Machine]:
    """A NIC for vfio-pci without an IOMMU."""
    nic = Nic(3, wires[0], "disable-legacy=on,vectors=4")
    with Machine(nic, hugepages=64, cpus=2) as machine:
        machine.allow_noiommu()
        machine.bind(nic.address, "vfio-pci")
        yield machine


def packet(dst: str, ttl: int = 64) -> bytes:
    header = IPv6(dst=dst, src="2001:db8::2", hlim=ttl) if ":" in dst else IP(dst=dst, src="10.0.0.1", ttl=ttl)
    return bytes(Ether(src=OUR_MAC, dst="52:54:00:00:00:03") / header / UDP(dport=53, sport=9) / b"payload")


def receive(wire: Datagrams, count: int) -> list[Packet]:
    """So many that the router has sent."""
    found: list[Packet] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < count:
        found.append(Ether(wire.receive(max(0.01, end - time.monotonic()))))
    return found


def test_the_guides_line_routes_sleeps_and_is_woken_by_interrupts(machine: Machine, wires: list[Datagrams]) -> None:
    wire = wires[0]
    with machine.program(f"{ROUTER} {LINE}") as router:
        router.expect("entering main interrupt loop on lcore 1")
        for number in range(6):
            time.sleep(0.5)  # by then it has long been asleep
            wire.send(packet("2001:200::7" if number % 2 else "1.1.1.7"))
            (frame,) = receive(wire, 1)
            assert (frame.src, frame.dst) == (machine.nics[0].mac, "02:00:00:00:00:00")
            assert (frame[IPv6].hlim if number % 2 else frame[IP].ttl) == 63
        wire.send(packet("1.1.1.7", ttl=1))
        router.expect("lcore 1 is waked up from rx interrupt on port 0 queue 0")
        machine.sh("pkill -INT -f 'python.*pytestpmd-l3fwd-powe[r]'")
        router.expect("TX-packets: 6, of them without a route, sent back: 0")
        router.expect("not IP 0, bad header 0, TTL expired 1, no route 0, no room 0")
        assert router.wait() == 0
