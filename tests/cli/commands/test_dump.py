"""``dump ...``: the figures are those of the memory that the program has, on a program that runs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.console import answer
from fakes.log import Logged
from fakes.physical import PhysicalMemory

from pytestpmd.app import TestPmd
from pytestpmd.cli.render import dump as render
from pytestpmd.eal.memory import Arena, arenas


@pytest.fixture
def app() -> Iterator[TestPmd]:
    with Appliance("net_null0", "net_null1,size=128") as appliance:
        yield appliance.app


def test_memory_is_where_it_lies(app: TestPmd) -> None:
    held = Arena(5 << 20, name="a test's own")
    place = f"virt:0x{held.address:x}, socket_id:0"
    line = next(line for line in answer(app, "dump physmem").splitlines() if place in line)
    assert f"IOVA:0x{held.address:x}, len:{5 << 20}, {place}, hugepage_sz:4096" in line
    zone = answer(app, "dump memzone").partition("name:<a test's own>")[2].splitlines()
    assert zone[0] == f", len:0x500000, virt:0x{held.address:x}, socket_id:0, flags:0"
    assert zone[2] == f"  addr: 0x{held.address:x} iova: 0x{held.address:x} len: 0x500000 pagesz: 0x1000"
    total = sum(arena.size for arena in arenas()) >> 20
    assert answer(app, "dump memzone").endswith(f"Total Memory Zones size = {total}M")
    assert answer(app, "dump physmem").endswith(f"Total Memory Segments size = {total}M")


def test_memory_for_the_bus_is_listed_as_devices_see_it(physical: PhysicalMemory) -> None:
    arena = Arena(3 << 20, shared=True, bus=True, name="two pages")
    lines = render.physmem([arena]).splitlines()
    found = [re.search(r"IOVA:0x(\w+), len:(\d+), virt:0x(\w+),.* hugepage_sz:2097152", line) for line in lines[:2]]
    places = [(int(match[1], 16), int(match[2]), int(match[3], 16)) for match in found if match]
    assert places == [(segment.iova, segment.size, segment.address) for segment in arena.segments()]
    assert [size for _, size, _ in places] == [2 << 20, arena.size - (2 << 20)]
    assert places[0][0] != places[0][2]


def test_what_changed_is_told_from_the_second_time_on(app: TestPmd) -> None:
    first = answer(app, "dump socket_mem").splitlines()
    assert len(first) == 2
    held = Arena(3 << 20)
    held.alloc(1 << 20)
    second = answer(app, "dump socket_mem").splitlines()
    assert second[2] == "Memory total change: 3.000000(M), allocation change: 1.000000(M)"


def test_use_of_memory_is_counted() -> None:
    one, other = Arena(8192), Arena(4096)
    for size in (100, 4096):
        one.alloc(size)
    other.alloc(4096)
    use = render.MemoryUse.of([one, other])
    assert (use.total, use.used, use.nb_used, use.nb_free) == (12288, 128 + 4096 + 4096, 3, 1)
    assert render.socket_mem(use, None).splitlines()[1] == (
        "Total   : size(M) total: 0.011719 alloc: 0.007935(67.708%) free: 0.003784 \tcount alloc: 3    free: 1"
    )


def test_a_pool_tells_where_its_mbufs_are(app: TestPmd) -> None:
    app.session.start(1)
    app.session.stop()
    shown = answer(app, "dump mempool mb_pool_0")
    assert answer(app, "dump mempool") == shown
    pool = app.pools[0]
    cached = sum(map(int, re.findall(r"cache_count\[\d+\]=(\d+)", shown)))
    common = int(re.findall(r"common_pool_count=(\d+)", shown)[0])
    assert cached + common == pool.count_free() == pool.size == 4096
    assert cached > 0
    assert f"total_cache_count={cached}" in shown
    assert f"  used={common}\n  avail={4096 - common}" in answer(app, "dump ring MP_mb_pool_0")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("dump ring mb_pool_0", "Cannot find ring"),
        ("dump mempool nosuch", "Cannot find mempool"),
        ("dump nosuch", "Bad arguments"),
        ("dump", "Bad arguments"),
        ("dump_mempool mb_pool_0", "Command not found"),
        ("dump trace", ""),
        ("dump mbuf history 12", "Invalid mbuf pointer format. Use 0x<address>"),
        ("dump mbuf history 0xzz", "Invalid mbuf pointer format. Use 0x<address>"),
        ("dump mbuf pool history nosuch", "Failed to find mempool 'nosuch'"),
        ("dump mbuf history all /nonexistent/file", "Failed to open file '/nonexistent/file'"),
    ],
)
def test_what_is_not_there_is_refused(app: TestPmd, line: str, text: str) -> None:
    assert answer(app, line) == text


def test_no_history_is_kept_and_that_is_said(app: TestPmd, tmp_path: Path, logged: Logged) -> None:
    said = "MBUF: mbuf history recorder is not enabled"
    for line in ("dump mbuf history all", "dump mbuf history 0x1000", "dump mbuf pool history mb_pool_0"):
        logged.clear()
        assert answer(app, line) == ""
        assert said in logged
    path = tmp_path / "file"
    assert answer(app, f"dump mbuf history all {path}") == f"Dump written in '{path}'"
    assert path.read_bytes() == b""


def test_devices_and_lcores_are_listed(app: TestPmd) -> None:
    assert answer(app, "dump devargs") == "User device list:\n  [vdev]: net_null0 \n  [vdev]: net_null1 size=128"
    assert re.fullmatch(
        r"lcore 0, socket 0, role RTE, cpuset \d+\nlcore 1, socket 0, role RTE, cpuset \d+", answer(app, "dump lcores")
    )
