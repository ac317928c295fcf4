"""noisy: what is held back and when it goes, what is done to headers, and the memory that is used."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from fakes import wire_dump
from fakes.packets import frame, frames

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena
from pytestpmd.fwd.noisy import REWRITES

MakeWire = Callable[..., Any]
LINE, NEVER = 64, 1 << 62


def noisy(make_wire: MakeWire, size: int = 0, *, mode: str = "io", burst: int = 32) -> Any:
    wire = make_wire("noisy", burst=burst)
    ptr = wire.stream.noisy = wire.memory.struct("struct noisy")
    ptr.rewrite = ffi.addressof(lib, REWRITES[mode])
    ptr.fifo, ptr.size, ptr.random = wire.memory.struct("struct mbuf *", max(size, 1)), size, 1
    return wire


def drain(wire: Any) -> int:
    """How many are freed, and counted."""
    before: int = wire.stream.fwd_dropped
    lib.noisy_drain(wire.stream)
    assert wire.stream.noisy.count == 0
    return int(wire.stream.fwd_dropped) - before


def test_frames_leave_as_from_the_original_to_the_byte(make_wire: MakeWire) -> None:
    assert noisy(make_wire).forward(*wire_dump.frames("noisy", "in")) == wire_dump.frames("noisy", "out")


# Headers.


@pytest.mark.parametrize("mode", sorted(REWRITES))
@pytest.mark.parametrize("size", [0, 6])
def test_headers_get_what_the_engine_of_that_name_does(make_wire: MakeWire, mode: str, size: int) -> None:
    sent = wire_dump.frames("5tswap", "in") + [frame(length, length) for length in (60, 1514, 9000)]
    wire = noisy(make_wire, size, mode=mode, burst=6)
    wire.send(*sent, *sent)
    wire.turn(2)
    assert wire.right.device.collect() == make_wire(mode).forward(*sent) * (1 if size else 2)
    assert drain(wire) == size


# The FIFO.


@pytest.mark.parametrize(
    ("size", "bursts", "expected"),
    [
        (64, [32, 32, 32, 32], [0, 0, 32, 32]),
        (63, [32, 32, 32], [0, 32, 32]),
        (100, [32, 32, 32, 32, 8], [0, 0, 0, 32, 8]),
        (32, [32, 32, 1, 31, 2], [0, 32, 1, 31, 2]),
        (32, [8] * 6, [0, 0, 0, 0, 8, 8]),
        (40, [20, 30, 30], [0, 20, 30]),
        (16, [32, 32, 8], [16, 32, 8]),
        (16, [4, 32, 4], [0, 20, 4]),
        (1, [1, 1, 32, 1], [0, 1, 32, 1]),
    ],
)
def test_a_burst_that_finds_room_waits_and_else_as_many_go(
    make_wire: MakeWire, size: int, bursts: list[int], expected: list[int]
) -> None:
    wire = noisy(make_wire, size)
    number, counts = 0, []
    for burst in bursts:
        counts.append(len(wire.forward(*frames(burst, first=number))))
        number += burst
    assert counts == expected
    assert drain(wire) == sum(bursts) - sum(expected)


@pytest.mark.parametrize("seed", range(40))
def test_packets_go_in_order_and_the_fifo_holds_the_rest(make_wire: MakeWire, seed: int) -> None:
    chance = random.Random(seed)
    size, sent, out = chance.randint(1, 70), 0, []
    wire = noisy(make_wire, size)
    for _ in range(30):
        burst = chance.randint(0, 32)
        out += wire.forward(*frames(burst, first=sent))
        sent += burst
        assert wire.stream.noisy.count == sent - len(out) <= size
    assert out == frames(len(out))
    assert drain(wire) == sent - len(out)


def test_all_are_let_go_when_the_time_has_come_and_nothing_was_sent(make_wire: MakeWire) -> None:
    wire = noisy(make_wire, 64)
    wire.stream.noisy.flush_cycles = NEVER
    assert wire.forward(*frames(20)) == []
    assert wire.stream.noisy.flushed, "the clock runs from the first turn on"
    wire.stream.noisy.flush_cycles = 1
    assert wire.forward() == frames(20)
    assert wire.stream.noisy.count == 0


def test_a_burst_that_went_in_may_go_in_the_same_turn(make_wire: MakeWire) -> None:
    wire = noisy(make_wire, 64)
    wire.stream.noisy.flush_cycles, wire.stream.noisy.flushed = 1, 1
    assert wire.forward(*frames(20)) == frames(20)


def test_a_turn_that_sends_flushes_nothing(make_wire: MakeWire) -> None:
    wire = noisy(make_wire, 40)
    wire.forward(*frames(32))
    wire.stream.noisy.flush_cycles, wire.stream.noisy.flushed = 1, 1
    assert wire.forward(*frames(16, first=32)) == frames(16)
    assert wire.forward() == frames(32, first=16)


def test_more_than_a_burst_is_let_go_at_once(make_wire: MakeWire) -> None:
    wire = noisy(make_wire, 200)
    sent = 0
    for _ in range(6):
        wire.forward(*frames(32, first=sent))
        sent += 32
    wire.stream.noisy.flush_cycles, wire.stream.noisy.flushed = 1, 1
    assert wire.forward() == frames(192)


def test_without_a_time_they_wait_for_ever(make_wire: MakeWire) -> None:
    wire = noisy(make_wire, 64)
    wire.forward(*frames(20))
    wire.turn(10_000)
    assert wire.right.device.waiting() == 0
    assert drain(wire) == 20


def test_what_the_port_does_not_take_is_freed_and_counted(make_wire: MakeWire) -> None:
    wire = noisy(make_wire, 64)
    for _ in range(14):
        wire.send(*frames(32))
        wire.turn()
    assert (wire.stream.tx_packets, wire.stream.fwd_dropped) == (256, 14 * 32 - 64 - 256)
    assert wire.pool.in_use() == 256 + 256 + 64
    drain(wire)
    assert wire.pool.in_use() == 512


# Memory.


def looking_up(make_wire: MakeWire, lines: int, **lookups: int) -> tuple[Any, Arena]:
    memory, wire = Arena(lines * LINE), noisy(make_wire)
    ptr = wire.stream.noisy
    ptr.memory, ptr.nb_lines = ffi.cast("uint8_t *", memory.address), lines
    for name, count in lookups.items():
        setattr(ptr, name, count)
    return wire, memory


def touched(memory: Arena, lines: int) -> list[int]:
    data = bytes(ffi.buffer(ffi.cast("uint8_t *", memory.address), lines * LINE))
    return [i // LINE for i in range(len(data)) if data[i]]


@pytest.mark.parametrize("lines", [64, 1000])
def test_writes_go_to_lines_all_over_the_memory(make_wire: MakeWire, lines: int) -> None:
    wire, memory = looking_up(make_wire, lines, writes=100)
    wire.forward(*frames(32))
    wire.forward(*frames(32))
    found = touched(memory, lines)
    assert len(found) > lines * 0.9
    assert len(set(found)) == len(found), "the first byte of a line, and no other"


def test_one_write_is_made_for_each_packet(make_wire: MakeWire) -> None:
    wire, memory = looking_up(make_wire, 1 << 16, writes=1)
    wire.forward(*frames(8))
    assert 6 <= len(touched(memory, 1 << 16)) <= 8  # a byte may be written as 0


def test_reads_write_nothing(make_wire: MakeWire) -> None:
    wire, memory = looking_up(make_wire, 64, reads=20)
    lib.noisy_populate(ffi.cast("uint8_t *", memory.address), 64 * LINE)
    assert touched(memory, 64) == [0]
    ffi.memmove(ffi.cast("uint8_t *", memory.address), bytes([1]) * 64 * LINE, 64 * LINE)
    wire.forward(*frames(10))
    assert wire.stream.noisy.seen == 200
    assert len(touched(memory, 64)) == 64 * LINE


def test_reads_and_writes_are_both(make_wire: MakeWire) -> None:
    wire, memory = looking_up(make_wire, 64, reads=2, reads_writes=30)
    ffi.memmove(ffi.cast("uint8_t *", memory.address), bytes([1]) * 64 * LINE, 64 * LINE)
    wire.forward(*frames(10))
    data = bytes(ffi.buffer(ffi.cast("uint8_t *", memory.address), 64 * LINE))
    assert len({i for i in range(0, len(data), LINE) if data[i] != 1}) > 50
    assert wire.stream.noisy.seen > 320


def test_packets_that_wait_are_looked_up_when_they_come(make_wire: MakeWire) -> None:
    wire, memory = looking_up(make_wire, 64, reads=1)
    ffi.memmove(ffi.cast("uint8_t *", memory.address), bytes([1]) * 64 * LINE, 64 * LINE)
    wire.stream.noisy.fifo, wire.stream.noisy.size = wire.memory.struct("struct mbuf *", 64), 64
    assert wire.forward(*frames(10)) == []
    assert wire.stream.noisy.seen == 10
    drain(wire)
