"""A machine's physical memory, for tests without a right to it: ordinary pages, and places that somebody made up."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fakes.guest import GuestMemory

from pytestpmd._dataplane import ffi
from pytestpmd.eal import iova
from pytestpmd.eal.hugepages import HUGE_PAGE, HugePages
from pytestpmd.eal.pagemap import Pagemap
from pytestpmd.eal.window import Window

FIRST = 7 << 30
WINDOW = 256 << 20


class ScatteredPages(Pagemap):
    """Each page lies before the one that was asked for before it, and none beside another."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[int, int] = {}

    def physical(self, address: int) -> int:
        page = address // HUGE_PAGE * HUGE_PAGE
        return self.places.setdefault(page, FIRST - 2 * HUGE_PAGE * len(self.places)) + address - page


class PhysicalMemory:
    """The pages that the program has, and what a device sees of them."""

    def __init__(self) -> None:
        self.window = Window(WINDOW)
        self.pagemap = ScatteredPages()
        self.pages = HugePages(self.window, self.pagemap, make_file=ordinary_file)

    @property
    def nb_pages(self) -> int:
        """Pages that are taken."""
        return sum(self.window._taken)

    def seen(self) -> GuestMemory:
        """All of them, by physical addresses."""
        taken = [self.window.base + i * HUGE_PAGE for i, taken in enumerate(self.window._taken) if taken]
        return GuestMemory((self.pagemap.places[page], view(page)) for page in taken)


def view(page: int) -> memoryview:
    return memoryview(ffi.buffer(ffi.cast("uint8_t *", page), HUGE_PAGE))


def ordinary_file(name: str) -> int:
    return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


@contextmanager
def physical_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[PhysicalMemory]:
    """Mode PA."""
    made, state = PhysicalMemory(), iova._Iova()
    state.window, state.pages = made.window, made.pages
    with monkeypatch.context() as patch:
        patch.setattr(iova, "_IOVA", state)
        yield made
