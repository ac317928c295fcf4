"""pytestpmd-devbind on a machine of its own: a fake tree, and a kernel that reacts to what is written there."""

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from fakes.kernel import FakeKernel
from fakes.sysfs import MODERN_NET, FakeSysfs

from pytestpmd.programs.devbind import PROGRAM, World, command, main
from pytestpmd.programs.devbind.binding import NO_IOMMU, write_attribute

FIRST, SECOND, LAST = "0000:00:03.0", "0000:00:04.0", "0000:01:00.0"
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth9\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""
PCI_IDS = """\
# comment
1af4  Red Hat, Inc.
\t1000  Virtio network device
\t\t0001  a subsystem
\t1041  Virtio 1.0 network device
8086  Intel Corporation
\t100e  82540EM Gigabit Ethernet Controller
C 02  Network controller
"""


@dataclass
class Computer:
    """A machine, its kernel, and the program run on it."""

    root: Path
    sysfs: FakeSysfs
    kernel: FakeKernel
    capsys: pytest.CaptureFixture[str]

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        status = main(words, World(self.root, self.kernel.write))
        said = self.capsys.readouterr()
        return status, said.out, said.err

    def driver(self, address: str) -> str | None:
        return self.sysfs.device(address).driver

    def override(self, address: str) -> str:
        return (self.sysfs.folder(address) / "driver_override").read_text().strip()


@pytest.fixture
def computer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Computer:
    """Two virtio-net devices of the kernel's, one free; modules for user space loaded."""
    sysfs = FakeSysfs(tmp_path / "sys")
    sysfs.add(FIRST, driver="virtio-pci", netdev="eth1")
    sysfs.add(SECOND, MODERN_NET, driver="virtio-pci", netdev="eth9")
    sysfs.add(LAST, MODERN_NET)
    sysfs.add("0000:00:05.0", 0x1001, driver="virtio-pci", class_code=0x010000)
    for driver in ("uio_pci_generic", "vfio-pci"):
        sysfs.load(driver)
    made = Computer(tmp_path, sysfs, FakeKernel(sysfs), capsys)
    made.file("proc/net/route", ROUTES)
    made.file("usr/share/misc/pci.ids", PCI_IDS)
    made.file(NO_IOMMU, "N\n")
    return made


# The listing.


def test_the_listing_says_who_has_which_device(computer: Computer) -> None:
    computer.sysfs.bind(FIRST, "uio_pci_generic")
    assert computer.run("--status") == (
        0,
        """
Network devices using DPDK-compatible driver
============================================
0000:00:03.0 'Virtio network device 1000' drv=uio_pci_generic unused=vfio-pci

Network devices using kernel driver
===================================
0000:00:04.0 'Virtio 1.0 network device 1041' if=eth9 drv=virtio-pci unused=vfio-pci,uio_pci_generic *Active*

Other Network devices
=====================
0000:01:00.0 'Virtio 1.0 network device 1041' unused=vfio-pci,uio_pci_generic
""",
        "",
    )


def test_a_machine_without_network_devices_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s"], World(tmp_path)) == 0
    assert capsys.readouterr().out == "\nNo 'Network' devices detected\n=============================\n"


def test_the_kernel_s_modules_for_a_device_are_named(computer: Computer) -> None:
    alias = "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\nalias usb:* other\nalias pci:v00008086* e1000\n"
    computer.file(f"lib/modules/{os.uname().release}/modules.alias", alias)
    (computer.sysfs.folder(LAST) / "modalias").write_text("pci:v00001AF4d00001041sv00001AF4sd00000001bc02sc00i00\n")
    assert (
        f"{LAST} 'Virtio 1.0 network device 1041' unused=virtio_pci,vfio-pci,uio_pci_generic" in computer.run("-s")[1]
    )


def test_numa_nodes_are_shown_where_there_are_any(computer: Computer) -> None:
    for address in (FIRST, SECOND, LAST):
        (computer.sysfs.folder(address) / "numa_node").write_text("1\n")
    assert f"{FIRST} 'Virtio network device 1000' numa_node=1 if=eth1 drv=virtio-pci" in computer.run("-s")[1]


def test_a_device_that_no_list_knows_is_shown_by_its_number(computer: Computer) -> None:
    (computer.root / "usr/share/misc/pci.ids").unlink()
    assert f"{LAST} 'Device 1041' unused" in computer.run("-s")[1]


# Binding.


@pytest.mark.parametrize("name", ["00:03.0", FIRST, "eth1"])
@pytest.mark.parametrize("words", [["-b", "uio_pci_generic"], ["--bind=uio_pci_generic"]])
def test_a_device_is_bound_by_address_or_interface(computer: Computer, words: list[str], name: str) -> None:
    assert computer.run(*words, name) == (0, "", "")
    assert computer.driver(FIRST) == "uio_pci_generic"
    assert computer.override(FIRST) == "(null)", "anybody may have it later"
    assert [file.split("/")[-1] for file, _ in computer.kernel.written] == [
        "unbind",
        "driver_override",
        "bind",
        "driver_override",
    ]


def test_several_devices_are_bound_at_once_and_the_state_is_shown_afterwards(computer: Computer) -> None:
    status, out, _ = computer.run("-s", "-b", "uio_pci_generic", "00:03.0", "01:00.0")
    assert status == 0
    assert re.search(r"DPDK-compatible driver\n=+\n0000:00:03.0 .*\n0000:01:00.0 ", out)


def test_a_device_goes_back_to_the_kernel(computer: Computer) -> None:
    computer.run("-b", "uio_pci_generic", "eth1")
    assert computer.run("-b", "virtio-pci", "00:03.0") == (0, "", "")
    assert computer.driver(FIRST) == "virtio-pci"


@pytest.mark.parametrize("words", [["-u"], ["--unbind"], ["-b", "none"]])
def test_a_device_is_unbound(computer: Computer, words: list[str]) -> None:
    assert computer.run(*words, "00:03.0") == (0, "", "")
    assert computer.driver(FIRST) is None


def test_what_is_so_already_is_no_failure(computer: Computer) -> None:
    assert computer.run("-b", "virtio-pci", "eth1") == (
        0,
        "",
        "Notice: 0000:00:03.0 already bound to driver virtio-pci, skipping\n",
    )
    assert computer.run("-u", "01:00.0") == (
        0,
        "",
        "Notice: 0000:01:00.0 is not currently managed by any driver\n",
    )
    assert not computer.kernel.written


def test_a_driver_that_takes_the_device_and_denies_it_is_believed_by_what_it_did(computer: Computer) -> None:
    computer.sysfs.load("igb_uio")
    computer.kernel.confused.add("igb_uio")
    assert computer.run("-b", "igb_uio", "eth1") == (0, "", "")
    assert computer.driver(FIRST) == "igb_uio"


# VFIO.


def test_vfio_takes_a_device_behind_an_iommu(computer: Computer) -> None:
    (computer.sysfs.folder(FIRST) / "iommu_group").symlink_to(computer.root / "sys/kernel/iommu_groups/3")
    assert computer.run("-b", "vfio-pci", "00:03.0") == (0, "", "")
    assert computer.driver(FIRST) == "vfio-pci"
    assert (computer.root / NO_IOMMU).read_text() == "N\n"


def test_vfio_takes_one_without_only_when_told(computer: Computer) -> None:
    status, _, err = computer.run("-b", "vfio-pci", "00:03.0")
    assert status == 1
    assert "0000:00:03.0 is behind no IOMMU; use --noiommu-mode" in err
    assert computer.driver(FIRST) == "virtio-pci"
    assert computer.run("-b", "vfio-pci", "--noiommu-mode", "00:03.0") == (
        0,
        "",
        "Warning: enabling unsafe no IOMMU mode for VFIO drivers\n",
    )
    assert computer.driver(FIRST) == "vfio-pci"
    (computer.root / NO_IOMMU).write_text("Y\n")
    assert computer.run("-b", "vfio-pci", "01:00.0") == (0, "", "")


def test_a_kernel_without_that_mode_is_told(computer: Computer) -> None:
    (computer.root / NO_IOMMU).unlink()
    assert "this kernel's vfio has no no-IOMMU mode" in computer.run("-b", "vfio-pci", "--noiommu-mode", "eth1")[2]
    assert computer.driver(FIRST) == "virtio-pci"


# The interface that the machine is reached by.


@pytest.mark.parametrize("words", [["-b", "uio_pci_generic"], ["-u"]])
def test_an_interface_that_routes_go_through_is_left_alone_unless_forced(computer: Computer, words: list[str]) -> None:
    status, _, err = computer.run(*words, "eth9")
    assert status == 1
    assert err == (
        "Error: routing table indicates that interface 0000:00:04.0 (eth9) is active. Not modifying (--force does)\n"
    )
    assert computer.driver(SECOND) == "virtio-pci"
    assert computer.run(*words, "--force", "eth9")[0] == 0
    assert computer.driver(SECOND) != "virtio-pci"


@pytest.mark.parametrize(
    ("destination", "length", "flags", "active"),
    [("0" * 32, "00", "00000003", True), ("0" * 32, "00", "00200200", False), ("fe80" + "0" * 28, "40", "1", False)],
)
def test_a_default_route_of_ipv6_counts_too(
    computer: Computer, destination: str, length: str, flags: str, active: bool
) -> None:
    computer.file("proc/net/ipv6_route", f"{destination} {length} {'0' * 32} 00 {'0' * 32} 0 0 0 {flags} eth1\n")
    assert (computer.run("-u", "eth1")[0] == 1) is active


# What goes wrong.


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["-b", "igb_uio", "00:03.0"], "Driver 'igb_uio' is not loaded: modprobe igb_uio"),
        (["-b", "../virtio-pci", "00:03.0"], "Driver '../virtio-pci' is not loaded: modprobe ../virtio-pci"),
        (["-b", "00:03.0", "00:04.0"], "Driver '00:03.0' does not look like a valid driver."),
        (["-u", "eth7"], 'Unknown device: eth7. Please specify device in "bus:slot.func" format'),
        (["-u", "00:1e.0"], "Unknown device: 00:1e.0. There is no network device at 0000:00:1e.0"),
        (["-u", "00:05.0"], "There is no network device at 0000:00:05.0"),
        (["-u", "eth1", "00:1f.0"], "There is no network device at 0000:00:1f.0"),
    ],
)
def test_a_wrong_name_changes_nothing(computer: Computer, words: list[str], line: str) -> None:
    status, out, err = computer.run(*words)
    assert (status, out) == (1, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert line in err
    assert not computer.kernel.written


def test_a_driver_that_will_not_have_it_leaves_it_to_the_one_before(computer: Computer) -> None:
    computer.kernel.refusing["uio_pci_generic"] = errno.ENODEV
    (computer.sysfs.folder(FIRST) / "irq").write_text("0\n")
    assert computer.run("-b", "uio_pci_generic", "00:03.0") == (
        1,
        "",
        "Error: bind failed for 0000:00:03.0 - Cannot bind to driver uio_pci_generic: No such device "
        "(it has no interrupt line: try vfio-pci); virtio-pci has it again\n",
    )
    assert computer.driver(FIRST) == "virtio-pci"
    assert computer.override(FIRST) == "(null)"


def test_a_device_that_nobody_takes_is_said_to_be_so(computer: Computer) -> None:
    computer.kernel.refusing |= {"uio_pci_generic": errno.EINVAL, "virtio-pci": errno.EIO}
    assert (
        "; virtio-pci, which had it, does not take it back: Input/output error"
        in (computer.run("-b", "uio_pci_generic", "00:03.0")[2])
    )
    assert computer.run("-b", "uio_pci_generic", "01:00.0")[2].endswith("uio_pci_generic: Invalid argument\n")


def test_one_device_that_cannot_be_does_not_keep_the_others(computer: Computer) -> None:
    status, _, err = computer.run("-b", "uio_pci_generic", "eth9", "eth1")
    assert status == 1
    assert "eth9) is active" in err
    assert computer.driver(FIRST) == "uio_pci_generic"


@pytest.mark.parametrize("words", [["-u"], ["-b", "uio_pci_generic"]])
def test_who_may_not_write_is_told(computer: Computer, words: list[str]) -> None:
    computer.kernel.forbidden = True
    status, _, err = computer.run(*words, "00:03.0")
    assert status == 1
    assert err.endswith(": Permission denied\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "No action specified."),
        (["-b", "uio_pci_generic"], "No devices specified."),
        (["-u"], "No devices specified."),
        (["00:03.0"], "No action specified."),
        (["-s", "00:03.0"], "Devices need -b or -u."),
        (["-u", "-b", "uio_pci_generic", "00:03.0"], "Simultaneous bind and unbind are not possible."),
        (["--what"], "No such option"),
    ],
)
def test_a_wrong_line_is_answered_with_the_usage(computer: Computer, words: list[str], line: str) -> None:
    status, out, err = computer.run(*words)
    assert (status, out) == (2, "")
    assert err.startswith(f"Usage: {PROGRAM} [OPTIONS] [DEVICE]...")
    assert line in err
    assert not computer.kernel.written


def test_help_is_no_failure(computer: Computer) -> None:
    status, out, _ = computer.run("--help")
    assert status == 0
    assert "pytestpmd-devbind -b uio_pci_generic 00:03.0" in out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("-b uio", {"uio_pci_generic"}), ("-b no", {"none"}), ("-u 0000:00:0", {FIRST, SECOND}), ("--unb", {"--unbind"})],
)
def test_a_shell_is_offered_drivers_and_devices(
    typed: str, offered: set[str], computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytestpmd.programs.devbind.ROOT", computer.root)
    monkeypatch.setenv("COMP_WORDS", f"{PROGRAM} {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split())))
    asked = BashComplete(command, {}, PROGRAM, "_PYTESTPMD_DEVBIND_COMPLETE").complete()
    assert offered <= {line.partition(",")[2] for line in asked.splitlines()}


# The files themselves.


def test_a_write_goes_to_a_file_that_is_there_and_makes_none(tmp_path: Path) -> None:
    file = tmp_path / "bind"
    with pytest.raises(FileNotFoundError):
        write_attribute(file, FIRST)
    file.touch()
    write_attribute(file, FIRST)
    assert file.read_text() == FIRST
