import faulthandler
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.log import Logged

from pytestpmd._dataplane import ffi
from pytestpmd.eal.window import GRAIN, LOW, Window
from pytestpmd.errors import ConfigError

#: Beyond what AddressSanitizer has for itself.
HIGH = 1 << 45
SIZE = 4 * GRAIN


@pytest.fixture
def window() -> Window:
    return Window(SIZE)


@pytest.fixture
def fd() -> Iterator[int]:
    fd = os.memfd_create("file")
    os.ftruncate(fd, SIZE)
    yield fd
    os.close(fd)


def mapped() -> list[tuple[int, int]]:
    """What is mapped in this process."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [(int(start, 16), int(end, 16)) for start, end in (line.split()[0].split("-") for line in lines)]


def test_it_begins_low_unless_something_is_there(fd: int) -> None:
    """An IOMMU may know 39 bits of an address."""
    window = Window()
    is_free = not any(start < LOW + window.size and end > LOW for start, end in mapped())
    address = window.map(fd, GRAIN)
    assert address == window.base
    assert address % GRAIN == 0
    assert (address == LOW) == is_free
    assert LOW + window.size < 1 << 39


def test_it_begins_where_it_is_told_to_or_says_that_it_does_not(fd: int, logged: Logged) -> None:
    window, blocked = Window(SIZE), Window(SIZE)
    window.wanted = blocked.wanted = HIGH
    assert window.map(fd, GRAIN) == HIGH
    assert blocked.map(fd, GRAIN) != HIGH
    assert "EAL: WARNING! Base virtual address hint (0x200000000000 != " in logged


def test_its_addresses_go_with_it(fd: int) -> None:
    window = Window(SIZE)
    base = window.map(fd, GRAIN)
    del window
    assert not any(start <= base < end for start, end in mapped())


def test_files_lie_in_it_apart_and_are_the_same_bytes(window: Window, fd: int) -> None:
    places = [window.map(fd, size) for size in (1, GRAIN, GRAIN + 1)]
    assert [place - window.base for place in places] == [0, GRAIN, 2 * GRAIN]
    for place in places:
        ffi.memmove(ffi.cast("uint8_t *", place), place.to_bytes(8, "little"), 8)
        assert os.pread(fd, 8, 0) == place.to_bytes(8, "little")


def test_what_is_given_back_is_used_again(window: Window, fd: int) -> None:
    first, second = window.map(fd, GRAIN), window.map(fd, 3 * GRAIN)
    with pytest.raises(ConfigError, match=r"^Cannot map 1 bytes: there are addresses for 8 MB in all$"):
        window.map(fd, 1)
    window.unmap(first, GRAIN)
    assert window.map(fd, GRAIN) == first
    window.unmap(second, 3 * GRAIN)
    assert window.map(fd, 2 * GRAIN) == second


def test_what_was_given_back_cannot_be_touched_and_is_still_ours(window: Window, fd: int) -> None:
    address = window.map(fd, GRAIN)
    window.unmap(address, GRAIN)
    assert any(start <= address < end for start, end in mapped())
    if not os.fork():
        faulthandler.disable()
        ffi.cast("uint8_t *", address)[0] = 1
        os._exit(0)
    assert os.WIFSIGNALED(os.wait()[1])


def test_a_file_that_cannot_be_mapped_takes_no_room(window: Window, fd: int) -> None:
    read_only = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    with pytest.raises(PermissionError):
        window.map(read_only, SIZE)
    os.close(read_only)
    assert window.map(fd, SIZE) == window.base


def test_addresses_that_are_not_to_be_had_are_one_line(fd: int) -> None:
    with pytest.raises(ConfigError, match=r"^Cannot set aside \d+ MB of addresses: Cannot allocate memory$"):
        Window(1 << 50).map(fd, 1)
