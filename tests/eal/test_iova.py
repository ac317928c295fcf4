"""Which addresses devices are told, and when that is settled."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.log import Logged
from fakes.packets import MakePool, audit
from fakes.physical import PhysicalMemory, ScatteredPages

from pytestpmd._dataplane import ffi
from pytestpmd.eal import iova
from pytestpmd.eal.hugepages import HUGE_PAGE, HugePages
from pytestpmd.eal.iova import (
    IovaMode,
    check_reach,
    check_whole,
    choose_iova_mode,
    decide,
    iova_map,
    iova_mode,
    to_iova,
    use_iova_mode,
)
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.window import Window
from pytestpmd.errors import ConfigError

PA, VA = IovaMode.PA, IovaMode.VA
PHYSICAL = ("uio_pci_generic", "igb_uio", "vfio-noiommu", "no module")
UNAVAILABLE = "Cannot use IOVA as 'PA' since physical addresses are not available: "


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has just begun."""
    monkeypatch.setattr(iova, "_IOVA", iova._Iova())


@pytest.mark.parametrize(
    ("asked", "ways", "mode"),
    [
        (None, (), VA),
        (None, ("vfio-pci",), VA),
        *((None, (way,), PA) for way in PHYSICAL),
        *((None, ("vfio-pci", way), PA) for way in PHYSICAL),
        (VA, PHYSICAL, VA),
        (PA, (), PA),
        (PA, ("vfio-pci",), PA),
    ],
)
def test_the_mode_is_what_is_asked_for_or_what_any_device_needs(
    asked: IovaMode | None, ways: tuple[str, ...], mode: IovaMode
) -> None:
    assert decide(asked, ways) is mode
    if mode is VA:
        assert decide(asked, ways, no_huge=True) is VA


def test_physical_addresses_without_hugepages_are_refused_in_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        decide(None, ("vfio-pci", "uio_pci_generic", "no module"), no_huge=True)
    needed = "PA is needed for devices reached by no module, uio_pci_generic, and takes hugepages; leave out --no-huge"
    assert str(caught.value) == UNAVAILABLE + needed
    with pytest.raises(ConfigError, match=r"PA is asked for, and takes hugepages; leave out --no-huge$"):
        decide(PA, (), no_huge=True)


def test_pages_that_are_not_to_be_had_leave_mode_va_to_the_other_devices(
    fresh: None, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """Who asked for PA hears of it; devices that need it are refused then, one by one."""

    def none_left(window: Window) -> HugePages:
        return HugePages(window, ScatteredPages(), Path("/nowhere"), lambda _: os.open("/dev/null", os.O_RDWR))

    monkeypatch.setattr(iova, "HugePages", none_left)
    assert choose_iova_mode(None, ["no module"]) is iova_mode() is VA
    line = "EAL: Cannot have 1 hugepages of 2 MB for devices without an IOMMU: Invalid argument"
    assert line in logged.lines
    with pytest.raises(ConfigError, match=line.removeprefix("EAL: ")):
        choose_iova_mode(PA, ["vfio-pci"])


def test_no_page_is_kept_by_who_sees_whether_there_are_any(
    fresh: None, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    memory = PhysicalMemory()
    monkeypatch.setattr(iova, "HugePages", lambda window: memory.pages)
    assert choose_iova_mode(None, ["uio_pci_generic"]) is iova_mode() is PA
    assert memory.nb_pages == 0
    assert logged.lines == ["EAL: Selected IOVA mode 'PA'"]


def test_in_mode_va_devices_are_told_our_addresses(fresh: None) -> None:
    assert (iova_mode(), iova_map()) == (VA, ffi.NULL)
    assert to_iova(0x12345) == 0x12345


def test_the_mode_is_settled_by_the_first_memory_for_devices(fresh: None) -> None:
    Arena(1), Arena(1, shared=True)
    use_iova_mode(PA)
    assert iova_mode() is PA
    use_iova_mode(VA)
    Arena(1, bus=True)
    use_iova_mode(VA)
    with pytest.raises(ConfigError, match=r"^IOVA mode PA comes too late: there is memory of mode VA$"):
        use_iova_mode(PA)
    assert iova_mode() is VA


def test_a_device_that_sees_physical_memory_is_refused_in_mode_va(fresh: None) -> None:
    check_reach(needs_physical=False)
    refusal = r"^Expecting 'PA' IOVA mode but current mode is 'VA', not initializing$"
    with pytest.raises(ConfigError, match=refusal):
        check_reach(needs_physical=True)
    use_iova_mode(PA)
    check_reach(needs_physical=True)


# Memory in mode PA.


def test_an_arena_for_devices_lies_in_pages_and_goes_with_them(physical: PhysicalMemory) -> None:
    arena = Arena(3 * HUGE_PAGE + 1, shared=True, bus=True)
    assert (physical.nb_pages, arena.size, arena.address % HUGE_PAGE) == (4, 4 * HUGE_PAGE, 0)
    assert arena.region().fd == arena.fd
    assert to_iova(arena.address) == physical.pagemap.physical(arena.address)
    del arena
    assert physical.nb_pages == 0


def test_nobody_can_change_a_shared_one_s_size(physical: PhysicalMemory) -> None:
    arena = Arena(1, shared=True, bus=True)
    with pytest.raises(PermissionError):
        os.ftruncate(arena.fd, 0)


def test_small_arenas_for_devices_alone_share_a_page(physical: PhysicalMemory) -> None:
    arenas = [Arena(100 << 10, bus=True) for _ in range(20)]
    assert physical.nb_pages == 1
    assert [arena.fd for arena in arenas] == [-1] * 20
    arenas.clear()
    assert physical.nb_pages == 0


def test_other_arenas_have_nothing_to_do_with_pages(physical: PhysicalMemory) -> None:
    assert Arena(1 << 20).size == Arena(1 << 20, shared=True).size == 1 << 20
    assert physical.nb_pages == 0


def test_only_what_lies_in_one_page_is_whole_to_devices(physical: PhysicalMemory) -> None:
    at = Arena(2 * HUGE_PAGE, shared=True, bus=True)
    check_whole(at.address, HUGE_PAGE)
    check_whole(at.address + HUGE_PAGE, HUGE_PAGE)
    with pytest.raises(ConfigError, match=r"told of 2 bytes at 0x\w+: they are in several hugepages$"):
        check_whole(at.address + HUGE_PAGE - 1, 2)
    elsewhere = Arena(1, shared=True)
    with pytest.raises(ConfigError, match=r": it is in no hugepage$"):
        check_whole(elsewhere.address, 1)


def test_in_mode_va_all_is_whole(fresh: None) -> None:
    check_whole(HUGE_PAGE - 1, 2 * HUGE_PAGE)


@pytest.mark.parametrize(("size", "data_room"), [(1, 2176), (936, 2176), (937, 2176), (3000, 2176), (100, 65535)])
def test_no_buffer_goes_over_the_end_of_a_page(
    physical: PhysicalMemory, make_pool: MakePool, size: int, data_room: int
) -> None:
    pool = make_pool(size, data_room)
    starts = [address_of(pool.ptr.mbufs[i].buf_addr) for i in range(size)]
    assert all(start // HUGE_PAGE == (start + data_room - 1) // HUGE_PAGE for start in starts)
    assert all(start % 64 == 0 for start in starts)
    stride = -(-data_room // 64) * 64
    assert all(after - before >= stride for before, after in pairwise(starts))
    assert physical.nb_pages == -(-size // (HUGE_PAGE // stride))
    region = pool.arena.region()
    assert region.address <= starts[0]
    assert starts[-1] + data_room <= region.address + region.size
    audit(pool)
