"""Transmit bursts over every kind of ring, the device played from the spec."""

import os
from collections.abc import Callable
from functools import partial

import pytest
from fakes.layouts import KINDS, Kind, RxPath, each_in_any_order, each_split
from fakes.packets import frame, frames, free, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.doorbell import Doorbell
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of ring."""
    found: Kind = request.param
    return found


@pytest.fixture
def make(kind: Kind, make_virtqueue: MakeQueue) -> MakeQueue:
    """A queue of that kind."""
    return partial(make_virtqueue, path=RxPath(kind, mergeable=False))


def reclaim(queue: DriverQueue) -> None:
    """A burst of nothing; with a threshold as high as the ring it takes back what was used."""
    queue.xmit()


@pytest.mark.parametrize("hdr_size", [10, 12])
def test_a_frame_follows_its_header_in_one_buffer(make: MakeQueue, pool: Mempool, hdr_size: int) -> None:
    queue = make(hdr_size=hdr_size)
    assert queue.xmit(packet(pool, frame(100))) == 1
    (chain,) = queue.device.take_all()
    assert [piece.length for piece in chain.pieces] == [hdr_size + 100]
    assert queue.device.gather(chain) == (bytes(hdr_size), frame(100))


def test_the_header_is_zero_whatever_lay_there(make: MakeQueue, pool: Mempool) -> None:
    """virtio 1.2, 5.1.6.2.1: num_buffers MUST be zero on transmit; no offload is asked for."""
    queue = make()
    for dirt in (b"\xff" * 128, b"\x00" * 120 + b"\x01" + b"\x00" * 7, b"\x00" * 126 + b"\x01\x00"):
        mbuf = packet(pool, frame())
        ffi.memmove(mbuf.buf_addr, dirt, 128)
        assert queue.xmit(mbuf) == 1
        (chain,) = queue.device.take_all()
        assert queue.device.gather(chain) == (bytes(12), frame())


def test_a_burst_is_published_once_and_in_order(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    assert queue.xmit(*(packet(pool, data) for data in frames(32))) == 32
    assert queue.kick.count() == 1
    assert queue.device.collect() == frames(32)
    assert (queue.vq.stats.packets, queue.vq.stats.bytes) == (32, 32 * 60)


@pytest.mark.parametrize("split", [(14,), (14, 20, 8), (100, 100, 100, 100, 100), (1,) * 20])
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_segments_go_out_as_one_frame(make: MakeQueue, pool: Mempool, split: tuple[int, ...], indirect: bool) -> None:
    queue = make(indirect=indirect)
    queue.xmit(packet(pool, frame(60, 1)), packet(pool, frame(600, 2), split=split), packet(pool, frame(60, 3)))
    one, chain, other = queue.device.take_all()
    assert queue.device.gather(chain) == (bytes(12), frame(600, 2))
    assert len(chain.pieces) == len(split) + 1
    assert chain.is_indirect == (indirect and len(split) < lib.VIRTQUEUE_INDIRECT_MAX)
    assert [queue.device.gather(c)[1] for c in (one, other)] == [frame(60, 1), frame(60, 3)]
    assert queue.vq.stats.bytes == 720


@pytest.mark.parametrize("headroom", [0, 1, 11])
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_without_headroom_the_header_is_a_buffer_of_its_own(
    make: MakeQueue, pool: Mempool, headroom: int, indirect: bool
) -> None:
    queue = make(indirect=indirect)
    queue.xmit(packet(pool, frame(100), headroom=headroom))
    (chain,) = queue.device.take_all()
    assert [piece.length for piece in chain.pieces] == [12, 100]
    assert queue.device.gather(chain) == (bytes(12), frame(100))
    assert chain.is_indirect == indirect


def test_bytes_before_shared_data_are_left_alone(make: MakeQueue, pool: Mempool) -> None:
    """Another holder may have the bytes before the data, so its header goes elsewhere."""
    queue = make(free_thresh=256)
    mbuf = packet(pool, frame(100))
    ffi.memmove(mbuf.buf_addr, b"\xee" * 128, 128)
    mbuf.refcnt = 2
    queue.xmit(mbuf)
    (chain,) = queue.device.take_all()
    assert queue.device.gather(chain) == (bytes(12), frame(100))
    assert bytes(ffi.buffer(mbuf.buf_addr, 128)) == b"\xee" * 128
    queue.device.complete([chain])
    reclaim(queue)
    assert mbuf.refcnt == 1
    assert pool.in_use() == 1
    free(mbuf)


def test_one_packet_may_be_sent_twice_at_once(make: MakeQueue, pool: Mempool) -> None:
    queue = make(free_thresh=256)
    mbuf = packet(pool, frame(100))
    mbuf.refcnt = 2
    assert queue.xmit(mbuf, mbuf) == 2
    assert queue.device.collect() == [frame(100)] * 2
    reclaim(queue)
    assert pool.in_use() == 0


# Full and empty.


def test_a_full_ring_takes_what_fits(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=32)
    assert queue.xmit(*(packet(pool, data) for data in frames(40))) == 32
    assert queue.xmit(packet(pool, frame())) == 0
    assert queue.device.collect() == frames(32)
    assert queue.xmit(packet(pool, frame(60, 99))) == 1
    assert queue.device.collect() == [frame(60, 99)]


def test_a_chain_that_does_not_fit_is_left_whole(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=8)
    assert queue.xmit(*(packet(pool, frame(400), split=(100, 100)) for _ in range(3))) == 2
    assert queue.nb_free == 2
    assert queue.device.collect() == [frame(400)] * 2


def test_a_packet_of_more_segments_than_the_ring_has_is_refused(make: MakeQueue, pool: Mempool) -> None:
    """virtio 1.2, 2.7.5.3.1: no chain longer than the queue size."""
    queue = make(size=8, indirect=True)
    assert queue.xmit(packet(pool, frame(100), split=(10,) * 8)) == 0
    assert queue.xmit(packet(pool, frame(100), split=(10,) * 7)) == 1
    assert queue.device.collect() == [frame(100)]


def test_a_chain_finds_room_above_the_reclaim_threshold(make: MakeQueue, pool: Mempool) -> None:
    """Enough is free for the burst's count and for the threshold, but not for its segments."""
    queue = make(size=16, free_thresh=2)
    assert queue.xmit(*(packet(pool, frame()) for _ in range(12))) == 12
    queue.device.collect()
    assert queue.xmit(packet(pool, frame(600), split=(100,) * 5)) == 1
    assert queue.device.collect() == [frame(600)]


def test_sent_packets_come_back_when_few_descriptors_are_left(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=64, free_thresh=32)
    queue.xmit(*(packet(pool, data) for data in frames(32)))
    queue.device.collect()
    reclaim(queue)
    assert pool.in_use() == 32
    queue.xmit(packet(pool, frame()))
    reclaim(queue)
    assert pool.in_use() == 1


@each_in_any_order
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_chains_completed_out_of_order_are_reclaimed(make: MakeQueue, pool: Mempool, indirect: bool) -> None:
    queue = make(size=64, free_thresh=64, indirect=indirect)
    for round_ in range(20):
        sent = [frame(300, number) for number in range(round_, round_ + 12)]
        splits = [(10,) * (number % 4) for number in range(12)]
        assert queue.xmit(*(packet(pool, d, split=s) for d, s in zip(sent, splits, strict=True))) == 12
        chains = queue.device.take_all()
        assert [queue.device.gather(chain)[1] for chain in chains] == sent
        queue.device.complete(chains[1::2] + chains[-2::-2])
        reclaim(queue)
        assert pool.in_use() == 0
        assert queue.nb_free == 64


@pytest.mark.parametrize("start", [0, 31, 32, 65535, 65500, 32760])
def test_indices_wrap(make: MakeQueue, pool: Mempool, start: int) -> None:
    queue = make(size=32, start=start, free_thresh=32)
    for round_ in range(10):
        sent = [frame(60 + 300 * (number % 2), number) for number in range(round_, round_ + 11)]
        assert queue.xmit(*(packet(pool, d, split=(20,) * (len(d) > 60)) for d in sent)) == 11
        assert queue.device.collect() == sent
    reclaim(queue)
    assert pool.in_use() == 0


@each_split
def test_the_16_bit_turn_is_passed_on_foot(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=256, free_thresh=256)
    mbufs = ffi.new("struct mbuf *[]", 256)
    for _ in range(260):
        assert lib.mempool_get_bulk(pool.ptr, mbufs, 256) == 256
        for mbuf in mbufs:
            mbuf.data_off, mbuf.data_len, mbuf.pkt_len = 128, 60, 60
        assert queue.path.kind.xmit(queue.vq, mbufs, 256) == 256
        queue.device.complete(queue.device.take_all())
    reclaim(queue)
    assert queue.vq.avail_idx == 260 * 256 & 0xFFFF
    assert pool.in_use() == 0


def test_draining_gives_back_what_was_not_sent(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=64, indirect=True)
    queue.xmit(packet(pool, frame()), packet(pool, frame(600), split=(100, 100)), packet(pool, frame()))
    assert lib.virtqueue_drain(queue.vq) == 3
    assert pool.in_use() == 0


# Kicks.


def test_the_device_is_kicked_unless_it_asks_not_to_be(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    for suppressed, kicks in ((False, 1), (True, 0), (False, 1)):
        queue.device.suppress_kicks(suppressed)
        queue.xmit(packet(pool, frame()), packet(pool, frame()))
        assert queue.kick.count() == kicks
    assert (queue.vq.kicks, queue.vq.kicks_suppressed) == (2, 1)


@pytest.mark.parametrize("start", [0, 254, 255, 256, 65534, 65535])
def test_with_event_idx_the_kick_comes_when_the_event_index_is_passed(
    make: MakeQueue, pool: Mempool, start: int
) -> None:
    """virtio 1.2, 2.7.10.2, 2.8.10: the device names the entry, or the place and the lap, that it waits for."""
    cases = {-1: 0, 0: 1, 1: 1, 3: 1, 4: 0, 100: 0}
    for wanted, kicks in cases.items():
        queue = make(event_idx=True, start=start)
        queue.device.suppress_kicks(True)
        queue.device.want_kick_at(start + wanted)
        queue.xmit(*(packet(pool, data) for data in frames(4)))
        assert queue.kick.count() == kicks, f"event {wanted} from where the burst of 4 began"


def test_without_event_idx_the_event_index_means_nothing(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    queue.device.want_kick_at(1000)
    queue.xmit(packet(pool, frame()))
    assert queue.kick.count() == 1


@pytest.mark.parametrize("event_idx", [False, True])
def test_a_wish_that_comes_just_after_the_look_is_seen_when_the_queue_comes_to_rest(
    make: MakeQueue, pool: Mempool, event_idx: bool
) -> None:
    """The last burst may have looked before the device wished, and the device before it saw the burst (2.7.13.4)."""
    queue = make(event_idx=event_idx, start=250)
    if event_idx:
        queue.device.want_kick_at(1000)
    else:
        queue.device.suppress_kicks(True)
    queue.xmit(*(packet(pool, data) for data in frames(4)))
    queue.xmit(*(packet(pool, data) for data in frames(4)))
    assert queue.kick.count() == 0
    if event_idx:
        queue.device.want_kick_at(251)
    else:
        queue.device.suppress_kicks(False)
    for kicks in (1, 0):
        assert queue.xmit() == 0
        assert queue.kick.count() == kicks


def test_a_wish_that_comes_just_after_the_look_is_seen_when_the_ring_is_full(make: MakeQueue, pool: Mempool) -> None:
    """The device may be asleep that could empty it, and the sender go on trying for ever."""
    queue = make(size=32)
    queue.device.suppress_kicks(True)
    assert queue.xmit(*(packet(pool, frame()) for _ in range(32))) == 32
    queue.device.suppress_kicks(False)
    for kicks in (1, 0):
        assert queue.xmit(packet(pool, frame())) == 0
        assert queue.kick.count() == kicks


def test_an_empty_burst_kicks_nobody(make: MakeQueue) -> None:
    queue = make()
    assert queue.xmit() == 0
    assert queue.kick.count() == 0


def test_a_kick_that_cannot_be_delivered_holds_nothing_up(make: MakeQueue, pool: Mempool) -> None:
    """The counter is full and the peer, who shares the file description, has made it blocking."""
    queue = make()
    os.eventfd_write(queue.kick.fd, 0xFFFF_FFFF_FFFF_FFFE)
    os.set_blocking(queue.kick.fd, True)
    assert queue.xmit(packet(pool, frame())) == 1
    queue.ring_at(Doorbell.none(), queue.vq)
    assert queue.xmit(packet(pool, frame())) == 1
