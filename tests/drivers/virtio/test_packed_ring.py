"""The driver's side of a packed ring: what only this layout has (virtio 1.2, 2.8)."""

import mmap
import os
import signal
from collections.abc import Callable

import pytest
from fakes.guest import PAGE, protect
from fakes.layouts import PACKED, Kind, RxPath, each_packed
from fakes.packed_device import AVAIL, DESC, DISABLE, ENABLE, USED, off_wrap, used_bits, wrap_counter
from fakes.packets import frame, frames, free, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import address_of
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
SIZES = [1, 2, 3, 4, 5, 7, 8, 33, 200, 255]
every_size = pytest.mark.parametrize("size", SIZES)
each_mergeable = pytest.mark.parametrize("mergeable", [False, True], ids=["regular", "mergeable"])


def rx_queue(make_virtqueue: MakeQueue, kind: Kind, mergeable: bool = True, **settings: int) -> DriverQueue:
    queue = make_virtqueue(path=RxPath(kind, mergeable, vec=None if mergeable else kind.vec), **settings)
    queue.refill()
    return queue


def tx_queue(make_virtqueue: MakeQueue, kind: Kind, **settings: int) -> DriverQueue:
    return make_virtqueue(path=RxPath(kind, mergeable=False), **settings)


# Laps.


@each_packed
@each_mergeable
@every_size
def test_receive_goes_round_a_ring_of_any_size(
    make_virtqueue: MakeQueue, kind: Kind, mergeable: bool, size: int
) -> None:
    queue = rx_queue(make_virtqueue, kind, mergeable, size=size)
    assert queue.vq.nb_places == 0
    for round_ in range(40):
        sent = frames(1 + (round_ * 3) % size, first=round_)
        for data in sent:
            queue.device.deliver(data, mergeable=mergeable)
        assert queue.receive(size) == sent
        assert queue.device.waiting() == size
    assert queue.vq.fault == lib.VRING_OK
    assert queue.device.seen > 3 * size


@each_packed
@every_size
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_transmit_goes_round_a_ring_of_any_size(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, size: int, indirect: bool
) -> None:
    """Chains of every length that fits lie over the wrap sooner or later."""
    queue = tx_queue(make_virtqueue, kind, size=size, indirect=indirect, free_thresh=size)
    for round_ in range(60):
        segments = round_ % min(size, 9)
        sent = [frame(200, round_), frame(60, round_ + 1)]
        taken = queue.xmit(packet(pool, sent[0], split=(20,) * segments), packet(pool, sent[1]))
        assert queue.device.collect() == sent[:taken]
        assert taken >= 1
        queue.xmit()
        assert (queue.nb_free, pool.in_use()) == (size, 0)
    assert queue.vq.fault == lib.VRING_OK


@each_packed
@pytest.mark.parametrize("size", [3, 7, 64])
def test_packets_of_several_buffers_lie_over_the_wrap(make_virtqueue: MakeQueue, kind: Kind, size: int) -> None:
    queue = rx_queue(make_virtqueue, kind, size=size)
    for number in range(3 * size):
        sent = [frame(5000, number), *frames(number % (size - 2))]
        for data in sent:
            queue.device.deliver(data)
        assert queue.receive(size) == sent


@each_packed
@pytest.mark.parametrize("size", [256, 200])
def test_many_laps_leave_the_wrap_counters_in_step(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, size: int
) -> None:
    queue = tx_queue(make_virtqueue, kind, size=size, free_thresh=size)
    for lap in range(20):
        for burst in (size - 1, 1) if lap % 2 else (size,):
            assert queue.xmit(*(packet(pool, data) for data in frames(burst, first=lap))) == burst
            assert queue.device.collect() == frames(burst, first=lap)
        queue.xmit()
        assert (queue.vq.avail_idx, queue.vq.used_cons) == (0, 0)
        assert queue.vq.avail_wrap == queue.vq.used_wrap == wrap_counter((lap + 1) * size, size)
    assert pool.in_use() == 0


def test_the_largest_ring_goes_round(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    size = 32768
    queue = tx_queue(make_virtqueue, PACKED, size=size, start=size - 3, free_thresh=size)
    for _ in range(2):
        assert queue.xmit(*(packet(pool, data) for data in frames(8))) == 8
        assert queue.device.collect() == frames(8)
    queue.xmit()
    assert (queue.vq.avail_idx, queue.vq.avail_wrap, queue.nb_free) == (13, 0, size)


def test_buffers_completed_out_of_order_leave_the_ring_whole(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    """Chains of different lengths, the short ones given back first: places are skipped by what an id stood for."""
    queue = tx_queue(make_virtqueue, PACKED, size=13, free_thresh=13)
    for round_ in range(30):
        splits = [(), (10,) * 4, (10,), (10, 10)]
        sent = [frame(200, round_ + i) for i in range(4)]
        assert queue.xmit(*(packet(pool, d, split=s) for d, s in zip(sent, splits, strict=True))) == 4
        chains = queue.device.take_all()
        assert [queue.device.gather(chain)[1] for chain in chains] == sent
        queue.device.complete([chains[i] for i in (3, 0, 2)])
        assert queue.xmit(packet(pool, frame(60, 99))) == 1
        (other,) = queue.device.take_all()
        queue.device.complete([other, chains[1]])
        queue.xmit()
        assert (queue.nb_free, pool.in_use()) == (13, 0)


# What a descriptor says.


@each_packed
def test_every_place_of_a_chain_carries_its_id_and_the_wrap_counter(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind
) -> None:
    """virtio 1.2, 2.8.6: all flags are right in all descriptors, not just in the first one."""
    queue = tx_queue(make_virtqueue, kind, size=8, start=14)
    queue.xmit(packet(pool, frame(100), split=(20, 20, 20)))
    raw = [queue.vq.packed[place % 8] for place in range(14, 18)]
    assert len({desc.id for desc in raw}) == 1
    assert [desc.flags for desc in raw] == [1 | USED, 1 | USED, 1 | AVAIL, AVAIL]


@each_packed
def test_no_table_is_longer_than_the_ring(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    """virtio 1.2, 2.8.17."""
    queue = tx_queue(make_virtqueue, kind, size=4, indirect=True)
    assert queue.xmit(packet(pool, frame(100), split=(10,) * 4)) == 0
    assert queue.xmit(packet(pool, frame(100), split=(10,) * 3)) == 1
    assert queue.device.collect() == [frame(100)]


@each_packed
def test_a_chain_that_does_not_fit_writes_nothing(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    """virtio 1.2, 2.8.17: room for the whole list comes first."""
    queue = tx_queue(make_virtqueue, kind, size=8)
    assert queue.xmit(*(packet(pool, data) for data in frames(6))) == 6
    before = queue.device.memory.read(queue.device.desc, 16 * 8)
    assert queue.xmit(packet(pool, frame(100), split=(20, 20))) == 0
    assert queue.device.memory.read(queue.device.desc, 16 * 8) == before
    assert queue.kick.count() == 1


@each_packed
def test_a_used_descriptor_need_not_say_that_it_was_written(make_virtqueue: MakeQueue, kind: Kind) -> None:
    """virtio 1.2, 2.8.3 has the device set WRITE; QEMU's does not, so the length counts without it."""
    queue = rx_queue(make_virtqueue, kind, size=8)
    for flags in (0, 2, 1 | 2 | 4):
        chain, place = queue.device.take(), queue.device.used
        queue.device.use(chain, queue.device.scatter(chain, queue.device.header(1) + frame()))
        queue.device.publish()
        bits = used_bits(wrap_counter(place, 8))
        queue.device.memory.put_u16(queue.device.slot(place) + 14, bits | flags)
        assert queue.receive() == [frame()]


@each_packed
@each_mergeable
@pytest.mark.parametrize("flags", [0, AVAIL, USED, AVAIL | USED])
@pytest.mark.parametrize("start", [0, 5, 8, 13])
def test_only_both_bits_of_the_lap_mean_used(
    make_virtqueue: MakeQueue, kind: Kind, mergeable: bool, start: int, flags: int
) -> None:
    queue = rx_queue(make_virtqueue, kind, mergeable, size=8, start=start)
    queue.device.take()
    slot = queue.device.slot(start)
    queue.device.memory.put_u32(slot + 8, 72)
    queue.device.memory.put_u16(slot + 14, flags)
    mbufs = queue.receive_mbufs()
    is_used = flags == used_bits(wrap_counter(start, 8))
    assert (
        (len(mbufs) == 1 or queue.vq.fault == lib.VRING_BAD_NUM_BUFFERS) if is_used else not (mbufs or queue.vq.fault)
    )
    free(*mbufs)


@each_packed
def test_a_ring_that_says_used_while_nothing_is_outstanding_is_broken(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind
) -> None:
    queue = tx_queue(make_virtqueue, kind, size=8, free_thresh=9)
    queue.device.memory.write(queue.device.desc, b"\xff" * 16 * 8)
    queue.xmit()
    assert queue.vq.fault == lib.VRING_BAD_ID


@each_packed
def test_a_device_that_uses_what_it_was_not_shown_writes_nowhere_else(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind
) -> None:
    """Behind the ring lies a page whose touch is the end of this process."""
    queue = tx_queue(make_virtqueue, kind, size=8, free_thresh=8)
    for place in range(8):
        queue.device.memory.put_u16(queue.device.slot(place) + 12, place)
        queue.device.memory.put_u16(queue.device.slot(place) + 14, AVAIL | USED)
    sent = queue.xmit(*(packet(pool, data) for data in frames(80)))
    assert 8 <= sent <= 16
    assert queue.vq.fault == lib.VRING_BAD_ID


def test_a_packet_whose_buffers_are_taken_back_waits(make_virtqueue: MakeQueue) -> None:
    """Flags that flip: what is not used any more was never used."""
    queue = rx_queue(make_virtqueue, PACKED, size=16)
    device = queue.device
    place = device.used
    device.place(frame(3000))
    device.show(1)
    assert queue.receive() == []
    device.memory.put_u16(device.slot(place) + 14, 0)
    assert queue.receive() == []
    device.show(1)
    assert queue.receive() == []
    device.memory.put_u16(device.slot(place) + 14, AVAIL | USED)
    assert queue.receive() == [frame(3000)]


# Event suppression.


@each_packed
@pytest.mark.parametrize("event_idx", [False, True])
@pytest.mark.parametrize(
    ("flags", "kicks"), [(ENABLE, 1), (DISABLE, 0), (3, 1), (5, 1), (0xFFFF, 1), (0x8001, 1)], ids=hex
)
def test_the_device_is_kicked_by_its_event_flags(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, event_idx: bool, flags: int, kicks: int
) -> None:
    """Whatever is reserved means notify: better a kick too many than none."""
    queue = tx_queue(make_virtqueue, kind, size=8, event_idx=event_idx)
    queue.device.write_event(flags, 5)
    queue.xmit(packet(pool, frame()))
    assert queue.kick.count() == kicks


@each_packed
def test_a_place_means_nothing_without_event_idx(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind) -> None:
    """virtio 1.2, 2.8.10: DESC is only valid if it was negotiated."""
    queue = tx_queue(make_virtqueue, kind, size=8)
    queue.device.want_kick_at(5)
    queue.xmit(packet(pool, frame()))
    assert queue.kick.count() == 1


@each_packed
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("burst", [1, 3, 7])
def test_the_kick_comes_with_the_place_and_the_lap_that_were_named(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, size: int, burst: int
) -> None:
    """Every place from a lap before to a lap behind the burst, wherever in the ring that begins."""
    queue = tx_queue(make_virtqueue, kind, size=size, event_idx=True, free_thresh=size)
    for _ in range(2 * size):
        start = queue.device.seen
        for wanted in range(start - 2, start + burst + 2):
            queue.device.want_kick_at(wanted)
            assert queue.xmit(*(packet(pool, data) for data in frames(burst))) == burst
            begun = queue.device.seen
            queue.device.collect()
            is_due = off_wrap(wanted, size) in {off_wrap(begun + i, size) for i in range(burst)}
            assert queue.kick.count() == is_due
            queue.xmit()


@each_packed
@pytest.mark.parametrize("event", [8, 9, 0x7FFF, 0x8008, 0xFFFF])
def test_a_place_beyond_the_ring_does_no_harm(make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, event: int) -> None:
    queue = tx_queue(make_virtqueue, kind, size=8, event_idx=True, free_thresh=8)
    queue.device.memory.put_u16(queue.device.device_event, event)
    queue.device.memory.put_u16(queue.device.device_event + 2, DESC)
    for _ in range(20):
        assert queue.xmit(packet(pool, frame())) == 1
        assert queue.device.collect() == [frame()]
    assert queue.kick.count() <= 20


@each_packed
def test_a_new_device_is_kicked_whatever_the_last_one_wanted(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind
) -> None:
    queue = tx_queue(make_virtqueue, kind, size=8)
    queue.device.suppress_kicks(True)
    queue.reset()
    queue.xmit(packet(pool, frame()))
    assert queue.kick.count() == 1


@each_packed
def test_a_reset_ring_is_zero_and_asks_for_no_interrupt(make_virtqueue: MakeQueue, kind: Kind) -> None:
    """virtio 1.2, 2.8.13: the descriptor ring is zero-initialized."""
    queue = tx_queue(make_virtqueue, kind, size=8, start=11)
    queue.device.memory.write(queue.device.desc, b"\xff" * 16 * 8)
    queue.reset()
    assert queue.device.memory.read(queue.device.desc, 16 * 8) == bytes(16 * 8)
    assert queue.device.memory.read(queue.device.driver_event, 4) == bytes([0, 0, DISABLE, 0])
    assert queue.device.memory.read(queue.device.device_event, 4) == bytes(4)


# What the device sees, and when.


@each_packed
@pytest.mark.parametrize("count", [2, 32, 100, 200])
def test_the_first_descriptor_of_a_burst_is_written_last(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, count: int
) -> None:
    """The ring's page that holds the burst's first place cannot be written: all others are, before it is tried."""
    size = 300
    queue = tx_queue(make_virtqueue, kind, size=size)
    ring = address_of(queue.vq.packed)
    first = (-ring % PAGE) // 16 - 1
    queue.reset(first)
    mbufs = ffi.new("struct mbuf *[]", [packet(pool, data) for data in frames(count)])
    child = os.fork()
    if not child:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        protect(ring // PAGE * PAGE, mmap.PROT_READ)
        queue.path.kind.xmit(queue.vq, mbufs, count)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV
    available = [queue.device.is_available(first + i) for i in range(count)]
    assert available == [False] + [True] * (count - 1)
    assert queue.kick.count() == 0
