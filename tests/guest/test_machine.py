"""The harness itself: what a guest does for the tests that boot one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.kernel import Kernel
from guest.machine import PROGRAMS, Machine, Nic
from guest.wires import GUEST_IP, Datagrams, HostEnd, Stream


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[HostEnd]]:
    folder = tmp_path_factory.mktemp("w")
    made: list[HostEnd] = [Datagrams(folder, "d"), Stream(folder, "s")]
    yield made
    for wire in made:
        wire.close()


@pytest.fixture(scope="module")
def machine(wires: list[HostEnd]) -> Iterator[Machine]:
    with Machine(*(Nic(slot, wire) for slot, wire in enumerate(wires, 3)), hugepages=8) as machine:
        yield machine


def test_a_script_gives_its_status_and_its_output(machine: Machine) -> None:
    assert machine.run("echo a; echo b >&2; exit 3") == (3, "a\nb\n")
    assert machine.run("printf %s end") == (0, "end")
    assert len(machine.sh("head -c 150000 /dev/zero | od -An -v -tx1 -w100000 | tr -d ' \\n'")) == 300000


def test_a_script_that_takes_too_long_is_ended(machine: Machine) -> None:
    assert machine.run("echo before; sleep 60", within_s=1) == (124, "before\n")


def test_a_script_that_fails_is_shown_with_its_output(machine: Machine) -> None:
    with pytest.raises(AssertionError, match=r"status [12] in the guest:\nls /nowhere; exit 1\n---\n.*No such file"):
        machine.sh("ls /nowhere; exit 1")


def test_the_guest_has_our_files_and_gives_none_back(machine: Machine) -> None:
    here = Path(__file__)
    assert machine.sh(f"cat {here}") == here.read_text()
    machine.sh(f"echo changed >{here}.new; rm {here}")
    assert not Path(f"{here}.new").exists()
    assert here.exists()


def test_the_guest_has_what_was_asked_for(machine: Machine, kernel: Kernel) -> None:
    assert machine.sh("uname -r").strip() == kernel.release
    assert "HugePages_Total:       8" in machine.sh("cat /proc/meminfo")
    assert machine.sh("nproc").strip() == "2"


def test_a_program_is_typed_at_and_its_status_is_known(machine: Machine) -> None:
    with machine.program("cat") as program:
        program.type("one")
        program.expect("one")
    with machine.program("bash -c 'read -r line; echo got $line; exit 7'") as program:
        program.type("two")
        program.expect("got two")
        assert program.wait() == 7


def test_a_program_that_is_left_is_killed_and_what_it_said_forgotten(machine: Machine) -> None:
    for _ in range(PROGRAMS + 1):
        with machine.program("bash -c 'echo begun; sleep 1000 & wait'") as program:
            program.expect("begun")
    assert machine.run("pgrep -x sleep").status == 1


def test_the_guests_own_driver_answers_on_both_kinds_of_wire(machine: Machine, wires: list[HostEnd]) -> None:
    machine.modprobe("virtio_net")
    for nic, wire in zip(machine.nics, wires, strict=True):
        machine.bind(nic.address, "virtio-pci")
        interface = machine.sh(f"basename $(echo /sys/bus/pci/devices/{nic.address}/virtio*/net/*)").strip()
        machine.sh(f"ip addr add {GUEST_IP}/24 dev {interface}; ip link set {interface} up")
        assert wire.ping() == nic.mac
        machine.sh(f"ip addr del {GUEST_IP}/24 dev {interface}")
        machine.bind(nic.address, None)


def test_a_cable_is_pulled_and_plugged_in(machine: Machine, wires: list[HostEnd]) -> None:
    nic = machine.nics[0]
    machine.bind(nic.address, "virtio-pci")
    interface = machine.sh(f"basename $(echo /sys/bus/pci/devices/{nic.address}/virtio*/net/*)").strip()
    machine.sh(f"ip addr add {GUEST_IP}/24 dev {interface}; ip link set {interface} up")
    for up in (False, True):
        machine.monitor.set_link(nic.name, up)
        end = time.monotonic() + 10
        while machine.sh(f"cat /sys/class/net/{interface}/carrier").strip() != str(int(up)):
            assert time.monotonic() < end
    assert wires[0].ping() == nic.mac
    machine.bind(nic.address, None)
