"""Windows of each kind: registers in their width, nothing outside of the window, an end that is told."""

import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.pci.access import Window
from pytestpmd.eal.pci.windows import DeviceFile, FileWindow, MappedBar, MappedWindow, PortWindow
from pytestpmd.errors import DeviceError

SIZE = 4096
NAME = "0000:00:05.0 BAR 4"


class Bar:
    """A file as a BAR, and a window of one kind on it."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(range(256)) * (SIZE // 256))
        self.path = path
        self.file = DeviceFile.open(path, NAME)
        self.closers: list[Callable[[], None]] = [self.file.close]

    def mapped(self) -> Window:
        self.bar = MappedBar(self.file.fd, SIZE, NAME)
        self.closers.append(self.bar.close)
        return MappedWindow(self.bar, SIZE)

    def filed(self) -> Window:
        return FileWindow(self.file, NAME, SIZE)

    def bytes(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def bar(tmp_path: Path) -> Iterator[Bar]:
    made = Bar(tmp_path / "resource4")
    yield made
    for close in made.closers:
        close()


@pytest.fixture(params=["mapped", "filed"])
def window(bar: Bar, request: pytest.FixtureRequest) -> Window:
    made: Window = getattr(bar, request.param)()
    return made


@pytest.mark.parametrize(("size", "value"), [(1, 0x14), (2, 0x1514), (4, 0x17161514)])
def test_a_register_is_little_endian(window: Window, size: int, value: int) -> None:
    assert window.read(0x14, size) == value


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_write_changes_its_register_alone(window: Window, bar: Bar, size: int) -> None:
    before = bar.bytes()
    window.write(0x20, size, 0xA1A2A3A4)
    changed = b"\xa4\xa3\xa2\xa1"[:size]
    assert bar.bytes() == before[:0x20] + changed + before[0x20 + size :]


@pytest.mark.parametrize(
    ("offset", "size"),
    [(-1, 1), (-4, 4), (SIZE, 1), (SIZE - 1, 2), (SIZE - 2, 4), (1, 2), (2, 4), (0, 3), (0, 8), (0, 0), (1 << 63, 4)],
)
def test_what_is_no_register_of_the_window_is_refused(window: Window, bar: Bar, offset: int, size: int) -> None:
    before = bar.bytes()
    with pytest.raises(DeviceError, match=f"^{NAME}: "):
        window.read(offset, size)
    with pytest.raises(DeviceError, match=f"^{NAME}: "):
        window.write(offset, size, 0xFFFFFFFF)
    assert bar.bytes() == before


def test_a_part_begins_where_it_was_asked_for_and_ends_there(window: Window, bar: Bar) -> None:
    part = window.part(0x100, 0x40).part(0x10, 8)
    assert part.size == 8
    assert part.read(4, 4) == window.read(0x114, 4)
    part.write(0, 2, 0x9988)
    assert bar.bytes()[0x110:0x112] == b"\x88\x99"
    for offset in (8, -2):
        with pytest.raises(DeviceError, match="beyond"):
            part.read(offset, 2)


@pytest.mark.parametrize(("offset", "size"), [(0, SIZE + 1), (SIZE, 1), (-1, 1), (0, -1), (1 << 64, 1)])
def test_a_part_beyond_the_window_is_refused(window: Window, offset: int, size: int) -> None:
    with pytest.raises(DeviceError, match="beyond"):
        window.part(offset, size)


def test_a_bell_rings_in_its_window(window: Window, bar: Bar) -> None:
    before = bar.bytes()
    bell = ffi.new("struct doorbell *")
    window.part(0x800, 16).doorbell(4, 0x0305).fill(bell)
    lib.doorbell_ring(bell)
    assert bar.bytes() == before[:0x804] + b"\x05\x03" + before[0x806:]


@pytest.mark.parametrize("offset", [15, 16, -2, 3])
def test_a_bell_outside_of_its_window_is_refused(window: Window, offset: int) -> None:
    with pytest.raises(DeviceError, match=NAME):
        window.part(0x800, 16).doorbell(offset, 0)


def test_a_bell_of_ports_knows_the_file_too(bar: Bar) -> None:
    window = FileWindow(bar.file, NAME, 64, base=8, port=0xC000)
    assert window.doorbell(16, 3) == Doorbell.out(0xC010, 3, bar.file.fd, 24)


def test_a_mapping_that_is_lost_is_told_and_survived(bar: Bar) -> None:
    window = bar.mapped()
    os.truncate(bar.path, 0)
    for access in (lambda: window.read(0, 4), lambda: window.write(0, 4, 1)):
        with pytest.raises(DeviceError, match=f"^{NAME}: the device is gone$"):
            access()
    assert bar.bar.is_dead


def test_a_file_that_ends_early_is_told(bar: Bar) -> None:
    window = bar.filed()
    os.truncate(bar.path, 18)
    with pytest.raises(DeviceError, match=f"^{NAME}: only 2 of 4 bytes could be read at 0x10$"):
        window.read(16, 4)


def test_nothing_is_reached_after_the_end(bar: Bar) -> None:
    mapped, filed = bar.mapped(), bar.filed()
    for close in (*bar.closers, *bar.closers):
        close()
    for window in (mapped, filed):
        with pytest.raises(DeviceError):
            window.read(0, 1)
        with pytest.raises(DeviceError):
            window.write(0, 1, 1)


def test_a_bar_smaller_than_a_page_begins_within_it(bar: Bar) -> None:
    small = MappedBar(bar.file.fd, 64, NAME, inside=0x80)
    bar.closers.append(small.close)
    assert MappedWindow(small, 64).read(0, 1) == 0x80


def test_what_cannot_be_mapped_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    file = DeviceFile.open(tmp_path / "empty", NAME)
    with pytest.raises(DeviceError, match=f"^cannot map {NAME}: "):
        MappedBar(file.fd, mmap.PAGESIZE, NAME)
    file.close()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=f"^{NAME}: cannot open {tmp_path}/none: No such file or directory$"):
        DeviceFile.open(tmp_path / "none", NAME)


@pytest.mark.parametrize(("port", "size"), [(0, 4), (-1, 4), (0xFFFF, 4), (0x10000, 1)])
def test_what_cannot_be_ports_is_refused_before_any_is_touched(port: int, size: int) -> None:
    with pytest.raises(DeviceError, match=f"^{NAME}: "):
        PortWindow(NAME, size, port)
