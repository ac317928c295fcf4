"""A device that lies to our driver: one fault, nothing moves any more, every mbuf is found again (the pool's audit)."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.packets import MakePool, frame, frames, free, packet, receive, receive_mbufs, transmit
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
RX = [lib.virtio_recv_pkts, lib.virtio_recv_mergeable_pkts]
every_path = pytest.mark.parametrize("burst", RX, ids=["regular", "mergeable"])
ROOM = 2176 - lib.VIRTQUEUE_RX_OFFSET


@pytest.fixture
def queue(make_virtqueue: MakeQueue) -> DriverQueue:
    made = make_virtqueue(size=64)
    lib.virtqueue_refill(made.vq)
    return made


def lie(queue: DriverQueue, head: int, length: int) -> None:
    """Publish a used element that no honest device would write."""
    queue.device.put_used(head, length)
    queue.device.used_idx = (queue.device.used_idx + 1) & 0xFFFF
    queue.device.publish()


def stays_down(queue: DriverQueue, burst: Any) -> bool:
    """Whether good frames move nothing any more, neither frames nor fresh buffers."""
    before = queue.device.avail_idx
    for data in frames(3):
        queue.device.deliver(data)
    return receive(burst, queue.vq) == [] and queue.device.avail_idx == before


@every_path
@pytest.mark.parametrize("head", [64, 65, 0xFFFF, 0x10000, 0x1_0005, 0x8000_0000, 0xFFFF_FFFF])
def test_an_id_beyond_the_ring_stops_the_queue(queue: DriverQueue, burst: Any, head: int) -> None:
    lie(queue, head, 72)
    assert receive(burst, queue.vq) == []
    assert queue.vq.fault == lib.VRING_BAD_ID
    assert stays_down(queue, burst)


@every_path
def test_an_id_used_twice_stops_the_queue_behind_the_first(make_virtqueue: MakeQueue, burst: Any) -> None:
    queue = make_virtqueue(size=64, free_thresh=64)
    lib.virtqueue_refill(queue.vq)
    queue.device.deliver(frame())
    lie(queue, 0, 72)
    assert receive(burst, queue.vq) == [frame()]
    assert queue.vq.fault == lib.VRING_BAD_ID
    assert stays_down(queue, burst)


@every_path
def test_an_id_that_was_never_offered_stops_the_queue(
    make_pool: MakePool, make_virtqueue: MakeQueue, burst: Any
) -> None:
    queue = make_virtqueue(make_pool(32), size=64)
    lib.virtqueue_refill(queue.vq)
    lie(queue, 40, 72)
    assert receive(burst, queue.vq) == []
    assert queue.vq.fault == lib.VRING_BAD_ID


@every_path
@pytest.mark.parametrize("length", [0, 1, 11, ROOM + 1, 0x1_0000, 0xFFFF_FFFF])
def test_a_length_that_no_buffer_has_stops_the_queue(queue: DriverQueue, burst: Any, length: int) -> None:
    lie(queue, 0, length)
    assert receive(burst, queue.vq) == []
    assert queue.vq.fault == lib.VRING_BAD_LENGTH
    assert stays_down(queue, burst)


@every_path
def test_what_came_before_a_lie_is_received(queue: DriverQueue, burst: Any) -> None:
    for data in frames(5):
        queue.device.deliver(data)
    lie(queue, 7, ROOM + 1)
    assert receive(burst, queue.vq) == frames(5)
    assert queue.vq.fault == lib.VRING_BAD_LENGTH


@every_path
@pytest.mark.parametrize("jump", [65, 1000, 0x7FFF, 0xFFFF])
def test_an_index_that_jumps_stops_the_queue(queue: DriverQueue, burst: Any, jump: int) -> None:
    queue.device.publish(jump)
    assert receive(burst, queue.vq) == []
    assert queue.vq.fault == lib.VRING_BAD_INDEX
    assert stays_down(queue, burst)


@every_path
def test_an_index_that_goes_back_stops_the_queue(queue: DriverQueue, burst: Any) -> None:
    for data in frames(5):
        queue.device.deliver(data)
    assert receive(burst, queue.vq) == frames(5)
    queue.device.publish(3)
    assert receive(burst, queue.vq) == []
    assert queue.vq.fault == lib.VRING_BAD_INDEX


@pytest.mark.parametrize("num_buffers", [0, 65, 0x8000, 0xFFFF])
def test_a_number_of_buffers_that_cannot_be_stops_the_queue(queue: DriverQueue, num_buffers: int) -> None:
    chain = queue.device.take()
    queue.device.scatter(chain, queue.device.header(num_buffers) + frame())
    queue.device.use(chain, 72)
    queue.device.publish()
    assert receive(lib.virtio_recv_mergeable_pkts, queue.vq) == []
    assert queue.vq.fault == lib.VRING_BAD_NUM_BUFFERS
    assert stays_down(queue, lib.virtio_recv_mergeable_pkts)


def test_the_number_of_buffers_means_nothing_without_mergeable_buffers(queue: DriverQueue) -> None:
    """virtio 1.2, 5.1.6.4.1: legacy devices leave garbage there."""
    chain = queue.device.take()
    queue.device.scatter(chain, queue.device.header(0xFFFF) + frame())
    queue.device.use(chain, 72)
    queue.device.publish()
    assert receive(lib.virtio_recv_pkts, queue.vq) == [frame()]


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
    lie(queue, head, length)
    assert receive(lib.virtio_recv_mergeable_pkts, queue.vq) == []
    assert queue.vq.fault == fault


@every_path
def test_unknown_header_fields_change_nothing(queue: DriverQueue, burst: Any) -> None:
    """virtio 1.2, 5.1.6.4: unknown flags are ignored, hdr_len is a hint, offsets mean nothing without NEEDS_CSUM."""
    for flags in (0, 0x80, 0xF8):
        chain = queue.device.take()
        header = bytes([flags, 0]) + b"\xff" * 8 + b"\x01\x00"
        queue.device.scatter(chain, header + frame(60, flags))
        queue.device.use(chain, 72)
    queue.device.publish()
    mbufs = receive_mbufs(burst, queue.vq)
    assert [m.ol_flags for m in mbufs] == [0, 0, 0]
    free(*mbufs)


@every_path
def test_bytes_behind_the_used_length_do_not_show(queue: DriverQueue, burst: Any) -> None:
    chain = queue.device.take()
    queue.device.scatter(chain, queue.device.header(1) + b"\xaa" * 2000)
    queue.device.use(chain, 72)
    queue.device.publish()
    assert receive(burst, queue.vq) == [b"\xaa" * 60]


@every_path
def test_descriptors_that_the_device_overwrites_are_not_believed(queue: DriverQueue, burst: Any) -> None:
    """All bookkeeping is private: the table and the available ring are written, never read back."""
    device = queue.device
    chains = [device.take() for _ in range(20)]
    device.memory.write(device.desc, b"\xff" * 16 * 64)
    device.memory.write(device.avail + 4, b"\xff" * 2 * 64)
    for number, chain in enumerate(chains):
        device.use(chain, device.scatter(chain, device.header(1) + frame(60, number)))
    device.publish()
    assert receive(burst, queue.vq) == frames(20)
    assert queue.vq.fault == lib.VRING_OK


# Transmit.


@pytest.mark.parametrize("head", [64, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 40])
def test_a_transmit_id_that_is_not_outstanding_stops_the_queue(
    make_virtqueue: MakeQueue, pool: Mempool, head: int
) -> None:
    queue = make_virtqueue(size=64, free_thresh=64)
    assert transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, data) for data in frames(8)]) == 8
    lie(queue, head, 0)
    transmit(lib.virtio_xmit_pkts, queue.vq, [])
    assert queue.vq.fault == lib.VRING_BAD_ID
    assert transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, frame())]) == 0


def test_a_chain_may_only_be_used_by_its_head(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    queue = make_virtqueue(size=64, free_thresh=64)
    transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, frame(600), split=(200, 200))])
    lie(queue, 1, 0)
    transmit(lib.virtio_xmit_pkts, queue.vq, [])
    assert queue.vq.fault == lib.VRING_BAD_ID


@pytest.mark.parametrize("jump", [9, 64, 0xFFFF])
def test_a_transmit_index_that_jumps_stops_the_queue(make_virtqueue: MakeQueue, pool: Mempool, jump: int) -> None:
    queue = make_virtqueue(size=64, free_thresh=64)
    transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, data) for data in frames(8)])
    queue.device.publish(jump)
    transmit(lib.virtio_xmit_pkts, queue.vq, [])
    assert queue.vq.fault == lib.VRING_BAD_INDEX
    assert pool.in_use() == 8


def test_used_lengths_say_nothing_on_transmit(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    queue = make_virtqueue(size=64, free_thresh=64)
    transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, frame())])
    lie(queue, 0, 0xFFFF_FFFF)
    transmit(lib.virtio_xmit_pkts, queue.vq, [])
    assert queue.vq.fault == lib.VRING_OK
    assert pool.in_use() == 0


def test_a_transmit_table_that_the_device_overwrites_is_not_believed(make_virtqueue: MakeQueue, pool: Mempool) -> None:
    queue = make_virtqueue(size=16, free_thresh=16)
    for _ in range(10):
        transmit(lib.virtio_xmit_pkts, queue.vq, [packet(pool, frame(600), split=(200, 200)) for _ in range(3)])
        chains = queue.device.take_all()
        assert [len(chain.pieces) for chain in chains] == [3, 3, 3]
        queue.device.memory.write(queue.device.desc, b"\xff" * 16 * 16)
        queue.device.complete(chains)
    transmit(lib.virtio_xmit_pkts, queue.vq, [])
    assert queue.vq.fault == lib.VRING_OK
    assert queue.nb_free == 16
