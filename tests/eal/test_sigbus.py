"""Memory whose file shrinks under us: the process lives, and is told; any other SIGBUS does what it always did."""

import mmap
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fakes.guest import Shrinkable

from pytestpmd._dataplane import ffi, lib

PAGES = 4
SIZE = PAGES * mmap.PAGESIZE


@pytest.fixture
def memory() -> Iterator[Shrinkable]:
    shrinkable = Shrinkable(SIZE)
    shrinkable.view[:] = b"\x77" * SIZE
    handle = lib.sigbus_guard(shrinkable.host, SIZE, mmap.PAGESIZE, shrinkable.dead)
    assert handle >= 0
    yield shrinkable
    lib.sigbus_unguard(handle)
    shrinkable.close()


def test_a_file_that_stays_is_left_alone(memory: Shrinkable) -> None:
    assert bytes(memory.host[0:SIZE]) == b"\x77" * SIZE
    assert memory.dead[0] == 0


def test_reading_what_is_gone_gives_zeros_and_sets_the_flag(memory: Shrinkable) -> None:
    memory.shrink(mmap.PAGESIZE)
    assert memory.host[0] == 0x77
    assert memory.dead[0] == 0
    assert memory.host[2 * mmap.PAGESIZE + 5] == 0
    assert memory.dead[0] == 1


def test_writing_what_is_gone_does_no_harm(memory: Shrinkable) -> None:
    memory.shrink(0)
    for page in range(PAGES):
        memory.host[page * mmap.PAGESIZE] = page + 1
    assert [memory.host[page * mmap.PAGESIZE] for page in range(PAGES)] == [1, 2, 3, 4]
    assert memory.dead[0] == 1


def test_c_code_in_the_middle_of_a_copy_goes_on(memory: Shrinkable) -> None:
    memory.shrink(mmap.PAGESIZE)
    copy = ffi.new("uint8_t[]", SIZE)
    ffi.memmove(copy, memory.host, SIZE)
    assert bytes(copy) == b"\x77" * mmap.PAGESIZE + bytes(SIZE - mmap.PAGESIZE)


def test_each_mapping_has_its_own_flag(memory: Shrinkable) -> None:
    other = Shrinkable(SIZE)
    handle = lib.sigbus_guard(other.host, SIZE, mmap.PAGESIZE, other.dead)
    other.shrink(0)
    assert other.host[0] == 0
    assert (memory.dead[0], other.dead[0]) == (0, 1)
    lib.sigbus_unguard(handle)
    other.close()


def test_handles_are_given_out_again(memory: Shrinkable) -> None:
    for _ in range(2000):
        handle = lib.sigbus_guard(memory.host, SIZE, mmap.PAGESIZE, memory.dead)
        assert handle >= 0
        lib.sigbus_unguard(handle)


def test_more_guards_than_there_is_room_for_are_refused(memory: Shrinkable) -> None:
    handles = []
    while (handle := lib.sigbus_guard(memory.host, SIZE, mmap.PAGESIZE, memory.dead)) >= 0:
        handles.append(handle)
    assert len(handles) >= 256
    assert len(set(handles)) == len(handles)
    for handle in handles:
        lib.sigbus_unguard(handle)


FAULT = """
import mmap, os, resource
from pytestpmd._dataplane import ffi, lib
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def mapping():
    fd = os.memfd_create("shrinking")
    os.ftruncate(fd, 4096)
    memory = mmap.mmap(fd, 4096, mmap.MAP_SHARED)
    os.ftruncate(fd, 0)
    return ffi.from_buffer("uint8_t[]", memory)
guarded, other, dead = mapping(), mapping(), ffi.new("uint32_t *")
handle = lib.sigbus_guard(guarded, 4096, 4096, dead)
print(guarded[0], dead[0], flush=True)
{last}
print(other[0], flush=True)
"""


AGAIN = "lib.sigbus_unguard(lib.sigbus_guard(other, 4096, 4096, dead))"


@pytest.mark.parametrize("last", ["", AGAIN], ids=["never guarded", "not any more"])
def test_a_fault_elsewhere_still_kills(last: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULT.replace("{last}", last)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "0 1\n"
    assert done.returncode == -signal.SIGBUS
