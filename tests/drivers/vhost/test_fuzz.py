"""Thousands of rounds with a driver that writes whatever it likes into its own memory, at rest and while we read it.

The memory ends at untouchable pages, so a step too far ends the run. What we may write is compared byte by byte.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes.layouts import PACKED, PACKED_IN_ORDER, SPLIT, Kind
from fakes.leaks import PATIENCE_S
from fakes.packed_device import AVAIL, USED, avail_bits
from fakes.packets import audit, content, frame, free, packet, receive_mbufs, transmit
from fakes.queues import GUEST_BASE, DeviceQueue
from fakes.virtio_driver import INDIRECT, NEXT, WRITE

from pytestpmd._dataplane import lib
from pytestpmd.eal.memory import Arena
from pytestpmd.fwd import ENGINES

MakeQueue = Callable[..., DeviceQueue]
ROUNDS = 1000
SIZE = 16
ROOM = 64 << 10
TABLES = 8
every_kind = pytest.mark.parametrize("kind", [SPLIT, PACKED, PACKED_IN_ORDER], ids=str)


class LyingDriver:
    """Descriptors and indices that are mostly plausible; ``kind`` is the flag that a good descriptor has."""

    def __init__(self, queue: DeviceQueue, kind: int, seed: int) -> None:
        self.queue, self.kind, self.random = queue, kind, random.Random(seed)
        self.tables = [queue.alloc(16 * SIZE) for _ in range(TABLES)]
        self.data = queue.alloc(0)
        self.touched: list[tuple[int, int]] = []

    def address(self) -> int:
        pick = self.random.random()
        if pick < 0.9:
            return self.random.randrange(self.data, self.queue.end)
        if pick < 0.95:
            return self.queue.end + self.random.randrange(-64, 64)
        return self.random.choice([0, GUEST_BASE - 1, self.random.getrandbits(64), (1 << 64) - 1])

    def length(self) -> int:
        return self.random.choice(
            [0, 1, 11, 12, 13, 72, 72, 200, 2000, 5000, self.random.getrandbits(16), self.random.getrandbits(32)]
        )

    def fields(self, *, may_be_indirect: bool) -> tuple[int, int, int]:
        """Address, length and flags of a descriptor."""
        flags = self.kind if self.random.random() < 0.95 else self.random.getrandbits(16)
        address, length = self.address(), self.length()
        if may_be_indirect and self.random.random() < 0.2:
            flags |= INDIRECT
            address = self.random.choice(self.tables)
            length = self.random.choice([16, 32, 16 * SIZE, 0, 17, 0xFFFF_FFF0])
        if self.random.random() < 0.5:
            flags |= NEXT
        return address, length, flags & 0xFFFF

    def write_desc(self, at: int, address: int, length: int, third: int, fourth: int) -> None:
        self.queue.memory.write(
            at,
            address.to_bytes(8, "little")
            + length.to_bytes(4, "little")
            + third.to_bytes(2, "little")
            + fourth.to_bytes(2, "little"),
        )

    def descriptor(self, table: int, index: int, *, may_be_indirect: bool) -> None:
        address, length, flags = self.fields(may_be_indirect=may_be_indirect)
        following = self.random.randrange(SIZE + 1) if self.random.random() < 0.95 else self.random.getrandbits(16)
        self.write_desc(table + 16 * index, address, length, flags, following)

    def rewrite(self) -> None:
        """A few fresh descriptors, in the ring's table or an indirect one."""
        for _ in range(self.random.randrange(1, 6)):
            in_ring = self.random.random() < 0.6
            table = self.queue.driver.desc if in_ring else self.random.choice(self.tables)
            self.descriptor(table, self.random.randrange(SIZE), may_be_indirect=in_ring or self.random.random() < 0.1)

    def publish(self) -> None:
        """Heads in the available ring, and an index that has moved, rarely too far."""
        driver = self.queue.driver
        for slot in range(SIZE):
            head = self.random.randrange(SIZE) if self.random.random() < 0.97 else self.random.getrandbits(16)
            self.queue.memory.put_u16(driver.avail + 4 + 2 * slot, head)
        step = self.random.randrange(6) if self.random.random() < 0.99 else self.random.getrandbits(16)
        behind = (driver.avail_idx - self.queue.vq.last_avail) & 0xFFFF
        driver.avail_idx = (driver.avail_idx + min(step, SIZE - behind if step < SIZE else step)) & 0xFFFF
        driver.publish()

    def act(self) -> None:
        self.rewrite()
        self.publish()

    def used_parts(self) -> list[tuple[int, int]]:
        """Where the device may write at any time: address and length."""
        return [(self.queue.driver.used, 6 + 8 * SIZE)]

    #: Where a descriptor has its flags.
    flags_at = 12

    def used_mask(self) -> bytearray:
        """A mask over the memory of those."""
        mask = bytearray(self.queue.block.size)
        for start, length in self.used_parts():
            mask[start - GUEST_BASE : start - GUEST_BASE + length] = b"\x01" * length
        return mask

    def writable(self) -> bytearray:
        """A mask over the memory of what any descriptor allows to be written now besides."""
        mask = self.used_mask()
        for table in (self.queue.driver.desc, *self.tables):
            for index in range(SIZE):
                raw = self.queue.memory.read(table + 16 * index, 16)
                address, length = int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:12], "little")
                if raw[self.flags_at] & WRITE and address >= GUEST_BASE and address + length <= self.queue.end:
                    mask[address - GUEST_BASE : address - GUEST_BASE + length] = b"\x01" * length
        return mask

    def start_over(self) -> None:
        """The ring, taken up where the driver stands."""
        lib.vhost_virtqueue_start(self.queue.vq, self.queue.driver.avail_idx)


class LyingPackedDriver(LyingDriver):
    """The same over a packed ring, whose descriptors are also what says how far the driver is."""

    flags_at = 14

    def descriptor(self, table: int, index: int, *, may_be_indirect: bool) -> None:
        address, length, flags = self.fields(may_be_indirect=may_be_indirect)
        if table == self.queue.driver.desc:
            flags = flags & ~(AVAIL | USED) | self.random.choice([AVAIL, USED, 0, AVAIL | USED])
        self.write_desc(table + 16 * index, address, length, self.random.getrandbits(16), flags)

    def publish(self) -> None:
        """A few descriptors in a row, from where the device stands, are on its lap."""
        vq, desc = self.queue.vq, self.queue.driver.desc
        for i in range(self.random.randrange(6)):
            place, lap = (vq.last_avail + i) % SIZE, (vq.last_avail + i) // SIZE
            address, length, flags = self.fields(may_be_indirect=True)
            bits = avail_bits(vq.wrap ^ (lap & 1))
            self.write_desc(desc + 16 * place, address, length, place, flags & ~(AVAIL | USED) | bits)

    def used_parts(self) -> list[tuple[int, int]]:
        """All of a descriptor but its address."""
        return [(self.queue.driver.desc + 16 * place + 8, 8) for place in range(SIZE)]

    def start_over(self) -> None:
        raise AssertionError("nothing that a driver says stops a packed ring")


def liar(queue: DeviceQueue, kind: int, seed: int) -> LyingDriver:
    return (LyingPackedDriver if queue.kind.packed else LyingDriver)(queue, kind, seed)


def masked(data: bytes, mask: bytes) -> bytes:
    """The bytes that the mask leaves out, the others zero."""
    length = len(data)
    keep = int.from_bytes(mask, "little") * 255
    return (int.from_bytes(data, "little") & ~keep).to_bytes(length, "little")


@every_kind
@pytest.mark.parametrize("seed", range(3))
def test_dequeue_survives_any_driver(make_pool: Any, make_vhost: MakeQueue, kind: Kind, seed: int) -> None:
    pool = make_pool(64)
    queue = make_vhost(pool, kind=kind, size=SIZE, room=ROOM)
    driver = liar(queue, 0, seed)
    stops = received = 0
    mask = bytes(driver.used_mask())
    for _ in range(ROUNDS):
        driver.act()
        before = bytes(queue.block.view)
        mbufs = receive_mbufs(lib.vhost_rx_burst, queue.vq, 8)
        after = bytes(queue.block.view)
        assert masked(before, mask) == masked(after, mask)
        for mbuf in mbufs:
            content(mbuf)
        received += len(mbufs)
        free(*mbufs)
        assert pool.in_use() == 0
        if queue.vq.fault:
            stops += 1
            driver.start_over()
    assert bool(stops) != kind.packed
    assert received > 500
    assert queue.vq.bad_chains > 500


@every_kind
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mergeable", [False, True])
def test_enqueue_survives_any_driver(
    make_pool: Any, make_vhost: MakeQueue, kind: Kind, mergeable: bool, seed: int
) -> None:
    pool = make_pool(64)
    queue = make_vhost(pool, kind=kind, size=SIZE, room=ROOM, mergeable=mergeable)
    driver = liar(queue, WRITE, seed)
    stops = 0
    for _ in range(ROUNDS // 3):
        driver.act()
        before, mask = bytes(queue.block.view), bytes(driver.writable())
        lengths = [driver.random.choice([14, 60, 64, 300, 1500, 2000]) for _ in range(driver.random.randrange(6))]
        mbufs = [packet(pool, frame(n, i), split=(5,) * driver.random.randrange(3)) for i, n in enumerate(lengths)]
        transmit(lib.vhost_tx_burst, queue.vq, mbufs)
        assert masked(before, mask) == masked(bytes(queue.block.view), mask)
        assert pool.in_use() == 0
        if queue.vq.fault:
            stops += 1
            driver.start_over()
    assert bool(stops) != kind.packed
    assert queue.vq.stats.packets > 100
    assert queue.vq.bad_chains > 100


@every_kind
def test_the_loop_survives_memory_that_changes_while_it_is_read(
    make_pool: Any, make_vhost: MakeQueue, kind: Kind
) -> None:
    """C runs without the GIL from one lying ring to another while this thread rewrites both."""
    pool = make_pool(256, cache_size=32)
    left = make_vhost(pool, kind=kind, size=SIZE, room=ROOM)
    right = make_vhost(pool, kind=kind, size=SIZE, room=ROOM)
    drivers = [liar(left, 0, 1), liar(right, WRITE, 100)]
    memory = Arena(64 << 10)
    stream, lcore = memory.struct("struct fwd_stream"), memory.struct("struct fwd_lcore")
    stream.rx_burst, stream.rx_queue = lib.vhost_rx_burst, left.vq
    stream.tx_burst, stream.tx_queue = lib.vhost_tx_burst, right.vq
    stream.burst, lcore.nb_streams, lcore.packet_fwd = 32, 1, ENGINES["macswap"].packet_fwd
    lcore.streams = memory.struct("struct fwd_stream *")
    lcore.streams[0] = stream
    thread = threading.Thread(target=lib.fwd_run, args=(lcore, 0), daemon=True)
    thread.start()
    began = time.monotonic()
    while (lasted := time.monotonic() - began) < 0.7 or (stream.rx_packets < 200 and lasted < PATIENCE_S):
        for driver in drivers:
            driver.act()
            if driver.queue.vq.fault:
                restart(driver, lcore, thread)
    lib.fwd_stop(lcore)
    thread.join(30)
    assert not thread.is_alive()
    assert stream.rx_packets >= 200
    audit(pool)


def restart(driver: LyingDriver, lcore: Any, thread: threading.Thread) -> None:
    """As the control plane does it: turn the ring off, let the lcore pass, change it, turn it on."""
    queue = driver.queue
    queue.vq.enabled = 0
    turns = lib.fwd_turns(lcore)
    while lib.fwd_turns(lcore) == turns and thread.is_alive():
        time.sleep(0.0001)
    driver.start_over()
    queue.vq.enabled = 1
