"""QEMU between our net_vhost on this side and its guest: the guest's kernel in every form, then our own driver there.

Each socket has QEMU as its client or, with ``server=on``, as the one that listens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guest.machine import Machine, Nic
from guest.wires import VhostUser
from peers.programs import Program, Pytestpmd, eventually

PINGS = 3


@dataclass(frozen=True)
class Form:
    """One form of QEMU's device, and who listens; without MSI-X (see README.md)."""

    options: str
    server: bool = False
    queues: int = 1


FORMS = {
    "split": Form("disable-legacy=on"),
    "split, QEMU listens": Form("disable-legacy=on", server=True),
    "packed": Form("disable-legacy=on,packed=on"),
    "packed, QEMU listens": Form("disable-legacy=on,packed=on", server=True),
    "legacy": Form("disable-modern=on"),
    "mrg_rxbuf=off": Form("mrg_rxbuf=off"),
    "two queues": Form("disable-legacy=on,mq=on", queues=2),
}
#: For the program, which serves all of them at once.
OPTIONS = "-i --rxq=2 --txq=2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("v")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Iterator[Program]:
    """Our program on this side, with a net_vhost for each form, answering pings."""
    devices = [
        f"net_vhost{i},iface={folder / str(i)},queues=2{',client=1' if form.server else ''}"
        for i, form in enumerate(FORMS.values())
    ]
    with Pytestpmd(*devices, options=OPTIONS).ready() as program:
        program.run("set fwd icmpecho")
        program.run("start")
        yield program


@pytest.fixture(scope="module")
def machine(ours: Program, folder: Path) -> Iterator[Machine]:
    nics = [
        Nic(
            3 + i,
            VhostUser(folder / str(i), queues=form.queues, server=form.server),
            f"{form.options},vectors=0",
        )
        for i, form in enumerate(FORMS.values())
    ]
    with Machine(*nics, hugepages=128) as machine:
        yield machine


@pytest.mark.parametrize("name", FORMS)
def test_the_guests_kernel_is_answered(machine: Machine, ours: Program, name: str) -> None:
    port_id, form = list(FORMS).index(name), FORMS[name]
    nic = machine.nics[port_id]
    machine.modprobe("virtio_net")
    machine.bind(nic.address, "virtio-pci")
    interface = machine.sh(f"basename $(echo /sys/bus/pci/devices/{nic.address}/virtio*/net/*)").strip()
    network = f"10.9.{port_id}"
    if form.queues > 1:
        machine.sh(f"ethtool -L {interface} combined {form.queues}")
    machine.sh(f"ip addr add {network}.2/24 dev {interface}; ip link set {interface} up")
    eventually(lambda: ours.is_up(port_id), "the link is up")
    before = ours.stats(port_id)
    for cpu in range(form.queues):  # as many queues as CPUs: the kernel gives each CPU its own
        said = machine.sh(f"taskset -c {cpu} busybox ping -c {PINGS} -w 30 {network}.1")
        assert f"{PINGS} packets transmitted, {PINGS} packets received" in said
    rings = [line for line in ours.run(f"show port {port_id} virtio").splitlines() if "descriptors, live" in line]
    assert len(rings) == 2 * form.queues
    after = ours.stats(port_id)
    assert min(after[way] - before[way] for way in ("RX-packets", "TX-packets")) > PINGS
    features = machine.sh(f"cat /sys/bus/pci/devices/{nic.address}/virtio*/features").strip()
    assert features[34] == str(int("packed" in name))  # VIRTIO_F_RING_PACKED
    assert features[32] == str(int(name != "legacy"))  # VIRTIO_F_VERSION_1
    machine.sh(f"ip link set {interface} down")
    machine.bind(nic.address, None)


def test_packets_go_round_between_our_driver_in_the_guest_and_our_port(machine: Machine, ours: Program) -> None:
    """The guest's end sends all that it receives back; what the host's end has sent is counted there."""
    machine.modprobe("uio_pci_generic")
    machine.bind_all([nic.address for nic in machine.nics], "uio_pci_generic")
    ours.run("stop")
    allowed = " ".join(f"-a {nic.address}" for nic in machine.nics)
    with machine.pytestpmd(f"-l 0-1 {allowed} -- -i --total-num-mbufs=8192 --port-topology=loop").ready() as guest:
        for port_id in range(len(FORMS)):
            eventually(lambda port_id=port_id: ours.is_up(port_id), "the link is up")  # type: ignore[misc]
        guest.run("start")
        for line in ("clear port stats all", "set fwd io", "start tx_first"):
            ours.run(line)
        for port_id in range(len(FORMS)):
            eventually(
                lambda port_id=port_id: ours.stats(port_id)["RX-packets"] >= 32,  # type: ignore[misc]
                f"packets came back to port {port_id}",
            )
        ours.run("stop")
        guest.run("stop")
        assert guest.quit() == 0
