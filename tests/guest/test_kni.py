"""The guide's flow path (47.4): generator, port, KNI Rx, guest virtio Rx, guest virtio Tx, KNI Tx, port, generator.

The port is a network interface with a wire at its far end, on which the test is the generator; the guest is QEMU with
the tap's fd, and pytestpmd forwards in it. The guide's command line as it stands has a guest of its own, whose NIC is
the port that the bus scan finds.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fakes.kni import KNI, Running, row
from fakes.netns import Wire as Cable
from fakes.netns import private_network, wire
from fakes.packets import frames
from guest.machine import PYTESTPMD, Machine, Nic
from guest.wires import GUEST_IP, Datagrams, Wire

CPUS = sorted(os.sched_getaffinity(0))
HUGEPAGES = 96
BURSTS, BURST = 12, 16
GUEST_S = 60.0
#: The guide's line, and the one by which its process is found.
LINE = '-l 0-3 -n 4 -- -p 0x1 -P --config="(0,1,3)"'
PROCESS = "python.*pytestpmd-kn[i]"
#: Two lcores poll, and four CPUs of the guest may share one of this machine.
POLLING_S = 120.0
#: Lcores that sleep leave the CPUs to the guest; the rest is the guide's line.
COMMAND = [
    *KNI,
    f"--lcores=(0-3)@({CPUS[0]},{CPUS[-1]})",
    *("-n", "4", "--no-pci", "--vdev=net_af_packet0,iface=phys0"),
    *("--", "-p", "0x1", "-P", "--config=(0,1,3)", "--interrupt"),
]


class TapFd(Wire):
    """The fd that pytestpmd-kni gives to whoever is started by ``sock``."""

    def arguments(self, name: str) -> Sequence[str]:
        return ["-netdev", f"tap,id={name},fd={{fd}},vhost=off"]


@pytest.fixture
def generator() -> Iterator[Cable]:
    with private_network(), wire("phys0") as far_end:
        yield far_end


@pytest.fixture
def kni(generator: Cable) -> Iterator[Running]:
    """The guide's command line, but for the CPUs."""
    started = Running(COMMAND)
    assert started.says("Port 0: interface vEth0, lcore 1 (RX), lcore 3 (TX)"), started.text
    yield started
    started.end()


def flow(guest: Machine, nic: Nic, generator: Cable) -> None:
    """Forward in the guest, and see each frame come back with its addresses exchanged and nothing else."""
    mac = bytes.fromhex(nic.mac.replace(":", ""))
    options = "-i --forward-mode=macswap --total-num-mbufs=4096 --nb-cores=1 --rxq=1 --txq=1"
    with guest.pytestpmd(f"-l 0-1 -n 4 -a {nic.address} -- {options}").ready() as forwarding:
        forwarding.run("start")
        for number in range(BURSTS):
            # to the card's own address: it need not be promiscuous
            sent = [mac + frame[6:] for frame in frames(BURST, 60 + 120 * number, number * BURST)]
            generator.send(*sent)
            swapped = [frame[6:12] + frame[:6] + frame[12:] for frame in sent]
            assert generator.receive(BURST, GUEST_S) == swapped, f"burst {number}"
        assert forwarding.stats() | {"RX-packets": BURSTS * BURST, "TX-packets": BURSTS * BURST} == forwarding.stats()
        assert forwarding.quit() == 0


def test_packets_go_through_the_guest_and_come_back_each_as_it_should(kni: Running, generator: Cable) -> None:
    nic = Nic(5, TapFd())
    with Machine(nic, hugepages=HUGEPAGES, launcher=[*KNI, "sock", "vEth0"]) as guest:
        assert kni.says("KNI: vEth0: its frames go to another program"), kni.text
        guest.modprobe("uio_pci_generic")
        for binding in ("uio_pci_generic", None):
            guest.bind(nic.address, binding)
            flow(guest, nic, generator)
    assert kni.says("KNI: vEth0: the other program is gone"), kni.text
    assert kni.end() == 0
    assert row(kni.text) == (2 * BURSTS * BURST, 0, 2 * BURSTS * BURST, 0)


def test_the_guides_line_makes_an_interface_that_answers_pings(tmp_path: Path) -> None:
    with closing(Datagrams(tmp_path, "wire")) as cable, Machine(Nic(3, cable), hugepages=HUGEPAGES, cpus=4) as guest:
        nic = guest.nics[0]
        guest.modprobe("uio_pci_generic", "tun")
        guest.bind(nic.address, "uio_pci_generic")
        with guest.program(f"{PYTESTPMD}-kni {LINE}") as kni:
            kni.expect("Port 0: interface vEth0, lcore 1 (RX), lcore 3 (TX)")
            guest.sh(f"ip address add {GUEST_IP}/24 dev vEth0; ip link set vEth0 up", POLLING_S)
            assert cable.ping(3, within_s=POLLING_S) == nic.mac
            guest.sh(f"pkill -USR1 -f '{PROCESS}'", POLLING_S)
            kni.expect("KNI example application statistics")
            kni.expect("tx_dropped")
            guest.sh(f"pkill -INT -f '{PROCESS}'", POLLING_S)
            assert kni.wait() == 0
            said = kni.said.replace("\r", "")
    assert "Error" not in said
    assert len(re.findall("statistics", said)) == 2
    # who has the address, and three echoes; each may have been asked again, and the guest's kernel may say more
    received, _, sent, _ = row(said)
    assert received >= 4
    assert sent >= 4
