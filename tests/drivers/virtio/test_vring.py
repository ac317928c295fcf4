from collections.abc import Callable

import pytest

from pytestpmd.drivers.virtio.vring import Layout, legacy_layout, packed_layout, ring_layout, split_layout

SIZES = [1 << power for power in range(16)]
LINE = 64


def line_of(offset: int) -> int:
    return offset // LINE


def parts(layout: Layout) -> list[tuple[int, int]]:
    """Beginning and end of table, available ring and used ring, with their event fields (virtio 1.2, 2.7)."""
    n = layout.size
    return [
        (layout.desc, layout.desc + 16 * n),
        (layout.avail, layout.avail + 6 + 2 * n),
        (layout.used, layout.used + 6 + 8 * n),
    ]


@pytest.mark.parametrize("size", SIZES)
def test_parts_are_aligned_as_the_specification_asks(size: int) -> None:
    layout = split_layout(size)
    assert layout.desc % 16 == 0
    assert layout.avail % 2 == 0
    assert layout.used % 4 == 0


@pytest.mark.parametrize("size", SIZES)
def test_parts_follow_each_other_without_overlap_and_the_total_holds_them(size: int) -> None:
    layout = split_layout(size)
    (_, desc_end), (avail, avail_end), (used, used_end) = parts(layout)
    assert desc_end <= avail < avail_end <= used < used_end <= layout.total
    assert layout.total % LINE == 0, "the next queue begins on a line of its own"


@pytest.mark.parametrize("size", SIZES)
def test_each_index_has_a_cache_line_that_nothing_else_is_on(size: int) -> None:
    layout = split_layout(size)
    (_, desc_end), (avail, avail_end), (used, _) = parts(layout)
    assert line_of(desc_end - 1) < line_of(avail)
    assert line_of(avail + 3) == line_of(avail), "flags and index lie together"
    assert line_of(avail + 4) == line_of(avail) + 1
    assert line_of(avail_end - 1) < line_of(used)
    assert line_of(used + 3) == line_of(used)
    assert line_of(used + 4) == line_of(used) + 1


@pytest.mark.parametrize("size", SIZES)
def test_little_is_wasted(size: int) -> None:
    assert split_layout(size).total <= 16 * size + 2 * size + 8 * size + 12 + 5 * LINE


@pytest.mark.parametrize("make", [split_layout, legacy_layout])
@pytest.mark.parametrize("size", [0, -1, -256, 3, 255, 257, 32769, 65536, 1 << 20])
def test_other_sizes_are_refused(size: int, make: Callable[[int], Layout]) -> None:
    with pytest.raises(ValueError, match=f"{size} is no size"):
        make(size)


@pytest.mark.parametrize("size", SIZES)
def test_a_legacy_ring_is_the_block_that_the_specification_computes(size: int) -> None:
    """virtio 1.2, 2.7.2: the virtqueue layout of legacy devices, ``qalign`` 4096."""
    layout = legacy_layout(size)
    first = -(-(16 * size + 2 * (3 + size)) // 4096) * 4096
    assert (layout.desc, layout.avail, layout.used) == (0, 16 * size, first)
    assert layout.total == first + -(-(2 * 3 + 8 * size) // 4096) * 4096
    assert layout.align == 4096, "it is told of by the number of a page (4.1.5.1.3.1)"


@pytest.mark.parametrize(
    ("packed", "legacy", "expected"),
    [(False, False, split_layout(256)), (False, True, legacy_layout(256)), (True, False, packed_layout(256))],
)
def test_a_kind_of_ring_has_its_own_layout(packed: bool, legacy: bool, expected: Layout) -> None:
    assert ring_layout(256, packed=packed, legacy=legacy) == expected
    assert expected.packed == packed


ANY_SIZES = [1, 2, 3, 4, 7, 31, 64, 100, 255, 256, 32767, 32768]


@pytest.mark.parametrize("size", ANY_SIZES)
def test_a_packed_ring_of_any_size_is_aligned_and_its_event_areas_have_lines_of_their_own(size: int) -> None:
    """virtio 1.2, 2.8.10.1; each area has another writer."""
    layout = packed_layout(size)
    assert (layout.desc % 16, layout.avail % 4, layout.used % 4) == (0, 0, 0)
    assert line_of(layout.desc + 16 * size - 1) < line_of(layout.avail) < line_of(layout.used)
    assert layout.used + 4 <= layout.total
    assert layout.total % LINE == 0
    assert layout.total <= 16 * size + 3 * LINE


@pytest.mark.parametrize("size", [0, -1, 32769, 65536])
def test_a_packed_ring_is_no_longer_than_15_bits_count(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} is no size"):
        packed_layout(size)
