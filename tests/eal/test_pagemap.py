"""The kernel's answer about a page, as a file that a test writes (Linux, Documentation/admin-guide/mm/pagemap.rst)."""

from pathlib import Path

import pytest

from pytestpmd.eal.pagemap import Pagemap
from pytestpmd.errors import ConfigError

PRESENT = 1 << 63
SOFT_DIRTY = 1 << 55
REMEDY = r"run as root \(CAP_SYS_ADMIN\), or bind the devices to vfio-pci where there is an IOMMU$"


@pytest.fixture
def pagemap(tmp_path: Path) -> Pagemap:
    """Of page 3 it is known where it is, of page 4 that it may not be known, of page 5 that it is not there."""
    path = tmp_path / "pagemap"
    entries = [0, 0, 0, PRESENT | SOFT_DIRTY | 0x12345, PRESENT, 0x777]
    path.write_bytes(b"".join(entry.to_bytes(8, "little") for entry in entries))
    return Pagemap(path)


def test_a_page_s_number_and_the_place_in_it_make_the_address(pagemap: Pagemap) -> None:
    assert pagemap.physical(3 * 4096) == 0x12345000
    assert pagemap.physical(3 * 4096 + 0xABC) == 0x12345ABC


def test_who_may_not_know_is_told_what_to_do(pagemap: Pagemap) -> None:
    """The kernel tells such a process that every page is page 0."""
    with pytest.raises(ConfigError, match=rf"^Cannot learn physical addresses from \S+/pagemap: {REMEDY}"):
        pagemap.physical(4 * 4096)


@pytest.mark.parametrize("page", [0, 5, 6, 1 << 40])
def test_a_page_that_is_not_there_is_nowhere(pagemap: Pagemap, page: int) -> None:
    with pytest.raises(ConfigError, match=f"there is no page at {page * 4096:#x}$"):
        pagemap.physical(page * 4096)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^Cannot read \S+/none: No such file or directory; {REMEDY}"):
        Pagemap(tmp_path / "none").physical(0)
