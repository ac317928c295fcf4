"""Every way to a PCI device, in a guest: registers, bells, interrupts, reach, and the device's end."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.machine import Machine, Nic
from guest.program import GuestProgram
from guest.wires import Datagrams, HostEnd

LEGACY, MODERN = "legacy", "modern"
FORMS = {LEGACY: "disable-modern=on", MODERN: "disable-legacy=on"}
CONSOLE = f"{sys.executable} {Path(__file__).with_name('opened.py')}"
#: Each way, by what its driver is called, with what it promises.
WAYS = {
    "uio_pci_generic": "uio_pci_generic, physical True, 0 vectors",
    "igb_uio": "igb_uio, physical True, 0 vectors",
    "vfio-noiommu": "vfio-noiommu, physical True, 4 vectors",
    "none": "no module, physical True, 0 vectors",
}
IOMMU = "vfio-pci, physical False, 4 vectors"
BELLS = {
    ("vfio-noiommu", LEGACY): "pwrite",
    **{(way, LEGACY): "out" for way in WAYS if way != "vfio-noiommu"},
    **{(way, MODERN): "store" for way in WAYS},
}


class Prober:
    """The console in the guest that has a device open."""

    def __init__(self, machine: Machine, program: GuestProgram) -> None:
        self.machine, self._program = machine, program

    def bind(self, nic: Nic, way: str) -> None:
        """Have the kernel's driver of that way take it."""
        self.machine.bind(nic.address, {"vfio-noiommu": "vfio-pci", "none": None}.get(way, way))

    def ask(self, line: str) -> str:
        """Type a command: its answer."""
        return self._program.run(line).strip()

    def change_link(self, nic: Nic) -> None:
        """It interrupts each time, once."""
        for up in (False, True):
            self.machine.monitor.set_link(nic.name, up)
            assert self.ask("wait") == f"link {int(up)}"


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[HostEnd]]:
    folder = tmp_path_factory.mktemp("w")
    made = [Datagrams(folder, form) for form in FORMS]
    yield list(made)
    for wire in made:
        wire.close()


def probing(machine: Machine) -> Iterator[Prober]:
    with machine.program(CONSOLE) as program:
        program.ready()
        yield Prober(machine, program)


@pytest.fixture(scope="module")
def plain(wires: list[HostEnd]) -> Iterator[Prober]:
    """On a machine without an IOMMU; a NIC of each form."""
    nics = (Nic(slot, wire, form) for slot, (wire, form) in enumerate(zip(wires, FORMS.values(), strict=True), 3))
    with Machine(*nics) as machine:
        machine.modprobe("uio_pci_generic", "igb_uio")
        machine.allow_noiommu()
        yield from probing(machine)


@pytest.fixture(scope="module")
def guarded(wires: list[HostEnd]) -> Iterator[Prober]:
    """On a machine with one, which stands before its NIC."""
    with Machine(Nic(3, wires[0], "disable-legacy=on,iommu_platform=on"), iommu=True) as machine:
        machine.modprobe("vfio-pci")
        yield from probing(machine)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", WAYS)
def test_a_device_is_driven_and_interrupts(plain: Prober, way: str, form: str) -> None:
    nic = plain.machine.nics[list(FORMS).index(form)]
    plain.bind(nic, way)
    assert plain.ask(f"open {nic.address}") == WAYS[way]
    assert plain.ask("begin") == f"{form}, mac {nic.mac}, rxq 256"
    assert plain.ask("line") == ("none" if way == "none" else "ready")
    assert plain.ask("kick") == BELLS[way, form]
    if way != "none":
        plain.change_link(nic)
    if way == "vfio-noiommu":
        assert plain.ask("vectors") == "ready"
        plain.change_link(nic)
    assert plain.ask("close") == "left []"


@pytest.mark.parametrize("way", ["uio_pci_generic", "vfio-noiommu"])
def test_a_device_that_is_unbound_is_gone_and_its_bell_does_no_harm(plain: Prober, way: str) -> None:
    nic = plain.machine.nics[1]
    plain.bind(nic, way)
    assert plain.ask(f"open {nic.address}") == WAYS[way]
    plain.ask("begin")
    assert plain.ask("unbind") == "gone True"
    assert plain.ask("kick") == "store"
    assert plain.ask("close") == "left []"


def test_a_device_that_is_taken_away_is_gone_and_its_bell_does_no_harm(plain: Prober) -> None:
    """Its ports too, which instructions reach as well as the file; then it is found again."""
    nic = plain.machine.nics[0]
    plain.bind(nic, "none")
    assert plain.ask(f"open {nic.address}") == WAYS["none"]
    plain.ask("begin")
    assert plain.ask("ports") == "alike True, written 1"
    plain.machine.sh(f"echo 1 >/sys/bus/pci/devices/{nic.address}/remove")
    assert plain.ask("gone") == "gone True"
    assert plain.ask("kick") == "out"
    assert plain.ask("status") == f"refused: {nic.address} BAR 0: cannot read 1 bytes at 0x12: No such device"
    assert plain.ask("close") == "left []"
    plain.machine.sh("echo 1 >/sys/bus/pci/rescan")
    plain.bind(nic, "none")
    assert plain.ask(f"open {nic.address}") == WAYS["none"]
    assert plain.ask("begin") == f"legacy, mac {nic.mac}, rxq 256"
    assert plain.ask("close") == "left []"


def test_a_device_behind_an_iommu_is_driven_and_reaches_our_memory(guarded: Prober) -> None:
    nic = guarded.machine.nics[0]
    guarded.bind(nic, "vfio-pci")
    assert guarded.ask(f"open {nic.address}") == IOMMU
    assert guarded.ask("begin") == f"modern, mac {nic.mac}, rxq 256"
    assert guarded.ask("reach") == "reached"
    assert guarded.ask("line") == "ready"
    guarded.change_link(nic)
    assert guarded.ask("vectors") == "ready"
    guarded.change_link(nic)
    assert guarded.ask("kick") == "store"
    assert guarded.ask("close") == "left []"
