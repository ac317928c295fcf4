import mmap
import os
from itertools import pairwise

import pytest

from pytestpmd._dataplane import ffi
from pytestpmd.eal.memory import CACHE_LINE, PAGE, Arena, address_of
from pytestpmd.errors import TestpmdError


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("asked", "size"), [(0, PAGE), (1, PAGE), (PAGE, PAGE), (PAGE + 1, 2 * PAGE), (3 * PAGE - 1, 3 * PAGE)]
)
def test_an_arena_has_whole_pages(shared: bool, asked: int, size: int) -> None:
    arena = Arena(asked, shared=shared)
    assert arena.size == size
    assert arena.address % PAGE == 0
    ffi.memmove(arena.alloc(size), bytes([255]) * size, size)


def test_blocks_are_zeroed_aligned_and_apart() -> None:
    arena = Arena(64 << 10)
    spans = []
    for size in (1, 63, 64, 65, 7, 4096, 1):
        block = arena.alloc(size)
        assert address_of(block) % CACHE_LINE == 0
        assert bytes(ffi.buffer(block, size)) == bytes(size)
        ffi.memmove(block, bytes([255]) * size, size)
        spans.append((address_of(block), size))
    assert all(start + size <= after for (start, size), (after, _) in pairwise(spans))


@pytest.mark.parametrize("align", [1, 2, 16, 64, 4096])
def test_a_block_is_aligned_as_asked(align: int) -> None:
    arena = Arena(64 << 10)
    arena.alloc(1)
    assert address_of(arena.alloc(8, align)) % align == 0


def test_structs_lie_on_a_line_of_their_own_side_by_side() -> None:
    arena = Arena(64 << 10)
    arena.alloc(1)
    structs = arena.struct("struct mbuf", 3)
    assert address_of(structs) % CACHE_LINE == 0
    assert address_of(structs + 1) - address_of(structs) == ffi.sizeof("struct mbuf")
    assert structs[2].next == ffi.NULL


def test_an_arena_gives_all_it_has_and_no_more() -> None:
    arena = Arena(PAGE)
    arena.alloc(PAGE - 64)
    with pytest.raises(TestpmdError, match=r"^Out of memory: 65 bytes asked of an arena of 4096$"):
        arena.alloc(65)
    arena.alloc(64)
    with pytest.raises(TestpmdError):
        arena.alloc(1)


def test_a_shared_arena_is_the_same_bytes_behind_its_fd() -> None:
    arena = Arena(2 * PAGE, shared=True)
    region = arena.region()
    assert (region.address, region.size, region.offset) == (arena.address, 2 * PAGE, 0)
    block = arena.alloc(5)
    ffi.memmove(block, b"hello", 5)
    with mmap.mmap(region.fd, region.size) as other:
        assert other[:5] == b"hello"
        other[:5] = b"HELLO"
    assert bytes(ffi.buffer(block, 5)) == b"HELLO"


@pytest.mark.parametrize("size", [0, PAGE, 3 * PAGE])
def test_nobody_can_change_a_shared_arena_s_size(size: int) -> None:
    arena = Arena(2 * PAGE, shared=True)
    with pytest.raises(PermissionError):
        os.ftruncate(arena.fd, size)


def test_a_private_arena_has_nothing_to_share() -> None:
    assert Arena(PAGE).fd == -1


def test_the_fd_is_closed_with_the_arena_and_not_before() -> None:
    arena = Arena(PAGE, shared=True)
    fd = arena.fd
    assert is_open(fd)
    del arena
    assert not is_open(fd)


def test_a_kernel_without_transparent_huge_pages_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "MADV_HUGEPAGE", 9999)
    assert Arena(PAGE).size == PAGE


@pytest.mark.parametrize("shared", [False, True])
def test_memory_that_is_not_to_be_had_is_one_clear_line(shared: bool) -> None:
    with pytest.raises(TestpmdError, match=rf"^Cannot map {1 << 62} bytes of memory for rings: "):
        Arena(1 << 62, shared=shared, name="rings")


def test_an_arena_that_could_not_be_made_leaves_no_fd(monkeypatch: pytest.MonkeyPatch) -> None:
    fds: list[int] = []
    create = os.memfd_create

    def remember(name: str, flags: int) -> int:
        fds.append(create(name, flags))
        return fds[-1]

    monkeypatch.setattr(os, "memfd_create", remember)
    with pytest.raises(TestpmdError):
        Arena(1 << 62, shared=True)
    assert not is_open(fds[0])
