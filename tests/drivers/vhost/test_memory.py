"""The front-end's memory: what is mapped, what is found in it, and what cannot be mapped."""

import fcntl
import mmap
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.vhost.memory import GuestMemory
from pytestpmd.eal.memory import address_of
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user import messages as m

pytestmark = pytest.mark.usefixtures("no_leaks")

PAGE = mmap.PAGESIZE
GUEST, USER = 0x4000_0000, 0x7FFF_0000_0000
MakeRegion = Callable[..., m.MemRegion]


@pytest.fixture
def region() -> MakeRegion:
    """Make a region of a file of its own, whose bytes tell where they are; the fd is given away."""

    def make(number: int = 0, *, pages: int = 4, size: int | None = None, offset: int = 0) -> m.MemRegion:
        fd = os.memfd_create(f"region{number}", os.MFD_CLOEXEC)
        os.ftruncate(fd, pages * PAGE)
        for page in range(pages):
            os.pwrite(fd, bytes([number * 16 + page]) * PAGE, page * PAGE)
        at = number * 0x100_0000
        return m.MemRegion(GUEST + at, pages * PAGE - offset if size is None else size, USER + at, offset, fd)

    return make


@pytest.fixture
def mapped() -> Iterator[Callable[..., GuestMemory]]:
    made: list[GuestMemory] = []

    def make(*regions: m.MemRegion) -> GuestMemory:
        made.append(GuestMemory(regions))
        return made[-1]

    yield make
    for memory in made:
        memory.unmap()


def byte(memory: GuestMemory, address: int) -> int:
    return int(memory.at_user_address(address, 1)[0])


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_a_user_address_is_found_in_its_region(mapped: Any, region: MakeRegion) -> None:
    memory = mapped(region(0), region(1), region(2, offset=PAGE))
    assert [byte(memory, USER + page * PAGE) for page in range(4)] == [0, 1, 2, 3]
    assert byte(memory, USER + 0x100_0000 + PAGE) == 0x11
    assert byte(memory, USER + 0x200_0000) == 0x21, "the region begins at its offset in the file"
    assert memory.ptr.nb_regions == 3


def test_the_data_plane_gets_guest_addresses_sizes_and_where_they_are(mapped: Any, region: MakeRegion) -> None:
    memory = mapped(region(0), region(1, size=PAGE + 5))
    second = memory.ptr.regions[1]
    assert (second.guest_addr, second.size, second.host[0]) == (GUEST + 0x100_0000, PAGE + 5, 0x10)
    assert not memory.is_dead


@pytest.mark.parametrize(
    ("offset", "size", "ok"),
    [
        (0, 4 * PAGE, True),
        (0, 4 * PAGE + 1, False),
        (4 * PAGE - 1, 1, True),
        (4 * PAGE, 1, False),
        (4 * PAGE - 1, 2, False),
        (-1, 1, False),
        (-1, 4 * PAGE, False),
        (0x100_0000 - 1, 2, False),
        (0, 1 << 63, False),
        (-USER, 1, False),
        ((1 << 64) - USER - 1, 2, False),
    ],
)
def test_what_is_not_whole_in_one_region_is_not_found(
    mapped: Any, region: MakeRegion, offset: int, size: int, ok: bool
) -> None:
    memory = mapped(region(0), region(1))
    if ok:
        assert memory.at_user_address(USER + offset, size)
    else:
        with pytest.raises(DeviceError, match=r"are not in one region of the front-end's memory$"):
            memory.at_user_address(USER + offset, size)


def test_regions_side_by_side_are_two(mapped: Any, region: MakeRegion) -> None:
    """Adjacent for the front-end, anywhere for us."""
    first = region(0)
    second = m.MemRegion(GUEST + 4 * PAGE, PAGE, USER + 4 * PAGE, 0, region(1).fd)
    memory = mapped(first, second)
    assert byte(memory, USER + 4 * PAGE - 1) == 3
    assert byte(memory, USER + 4 * PAGE) == 0x10
    with pytest.raises(DeviceError):
        memory.at_user_address(USER + 4 * PAGE - 1, 2)


@pytest.mark.parametrize("offset", [1, 2, 4, 8, 15, 16, 4095])
def test_an_address_that_is_aligned_there_and_not_here_is_refused(mapped: Any, region: MakeRegion, offset: int) -> None:
    memory = mapped(region(0, offset=offset))
    at = USER + PAGE  # aligned for the front-end
    for align in (2, 4, 16):
        if offset % align:
            with pytest.raises(DeviceError, match=rf"cannot be mapped aligned to {align}$"):
                memory.at_user_address(at, 16, align=align)
        else:
            assert address_of(memory.at_user_address(at, 16, align=align)) % align == 0


def test_files_are_closed_when_they_are_mapped_and_unmapped_when_they_are_let_go(region: MakeRegion) -> None:
    made = [region(0), region(1)]
    memory = GuestMemory(made)
    assert not any(is_open(each.fd) for each in made)
    assert "/memfd:region0" in Path("/proc/self/maps").read_text()
    memory.unmap()
    memory.unmap()
    assert "/memfd:region" not in Path("/proc/self/maps").read_text()
    assert memory.ptr.nb_regions == 0


def unmappable() -> dict[str, Callable[[], int]]:
    def pipe() -> int:
        read, write = os.pipe()
        os.close(write)
        return read

    def sock() -> int:
        return socket.socket(socket.AF_UNIX).detach()

    def sealed() -> int:
        fd = os.memfd_create("sealed", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, 16 * PAGE)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        return fd

    return {
        "pipe": pipe,
        "socket": sock,
        "eventfd": lambda: os.eventfd(0),
        "directory": lambda: os.open("/tmp", os.O_RDONLY),
        "path": lambda: os.open("/tmp", os.O_PATH),
        "read-only": lambda: os.open(__file__, os.O_RDONLY),
        "sealed": sealed,
        "empty": lambda: os.memfd_create("empty"),
        "null": lambda: os.open("/dev/null", os.O_RDWR),
    }


@pytest.mark.parametrize("make", unmappable().values(), ids=unmappable())
def test_what_cannot_be_mapped_is_refused_and_closed(region: MakeRegion, make: Callable[[], int]) -> None:
    good, bad = region(0), m.MemRegion(GUEST + (1 << 30), PAGE, USER + (1 << 30), 0, make())
    with pytest.raises(DeviceError, match=r"^cannot map the region 0x80000000\+0x1000@"):
        GuestMemory([good, bad])
    assert not is_open(good.fd)
    assert not is_open(bad.fd)
    assert "/memfd:region" not in Path("/proc/self/maps").read_text(), "the good one is unmapped again"


@pytest.mark.parametrize(
    ("size", "offset"),
    [
        (5 * PAGE, 0),
        (PAGE, 4 * PAGE),
        (4 * PAGE, 1),
        (1 << 40, 0),
        (PAGE, 1 << 50),
        (PAGE, (1 << 63) - PAGE - 1),
        ((1 << 63) - 1, 0),
        ((1 << 63) - PAGE, PAGE - 1),
    ],
)
def test_a_region_that_its_file_does_not_have_is_refused(region: MakeRegion, size: int, offset: int) -> None:
    with pytest.raises(DeviceError, match=r"^cannot map the region"):
        GuestMemory([region(0, size=size, offset=offset)])


@pytest.mark.parametrize("block", [2 << 20, 1 << 20, 128 << 10, 512, 6000])
def test_a_file_on_a_file_system_with_other_blocks_than_pages_is_mapped(
    mapped: Any, region: MakeRegion, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """tmpfs on huge pages, ZFS and NFS have large blocks and files that end anywhere."""
    fstat = os.fstat

    class Stat:
        def __init__(self, fd: int) -> None:
            real = fstat(fd)
            self.st_dev, self.st_ino, self.st_size, self.st_blksize = real.st_dev, real.st_ino, real.st_size, block

    monkeypatch.setattr(os, "fstat", Stat)
    memory = mapped(region(0))
    monkeypatch.undo()
    assert byte(memory, USER + 3 * PAGE) == 3


def test_a_file_that_shrinks_is_noticed_when_it_is_read(mapped: Any, region: MakeRegion) -> None:
    first = region(0)
    keep = os.dup(first.fd)
    memory = mapped(first, region(1))
    os.ftruncate(keep, PAGE)
    assert byte(memory, USER) == 0
    assert not memory.is_dead
    assert byte(memory, USER + 3 * PAGE) == 0, "zeros instead of what was there"
    assert memory.is_dead
    assert byte(memory, USER + 0x100_0000) == 0x10, "the other region is as it was"
    os.close(keep)


def test_more_regions_than_can_be_guarded_are_refused_and_given_back(region: MakeRegion) -> None:
    page = mmap.mmap(-1, PAGE)
    start, dead = ffi.from_buffer("uint8_t[]", page), ffi.new("uint32_t *")
    guards = []
    while (guard := lib.sigbus_guard(start, PAGE, PAGE, dead)) >= 0:
        guards.append(guard)
    made = region(0)
    with pytest.raises(DeviceError, match="too many regions"):
        GuestMemory([made])
    assert not is_open(made.fd)
    assert "/memfd:region" not in Path("/proc/self/maps").read_text()
    for guard in guards:
        lib.sigbus_unguard(guard)
    GuestMemory([region(0)]).unmap()


def test_each_region_has_a_line_for_the_log(mapped: Any, region: MakeRegion) -> None:
    lines = mapped(region(0), region(1)).describe()
    assert len(lines) == 2
    assert lines[0].startswith("0x40000000+0x4000@0x7fff00000000/0x0 mapped at 0x")
