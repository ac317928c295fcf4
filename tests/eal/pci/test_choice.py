"""Which devices a command line means."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.sysfs import FakeSysfs

from pytestpmd.eal.pci.bus import PciDevice
from pytestpmd.eal.pci.choice import Choice, address_of, choose

FIRST, SECOND, OTHER = "0000:00:05.0", "0000:00:06.0", "0000:00:07.0"


@pytest.fixture
def devices(tmp_path: Path) -> list[PciDevice]:
    """Two virtio-net devices, and one of somebody else's."""
    sysfs = FakeSysfs(tmp_path)
    for address in (FIRST, SECOND):
        sysfs.add(address)
    sysfs.add(OTHER, 0x100E, vendor=0x8086)
    return sysfs.bus.devices()


def is_virtio(device: PciDevice) -> bool:
    return device.vendor == 0x1AF4


def names(choice: Choice) -> list[str]:
    return [str(one.device.address) for one in choice.chosen]


@pytest.mark.parametrize(
    ("allow", "block", "auto", "chosen"),
    [
        ([], [], True, [FIRST, SECOND]),
        ([], ["00:05.0"], True, [SECOND]),
        ([], ["0000:00:05.0", "pci:00:06.0"], True, []),
        ([], ["net_null0", "00:1f.0"], True, [FIRST, SECOND]),
        ([], [], False, []),
        (["00:06.0"], [], False, [SECOND]),
        (["pci:0000:00:06.0", "00:05.0"], [], False, [FIRST, SECOND]),
        (["00:07.0"], [], False, [OTHER]),
        (["net_null0"], [], False, []),
    ],
)
def test_allowed_ones_alone_or_all_of_ours_but_the_blocked(
    devices: Sequence[PciDevice], allow: list[str], block: list[str], auto: bool, chosen: list[str]
) -> None:
    assert names(choose(devices, allow, block, auto, is_virtio)) == chosen


def test_devargs_go_with_the_device_and_the_last_ones_count(devices: Sequence[PciDevice]) -> None:
    choice = choose(devices, ["00:05.0,mrg_rxbuf=0", "0000:00:05.0,in_order=0,speed=1000"])
    assert [(one.devargs, one.asked_for) for one in choice.chosen] == [("in_order=0,speed=1000", True)]


def test_what_the_scan_alone_has_found_was_not_asked_for(devices: Sequence[PciDevice]) -> None:
    assert not any(one.asked_for for one in choose(devices).chosen)


def test_what_is_not_there_is_told(devices: Sequence[PciDevice]) -> None:
    assert list(map(str, choose(devices, ["00:09.0", "00:05.0", "01:00.0"]).missing)) == [
        "0000:00:09.0",
        "0000:01:00.0",
    ]


@pytest.mark.parametrize("name", ["net_null0", "", "pci:", "eth0", "0000:00:05"])
def test_a_virtual_device_s_name_is_no_address(name: str) -> None:
    assert address_of(name) is None
