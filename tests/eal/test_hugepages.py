"""Pages of 2 MB and where they are, with ordinary memory in their place: the machine need not have any."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.physical import PhysicalMemory, ScatteredPages, ordinary_file

from pytestpmd._dataplane import ffi
from pytestpmd.eal.hugepages import HUGE_PAGE, UNIT, HugePages, Piece
from pytestpmd.eal.pagemap import Pagemap
from pytestpmd.eal.window import Window
from pytestpmd.errors import ConfigError

NONE_LEFT = "of 2 MB for rings: "


@pytest.fixture
def memory() -> PhysicalMemory:
    return PhysicalMemory()


def fill(piece: Piece) -> None:
    ffi.memmove(ffi.cast("uint8_t *", piece.address), b"\xff" * piece.size, piece.size)


def content(piece: Piece) -> bytes:
    return bytes(ffi.buffer(ffi.cast("uint8_t *", piece.address), piece.size))


def is_open(fd: int) -> bool:
    return Path(f"/proc/self/fd/{fd}").exists()


@pytest.mark.parametrize(("asked", "pages"), [(1, 1), (HUGE_PAGE, 1), (HUGE_PAGE + 1, 2), (5 * HUGE_PAGE - 1, 5)])
def test_whole_pages_have_a_file_of_their_own(memory: PhysicalMemory, asked: int, pages: int) -> None:
    piece = memory.pages.take(asked, "pool")
    assert (piece.size, memory.nb_pages) == (pages * HUGE_PAGE, pages)
    assert os.fstat(piece.fd).st_size == piece.size
    fill(piece)
    assert os.pread(piece.fd, 4, piece.size - 4) == b"\xff" * 4
    memory.pages.give_back(piece)
    assert (memory.nb_pages, is_open(piece.fd)) == (0, False)


def test_each_page_is_found_where_it_lies(memory: PhysicalMemory) -> None:
    piece = memory.pages.take(3 * HUGE_PAGE, "pool")
    for at in (0, 1, HUGE_PAGE - 1, HUGE_PAGE, 2 * HUGE_PAGE + 4097, 3 * HUGE_PAGE - 1):
        address = piece.address + at
        assert memory.pages.to_iova(address) == memory.pagemap.physical(address)
    assert len({memory.pages.to_iova(piece.address + i * HUGE_PAGE) - i * HUGE_PAGE for i in range(3)}) == 3


def test_what_is_in_no_page_has_no_place(memory: PhysicalMemory) -> None:
    def refused(address: int) -> None:
        with pytest.raises(ConfigError, match=rf"^Devices cannot be told of {address:#x}: it is in no hugepage$"):
            memory.pages.to_iova(address)

    refused(0x12345)
    stays, goes = memory.pages.take(HUGE_PAGE, "pool"), memory.pages.take(HUGE_PAGE, "pool")
    memory.pages.give_back(goes)
    window = memory.window
    for address in (window.base - 1, goes.address, window.base + window.size - 1, window.base + window.size, 0):
        refused(address)
    assert memory.pages.to_iova(stays.address) == memory.pagemap.physical(stays.address)


def test_the_table_for_c_holds_what_an_address_is_added_to(memory: PhysicalMemory) -> None:
    memory.pages.take(HUGE_PAGE, "pool")
    piece = memory.pages.take(HUGE_PAGE, "pool")
    assert memory.pages.map.base == memory.window.base
    delta = memory.pages.map.deltas[1]
    assert (piece.address + delta) % (1 << 64) == memory.pagemap.physical(piece.address)


def test_small_pieces_share_a_page_and_none_goes_over_its_end(memory: PhysicalMemory) -> None:
    pieces = [memory.pages.carve(size, "rings") for size in (1, UNIT, UNIT + 1, 700 << 10, 1 << 20, 500 << 10)]
    assert memory.nb_pages == 2
    assert [piece.size for piece in pieces[:3]] == [UNIT, UNIT, 2 * UNIT]
    spans = sorted((piece.address, piece.address + piece.size) for piece in pieces)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(start // HUGE_PAGE == (end - 1) // HUGE_PAGE for start, end in spans)
    assert all(piece.fd == -1 for piece in pieces), "nobody is to map what others have a part in"
    for piece in pieces:
        assert memory.pages.to_iova(piece.address) == memory.pagemap.physical(piece.address)
        memory.pages.give_back(piece)
    assert memory.nb_pages == 0


def test_a_part_that_is_used_again_is_zeroed(memory: PhysicalMemory) -> None:
    stays, goes = memory.pages.carve(UNIT, "rings"), memory.pages.carve(2 * UNIT, "rings")
    fill(stays)
    fill(goes)
    memory.pages.give_back(goes)
    again = memory.pages.carve(UNIT, "rings")
    assert again.address == goes.address
    assert content(again) == bytes(UNIT)
    assert content(stays) == b"\xff" * UNIT


def test_more_than_a_page_is_not_carved(memory: PhysicalMemory) -> None:
    memory.pages.carve(1, "rings")
    piece = memory.pages.carve(HUGE_PAGE + 1, "rings")
    assert (piece.address % HUGE_PAGE, piece.size) == (0, 2 * HUGE_PAGE)


# What cannot be had.


def counts(root: Path, total: int, free: int, promised: int) -> Path:
    """A sysfs that says so of pages of 2 MB."""
    folder = root / "kernel/mm/hugepages/hugepages-2048kB"
    folder.mkdir(parents=True)
    for name, number in (("nr", total), ("free", free), ("resv", promised)):
        (folder / f"{name}_hugepages").write_text(f"{number}\n")
    return root


def nothing_to_map(_: str) -> int:
    return os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)


@pytest.mark.parametrize(
    ("total", "free", "promised", "said", "wanted"),
    [(0, 0, 0, "0 of 0", 512), (256, 10, 9, "1 of 256", 512), (600, 3, 0, "3 of 600", 607)],
)
def test_too_few_pages_is_one_line_that_says_how_to_have_more(
    tmp_path: Path, total: int, free: int, promised: int, said: str, wanted: int
) -> None:
    sysfs = counts(tmp_path, total, free, promised)
    pages = HugePages(Window(64 << 20), ScatteredPages(), sysfs, nothing_to_map)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ConfigError) as caught:
        pages.take(10 * HUGE_PAGE, "rings")
    path = tmp_path / "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    assert str(caught.value) == f"Cannot have 10 hugepages of 2 MB for rings: {said} are free; echo {wanted} > {path}"
    assert os.listdir("/proc/self/fd") == before


def test_a_machine_that_says_nothing_of_its_pages_tells_why_there_are_none(tmp_path: Path) -> None:
    pages = HugePages(Window(64 << 20), ScatteredPages(), tmp_path, nothing_to_map)
    with pytest.raises(ConfigError, match=rf"^Cannot have 1 hugepages {NONE_LEFT}Invalid argument$"):
        pages.carve(1, "rings")


def test_a_kernel_without_such_pages_is_one_line() -> None:
    def no_such_size(_: str) -> int:
        raise OSError(2, "No such file or directory")

    with pytest.raises(ConfigError, match=rf"^Cannot have hugepages {NONE_LEFT}No such file or directory$"):
        HugePages(Window(64 << 20), ScatteredPages(), make_file=no_such_size).take(1, "rings")


class Forbidden(Pagemap):
    """Tells of one page, and of no other."""

    def __init__(self) -> None:
        super().__init__()
        self.nb_told = 0

    def physical(self, address: int) -> int:
        self.nb_told += 1
        if self.nb_told > 1:
            raise ConfigError("no right")
        return 0x200000


def test_pages_of_unknown_places_are_given_back() -> None:
    window = Window(64 << 20)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ConfigError, match=r"^no right$"):
        HugePages(window, Forbidden(), make_file=ordinary_file).take(2 * HUGE_PAGE, "pool")
    assert not any(window._taken)
    assert os.listdir("/proc/self/fd") == before


def test_a_page_that_does_not_begin_where_such_pages_do_is_none() -> None:
    class Odd(Pagemap):
        def physical(self, address: int) -> int:
            return 0x201000

    with pytest.raises(ConfigError, match=r"^The hugepage at 0x\w+ is none: it begins at 0x201000$"):
        HugePages(Window(64 << 20), Odd(), make_file=ordinary_file).take(1, "pool")


def test_pages_are_as_many_as_there_are_addresses_for(memory: PhysicalMemory) -> None:
    with pytest.raises(ConfigError, match=r"^Cannot map \d+ bytes: there are addresses for 256 MB in all$"):
        memory.pages.take(257 << 20, "pool")
