"""The device's side of a packed ring: what only this layout has (virtio 1.2, 2.8)."""

import mmap
import os
import signal
from collections.abc import Callable

import pytest
from fakes.guest import PAGE, protect
from fakes.layouts import PACKED, PACKED_IN_ORDER, Kind, each_packed
from fakes.net_driver import Receiver, cut, dequeue, header, send, transmit
from fakes.packed_device import AVAIL, USED, avail_bits, off_wrap, wrap_counter
from fakes.packets import frame, frames, packet
from fakes.queues import DeviceQueue
from fakes.virtio_driver import INDIRECT, NEXT, WRITE, Desc, Used

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DeviceQueue]
SIZES = [1, 2, 3, 5, 7, 8, 33, 200, 255]
every_size = pytest.mark.parametrize("size", SIZES)


def written(queue: DeviceQueue, before: bytes) -> int:
    """How many descriptors of the ring are not as they were."""
    now = queue.memory.read(queue.driver.desc, 16 * queue.vq.size)
    return sum(now[at : at + 16] != before[at : at + 16] for at in range(0, len(now), 16))


def ring(queue: DeviceQueue) -> bytes:
    return queue.memory.read(queue.driver.desc, 16 * queue.vq.size)


# Laps.


@each_packed
@every_size
def test_dequeue_goes_round_a_ring_of_any_size(make_vhost: MakeQueue, kind: Kind, size: int) -> None:
    """Lists of every length that fits lie over the wrap sooner or later."""
    queue = make_vhost(kind=kind, size=size)
    for round_ in range(40):
        pieces = round_ % min(size, 5)
        sent = [frame(60, round_)] + [frame(70, round_)] * (queue.driver.nb_free >= pieces + 2)
        ids = [transmit(queue, sent[0], [12] * pieces), *(transmit(queue, data) for data in sent[1:])]
        assert dequeue(queue) == sent
        assert queue.driver.reap() == [Used(each, 0) for each in ids]
    assert queue.driver.nb_free == size
    assert queue.driver.next > 3 * size or size > 30


@each_packed
@every_size
def test_enqueue_goes_round_a_ring_of_any_size(make_vhost: MakeQueue, pool: Mempool, kind: Kind, size: int) -> None:
    """Buffers of one to three pieces, frames over one buffer or two."""
    queue = make_vhost(kind=kind, size=size)
    receiver = Receiver(queue)
    for round_ in range(60):
        pieces = 1 + round_ % min(size, 3)
        while queue.driver.nb_free >= pieces:
            receiver.post(*[150 // pieces] * pieces)
        sent = [frame(60 + (round_ * 37) % 78, round_)] + [frame(200, round_)] * (size // pieces >= 3)
        assert send(queue, pool, sent) == len(sent)
        assert receiver.receive() == sent


@each_packed
@pytest.mark.parametrize("size", [256, 200])
def test_many_laps_leave_the_wrap_counter_in_step(make_vhost: MakeQueue, kind: Kind, size: int) -> None:
    queue = make_vhost(kind=kind, size=size)
    desc = Desc(queue.store(header(queue) + frame()), 72)
    for lap in range(9):
        queue.driver.offer(*(queue.driver.chain([desc]) for _ in range(size)))
        assert dequeue(queue, size) == [frame()] * size
        assert len(queue.driver.reap()) == size
        assert (queue.vq.last_avail, queue.vq.wrap) == (0, wrap_counter((lap + 1) * size, size))


# Lists and tables.


@each_packed
@pytest.mark.parametrize("start", range(8))
@pytest.mark.parametrize("count", [2, 7, 8])
def test_a_list_is_used_up_as_a_whole_wherever_it_lies(
    make_vhost: MakeQueue, kind: Kind, start: int, count: int
) -> None:
    """The id is that of its last descriptor, the used one stands where it began (virtio 1.2, 2.8.6)."""
    queue = make_vhost(kind=kind, size=8, start=8 + start)
    descs = cut(queue, header(queue) + frame(), [9] * (count - 1))
    buffer_id = queue.driver.chain(descs)
    queue.driver.offer(buffer_id)
    for place in range(queue.driver.next - count, queue.driver.next - 1):
        queue.memory.put_u16(queue.driver.slot(place) + 12, 0xDEAD)
    before = ring(queue)
    assert dequeue(queue) == [frame()]
    assert written(queue, before) == 1
    assert queue.driver.reap() == [Used(buffer_id, 0)]
    assert queue.vq.last_avail == (start + count) % 8


@each_packed
@pytest.mark.parametrize("buffer_id", [0, 8, 0x7FFF, 0xFFFF])
def test_any_id_will_do(make_vhost: MakeQueue, pool: Mempool, kind: Kind, buffer_id: int) -> None:
    """It is the driver's own business: 16 bits to be given back."""
    queue = make_vhost(kind=kind, size=8)
    queue.driver._next_id = buffer_id
    assert transmit(queue, frame()) == buffer_id
    assert dequeue(queue) == [frame()]
    assert queue.driver.reap() == [Used(buffer_id, 0)]
    queue.driver._next_id = buffer_id
    receiver = Receiver(queue)
    assert receiver.post(100) == buffer_id
    assert send(queue, pool, [frame()]) == 1
    assert receiver.receive() == [frame()]


@each_packed
@pytest.mark.parametrize("flags", [NEXT, INDIRECT, NEXT | INDIRECT | AVAIL | USED, 0xFFF8 | NEXT | INDIRECT], ids=hex)
def test_flags_within_a_table_mean_nothing_but_write(
    make_vhost: MakeQueue, pool: Mempool, kind: Kind, flags: int
) -> None:
    """virtio 1.2, 2.8.7: others are reserved and ignored, as is the id."""
    queue = make_vhost(kind=kind)
    for write, go in ((0, "out"), (WRITE, "in")):
        data = header(queue) + (frame() if go == "out" else bytes(60))
        descs = [Desc(d.address, d.length, flags & ~WRITE | write) for d in cut(queue, data, [5, 20])]
        table = queue.driver.table(queue.alloc(64), descs)
        for position in range(3):
            queue.memory.put_u16(table.address + 16 * position + 12, 0xBEEF)
        buffer_id = queue.driver.chain([table])
        queue.driver.offer(buffer_id)
        if go == "out":
            assert dequeue(queue) == [frame()]
            assert queue.driver.reap() == [Used(buffer_id, 0)]
        else:
            assert send(queue, pool, [frame()]) == 1
            assert queue.driver.reap() == [Used(buffer_id, 72)]
            assert b"".join(queue.memory.read(d.address, d.length) for d in descs)[12:] == frame()


@each_packed
def test_a_table_that_dpdk_marks_for_writing_is_read(make_vhost: MakeQueue, kind: Kind) -> None:
    """net/virtio of DPDK 22.11 sets WRITE in the tables of what it transmits."""
    queue = make_vhost(kind=kind)
    descs = [Desc(d.address, d.length, WRITE) for d in cut(queue, header(queue) + frame(), [12, 20])]
    queue.driver.offer(queue.driver.chain([queue.driver.table(queue.alloc(64), descs)]))
    assert dequeue(queue) == [frame()]


@each_packed
@pytest.mark.parametrize("start", [0, 5, 13])
def test_a_ring_of_nothing_but_links_is_one_bad_list(make_vhost: MakeQueue, kind: Kind, start: int) -> None:
    """Every descriptor says NEXT, round and round: used up once, and the ring goes on."""
    queue = make_vhost(kind=kind, size=8, start=start)
    desc = Desc(queue.store(header(queue)), 1, NEXT)
    buffer_id = queue.driver.chain([desc] * 8)
    queue.driver.offer(buffer_id)
    assert dequeue(queue) == []
    assert queue.vq.bad_chains == 1
    assert queue.driver.reap() == [Used(buffer_id, 0)]
    transmit(queue, frame())
    assert dequeue(queue) == [frame()]


@each_packed
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_bad_list_takes_its_places_with_it(make_vhost: MakeQueue, pool: Mempool, kind: Kind, pieces: int) -> None:
    queue = make_vhost(kind=kind, size=16)
    bad = queue.driver.chain([Desc(1, 100)] * pieces)
    queue.driver.offer(bad)
    good = [transmit(queue, data, [12] * pieces) for data in frames(3)]
    assert dequeue(queue) == frames(3)
    assert [used.head for used in queue.driver.reap()] == [bad, *good]
    queue = make_vhost(kind=kind, size=16)
    receiver = Receiver(queue)
    bad = receiver.post_chain([Desc(1, 100, WRITE)] * pieces)
    receiver.post(*[50] * pieces, 50)
    assert send(queue, pool, [frame()]) == 1
    assert queue.driver.reap(1) == [Used(bad, 0)]
    assert receiver.receive() == [frame()]


@each_packed
@pytest.mark.parametrize("flags", [0, AVAIL, USED, AVAIL | USED])
@pytest.mark.parametrize("start", [0, 5, 8, 13])
def test_only_the_bits_of_the_lap_mean_available(
    make_vhost: MakeQueue, pool: Mempool, kind: Kind, start: int, flags: int
) -> None:
    for write in (0, WRITE):
        queue = make_vhost(kind=kind, size=8, start=start)
        desc = Desc(queue.store(header(queue) + frame()), 72)
        queue.driver.write_desc(queue.driver.slot(start), desc, 3, flags | write)
        is_available = flags == avail_bits(wrap_counter(start, 8))
        assert bool(send(queue, pool, [frame()]) if write else dequeue(queue)) == is_available


@each_packed
def test_the_rest_of_a_list_is_not_looked_for_where_nothing_was_offered(make_vhost: MakeQueue, kind: Kind) -> None:
    """A list whose last descriptor says that it goes on: what lies behind it is the driver's lie, and stays inside."""
    queue = make_vhost(kind=kind, size=8)
    transmit(queue, frame())
    queue.memory.put_u16(queue.driver.slot(0) + 14, AVAIL | NEXT)
    dequeue(queue)
    assert queue.vq.bad_chains <= 1
    assert queue.vq.last_avail in range(8)


# In order.


@pytest.mark.parametrize("start", [0, 29, 33])
@pytest.mark.parametrize("count", [1, 2, 20, 32])
def test_one_used_descriptor_tells_of_a_whole_burst_that_was_read(
    make_vhost: MakeQueue, start: int, count: int
) -> None:
    queue = make_vhost(kind=PACKED_IN_ORDER, size=32, start=start)
    for _ in range(4):
        ids = [transmit(queue, data) for data in frames(count)]
        before = ring(queue)
        assert dequeue(queue) == frames(count)
        assert written(queue, before) == 1
        assert queue.driver.reap() == [Used(each, 0) for each in ids]


def test_lists_and_bad_ones_are_told_of_together(make_vhost: MakeQueue) -> None:
    queue = make_vhost(kind=PACKED_IN_ORDER, size=32)
    for _ in range(5):
        ids = [transmit(queue, frame(60, 1), [12, 3])]
        ids.append(queue.driver.chain([Desc(0, 100)] * 2))
        queue.driver.offer(ids[-1])
        ids.append(transmit(queue, frame(60, 2), [12]))
        before = ring(queue)
        assert dequeue(queue) == [frame(60, 1), frame(60, 2)]
        assert written(queue, before) == 1
        assert queue.driver.reap() == [Used(each, 0) for each in ids]


def test_every_buffer_that_was_written_is_told_of(make_vhost: MakeQueue, pool: Mempool) -> None:
    """Their lengths differ, and a buffer that is not told of counts as filled."""
    queue = make_vhost(kind=PACKED_IN_ORDER, size=32)
    receiver = Receiver(queue)
    for _ in range(5):
        for _ in range(20):
            receiver.post(200)
        before = ring(queue)
        assert send(queue, pool, frames(20)) == 20
        assert written(queue, before) == 20
        assert queue.driver.unreaped() == 20
        assert receiver.receive() == frames(20)


def test_without_in_order_every_list_is_told_of(make_vhost: MakeQueue) -> None:
    queue = make_vhost(kind=PACKED, size=32)
    for data in frames(20):
        transmit(queue, data)
    before = ring(queue)
    assert dequeue(queue) == frames(20)
    assert written(queue, before) == 20


# Used descriptors.


@each_packed
def test_a_used_descriptor_says_whether_anything_was_written(make_vhost: MakeQueue, pool: Mempool, kind: Kind) -> None:
    """virtio 1.2, 2.8.3, 2.8.4. NEXT and INDIRECT are gone from it."""
    queue = make_vhost(kind=kind, size=8)
    transmit(queue, frame(), [12])
    dequeue(queue)
    assert queue.memory.u16(queue.driver.slot(0) + 14) == AVAIL | USED
    queue.driver.reap()
    Receiver(queue).post(50, 50)
    send(queue, pool, [frame()])
    assert queue.memory.u16(queue.driver.slot(2) + 14) == AVAIL | USED | WRITE


@each_packed
@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("count", [2, 32, 80, 200])
def test_the_first_descriptor_of_a_burst_is_written_last(
    make_vhost: MakeQueue, pool: Mempool, kind: Kind, direction: str, count: int
) -> None:
    """The ring's page that holds the burst's first place cannot be written: all others are, before it is tried."""
    if direction == "out" and kind.in_order:
        count = 1  # one is all that is written
    size, first = 600, 300
    queue = make_vhost(kind=kind, size=size, start=first, room=1 << 20)
    move_ring(queue, first)
    receiver = Receiver(queue, is_strict=False)
    for _ in range(count):
        if direction == "out":
            transmit(queue, frame())
        else:
            receiver.post(100)
    memory = Arena(1 << 16)
    mbufs = memory.struct("struct mbuf *", count)
    if direction == "in":
        mbufs[0:count] = [packet(pool, frame()) for _ in range(count)]
    burst = lib.vhost_rx_burst if direction == "out" else lib.vhost_tx_burst
    page = address_of(queue.vq.packed + first) // PAGE * PAGE
    child = os.fork()
    if not child:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        protect(page, mmap.PROT_READ)
        burst(queue.vq, mbufs, count)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV
    used = [queue.driver.is_used(first + i) for i in range(count)]
    assert used == [False] + [True] * (count - 1)
    assert queue.call.count() == 0
    lib.mbuf_free_bulk(mbufs, count if direction == "in" else sum(1 for m in mbufs[0:count] if m))


def move_ring(queue: DeviceQueue, first: int) -> None:
    """Let this place be the last one of a page, and the ring empty."""
    at = queue.alloc(16 * queue.vq.size + PAGE, PAGE)
    at += -(16 * (first + 1)) % PAGE
    driver = queue.driver
    queue.memory.write(at, queue.memory.read(driver.desc, 16 * queue.vq.size))
    driver.desc = at
    queue.vq.packed = ffi.cast("struct vring_packed_desc *", queue.host(at))


# Taking a ring up, and giving it back.


@each_packed
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("start", range(20))
def test_a_ring_is_given_back_as_it_may_be_taken_up_again(
    make_vhost: MakeQueue, kind: Kind, start: int, size: int
) -> None:
    queue = make_vhost(kind=kind, size=size, start=start)
    assert lib.vhost_virtqueue_index(queue.vq) == off_wrap(start, size)
    for round_ in range(6):
        transmit(queue, frame(60, round_), [12] * (round_ % 3))
        assert dequeue(queue) == [frame(60, round_)]
        queue.driver.reap()
        index = lib.vhost_virtqueue_index(queue.vq)
        assert index == off_wrap(queue.driver.next, size)
        lib.vhost_virtqueue_start(queue.vq, index)


@each_packed
@pytest.mark.parametrize("index", [8, 0x7FFF, 0x8008, 0xFFFF], ids=hex)
def test_a_place_beyond_the_ring_is_no_place(make_vhost: MakeQueue, pool: Mempool, kind: Kind, index: int) -> None:
    queue = make_vhost(kind=kind, size=8)
    lib.vhost_virtqueue_start(queue.vq, index)
    assert queue.vq.last_avail < 8
    transmit(queue, frame())
    dequeue(queue)
    send(queue, pool, [frame()])
    assert queue.vq.last_avail < 8


# Memory that changes.


@each_packed
def test_a_driver_that_offers_while_it_is_served_is_bounded(make_vhost: MakeQueue, kind: Kind) -> None:
    """Whatever the flags say, a burst is no longer than was asked for."""
    queue = make_vhost(kind=kind, size=8)
    address = queue.store(header(queue) + frame())
    for place in range(8):
        queue.driver.write_desc(queue.driver.slot(place), Desc(address, 72), place, AVAIL)
    assert dequeue(queue, 5) == [frame()] * 5
    assert dequeue(queue, 64) == [frame()] * 3
    assert dequeue(queue, 64) == []
