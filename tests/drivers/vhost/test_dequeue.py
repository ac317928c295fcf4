"""What the front-end transmits, as our back-end takes it from every kind of ring; the driver played from the spec."""

from collections.abc import Callable
from functools import partial

import pytest
from fakes.layouts import SCALAR_KINDS, Kind
from fakes.net_driver import cut, dequeue, header, transmit
from fakes.packets import MakePool, content, frame, frames, free, receive_mbufs, take
from fakes.queues import DeviceQueue
from fakes.virtio_driver import WRITE, Desc, Used

from pytestpmd._dataplane import lib

MakeQueue = Callable[..., DeviceQueue]
MBUF_ROOM = 2176 - lib.MBUF_HEADROOM


@pytest.fixture(params=SCALAR_KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of ring."""
    found: Kind = request.param
    return found


@pytest.fixture
def make(kind: Kind, make_vhost: MakeQueue) -> MakeQueue:
    """A queue of that kind."""
    return partial(make_vhost, kind=kind)


# Well-made chains.


@pytest.mark.parametrize("hdr_size", [10, 12])
def test_the_frame_is_what_follows_the_header(make: MakeQueue, hdr_size: int) -> None:
    queue = make(hdr_size=hdr_size)
    lengths = (1, 14, 59, 60, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1514, 1984, 1985, 2000, MBUF_ROOM)
    sent = [frame(length, number) for number, length in enumerate(lengths)]
    for data in sent:
        transmit(queue, data)
    assert dequeue(queue) == sent


def test_an_mbuf_says_where_it_was_received(make: MakeQueue) -> None:
    queue = make()
    transmit(queue, frame())
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert (mbuf.port, mbuf.ol_flags, mbuf.data_off, mbuf.nb_segs) == (5, 0, lib.MBUF_HEADROOM, 1)
    free(mbuf)


@pytest.mark.parametrize("length", [1, 14, 60, 64, 100, 512, 1500, 3000])
def test_a_buffer_may_end_where_the_memory_ends(make: MakeQueue, length: int) -> None:
    """Behind it lies a page whose touch is the end of this process."""
    queue = make()
    data = header(queue) + frame(length)
    queue.memory.write(queue.end - len(data), data)
    queue.driver.offer(queue.driver.chain([Desc(queue.end - len(data), len(data))]))
    assert dequeue(queue) == [frame(length)]


@pytest.mark.parametrize("length", [MBUF_ROOM, MBUF_ROOM + 1, 9000, 65535])
def test_a_frame_longer_than_an_mbuf_comes_as_segments(make: MakeQueue, length: int) -> None:
    queue = make()
    transmit(queue, frame(length))
    (mbuf,) = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert content(mbuf) == frame(length)
    assert mbuf.nb_segs == -(-length // MBUF_ROOM)
    free(mbuf)


@pytest.mark.parametrize("pieces", range(1, 13))
def test_the_header_may_lie_in_pieces(make: MakeQueue, pieces: int) -> None:
    """virtio 1.2, 2.7.4.1: no assumption about the arrangement of descriptors."""
    queue = make()
    lengths = [1] * (pieces - 1)
    whole, sharing = [*lengths, 12 - sum(lengths)], [*lengths, 12 - sum(lengths) + 5]
    for cuts in (whole, sharing, lengths):
        transmit(queue, frame(100), cuts)
        assert dequeue(queue) == [frame(100)]


@pytest.mark.parametrize("pieces", [2, 3, 17, 18, 63, 64])
def test_the_data_may_lie_in_pieces(make: MakeQueue, pieces: int) -> None:
    queue = make()
    transmit(queue, frame(1514), [12, *[7] * (pieces - 1)])
    transmit(queue, frame(1514), [17, *[9] * (pieces - 1)])
    assert dequeue(queue) == [frame(1514)] * 2


def test_pieces_of_nothing_are_passed_over(make: MakeQueue) -> None:
    queue = make()
    for cuts in ([0, 12], [12, 0, 0], [5, 0, 7, 0, 30, 0], [0, 0, 0]):
        transmit(queue, frame(100), cuts)
        assert dequeue(queue) == [frame(100)]
    assert queue.vq.bad_chains == 0


def test_a_chain_may_be_as_long_as_the_ring(make: MakeQueue) -> None:
    queue = make(size=16)
    transmit(queue, frame(100), [12, *[5] * 14])
    assert dequeue(queue) == [frame(100)]
    queue.driver.reap()
    table = queue.driver.table(queue.alloc(16 * 16), cut(queue, header(queue) + frame(100), [12, *[5] * 14]))
    queue.driver.offer(queue.driver.chain([table]))
    assert dequeue(queue) == [frame(100)]


@pytest.mark.parametrize(
    ("kind", "direct"),
    [*((kind, 0) for kind in SCALAR_KINDS), *((kind, direct) for kind in SCALAR_KINDS[:2] for direct in (1, 3))],
    ids=lambda what: f"{what} direct before" if isinstance(what, int) else str(what),
)
@pytest.mark.parametrize("flags", [0, WRITE], ids=["", "table is marked writable"])
@pytest.mark.parametrize("align", [16, 8, 1])
def test_an_indirect_table_may_end_a_chain(make: MakeQueue, direct: int, flags: int, align: int) -> None:
    """virtio 1.2, 2.7.5.3.2, 2.8.7: WRITE on what refers to the table is ignored; in a split ring direct ones may come
    before."""
    queue = make()
    for length in (60, 1514, 9000):
        descs = cut(queue, header(queue) + frame(length), [5, 7, 20, 11])
        table = queue.driver.table(queue.alloc(16 * len(descs) + 16, 64) + align % 16, descs[direct:], flags)
        queue.driver.offer(queue.driver.chain([*descs[:direct], table]))
        assert dequeue(queue) == [frame(length)]


def test_unknown_header_fields_change_nothing(make: MakeQueue) -> None:
    """virtio 1.2, 5.1.6.2.2: unknown flags are ignored, hdr_len is a hint, offsets mean nothing without NEEDS_CSUM."""
    queue = make()
    for flags in (0xF8, 0x80, 0):
        address = queue.store(bytes([flags, 0]) + b"\xff" * 10 + frame())
        queue.driver.offer(queue.driver.chain([Desc(address, 72)]))
    mbufs = receive_mbufs(lib.vhost_rx_burst, queue.vq)
    assert [(content(m), m.ol_flags) for m in mbufs] == [(frame(), 0)] * 3
    free(*mbufs)


def test_unknown_descriptor_flags_change_nothing(make: MakeQueue, kind: Kind) -> None:
    queue = make()
    unknown = 0x7F78 if kind.packed else 0xFFF8
    queue.driver.offer(queue.driver.chain([Desc(queue.store(header(queue) + frame()), 72, unknown)]))
    assert dequeue(queue) == [frame()]


# The ring.


def test_used_elements_name_the_chains_in_their_order(make: MakeQueue) -> None:
    queue = make()
    heads = [transmit(queue, frame(), [12] * (number % 3)) for number in range(20)]
    before = queue.driver.own_parts()
    assert len(dequeue(queue)) == 20
    assert queue.driver.reap() == [Used(head, 0) for head in heads]
    assert queue.driver.own_parts() == before


def test_elements_that_need_no_rewriting_are_right_all_the_same(make_vhost: MakeQueue) -> None:
    """A ring whose heads stay in place for some turns, then move, then stay."""
    queue = make_vhost(size=16)
    driver = queue.driver
    address = queue.store(header(queue) + frame())
    driver.free = []
    for number in range(16):
        driver.write_desc(driver.desc, number, Desc(address, 72), None)
    for turn in range(12):
        heads = [(number + turn // 4 * 5) % 16 for number in range(16)]
        driver.chains = {head: [] for head in heads}
        driver.offer(*heads)
        assert dequeue(queue) == [frame()] * 16
        assert driver.reap() == [Used(head, 0) for head in heads]


def test_a_ring_taken_up_anew_has_its_elements_written_again(make_vhost: MakeQueue) -> None:
    """After a reset the used ring is the driver's to clear: what it held before is not to be counted on."""
    queue = make_vhost(size=16)
    driver = queue.driver
    heads = [transmit(queue, frame()) for _ in range(16)]
    dequeue(queue)
    queue.memory.write(driver.used + 4, b"\xff" * 8 * 16)
    driver.publish(0)
    driver.avail_idx = driver.seen = 0
    lib.vhost_virtqueue_start(queue.vq, 0)
    queue.memory.put_u16(driver.used + 2, 0)
    driver.offer(*heads)
    assert dequeue(queue) == [frame()] * 16
    assert driver.reap() == [Used(head, 0) for head in heads]


def test_no_more_than_asked_for_are_received(make: MakeQueue) -> None:
    queue = make()
    for data in frames(100):
        transmit(queue, data)
    assert dequeue(queue, 3) == frames(3)
    assert dequeue(queue, 0) == []
    assert queue.driver.unreaped() == 3
    assert dequeue(queue, 512) == frames(97, first=3)


@pytest.mark.parametrize("start", [0, 61, 64, 65535, 65520, 32767])
def test_indices_wrap(make: MakeQueue, start: int) -> None:
    queue = make(size=64, start=start)
    for round_ in range(10):
        sent = [frame(60 + number, number) for number in range(round_, round_ + 31)]
        heads = [transmit(queue, data, [12] * (number % 2)) for number, data in enumerate(sent)]
        assert dequeue(queue) == sent
        assert queue.driver.reap() == [Used(head, 0) for head in heads]


def test_the_16_bit_turn_is_passed_on_foot(make_vhost: MakeQueue) -> None:
    queue = make_vhost(size=256)
    driver = queue.driver
    driver.chains = {}
    address = queue.store(header(queue) + frame())
    for number in range(256):
        driver.write_desc(driver.desc, number, Desc(address, 72), None)
        queue.memory.put_u16(driver.avail + 4 + 2 * number, number)
    for turn in range(1, 262):
        driver.publish(turn * 256 & 0xFFFF)
        mbufs = receive_mbufs(lib.vhost_rx_burst, queue.vq, 256)
        assert len(mbufs) == 256
        free(*mbufs)
        assert driver.used_idx == turn * 256 & 0xFFFF
    assert {driver.element(number) for number in range(256)} == {Used(number, 0) for number in range(256)}


def test_a_disabled_ring_moves_nothing(make: MakeQueue) -> None:
    queue = make()
    queue.vq.enabled = 0
    transmit(queue, frame())
    assert dequeue(queue) == []
    assert queue.driver.unreaped() == 0
    assert queue.call.count() == 0
    queue.vq.enabled = 1
    assert dequeue(queue) == [frame()]


def test_a_ring_in_dead_memory_moves_nothing(make: MakeQueue) -> None:
    queue = make()
    transmit(queue, frame())
    queue.regions.dead = 1
    assert dequeue(queue) == []
    assert queue.driver.unreaped() == 0


def test_an_empty_pool_leaves_packets_in_the_ring(make_pool: MakePool, make: MakeQueue) -> None:
    pool = make_pool(64)
    queue = make(pool)
    held = list(take(pool, 60))
    for data in frames(50):
        transmit(queue, data)
    assert dequeue(queue) == frames(4)
    assert queue.vq.stats.nombuf > 0
    free(*held)
    assert dequeue(queue) == frames(46, first=4)
    assert (queue.vq.bad_chains, queue.vq.stats.errors) == (0, 0)


def test_a_frame_longer_than_the_pool_is_dropped_and_counted(make_pool: MakePool, make: MakeQueue) -> None:
    queue = make(make_pool(4))
    head = transmit(queue, frame(5 * MBUF_ROOM))
    assert dequeue(queue) == []
    assert (queue.vq.stats.nombuf, queue.vq.bad_chains, queue.vq.stats.errors) == (1, 0, 0), "the chain is good"
    assert queue.driver.reap() == [Used(head, 0)]
    transmit(queue, frame())
    assert dequeue(queue) == [frame()]


def test_packets_are_counted(make: MakeQueue) -> None:
    queue = make()
    for data in (frame(60), frame(64), frame(9000), b"\xff" * 60, b"\x01" + bytes(63)):
        transmit(queue, data)
    dequeue(queue)
    stats = queue.vq.stats
    assert (stats.packets, stats.bytes, stats.broadcast, stats.multicast) == (5, 9248, 1, 1)
    assert list(stats.size_bins) == [2, 2, 0, 0, 0, 0, 0, 1]


# Calls.


def test_the_driver_is_called_unless_it_asks_not_to_be(make: MakeQueue) -> None:
    queue = make()
    for suppressed, calls in ((False, 1), (True, 0), (False, 1)):
        queue.driver.suppress_calls(suppressed)
        transmit(queue, frame())
        transmit(queue, frame())
        dequeue(queue)
        assert queue.call.count() == calls
    assert (queue.vq.calls, queue.vq.calls_suppressed) == (2, 1)
    assert dequeue(queue) == []
    assert queue.call.count() == 0


@pytest.mark.parametrize("start", [0, 254, 255, 65534, 65535])
def test_with_event_idx_the_call_comes_when_the_event_index_is_passed(make: MakeQueue, start: int) -> None:
    """virtio 1.2, 2.7.7.2, 2.8.10: the driver names the element, or the place and the lap, that it waits for."""
    for wanted, calls in {-1: 0, 0: 1, 1: 1, 3: 1, 4: 0, 100: 0}.items():
        queue = make(event_idx=True, start=start)
        queue.driver.suppress_calls(True)
        queue.driver.want_call_at(start + wanted)
        for data in frames(4):
            transmit(queue, data)
        dequeue(queue)
        assert queue.call.count() == calls, f"event {wanted} from where the burst of 4 began"


@pytest.mark.parametrize("event_idx", [False, True])
def test_a_wish_that_comes_just_after_the_look_is_seen_when_the_ring_comes_to_rest(
    make: MakeQueue, event_idx: bool
) -> None:
    queue = make(event_idx=event_idx, start=250)
    if event_idx:
        queue.driver.want_call_at(1000)
    else:
        queue.driver.suppress_calls(True)
    transmit(queue, frame())
    transmit(queue, frame())
    assert len(dequeue(queue)) == 2
    assert queue.call.count() == 0
    if event_idx:
        queue.driver.want_call_at(250)
    else:
        queue.driver.suppress_calls(False)
    for calls in (1, 0):
        assert dequeue(queue, 0) == []
        assert queue.call.count() == calls


def test_a_bad_chain_alone_is_told_of_as_well(make: MakeQueue) -> None:
    queue = make()
    queue.driver.offer(queue.driver.chain([Desc(0, 100)]))
    assert dequeue(queue) == []
    assert queue.call.count() == 1


@pytest.mark.parametrize(("event_idx", "flags"), [(False, 1), (True, 0)])
def test_no_kicks_are_asked_for(make_vhost: MakeQueue, event_idx: bool, flags: int) -> None:
    """We poll. virtio 1.2, 2.7.10.2: flags is 0 or 1, and 0 with EVENT_IDX, where the event index lies behind."""
    queue = make_vhost(event_idx=event_idx, start=7)
    assert queue.driver.used_flags == flags
    if event_idx:
        assert (queue.driver.avail_event() - 7) & 0xFFFF > 256
