"""A bell of each kind is heard where it should be, and one that leads nowhere does no harm."""

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.guest import Shrinkable

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.memory import address_of


@pytest.fixture
def bell() -> object:
    return ffi.new("struct doorbell *")


@pytest.fixture
def bar(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "bar").write_bytes(bytes(64))
    fd = os.open(tmp_path / "bar", os.O_RDWR)
    yield fd
    os.close(fd)


def ring(bell: object, doorbell: Doorbell) -> None:
    doorbell.fill(bell)
    lib.doorbell_ring(bell)


def test_none_tells_nobody(bell: object) -> None:
    ring(bell, Doorbell.none())


def test_an_eventfd_counts_its_rings(bell: object) -> None:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    ring(bell, Doorbell.eventfd(fd))
    lib.doorbell_ring(bell)
    assert os.eventfd_read(fd) == 2
    os.close(fd)


def test_an_eventfd_that_is_full_and_blocks_holds_nobody_up(bell: object) -> None:
    fd = os.eventfd(0)
    os.eventfd_write(fd, 0xFFFF_FFFF_FFFF_FFFE)
    ring(bell, Doorbell.eventfd(fd))
    os.close(fd)


def test_no_eventfd_is_no_bell() -> None:
    assert Doorbell.eventfd(-1) == Doorbell.none()


def test_a_store_writes_16_bits_and_nothing_beside_them(bell: object) -> None:
    memory = ffi.new("uint8_t[]", b"\xee" * 16)
    ring(bell, Doorbell.store(address_of(memory) + 6, 0x1234))
    assert bytes(ffi.buffer(memory, 16)) == b"\xee" * 6 + b"\x34\x12" + b"\xee" * 8


def test_a_store_to_a_mapping_whose_file_is_gone_is_survived(bell: object) -> None:
    memory = Shrinkable(mmap.PAGESIZE)
    handle = lib.sigbus_guard(memory.host, mmap.PAGESIZE, mmap.PAGESIZE, memory.dead)
    memory.shrink(0)
    ring(bell, Doorbell.store(address_of(memory.host) + 64, 7))
    assert memory.dead[0] == 1
    lib.sigbus_unguard(handle)
    memory.close()


def test_a_pwrite_writes_16_bits_at_its_offset(bell: object, bar: int) -> None:
    ring(bell, Doorbell.pwrite(bar, 16, 0x0201))
    assert os.pread(bar, 64, 0) == bytes(16) + b"\x01\x02" + bytes(46)


def test_a_pwrite_to_a_file_that_is_closed_does_no_harm(bell: object) -> None:
    ring(bell, Doorbell.pwrite(-1, 16, 1))


def test_a_bell_can_be_another_one_and_none_again(bell: object, bar: int) -> None:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    ring(bell, Doorbell.eventfd(fd))
    ring(bell, Doorbell.pwrite(bar, 0, 9))
    ring(bell, Doorbell.none())
    assert os.eventfd_read(fd) == 1
    assert os.pread(bar, 2, 0) == b"\x09\x00"
    os.close(fd)


NO_PORTS = """
import os
from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.doorbell import Doorbell
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)  # the right to ask for ports goes with it
assert not lib.port_allowed()
bell = ffi.new("struct doorbell *")
fd = os.memfd_create("bar")
Doorbell.out(0x80, 0x0302, fd, 4).fill(bell)
lib.doorbell_ring(bell)
print(os.pread(fd, 8, 0).hex())
"""


def test_where_ports_are_not_allowed_the_file_is_written() -> None:
    done = subprocess.run([sys.executable, "-c", NO_PORTS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("000000000203\n", "")


@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_register_is_read_and_written_in_its_width(width: int) -> None:
    memory = ffi.new("uint8_t[]", bytes(range(16)))
    assert lib.io_load(memory + 4, width) == int.from_bytes(bytes(range(4, 4 + width)), "little")
    lib.io_store(memory + 4, width, 0xA1A2A3A4)
    assert bytes(ffi.buffer(memory, 16)) == bytes(range(4)) + b"\xa4\xa3\xa2\xa1"[:width] + bytes(range(4 + width, 16))
