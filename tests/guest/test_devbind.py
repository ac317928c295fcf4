"""pytestpmd-devbind on a kernel that means it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.machine import Machine, Nic, Result
from guest.wires import Datagrams

DEVBIND = Path(sys.executable).parent / "pytestpmd-devbind"
SCRIPT_S = 120.0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Three NICs of the kernel's own, and no module for user space yet."""
    folder = tmp_path_factory.mktemp("w")
    wires = [Datagrams(folder, f"w{slot}") for slot in (3, 4, 5)]
    with Machine(*(Nic(slot, wire) for slot, wire in enumerate(wires, 3))) as machine:
        machine.modprobe("virtio_net")
        for nic in machine.nics:
            machine.bind(nic.address, "virtio-pci")
        yield machine
    for wire in wires:
        wire.close()


def devbind(machine: Machine, words: str) -> Result:
    return machine.run(f"{DEVBIND} {words}", within_s=SCRIPT_S)


def driver(machine: Machine, nic: Nic) -> str:
    return machine.sh(f"basename $(readlink -f /sys/bus/pci/devices/{nic.address}/driver)").strip()


def interface(machine: Machine, nic: Nic) -> str:
    return machine.sh(f"basename /sys/bus/pci/devices/{nic.address}/virtio*/net/*").strip()


def test_a_module_that_is_not_loaded_is_named(machine: Machine) -> None:
    assert devbind(machine, "-b uio_pci_generic 00:03.0") == (
        1,
        "Error: Driver 'uio_pci_generic' is not loaded: modprobe uio_pci_generic\n",
    )
    assert driver(machine, machine.nics[0]) == "virtio-pci"


def test_the_guide_s_line_binds_and_the_listing_is_laid_out_as_the_original_s(machine: Machine) -> None:
    machine.modprobe("uio_pci_generic")
    assert devbind(machine, "-b uio_pci_generic 00:03.0") == (0, "")
    assert driver(machine, machine.nics[0]) == "uio_pci_generic"
    names = [interface(machine, nic) for nic in machine.nics[1:]]
    title = "Network devices using {}\n" + "=" * 25
    what = "'Virtio network device 1000'"
    assert devbind(machine, "--status") == (
        0,
        f"""
{title.format("DPDK-compatible driver")}===================
0000:00:03.0 {what} drv=uio_pci_generic unused=virtio_pci

{title.format("kernel driver")}==========
0000:00:04.0 {what} if={names[0]} drv=virtio-pci unused=virtio_pci,uio_pci_generic \n\
0000:00:05.0 {what} if={names[1]} drv=virtio-pci unused=virtio_pci,uio_pci_generic \n""",
    )
    assert devbind(machine, "-b virtio-pci 0000:00:03.0") == (0, "")
    assert driver(machine, machine.nics[0]) == "virtio-pci"


def test_vfio_takes_a_device_without_iommu_only_when_told(machine: Machine) -> None:
    machine.modprobe("vfio-pci")
    nic = machine.nics[1]
    name = interface(machine, nic)
    status, said = devbind(machine, f"-b vfio-pci {name}")
    assert (status, driver(machine, nic)) == (1, "virtio-pci")
    assert f"{nic.address} is behind no IOMMU; use --noiommu-mode" in said
    assert devbind(machine, f"-b vfio-pci --noiommu-mode {name}") == (
        0,
        "Warning: enabling unsafe no IOMMU mode for VFIO drivers\n",
    )
    assert driver(machine, nic) == "vfio-pci"
    assert machine.run("ls /dev/vfio/noiommu-*").status == 0
    assert devbind(machine, f"-u {nic.address}") == (0, "")
    assert machine.run(f"test -e /sys/bus/pci/devices/{nic.address}/driver").status == 1


def test_the_interface_with_the_default_route_is_left_alone_unless_forced(machine: Machine) -> None:
    machine.modprobe("uio_pci_generic")
    nic = machine.nics[2]
    name = interface(machine, nic)
    machine.sh(f"ip link set {name} up; ip addr add 10.9.0.2/24 dev {name}; ip route add default via 10.9.0.1")
    status, said = devbind(machine, "-b uio_pci_generic 00:05.0")
    assert (status, driver(machine, nic)) == (1, "virtio-pci")
    assert said.startswith(f"Error: routing table indicates that interface 0000:00:05.0 ({name}) is active.")
    assert devbind(machine, "-b uio_pci_generic --force 00:05.0") == (0, "")
    assert driver(machine, nic) == "uio_pci_generic"


def test_a_device_that_is_not_there_is_named(machine: Machine) -> None:
    assert devbind(machine, "-u 00:0f.0") == (
        1,
        "Error: Unknown device: 00:0f.0. There is no network device at 0000:00:0f.0\n",
    )
