"""What the program makes of the bus: which devices become ports, and what it says of the others."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.log import Logged
from fakes.pci_port import FakePciPort
from fakes.physical import PhysicalMemory
from fakes.sysfs import FakeSysfs

from pytestpmd.app import TestPmd
from pytestpmd.eal.iova import IovaMode, iova_mode
from pytestpmd.eal.pci.vfio import VfioAccess
from pytestpmd.errors import ConfigError

MakeApp = Callable[..., TestPmd]
Plug = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("no_leaks")


def names(app: TestPmd) -> list[str]:
    return [port.name for port in app.ports]


def test_what_the_scan_finds_becomes_ports_before_virtual_devices_do(make_app: MakeApp, plug: Plug) -> None:
    plug(6)
    plug(5)
    app = make_app("--vdev=net_null0")
    app.probe()
    assert names(app) == ["0000:00:05.0", "0000:00:06.0", "net_null0"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["-a", "00:05.0"], ["0000:00:05.0"]),
        (["-a", "0000:00:06.0,broken=0"], ["0000:00:06.0"]),
        (["-b", "00:05.0"], ["0000:00:06.0"]),
        (["--no-pci"], []),
        (["--no-auto-probing"], []),
        (["-a", "net_null3"], ["net_null3"]),
        (["-a", "00:05.0,vdpa=1"], []),
    ],
)
def test_options_choose_among_the_devices(make_app: MakeApp, plug: Plug, words: list[str], found: list[str]) -> None:
    plug(5)
    plug(6)
    app = make_app(*words)
    app.probe()
    assert names(app) == found


def test_the_kernel_s_devices_are_left_alone_and_the_pair_is_made(
    make_app: MakeApp, plug: Plug, logged: Logged
) -> None:
    plug(5, "virtio-pci")
    app = make_app()
    app.probe()
    assert names(app) == ["net_vhost0", "net_virtio_user0"]
    assert not [line for line in logged.lines if "0000:00:05.0" in line]


def test_a_device_that_nobody_has_is_taken_and_no_pair_is_made(
    make_app: MakeApp, plug: Plug, physical: PhysicalMemory
) -> None:
    plug(5, None)
    app = make_app()
    app.probe()
    assert names(app) == ["0000:00:05.0"]


def test_a_device_of_the_kernel_s_that_is_asked_for_is_refused_with_what_to_do(
    make_app: MakeApp, plug: Plug, logged: Logged
) -> None:
    plug(5, "virtio-pci")
    app = make_app("-a", "00:05.0")
    app.probe()
    assert names(app) == []
    assert logged.lines == [
        "EAL: Selected IOVA mode 'VA'",
        "EAL: Probe PCI driver: net_fake (1234:0001) device: 0000:00:05.0 (socket -1)",
        "EAL: 0000:00:05.0: the kernel's virtio-pci has this device; bind it to uio_pci_generic or vfio-pci first: "
        "pytestpmd-devbind -b vfio-pci 0000:00:05.0",
        "EAL: Failed to probe device 0000:00:05.0",
        "EAL: Bus (pci) probe failed.",
        "testpmd: No probed ethernet devices",
    ]


def test_a_device_that_is_not_there_is_one_line(make_app: MakeApp, plug: Plug, logged: Logged) -> None:
    plug(5)
    app = make_app("-a", "00:09.0", "-a", "00:05.0")
    app.probe()
    assert names(app) == ["0000:00:05.0"]
    assert [line for line in logged.lines if "09.0" in line] == ["EAL: Cannot find device (0000:00:09.0)"]


def test_a_device_that_no_driver_takes_is_said(make_app: MakeApp, sysfs: FakeSysfs, logged: Logged) -> None:
    sysfs.add("0000:00:07.0", 0x100E, "uio_pci_generic", vendor=0x8086)
    make_app("-a", "00:07.0").probe()
    assert "EAL: 0000:00:07.0: no driver of ours takes a 8086:100e" in logged


def test_one_device_that_cannot_be_leaves_the_others(make_app: MakeApp, plug: Plug, logged: Logged) -> None:
    plug(5)
    plug(6)
    app = make_app("-a", "00:05.0,broken=1", "-a", "00:06.0")
    app.probe()
    assert names(app) == ["0000:00:06.0"]
    assert "EAL: 0000:00:05.0: its BAR 4 is not mapped" in logged
    assert "EAL: Failed to probe device 0000:00:05.0" in logged.lines
    assert "EAL: Bus (pci) probe failed." not in logged.lines


def test_a_bound_device_that_fails_makes_no_pair(
    make_app: MakeApp, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no hugepages")

    plug(5)
    monkeypatch.setattr(FakePciPort, "__init__", refuse)
    app = make_app()
    app.probe()
    assert names(app) == []


# By which addresses devices are told of memory.


@pytest.mark.parametrize(
    ("driver", "words", "mode"),
    [
        ("vfio-pci", [], "VA"),
        ("vfio-pci", ["--iova-mode=pa"], "PA"),
        ("uio_pci_generic", [], "PA"),
        ("igb_uio", [], "PA"),
        (None, [], "PA"),
        ("uio_pci_generic", ["--iova-mode=va"], "VA"),
        ("uio_pci_generic", ["-b", "00:05.0", "--iova-mode=va"], "VA"),
    ],
)
def test_the_mode_is_what_the_devices_need_or_what_is_asked_for(
    make_app: MakeApp,
    plug: Plug,
    driver: str | None,
    words: list[str],
    mode: str,
    physical: PhysicalMemory,
    logged: Logged,
) -> None:
    plug(5, driver)
    make_app(*words, "--vdev=net_null0").probe()
    assert f"EAL: Selected IOVA mode '{mode}'" in logged.lines
    assert iova_mode().value == mode


def test_a_device_that_is_not_probed_has_no_say(make_app: MakeApp, plug: Plug) -> None:
    plug(5, None)
    make_app("-b", "00:05.0", "--vdev=net_null0").probe()
    assert iova_mode() is IovaMode.VA


def test_without_hugepages_it_is_said_and_the_others_go_on(
    make_app: MakeApp, plug: Plug, physical: PhysicalMemory, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(size: int, name: str) -> None:
        raise ConfigError(f"Cannot have 1 hugepages of 2 MB for {name}")

    monkeypatch.setattr(physical.pages, "take", none_left)
    plug(5, None)
    app = make_app("--vdev=net_null0")
    app.probe()
    assert logged.lines[:2] == [
        "EAL: Cannot have 1 hugepages of 2 MB for devices without an IOMMU",
        "EAL: Selected IOVA mode 'VA'",
    ]
    assert "net_null0" in names(app)


def test_no_huge_and_a_device_that_needs_them_do_not_go_together(
    make_app: MakeApp, plug: Plug, physical: PhysicalMemory, logged: Logged
) -> None:
    plug(5, "uio_pci_generic")
    make_app("--no-huge").probe()
    assert "PA is needed for devices reached by uio_pci_generic, and takes hugepages; leave out --no-huge" in logged


@pytest.mark.parametrize(
    ("words", "vectors"), [([], True), (["--vfio-intr=legacy"], False), (["--vfio-intr=msi"], False)]
)
def test_devices_on_vfio_have_the_interrupts_that_were_asked_for(
    words: list[str], vectors: bool, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VfioAccess, "has_vectors", not vectors)
    make_app(*words)
    assert VfioAccess.has_vectors is vectors
