"""Thousands of rounds with a device that writes whatever it likes into the ring and the buffers.

Our tables end at untouchable pages, so a step too far ends the run; whenever the queue stops, every mbuf must be found.
"""

import random
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes.internet import datagram, tagged
from fakes.layouts import KINDS, PATHS, SCALAR_KINDS, Kind, RxPath
from fakes.leaks import PATIENCE_S, eventually
from fakes.packed_device import AVAIL, USED, used_bits, wrap_counter
from fakes.packets import audit, content, frame, free, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd import ENGINES

MakeQueue = Callable[..., DriverQueue]
ROUNDS = 1000
SIZE = 32
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET
RX_OFFLOADS = lib.VIRTQUEUE_RX_CSUM | lib.VIRTQUEUE_RX_LRO | lib.VIRTQUEUE_RX_STRIP
TX_OFFLOADS = lib.VIRTQUEUE_TX_CSUM | lib.VIRTQUEUE_TX_TSO
TX_FLAGS = (
    lib.MBUF_F_TX_VLAN,
    lib.MBUF_F_TX_UDP_CKSUM | lib.MBUF_F_TX_IPV4,
    lib.MBUF_F_TX_TCP_CKSUM | lib.MBUF_F_TX_IPV6,
    lib.MBUF_F_TX_TCP_SEG | lib.MBUF_F_TX_IPV4,
    lib.MBUF_F_TX_IP_CKSUM,
    0,
)
with_and_without = pytest.mark.parametrize("offloads", [False, True], ids=["plain", "offloads"])


class LyingDevice:
    """Mostly plausible lies: a wild one is found out at once and teaches little."""

    def __init__(self, queue: DriverQueue, seed: int) -> None:
        self.queue, self.random = queue, random.Random(seed)
        self.size = int(queue.vq.size)

    @property
    def device(self) -> Any:
        return self.queue.device

    @property
    def memory(self) -> Any:
        return self.device.memory

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

    def scribble_over(self, parts: list[tuple[int, int]]) -> None:
        """A few bytes of garbage in one of these."""
        start, length = self.random.choice(parts)
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

    def write_frame(self) -> None:
        """A frame with headers, and a net header that tells of its checksum: mostly what could be so."""
        pool = self.queue.pool
        mbuf = pool.ptr.mbufs[self.random.randrange(pool.size)]
        data = datagram(self.random.choice([4, 6]), self.random.choice([6, 17]), bytes(self.random.randrange(40)))
        if self.random.randrange(2):
            data = tagged(data, 5)
        start, off = self.random.choice([34, 38, 54, self.number(100)]), self.random.choice([6, 16, self.number(20)])
        kind, size = self.random.choice([0, 1, 4, self.number(5)]), self.random.choice([0, 500])
        fields = (self.random.randrange(4), kind & 0xFF, 0, size, start & 0xFFFF, off & 0xFFFF, 1)
        address = address_of(mbuf.buf_addr) + lib.VIRTQUEUE_RX_OFFSET
        self.memory.write(address, struct.pack("<BBHHHHH", *fields) + data)

    def deeds(self) -> list[Callable[[], None]]:
        raise NotImplementedError

    def act(self) -> None:
        deeds = self.deeds()
        if self.queue.vq.offloads:
            deeds += [self.write_frame] * 3
        for _ in range(self.random.randrange(1, 6)):
            self.random.choice(deeds)()


class LyingSplitDevice(LyingDevice):
    def deeds(self) -> list[Callable[[], None]]:
        return [self.write_element, self.move_index, self.be_honest, self.be_honest, self.scribble, self.write_header]

    def write_element(self) -> None:
        """An id that is probably in the ring, a length that a buffer might have."""
        self.device.put_used(self.number(SIZE), self.number(ROOM), ahead=self.random.randrange(4))

    def move_index(self) -> None:
        step = self.random.choice([1, 1, 1, 2, 3, 8, SIZE, SIZE + 1, 0x8000, 0xFFFF])
        self.device.used_idx = (self.device.used_idx + step) & 0xFFFF
        self.device.publish()

    def be_honest(self) -> None:
        device = self.device
        if (device.avail_idx - device.seen) & 0xFFFF in range(1, SIZE + 1):
            slot = device.memory.u16(device.avail + 4 + 2 * (device.seen % SIZE))
            device.seen = (device.seen + 1) & 0xFFFF
            device.put_used(slot, self.random.randrange(12, 200))
            device.used_idx = (device.used_idx + 1) & 0xFFFF
            device.publish()

    def scribble(self) -> None:
        device = self.device
        size = self.size
        self.scribble_over(
            [(device.desc, 16 * size), (device.avail, 6 + 2 * size), (device.used + 4, 8 * size), (device.used, 2)]
        )


class LyingPackedDevice(LyingDevice):
    def deeds(self) -> list[Callable[[], None]]:
        return [self.write_used, self.flip_flags, self.scribble, self.write_header, *[self.be_honest] * 6]

    def place(self) -> int:
        """Where the driver looks next, counted from the ring's beginning on the lap that it is on."""
        vq = self.queue.vq
        return int(vq.used_cons) + (0 if vq.used_wrap else self.size)

    def write_used(self) -> None:
        """A used descriptor where the driver looks, or a little behind, of an id that is probably outstanding."""
        place = self.place() + self.random.randrange(4)
        slot = self.device.slot(place)
        self.memory.put_u32(slot + 8, self.number(ROOM))
        self.memory.put_u16(slot + 12, self.number(self.size))
        self.memory.put_u16(slot + 14, used_bits(wrap_counter(place, self.size)))

    def flip_flags(self) -> None:
        slot = self.device.slot(self.place() + self.random.randrange(self.size))
        self.memory.put_u16(slot + 14, self.random.choice([0, AVAIL, USED, AVAIL | USED, self.random.getrandbits(16)]))

    def be_honest(self) -> None:
        """The buffer that is really there, or a batch up to one a little later."""
        vq = self.queue.vq
        place = self.place()
        ahead = self.random.randrange(3) if self.queue.path.kind.in_order else 0
        slot = self.device.slot(place)
        mbuf = vq.slots[vq.avail_shadow[place % self.size]].mbuf
        if mbuf:
            at = address_of(mbuf.buf_addr) + lib.VIRTQUEUE_RX_OFFSET
            self.memory.write(at, self.device.header(self.random.choice([1, 1, 1, 2])))
        self.memory.put_u32(slot + 8, self.random.randrange(12, 200))
        self.memory.put_u16(slot + 12, vq.avail_shadow[(place + ahead) % self.size])
        self.memory.put_u16(slot + 14, used_bits(wrap_counter(place, self.size)))

    def scribble(self) -> None:
        device = self.device
        self.scribble_over([(device.desc, 16 * self.size), (device.device_event, 4), (device.driver_event, 4)])


def liar(queue: DriverQueue, seed: int) -> LyingDevice:
    return (LyingPackedDevice if queue.packed else LyingSplitDevice)(queue, seed)


def size_of(kind: Kind, seed: int) -> int:
    """A packed ring may have any size."""
    return (31, 7)[seed % 2] if kind.packed else SIZE


def outstanding(queue: DriverQueue) -> int:
    return sum(1 for i in range(queue.vq.size) if queue.vq.slots[i].mbuf)


def start_over(queue: DriverQueue, pool: Mempool) -> None:
    lib.virtqueue_drain(queue.vq)
    audit(pool)
    queue.reset(start=0xFFF0)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("path", PATHS, ids=str)
@with_and_without
def test_receive_survives_any_device(
    make_pool: Any, make_virtqueue: MakeQueue, path: RxPath, seed: int, offloads: bool
) -> None:
    pool = make_pool(48)
    queue = make_virtqueue(pool, path=path, size=size_of(path.kind, seed), free_thresh=4)
    queue.vq.offloads = RX_OFFLOADS if offloads else 0
    queue.refill()
    device = liar(queue, seed)
    stops = received = 0
    for _ in range(ROUNDS):
        device.act()
        mbufs = queue.receive_mbufs(device.random.randrange(1, 40))
        for mbuf in mbufs:
            assert len(content(mbuf)) <= SIZE * ROOM
        received += len(mbufs)
        free(*mbufs)
        assert pool.in_use() == outstanding(queue)
        if queue.vq.fault:
            assert queue.receive_mbufs() == []
            stops += 1
            start_over(queue, pool)
            queue.refill()
    assert stops > 20
    assert received > 20


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@with_and_without
def test_transmit_survives_any_device(
    make_pool: Any, make_virtqueue: MakeQueue, kind: Kind, indirect: bool, seed: int, offloads: bool
) -> None:
    pool = make_pool(256)
    size = size_of(kind, seed)
    queue = make_virtqueue(pool, path=RxPath(kind, False), size=size, free_thresh=size + 1, indirect=indirect)
    queue.vq.offloads = TX_OFFLOADS if offloads else 0
    device = liar(queue, seed)
    stops = sent = 0
    for _ in range(ROUNDS):
        device.act()
        count = device.random.choice([0, 1, 2, 3, 3, 3, 40])
        mbufs = [
            packet(pool, frame(64), split=(8,) * device.random.randrange(3), headroom=device.random.choice([0, 128]))
            for _ in range(count)
        ]
        for mbuf in mbufs if offloads else ():
            mbuf.ol_flags, mbuf.tso_segsz = device.random.choice(TX_FLAGS), device.random.choice([0, 10])
            mbuf.l2_len, mbuf.l3_len = device.random.choice([14, 18]), device.random.choice([20, 40, 0, 60])
        sent += queue.xmit(*mbufs)
        assert pool.in_use() == outstanding_mbufs(queue)
        if queue.vq.fault:
            assert queue.xmit(packet(pool, frame())) == 0
            stops += 1
            start_over(queue, pool)
    assert stops > 20
    assert sent > 20


def outstanding_mbufs(queue: DriverQueue) -> int:
    return sum(queue.vq.slots[i].mbuf.nb_segs for i in range(queue.vq.size) if queue.vq.slots[i].mbuf)


@pytest.mark.parametrize("kind", SCALAR_KINDS, ids=str)
@with_and_without
def test_the_loop_survives_a_device_that_writes_while_it_is_read(
    make_pool: Any, make_virtqueue: MakeQueue, kind: Kind, offloads: bool
) -> None:
    """C runs without the GIL from one lying device to another: what it has seen may be otherwise the next moment."""
    pool = make_pool(256, cache_size=32)
    left = make_virtqueue(pool, path=RxPath(kind, mergeable=True), size=SIZE)
    right = make_virtqueue(pool, path=RxPath(kind, mergeable=False), size=SIZE, free_thresh=SIZE + 1)
    left.vq.offloads = RX_OFFLOADS if offloads else 0
    left.refill()
    devices = [liar(left, 1), liar(right, 2)]
    memory = Arena(64 << 10)
    stream, lcore = memory.struct("struct fwd_stream"), memory.struct("struct fwd_lcore")
    stream.rx_burst, stream.rx_queue = left.path.recv, left.vq
    stream.tx_burst, stream.tx_queue = right.path.kind.xmit, right.vq
    stream.burst, lcore.nb_streams, lcore.packet_fwd = 32, 1, ENGINES["macswap"].packet_fwd
    lcore.streams = memory.struct("struct fwd_stream *")
    lcore.streams[0] = stream
    thread = threading.Thread(target=lib.fwd_run, args=(lcore, 0), daemon=True)
    thread.start()
    began, stops = time.monotonic(), 0
    while (lasted := time.monotonic() - began) < 0.4 or (min(stops, stream.rx_packets) < 20 and lasted < PATIENCE_S):
        for device in devices:
            device.act()
            if device.queue.vq.fault:
                stops += 1
                mend(device.queue, lcore)
    lib.fwd_stop(lcore)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert stops >= 20
    assert stream.rx_packets >= 20
    assert pool.in_use() == outstanding_mbufs(left) + outstanding_mbufs(right)


def mend(queue: DriverQueue, lcore: Any) -> None:
    """As the control plane does it: lcores leave a broken queue alone, so let them pass, and make the ring anew."""
    turns = lib.fwd_turns(lcore)
    assert eventually(lambda: lib.fwd_turns(lcore) != turns)
    lib.virtqueue_drain(queue.vq)
    queue.reset(start=0xFFF0, refill=queue.path.mergeable)
