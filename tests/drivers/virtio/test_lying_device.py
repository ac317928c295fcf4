"""A device that lies to our driver: one fault, nothing moves any more, every mbuf is found again (the pool's audit)."""

from collections.abc import Callable

import pytest
from fakes.layouts import KINDS, PATHS, SPLIT_KINDS, Kind, RxPath, each_split
from fakes.packets import MakePool, frame, frames, free, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET
#: Of 16 bits, as both layouts have it, and what only a split ring can tell.
BAD_IDS = [64, 65, 0xFFFF]
WIDE_IDS = [0x10000, 0x1_0005, 0x8000_0000, 0xFFFF_FFFF]
mergeable_only = pytest.mark.parametrize("path", [path for path in PATHS if path.mergeable], ids=str)
regular_only = pytest.mark.parametrize("path", [path for path in PATHS if not path.mergeable], ids=str)
split_only = pytest.mark.parametrize("path", [path for path in PATHS if path.kind in SPLIT_KINDS], ids=str)


@pytest.fixture(params=PATHS, ids=str)
def path(request: pytest.FixtureRequest) -> RxPath:
    """Every way to receive."""
    found: RxPath = request.param
    return found


@pytest.fixture
def queue(make_virtqueue: MakeQueue, path: RxPath) -> DriverQueue:
    """A queue that waits for frames, and does not refill its ring in a hurry."""
    made = make_virtqueue(path=path, size=64, free_thresh=64)
    made.refill()
    return made


def stays_down(queue: DriverQueue) -> bool:
    """Whether good frames move nothing any more, neither frames nor fresh buffers."""
    before = queue.device.waiting()
    for data in frames(3):
        queue.device.deliver(data)
    return queue.receive() == [] and queue.device.waiting() == before - 3


@pytest.mark.parametrize("head", BAD_IDS)
def test_an_id_beyond_the_ring_stops_the_queue(queue: DriverQueue, head: int) -> None:
    queue.device.lie(head, 72)
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_ID
    assert stays_down(queue)


@split_only
@pytest.mark.parametrize("head", WIDE_IDS)
def test_an_id_of_more_than_16_bits_is_not_cut_short(queue: DriverQueue, head: int) -> None:
    queue.device.lie(head, 72)
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_ID


def test_an_id_used_twice_stops_the_queue_behind_the_first(queue: DriverQueue) -> None:
    queue.device.deliver(frame())
    queue.device.lie(0, 72)
    assert queue.receive() == [frame()]
    assert queue.vq.fault == lib.VRING_BAD_ID
    assert stays_down(queue)


def test_an_id_that_was_never_offered_stops_the_queue(
    make_pool: MakePool, make_virtqueue: MakeQueue, path: RxPath
) -> None:
    queue = make_virtqueue(make_pool(32), path=path, size=64)
    queue.refill()
    queue.device.lie(40, 72)
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_ID


@pytest.mark.parametrize("length", [0, 1, 11, ROOM + 1, 0x1_0000, 0xFFFF_FFFF])
def test_a_length_that_no_buffer_has_stops_the_queue(queue: DriverQueue, length: int) -> None:
    queue.device.lie(0, length)
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_LENGTH
    assert stays_down(queue)


def test_a_buffer_with_less_than_an_ethernet_header_is_no_frame(queue: DriverQueue) -> None:
    """It is counted and given back, wherever it comes; the frames around it arrive."""
    lengths = [60, 0, *[60] * 9, 13, 1, *[60] * 20, 14, 13]
    for number, length in enumerate(lengths):
        queue.device.deliver(frame(60, number)[:length])
    sound = [frame(60, number)[:length] for number, length in enumerate(lengths) if length >= 14]
    assert queue.receive(64) == sound
    stats = queue.vq.stats
    assert (stats.packets, stats.errors, queue.vq.fault) == (len(sound), 4, lib.VRING_OK)


def test_what_came_before_a_lie_is_received(queue: DriverQueue) -> None:
    for data in frames(5):
        queue.device.deliver(data)
    queue.device.lie(5, ROOM + 1)
    assert queue.receive() == frames(5)
    assert queue.vq.fault == lib.VRING_BAD_LENGTH


@split_only
@pytest.mark.parametrize("jump", [65, 1000, 0x7FFF, 0xFFFF])
def test_an_index_that_jumps_stops_the_queue(queue: DriverQueue, jump: int) -> None:
    queue.device.publish(jump)
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_INDEX
    assert stays_down(queue)


@split_only
def test_an_index_that_goes_back_stops_the_queue(queue: DriverQueue) -> None:
    for data in frames(5):
        queue.device.deliver(data)
    assert queue.receive() == frames(5)
    queue.device.publish(3)
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_INDEX


@mergeable_only
@pytest.mark.parametrize("num_buffers", [0, 65, 0x8000, 0xFFFF])
def test_a_number_of_buffers_that_cannot_be_stops_the_queue(queue: DriverQueue, num_buffers: int) -> None:
    chain = queue.device.take()
    queue.device.scatter(chain, queue.device.header(num_buffers) + frame())
    queue.device.use(chain, 72)
    queue.device.publish()
    assert queue.receive() == []
    assert queue.vq.fault == lib.VRING_BAD_NUM_BUFFERS
    assert stays_down(queue)


@regular_only
def test_the_number_of_buffers_means_nothing_without_mergeable_buffers(queue: DriverQueue) -> None:
    """virtio 1.2, 5.1.6.4.1: legacy devices leave garbage there."""
    chain = queue.device.take()
    queue.device.scatter(chain, queue.device.header(0xFFFF) + frame())
    queue.device.use(chain, 72)
    queue.device.publish()
    assert queue.receive() == [frame()]


@mergeable_only
@pytest.mark.parametrize(
    ("head", "length", "fault"),
    [(99, 100, lib.VRING_BAD_ID), (0, 100, lib.VRING_BAD_ID), (2, ROOM + 1, lib.VRING_BAD_LENGTH)],
    ids=["beyond", "used twice", "too long"],
)
def test_a_bad_further_buffer_gives_back_the_whole_packet(
    queue: DriverQueue, head: int, length: int, fault: int
) -> None:
    device = queue.device
    first, second = device.take(), device.take()
    device.scatter(first, device.header(3) + frame(1000))
    device.use(first, 1012)
    device.use(second, 1000)
    device.publish()
    device.lie(head, length)
    assert queue.receive() == []
    assert queue.vq.fault == fault


def test_unknown_header_fields_change_nothing(queue: DriverQueue) -> None:
    """virtio 1.2, 5.1.6.4: unknown flags are ignored, hdr_len is a hint, offsets mean nothing without NEEDS_CSUM."""
    for flags in (0, 0x80, 0xF8):
        chain = queue.device.take()
        header = bytes([flags, 0]) + b"\xff" * 8 + b"\x01\x00"
        queue.device.scatter(chain, header + frame(60, flags))
        queue.device.use(chain, 72)
    queue.device.publish()
    mbufs = queue.receive_mbufs()
    assert [m.ol_flags for m in mbufs] == [0, 0, 0]
    free(*mbufs)


def test_bytes_behind_the_used_length_do_not_show(queue: DriverQueue) -> None:
    chain = queue.device.take()
    queue.device.scatter(chain, queue.device.header(1) + b"\xaa" * 2000)
    queue.device.use(chain, 72)
    queue.device.publish()
    assert queue.receive() == [b"\xaa" * 60]


def test_descriptors_that_the_device_overwrites_are_not_believed(queue: DriverQueue) -> None:
    """All bookkeeping is private: what the driver writes for the device, it does not read back."""
    device = queue.device
    chains = [device.take() for _ in range(20)]
    device.scribble()
    if not queue.packed:
        device.scribble_avail()
    for number, chain in enumerate(chains):
        device.use(chain, device.scatter(chain, device.header(1) + frame(60, number)))
    device.publish()
    assert queue.receive() == frames(20)
    assert queue.vq.fault == lib.VRING_OK


# Transmit.


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of ring."""
    found: Kind = request.param
    return found


@pytest.fixture
def tx(make_virtqueue: MakeQueue, kind: Kind) -> DriverQueue:
    """A queue whose every burst takes back what was sent."""
    return make_virtqueue(path=RxPath(kind, mergeable=False), size=64, free_thresh=64)


@pytest.mark.parametrize("head", [*BAD_IDS, 40])
def test_a_transmit_id_that_is_not_outstanding_stops_the_queue(tx: DriverQueue, pool: Mempool, head: int) -> None:
    assert tx.xmit(*(packet(pool, data) for data in frames(8))) == 8
    tx.device.lie(head, 0)
    tx.xmit()
    assert tx.vq.fault == lib.VRING_BAD_ID
    assert tx.xmit(packet(pool, frame())) == 0


@each_split
@pytest.mark.parametrize("head", WIDE_IDS)
def test_a_transmit_id_of_more_than_16_bits_is_not_cut_short(tx: DriverQueue, pool: Mempool, head: int) -> None:
    assert tx.xmit(*(packet(pool, data) for data in frames(8))) == 8
    tx.device.lie(head, 0)
    tx.xmit()
    assert tx.vq.fault == lib.VRING_BAD_ID


def test_a_chain_may_only_be_used_by_its_head(tx: DriverQueue, pool: Mempool) -> None:
    tx.xmit(packet(pool, frame(600), split=(200, 200)))
    tx.device.lie(1, 0)
    tx.xmit()
    assert tx.vq.fault == lib.VRING_BAD_ID


@each_split
@pytest.mark.parametrize("jump", [9, 64, 0xFFFF])
def test_a_transmit_index_that_jumps_stops_the_queue(tx: DriverQueue, pool: Mempool, jump: int) -> None:
    tx.xmit(*(packet(pool, data) for data in frames(8)))
    tx.device.publish(jump)
    tx.xmit()
    assert tx.vq.fault == lib.VRING_BAD_INDEX
    assert pool.in_use() == 8


def test_used_lengths_say_nothing_on_transmit(tx: DriverQueue, pool: Mempool) -> None:
    tx.xmit(packet(pool, frame()))
    tx.device.lie(0, 0xFFFF_FFFF)
    tx.xmit()
    assert tx.vq.fault == lib.VRING_OK
    assert pool.in_use() == 0


def test_a_transmit_ring_that_the_device_overwrites_is_not_believed(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind
) -> None:
    queue = make_virtqueue(path=RxPath(kind, mergeable=False), size=16, free_thresh=16)
    for _ in range(10):
        queue.xmit(*(packet(pool, frame(600), split=(200, 200)) for _ in range(3)))
        chains = queue.device.take_all()
        assert [len(chain.pieces) for chain in chains] == [3, 3, 3]
        queue.device.scribble()
        queue.device.complete(chains)
    queue.xmit()
    assert queue.vq.fault == lib.VRING_OK
    assert queue.nb_free == 16
