"""Thousands of rounds with a device that writes whatever it likes into the ring and the buffers.

Our tables end at untouchable pages, so a step too far ends the run; whenever the queue stops, every mbuf must be found.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
from fakes.packets import audit, content, frame, free, packet, receive_mbufs, transmit
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.memory import address_of
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
ROUNDS = 4000
SIZE = 32
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET


class LyingDevice:
    """Mostly plausible lies: a wild one is found out at once and teaches little."""

    def __init__(self, queue: DriverQueue, seed: int) -> None:
        self.queue, self.random = queue, random.Random(seed)

    @property
    def memory(self) -> Any:
        return self.queue.device.memory

    def number(self, plausible: int) -> int:
        return self.random.choice(
            [
                self.random.randrange(max(1, plausible)),
                self.random.randrange(max(1, plausible)),
                self.random.randrange(max(1, plausible)),
                plausible + self.random.randrange(-1, 2) & 0xFFFF_FFFF,
                self.random.getrandbits(16),
                self.random.getrandbits(32),
            ]
        )

    def write_element(self) -> None:
        """An id that is probably in the ring, a length that a buffer might have."""
        self.queue.device.put_used(self.number(SIZE), self.number(ROOM), ahead=self.random.randrange(4))

    def move_index(self) -> None:
        step = self.random.choice([1, 1, 1, 2, 3, 8, SIZE, SIZE + 1, 0x8000, 0xFFFF])
        self.queue.device.used_idx = (self.queue.device.used_idx + step) & 0xFFFF
        self.queue.device.publish()

    def be_honest(self) -> None:
        device = self.queue.device
        if (device.avail_idx - device.seen) & 0xFFFF in range(1, SIZE + 1):
            slot = device.memory.u16(device.avail + 4 + 2 * (device.seen % SIZE))
            device.seen = (device.seen + 1) & 0xFFFF
            device.put_used(slot, self.random.randrange(12, 200))
            device.used_idx = (device.used_idx + 1) & 0xFFFF
            device.publish()

    def scribble(self) -> None:
        """Garbage over a ring's part: the descriptors, the available ring, the used ring or its flags."""
        device = self.queue.device
        start, length = self.random.choice(
            [(device.desc, 16 * SIZE), (device.avail, 6 + 2 * SIZE), (device.used + 4, 8 * SIZE), (device.used, 2)]
        )
        at = self.random.randrange(length)
        count = self.random.randrange(1, min(24, length - at) + 1)
        self.memory.write(start + at, self.random.randbytes(count))

    def write_header(self) -> None:
        """Any net header into any buffer, with a number of buffers that may be plausible."""
        pool = self.queue.pool
        mbuf = pool.ptr.mbufs[self.random.randrange(pool.size)]
        header = self.random.randbytes(10) + self.number(4).to_bytes(4, "little")[:2]
        address = address_of(mbuf.buf_addr) + lib.VIRTQUEUE_RX_OFFSET
        self.memory.write(address, header)

    def act(self) -> None:
        deeds = [self.write_element, self.move_index, self.be_honest, self.be_honest, self.scribble, self.write_header]
        for _ in range(self.random.randrange(1, 6)):
            self.random.choice(deeds)()


def outstanding(queue: DriverQueue) -> int:
    return sum(1 for i in range(SIZE) if queue.vq.slots[i].mbuf)


def start_over(queue: DriverQueue, pool: Mempool) -> None:
    lib.virtqueue_drain(queue.vq)
    audit(pool)
    queue.reset(start=0xFFF0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("burst", [lib.virtio_recv_pkts, lib.virtio_recv_mergeable_pkts], ids=["regular", "mergeable"])
def test_receive_survives_any_device(make_pool: Any, make_virtqueue: MakeQueue, burst: Any, seed: int) -> None:
    pool = make_pool(48)
    queue = make_virtqueue(pool, size=SIZE, free_thresh=4)
    lib.virtqueue_refill(queue.vq)
    device = LyingDevice(queue, seed)
    stops = received = 0
    for _ in range(ROUNDS):
        device.act()
        mbufs = receive_mbufs(burst, queue.vq, device.random.randrange(1, 40))
        for mbuf in mbufs:
            assert len(content(mbuf)) <= SIZE * ROOM
        received += len(mbufs)
        free(*mbufs)
        assert pool.in_use() == outstanding(queue)
        if queue.vq.fault:
            assert receive_mbufs(burst, queue.vq) == []
            stops += 1
            start_over(queue, pool)
            lib.virtqueue_refill(queue.vq)
    assert stops > 100
    assert received > 100


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_transmit_survives_any_device(make_pool: Any, make_virtqueue: MakeQueue, indirect: bool, seed: int) -> None:
    pool = make_pool(256)
    queue = make_virtqueue(pool, size=SIZE, free_thresh=SIZE, indirect=indirect)
    device = LyingDevice(queue, seed)
    stops = sent = 0
    for _ in range(ROUNDS):
        device.act()
        count = device.random.randrange(4)
        mbufs = [
            packet(pool, frame(64), split=(8,) * device.random.randrange(3), headroom=device.random.choice([0, 128]))
            for _ in range(count)
        ]
        sent += transmit(lib.virtio_xmit_pkts, queue.vq, mbufs)
        if queue.vq.fault:
            assert transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, frame())]) == 0
            stops += 1
            start_over(queue, pool)
    assert stops > 100
    assert sent > 100
