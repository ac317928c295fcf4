"""What the front-end receives, as our back-end delivers it over every kind of ring; the driver played from the spec."""

from collections.abc import Callable
from functools import partial

import pytest
from fakes.layouts import SCALAR_KINDS, Kind
from fakes.net_driver import Receiver, enqueue, send
from fakes.packets import frame, frames, packet
from fakes.queues import DeviceQueue
from fakes.virtio_driver import WRITE, Desc, Used

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


@pytest.mark.parametrize("hdr_size", [10, 12])
@pytest.mark.parametrize("room", [1524, 2048])
def test_frames_arrive_behind_a_header_of_the_agreed_size(
    make: MakeQueue, pool: Mempool, hdr_size: int, room: int
) -> None:
    queue = make(hdr_size=hdr_size, mergeable=False)
    receiver = Receiver(queue)
    sent = [frame(length, i) for i, length in enumerate((1, 14, 59, 60, 63, 64, 65, 128, 511, 512, 513, 1500, 1512))]
    for _ in sent:
        receiver.post(room)
    assert send(queue, pool, sent) == len(sent)
    assert receiver.receive() == sent


def test_used_elements_name_chains_and_bytes_in_their_order(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    heads = [receiver.post(2048) for _ in range(20)]
    before = queue.driver.own_parts()
    assert send(queue, pool, [frame(60 + i) for i in range(20)]) == 20
    assert queue.driver.reap() == [Used(head, 72 + i) for i, head in enumerate(heads)]
    assert queue.driver.own_parts() == before


@pytest.mark.parametrize("length", [60, 1500, 9000])
@pytest.mark.parametrize("room", [2048, 128, 140, 13])
def test_long_frames_take_several_buffers(make: MakeQueue, pool: Mempool, length: int, room: int) -> None:
    """virtio 1.2, 5.1.6.4: num_buffers counts them and all but the last are full (both checked by the receiver)."""
    queue = make()
    receiver = Receiver(queue)
    buffers = -(-(length + 12) // room)
    for _ in range(min(buffers + 2, 256)):
        receiver.post(room)
    if buffers > 256:
        assert send(queue, pool, [frame(length)]) == 1
        assert (queue.vq.stats.errors, queue.driver.unreaped()) == (1, 0)
        return
    split = (2000,) * (length // 2100)
    assert enqueue(queue, packet(pool, frame(length), split=split)) == 1
    assert queue.driver.unreaped() == buffers
    assert receiver.receive() == [frame(length)]


def test_a_frame_that_fills_its_buffers_to_the_last_byte_takes_no_more(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    for _ in range(8):
        receiver.post(256)
    assert send(queue, pool, [frame(244), frame(500), frame(501)]) == 3
    assert queue.driver.unreaped() == 1 + 2 + 3
    assert receiver.receive() == [frame(244), frame(500), frame(501)]


@pytest.mark.parametrize("split", [(14,), (1, 2, 3), (30,) * 10, (0, 20, 0)])
def test_segments_arrive_as_one_frame(make: MakeQueue, pool: Mempool, split: tuple[int, ...]) -> None:
    queue = make()
    receiver = Receiver(queue)
    for _ in range(3):
        receiver.post(2048)
    mbufs = [packet(pool, frame(60, 1)), packet(pool, frame(400, 2), split=split), packet(pool, frame(60, 3))]
    assert enqueue(queue, *mbufs) == 3
    assert receiver.receive() == [frame(60, 1), frame(400, 2), frame(60, 3)]


@pytest.mark.parametrize("pieces", range(1, 13))
@pytest.mark.parametrize("mergeable", [False, True])
def test_the_header_may_go_in_pieces(make: MakeQueue, pool: Mempool, pieces: int, mergeable: bool) -> None:
    """virtio 1.2, 2.7.4.1: no assumption about the arrangement of descriptors."""
    queue = make(mergeable=mergeable)
    receiver = Receiver(queue)
    rest = 13 - pieces
    receiver.post(*[1] * (pieces - 1), rest, 30, 70)
    receiver.post(*[1] * (pieces - 1), rest + 1, 59)
    assert send(queue, pool, frames(2)) == 2
    assert receiver.receive() == frames(2)


@pytest.mark.parametrize("pieces", range(1, 13))
def test_the_header_of_a_merged_packet_may_go_in_pieces(make: MakeQueue, pool: Mempool, pieces: int) -> None:
    queue = make()
    receiver = Receiver(queue)
    for more in (0, 1, 2):
        receiver.post(*[1] * (pieces - 1), 13 - pieces + more)
        receiver.post(100)
        assert send(queue, pool, [frame(80)]) == 1
        assert receiver.receive() == [frame(80)]


@pytest.mark.parametrize("pieces", [2, 17, 64])
def test_buffers_may_be_chains_and_indirect_tables(make: MakeQueue, pool: Mempool, pieces: int) -> None:
    queue = make(size=1024)
    receiver = Receiver(queue)
    for _ in range(3):
        receiver.post(*[30] * pieces)
        receiver.post_indirect(*[31] * pieces)
        receiver.post(*[0, 40, 0] * (pieces // 2))
    sent = [frame(length, length) for length in (18, 30 * pieces - 12, 30 * pieces - 11, 60)]
    assert send(queue, pool, sent) == 4
    assert receiver.receive() == sent


# Room.


def test_without_mergeable_buffers_a_frame_that_is_too_long_is_dropped(make: MakeQueue, pool: Mempool) -> None:
    """It takes no buffer, is counted, and holds nobody up."""
    queue = make(mergeable=False)
    receiver = Receiver(queue, is_strict=False)
    receiver.post(1524)
    receiver.post(1524)
    assert send(queue, pool, [frame(60, 1), frame(1513, 2), frame(60, 3)]) == 3
    assert receiver.receive() == [frame(60, 1), frame(60, 3)]
    assert (queue.vq.stats.packets, queue.vq.stats.errors, queue.vq.bad_chains) == (2, 1, 0)
    assert pool.in_use() == 0


def test_frames_without_a_buffer_stay_with_the_caller(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    assert send(queue, pool, frames(3)) == 0
    for _ in range(40):
        receiver.post(128)
    assert send(queue, pool, frames(50)) == 40
    assert receiver.receive() == frames(40)
    assert queue.vq.stats.missed == 3 + 10


def test_a_long_frame_waits_until_there_are_buffers_enough(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    for _ in range(3):
        receiver.post(256)
    assert send(queue, pool, [frame(60, 1), frame(600, 2), frame(60, 3)]) == 1
    assert receiver.receive() == [frame(60, 1)]
    receiver.post(256)
    assert send(queue, pool, [frame(600, 2), frame(60, 3)]) == 1
    assert receiver.receive() == [frame(600, 2)]


def test_a_frame_longer_than_a_full_ring_is_dropped(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=4)
    receiver = Receiver(queue, is_strict=False)
    for _ in range(4):
        receiver.post(128)
    assert send(queue, pool, [frame(501), frame(60)]) == 2
    assert receiver.receive() == [frame(60)]
    assert queue.vq.stats.errors == 1


@pytest.mark.parametrize("length", [13, 72, 76, 140])
def test_a_buffer_may_end_where_the_memory_ends(make: MakeQueue, pool: Mempool, length: int) -> None:
    queue = make(mergeable=False)
    queue.driver.offer(queue.driver.chain([Desc(queue.end - length, length, WRITE)]))
    assert send(queue, pool, [frame(length - 12)]) == 1
    assert queue.memory.read(queue.end - length, length)[12:] == frame(length - 12)


# The ring.


@pytest.mark.parametrize("start", [0, 61, 64, 65535, 65520, 32767])
def test_indices_wrap(make: MakeQueue, pool: Mempool, start: int) -> None:
    queue = make(size=64, start=start)
    receiver = Receiver(queue)
    for round_ in range(8):
        while queue.driver.nb_free:
            receiver.post(100)
        sent = [frame(60 + 120 * (number % 2), number) for number in range(round_, round_ + 21)]
        assert send(queue, pool, sent) == 21
        assert receiver.receive() == sent


def test_elements_that_need_no_rewriting_are_right_all_the_same(make_vhost: MakeQueue, pool: Mempool) -> None:
    """Heads and lengths that stay for some turns of the ring, then change, then stay."""
    queue = make_vhost(size=16)
    driver = queue.driver
    for number in range(16):
        driver.write_desc(driver.desc, number, Desc(queue.alloc(256), 256, WRITE), None)
    driver.free = []
    for turn in range(18):
        heads = [(number + turn // 6 * 5) % 16 for number in range(16)]
        driver.chains = {head: [] for head in heads}
        driver.offer(*heads)
        length = 60 + turn // 4
        assert send(queue, pool, [frame(length)] * 16) == 16
        assert driver.reap() == [Used(head, length + 12) for head in heads]


def test_a_disabled_ring_moves_nothing(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    receiver.post(128)
    queue.vq.enabled = 0
    assert send(queue, pool, [frame()]) == 0
    queue.vq.enabled = 1
    queue.regions.dead = 1
    assert send(queue, pool, [frame()]) == 0
    queue.regions.dead = 0
    assert receiver.receive() == []
    assert queue.call.count() == 0
    assert send(queue, pool, [frame()]) == 1
    assert receiver.receive() == [frame()]


def test_a_shared_packet_is_delivered_and_stays_shared(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    receiver.post(128)
    receiver.post(128)
    mbuf = packet(pool, frame())
    mbuf.refcnt = 2
    assert enqueue(queue, mbuf, mbuf) == 2
    assert receiver.receive() == [frame()] * 2
    assert pool.in_use() == 0


def test_the_driver_is_called_unless_it_asks_not_to_be(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    for suppressed, calls in ((False, 1), (True, 0), (False, 1)):
        receiver.post(128)
        receiver.post(128)
        queue.driver.suppress_calls(suppressed)
        assert send(queue, pool, frames(2)) == 2
        assert queue.call.count() == calls


@pytest.mark.parametrize("then", [[], [frame()]], ids=["comes to rest", "has no buffer left"])
def test_a_wish_that_comes_just_after_the_look_is_seen_when_the_ring_rests(
    make: MakeQueue, pool: Mempool, then: list[bytes]
) -> None:
    queue = make()
    Receiver(queue).post(128)
    queue.driver.suppress_calls(True)
    assert send(queue, pool, [frame()]) == 1
    queue.driver.suppress_calls(False)
    for calls in (1, 0):
        assert send(queue, pool, then) == 0
        assert queue.call.count() == calls


@pytest.mark.parametrize("start", [0, 254, 255, 65534, 65535])
def test_with_event_idx_the_call_comes_when_the_event_index_is_passed(
    make: MakeQueue, pool: Mempool, start: int
) -> None:
    for wanted, calls in {-1: 0, 0: 1, 1: 1, 3: 1, 4: 0, 100: 0}.items():
        queue = make(event_idx=True, start=start, room=8192)
        receiver = Receiver(queue)
        for _ in range(4):
            receiver.post(128)
        queue.driver.suppress_calls(True)
        queue.driver.want_call_at(start + wanted)
        assert send(queue, pool, frames(4)) == 4
        assert queue.call.count() == calls, f"event {wanted} from where the burst of 4 began"


def test_packets_are_counted(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    receiver = Receiver(queue)
    for _ in range(9):
        receiver.post(1100)
    sent = [frame(60), frame(64), frame(9000 - 12), b"\xff" * 60, b"\x01" + bytes(63)]
    for data in sent[:2] + sent[3:]:
        assert enqueue(queue, packet(pool, data)) == 1
    for _ in range(4):
        receiver.post(1100)
    assert enqueue(queue, packet(pool, sent[2], split=(2000,) * 4)) == 1
    stats = queue.vq.stats
    assert (stats.packets, stats.bytes, stats.broadcast, stats.multicast) == (5, 9236, 1, 1)
    assert list(stats.size_bins) == [2, 2, 0, 0, 0, 0, 0, 1]


def test_num_buffers_is_written_whole(make: MakeQueue, pool: Mempool) -> None:
    """More than 255 buffers: both bytes of the number count."""
    queue = make(size=512)
    receiver = Receiver(queue)
    for _ in range(256):
        receiver.post(20)
    data = frame(256 * 20 - 12)
    assert enqueue(queue, packet(pool, data, split=(2000, 2000))) == 1
    assert receiver.receive() == [data]
