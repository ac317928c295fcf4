"""A driver that lies to our back-end: a bad chain is used up and counted, a bad index stops the ring."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from fakes.layouts import PACKED_IN_ORDER, SCALAR_KINDS, Kind
from fakes.net_driver import Receiver, cut, dequeue, header, send, transmit
from fakes.packets import frame, frames
from fakes.queues import GUEST_BASE, DeviceQueue
from fakes.virtio_driver import INDIRECT, WRITE, Desc, Used

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DeviceQueue]


@pytest.fixture(params=SCALAR_KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of ring."""
    found: Kind = request.param
    return found


@pytest.fixture
def make(kind: Kind, make_vhost: MakeQueue) -> MakeQueue:
    """A queue of that kind."""
    return partial(make_vhost, kind=kind)


def is_bad(queue: DeviceQueue, descs: Sequence[Desc], why: int) -> bool:
    """Whether this chain is used up with length 0, counted, and does not hold up four good ones behind it."""
    before = queue.vq.bad_chains
    bad = queue.driver.chain(descs)
    queue.driver.offer(bad)
    good = [transmit(queue, data) for data in frames(4)]
    assert dequeue(queue) == frames(4)
    used = queue.driver.reap()
    assert [element.head for element in used] == [bad, *good]
    # in order, one used descriptor told of them all, and has one length
    assert queue.kind == PACKED_IN_ORDER or not any(element.length for element in used)
    assert queue.vq.fault == lib.VRING_OK
    return bool((queue.vq.bad_chains, queue.vq.bad_chain) == (before + 1, why))


# What the front-end transmits.


@pytest.mark.parametrize(
    "address",
    [0, GUEST_BASE - 1, GUEST_BASE - 100, GUEST_BASE + (64 << 20), 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFC0],
    ids=hex,
)
def test_an_address_outside_of_the_memory_is_bad(make: MakeQueue, address: int) -> None:
    queue = make()
    assert is_bad(queue, [Desc(address, 100)], lib.VHOST_BAD_ADDRESS)
    assert is_bad(queue, [*cut(queue, header(queue)), Desc(address, 100)], lib.VHOST_BAD_ADDRESS)


def test_unmapped_buffers_of_no_length_are_bad(make: MakeQueue, pool: Mempool) -> None:
    """Four in a row, one cache line of descriptors: nothing to compare a length with."""
    queue = make()
    for _ in range(4):
        queue.driver.offer(queue.driver.chain([Desc(0, 0)]))
    good = transmit(queue, frame())
    assert dequeue(queue) == [frame()]
    assert (queue.vq.bad_chains, queue.vq.bad_chain) == (4, lib.VHOST_BAD_ADDRESS)
    assert [each.head for each in queue.driver.reap()][-1] == good
    receiver = Receiver(queue := make())
    for _ in range(4):
        receiver.post_chain([Desc(0, 0, WRITE)])
    receiver.post(128)
    assert send(queue, pool, [frame()]) == 1
    assert (queue.vq.bad_chains, queue.vq.bad_chain) == (4, lib.VHOST_BAD_ADDRESS)


def test_the_write_flag_of_what_refers_to_a_table_means_nothing(make: MakeQueue) -> None:
    """virtio 1.2, 2.7.5.3.2: the device MUST ignore it."""
    queue = make()
    table = queue.driver.table(queue.alloc(64), cut(queue, header(queue) + frame(), [12]), WRITE)
    queue.driver.offer(queue.driver.chain([table]))
    assert dequeue(queue) == [frame()]
    assert queue.vq.bad_chains == 0


@pytest.mark.parametrize("length", [101, 0x1000, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_buffer_that_crosses_the_end_of_the_memory_is_bad(make: MakeQueue, length: int) -> None:
    queue = make()
    assert is_bad(queue, [Desc(queue.end - 100, length)], lib.VHOST_BAD_ADDRESS)
    assert is_bad(queue, [*cut(queue, header(queue)), Desc(queue.end - 100, length)], lib.VHOST_BAD_ADDRESS)


def test_a_buffer_across_two_regions_is_bad(make: MakeQueue) -> None:
    queue = make()
    queue.regions.regions[1] = queue.regions.regions[0]
    queue.regions.regions[1].guest_addr = queue.end
    queue.regions.nb_regions = 2
    assert is_bad(queue, [Desc(queue.end - 50, 100)], lib.VHOST_BAD_ADDRESS)


def test_every_region_is_looked_at(make: MakeQueue) -> None:
    queue = make()
    address = queue.store(header(queue) + frame())
    queue.regions.regions[7] = queue.regions.regions[0]
    queue.regions.regions[7].guest_addr = 0x4000
    queue.regions.nb_regions = 8
    queue.driver.offer(queue.driver.chain([Desc(address - GUEST_BASE + 0x4000, 72)]))
    assert dequeue(queue) == [frame()]


@pytest.mark.parametrize("length", [0, 1, 11, 12])
def test_a_chain_without_a_frame_is_bad(make: MakeQueue, length: int) -> None:
    queue = make()
    assert is_bad(queue, [Desc(queue.store(bytes(64)), length)], lib.VHOST_BAD_FRAME)
    assert is_bad(queue, [Desc(queue.store(bytes(64)), 0), Desc(queue.store(bytes(64)), length)], lib.VHOST_BAD_FRAME)


def test_a_writable_buffer_is_bad(make: MakeQueue) -> None:
    """virtio 1.2, 2.7.5.2: the device should not read what it is to write."""
    queue = make()
    whole = cut(queue, header(queue) + frame())[0]
    assert is_bad(queue, [Desc(whole.address, whole.length, WRITE)], lib.VHOST_BAD_DIRECTION)
    assert is_bad(queue, [whole, Desc(whole.address, whole.length, WRITE)], lib.VHOST_BAD_DIRECTION)


@pytest.mark.parametrize("following", [0, 1, 15])
def test_a_chain_that_loops_is_bad(make_vhost: MakeQueue, following: int) -> None:
    queue = make_vhost(size=16)
    descs = cut(queue, header(queue) + frame(64), [12])
    head = queue.driver.chain(descs)
    queue.driver.write_desc(queue.driver.desc, head + 1, descs[1], following)
    queue.driver.write_desc(queue.driver.desc, 15, descs[1], 0)
    queue.driver.offer(head)
    assert dequeue(queue) == []
    assert (queue.vq.bad_chains, queue.driver.reap()) == (1, [Used(head, 0)])
    assert queue.vq.bad_chain == lib.VHOST_BAD_COUNT


@pytest.mark.parametrize("following", [256, 257, 0x7FFF, 0xFFFF])
def test_a_next_beyond_the_ring_is_bad(make_vhost: MakeQueue, following: int) -> None:
    queue = make_vhost()
    descs = cut(queue, header(queue) + frame(64), [12])
    head = queue.driver.chain(descs)
    queue.driver.write_desc(queue.driver.desc, head + 1, descs[1], following)
    queue.driver.offer(head)
    assert dequeue(queue) == []
    assert (queue.vq.bad_chains, queue.driver.reap()) == (1, [Used(head, 0)])
    assert queue.vq.bad_chain == lib.VHOST_BAD_NEXT


@pytest.mark.parametrize("entries", [17, 64])
def test_a_chain_longer_than_the_ring_is_bad(make: MakeQueue, entries: int) -> None:
    queue = make(size=16)
    table = queue.driver.table(queue.alloc(16 * entries), cut(queue, header(queue) + frame(100), [1] * (entries - 1)))
    assert is_bad(queue, [table], lib.VHOST_BAD_COUNT)


def test_an_endless_indirect_table_is_bad(make_vhost: MakeQueue) -> None:
    queue = make_vhost()
    address = queue.alloc(32)
    (desc,) = cut(queue, header(queue) + frame())
    queue.driver.write_desc(address, 0, desc, 1)
    queue.driver.write_desc(address, 1, desc, 0)
    assert is_bad(queue, [Desc(address, 32, INDIRECT)], lib.VHOST_BAD_COUNT)


def test_an_indirect_table_in_an_indirect_table_is_bad(make_vhost: MakeQueue) -> None:
    queue = make_vhost()
    inner = queue.driver.table(queue.alloc(64), cut(queue, header(queue) + frame(), [12]))
    assert is_bad(queue, [queue.driver.table(queue.alloc(64), [inner])], lib.VHOST_BAD_TABLE)
    itself = queue.alloc(64)
    assert is_bad(queue, [queue.driver.table(itself, [Desc(itself, 16, INDIRECT)])], lib.VHOST_BAD_TABLE)


def test_an_indirect_table_within_a_chain_is_bad(make: MakeQueue) -> None:
    """virtio 1.2, 2.7.5.3.1: never INDIRECT together with NEXT."""
    queue = make()
    descs = cut(queue, header(queue) + frame(), [12])
    assert is_bad(queue, [queue.driver.table(queue.alloc(64), descs), descs[1]], lib.VHOST_BAD_TABLE)


@pytest.mark.parametrize("length", [0, 1, 15, 17, 31, 0xFFFF_FFF0, 0xFFFF_FFFF])
def test_an_indirect_table_of_such_a_length_is_bad(make: MakeQueue, length: int) -> None:
    queue = make()
    table = queue.driver.table(queue.alloc(64), cut(queue, header(queue) + frame(), [12]))
    why = lib.VHOST_BAD_ADDRESS if length and length % 16 == 0 else lib.VHOST_BAD_TABLE
    assert is_bad(queue, [Desc(table.address, length, INDIRECT)], why)


@pytest.mark.parametrize("address", [0, GUEST_BASE - 16, 0xFFFF_FFFF_FFFF_FFF0], ids=hex)
def test_an_indirect_table_outside_of_the_memory_is_bad(make: MakeQueue, address: int) -> None:
    queue = make()
    assert is_bad(queue, [Desc(address, 32, INDIRECT)], lib.VHOST_BAD_ADDRESS)
    assert is_bad(queue, [Desc(queue.end - 16, 32, INDIRECT)], lib.VHOST_BAD_ADDRESS)


def test_a_next_beyond_the_indirect_table_is_bad(make_vhost: MakeQueue) -> None:
    queue = make_vhost()
    table = queue.driver.table(queue.alloc(64), cut(queue, header(queue) + frame(), [12, 30]))
    assert is_bad(queue, [Desc(table.address, 32, INDIRECT)], lib.VHOST_BAD_NEXT)


def test_a_frame_longer_than_any_is_bad(make: MakeQueue, pool: Mempool) -> None:
    """64 KB and headers is what segmentation offloads may ask for; more only keeps the lcore copying."""
    queue = make()
    address = queue.alloc(70_000)
    assert is_bad(queue, [Desc(address, 70_000)], lib.VHOST_BAD_FRAME)
    assert is_bad(queue, [Desc(address, 40_000)] * 10, lib.VHOST_BAD_FRAME)
    assert queue.vq.stats.nombuf == 0


@pytest.mark.parametrize("head", [256, 257, 0x8000, 0xFFFF])
def test_a_head_beyond_the_ring_is_used_up(make_vhost: MakeQueue, head: int) -> None:
    queue = make_vhost()
    queue.driver.chains[head] = []
    queue.driver.offer(head)
    for data in frames(4):
        transmit(queue, data)
    assert dequeue(queue) == frames(4)
    assert (queue.vq.bad_chains, queue.vq.bad_chain) == (1, lib.VHOST_BAD_HEAD)
    assert queue.driver.reap()[0] == Used(head, 0)


def test_only_the_rings_own_descriptors_may_be_named(make_vhost: MakeQueue) -> None:
    """Good descriptors lie behind the table's end: neither a head nor a next may reach them."""
    queue = make_vhost(size=32)
    (good,) = cut(queue, header(queue) + frame())
    driver = queue.driver
    queue.vq.size = driver.size = 16
    lib.vhost_virtqueue_start(queue.vq, 0)
    for number in range(16, 32):
        driver.write_desc(driver.desc, number, good, None)
    driver.write_desc(driver.desc, 3, Desc(good.address, 0), 16)
    for head in (16, 31, 3):
        driver.offer(head)
        assert dequeue(queue) == []
    assert queue.vq.bad_chains == 3


@pytest.mark.parametrize("jump", [257, 0x7FFF, 0xFFFF])
def test_an_index_that_jumps_stops_the_ring(make_vhost: MakeQueue, jump: int) -> None:
    queue = make_vhost()
    transmit(queue, frame())
    queue.driver.publish(jump)
    assert dequeue(queue) == []
    assert queue.vq.fault == lib.VRING_BAD_INDEX
    queue.driver.publish()
    assert dequeue(queue) == []
    assert queue.driver.used_idx == 0
    lib.vhost_virtqueue_start(queue.vq, 0)
    assert dequeue(queue) == [frame()]


# What the front-end receives into.


def bad_then_good(queue: DeviceQueue, pool: Mempool, bad: list[Desc], *, data: bytes = frame()) -> None:
    """A bad chain is used up with length 0 and counted; the frame goes into the chain behind it."""
    receiver = Receiver(queue)
    head = receiver.post_chain(bad)
    for _ in range(4):
        receiver.post(1500)
    kept = {d.address: queue.memory.read(d.address, d.length) for d in bad if not d.flags & WRITE and d.length < 1000}
    assert send(queue, pool, [data] * 4) == 4
    assert queue.vq.bad_chains == 1
    assert queue.driver.reap(1) == [Used(head, 0)]
    assert receiver.receive() == [data] * 4
    assert all(queue.memory.read(address, len(was)) == was for address, was in kept.items())


def test_a_buffer_that_is_not_writable_is_not_written(make: MakeQueue, pool: Mempool) -> None:
    """virtio 1.2, 2.7.5.2: a device MUST NOT write to a device-readable buffer."""
    bad_then_good(queue := make(), pool, [Receiver(queue).buffer(128, flags=0)])
    receiver = Receiver(queue := make())
    bad_then_good(queue, pool, [receiver.buffer(20), receiver.buffer(128, flags=0)])


@pytest.mark.parametrize("mergeable", [False, True])
@pytest.mark.parametrize(
    ("address", "length"),
    [
        (0, 128),
        (GUEST_BASE - 64, 128),
        (GUEST_BASE + (64 << 20), 128),
        (0xFFFF_FFFF_FFFF_FFC0, 128),
        (GUEST_BASE + 4096, 0xFFFF_FFFF),
    ],
    ids=["zero", "before", "behind", "wraps", "crosses the end"],
)
def test_an_address_to_write_to_outside_of_the_memory_is_bad(
    make: MakeQueue, pool: Mempool, mergeable: bool, address: int, length: int
) -> None:
    bad_then_good(make(mergeable=mergeable), pool, [Desc(address, length, WRITE)])
    queue = make(mergeable=mergeable)
    bad_then_good(queue, pool, [Receiver(queue).buffer(20), Desc(address, length, WRITE)])


def test_a_loop_of_empty_buffers_ends(make_vhost: MakeQueue, pool: Mempool) -> None:
    queue = make_vhost(size=16)
    queue.driver.write_desc(queue.driver.desc, 15, Desc(GUEST_BASE, 0, WRITE), 15)
    queue.driver.free.remove(15)
    queue.driver.chains[15] = [15]
    queue.driver.offer(15)
    receiver = Receiver(queue)
    good = receiver.post(128)
    assert send(queue, pool, [frame()]) == 1
    assert queue.driver.reap() == [Used(15, 0), Used(good, 72)]


@pytest.mark.parametrize("mergeable", [False, True])
def test_a_ring_of_buffers_without_room_delivers_nothing(make: MakeQueue, pool: Mempool, mergeable: bool) -> None:
    """Only empty buffers, as many as the ring holds: the burst ends and every frame is accounted for."""
    queue = make(size=16, mergeable=mergeable)
    receiver = Receiver(queue)
    for _ in range(16):
        receiver.post(0)
    sent = send(queue, pool, frames(8))
    assert sent == queue.vq.stats.errors
    assert queue.vq.stats.packets == 0
    assert queue.vq.fault == lib.VRING_OK


@pytest.mark.parametrize("head", [256, 0x8000, 0xFFFF])
def test_a_head_to_receive_into_beyond_the_ring_is_used_up(make_vhost: MakeQueue, pool: Mempool, head: int) -> None:
    queue = make_vhost()
    queue.driver.chains[head] = []
    queue.driver.offer(head)
    good = Receiver(queue).post(128)
    assert send(queue, pool, [frame()]) == 1
    assert queue.driver.reap() == [Used(head, 0), Used(good, 72)]


def test_a_packet_over_a_bad_buffer_goes_behind_it(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    receiver.post(100)
    receiver.post_chain([Desc(0, 100, WRITE)])
    for _ in range(3):
        receiver.post(100)
    assert send(queue, pool, [frame(250)]) == 1
    used = queue.driver.reap()
    assert [element.length for element in used] == [0, 0, 100, 100, 62], "what came before it was to be shared with it"
    assert (queue.vq.bad_chains, queue.vq.stats.packets, queue.vq.stats.errors) == (1, 1, 0)


def test_a_bad_buffer_costs_no_packet_and_is_counted_once(make: MakeQueue, pool: Mempool) -> None:
    """However many good ones lie before it that a long frame was to share with it."""
    queue = make(size=64)
    receiver = Receiver(queue)
    for _ in range(20):
        receiver.post(100)
    receiver.post_chain([Desc(0, 100, WRITE)])
    receiver.post(3000)
    assert send(queue, pool, [frame(2500)]) == 1
    assert [each.length for each in queue.driver.reap()] == [0] * 21 + [2512]
    stats = queue.vq.stats
    assert (queue.vq.bad_chains, stats.packets, stats.errors, stats.missed) == (1, 1, 0, 0)


def test_a_ring_of_bad_buffers_is_used_up_once(make: MakeQueue, pool: Mempool) -> None:
    """Nothing is looked at twice within a burst, and what finds no room is counted."""
    queue = make(size=8)
    receiver = Receiver(queue)
    for _ in range(8):
        receiver.post_chain([Desc(0, 100, WRITE)])
    assert send(queue, pool, frames(3)) == 0
    assert len(queue.driver.reap()) == queue.vq.bad_chains == 8
    assert (queue.vq.stats.packets, queue.vq.stats.errors, queue.vq.stats.missed) == (0, 0, 3)


@pytest.mark.parametrize("jump", [257, 0x7FFF, 0xFFFF])
def test_an_index_that_jumps_stops_the_receive_ring(make_vhost: MakeQueue, pool: Mempool, jump: int) -> None:
    queue = make_vhost()
    Receiver(queue).post(128)
    queue.driver.publish(jump)
    assert send(queue, pool, [frame()]) == 0
    assert queue.vq.fault == lib.VRING_BAD_INDEX
    queue.driver.publish()
    assert send(queue, pool, [frame()]) == 0
    assert queue.driver.used_idx == 0
