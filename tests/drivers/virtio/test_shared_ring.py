"""What our driver writes where the device can see it, and when: virtio 1.2, 2.7 and 2.8.

The devices of ``fakes`` are hard to please already: chains that loop or are longer than the ring, tables within tables,
unknown flags or descriptors out of order fail the test that meets them. Here they look at times when they need not.
"""

import random
import select
import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes.layouts import SCALAR_KINDS, SPLIT_IN_ORDER, Kind, RxPath, every_kind
from fakes.lcore import Between, fence, pause
from fakes.leaks import PATIENCE_S
from fakes.net_device import Chain
from fakes.packets import MakePool, frame, packet
from fakes.queues import DriverQueue

from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
SIZE = 16
#: A thousand rounds and more with a device in Python, under the sanitizers too.
IN_ALL_S = 90.0
each_scalar = pytest.mark.parametrize("kind", SCALAR_KINDS, ids=str)


class Witness:
    """Remembers the descriptors of what the device has, byte by byte."""

    def __init__(self, queue: DriverQueue) -> None:
        self.queue = queue
        self.held: dict[int, dict[int, bytes]] = {}
        self.avail_idx = self.read_avail_idx()

    def read_avail_idx(self) -> int:
        return 0 if self.queue.packed else int(self.queue.device.avail_idx)

    def entry(self, address: int) -> bytes:
        return bytes(self.queue.device.memory.read(address, 16))

    def take(self) -> Chain:
        """The device's next chain, and where each of its descriptors lies."""
        device = self.queue.device
        first = device.seen
        chain: Chain = device.take()
        entries = [device.slot(first + i) for i in range(chain.nb_places)] if self.queue.packed else self.linked(chain)
        if chain.is_indirect:
            table = int.from_bytes(self.entry(entries[0])[:8], "little")
            entries += [table + 16 * i for i in range(len(chain.pieces))]
        self.held[chain.head] = {at: self.entry(at) for at in entries}
        return chain

    def linked(self, chain: Chain) -> list[int]:
        desc, index, found = self.queue.device.desc, chain.head, []
        for _ in range(1 if chain.is_indirect else len(chain.pieces)):
            found.append(desc + 16 * index)
            index = int.from_bytes(self.entry(found[-1])[14:], "little")
        return found

    def give_back(self, chain: Chain, length: int) -> None:
        device = self.queue.device
        del self.held[chain.head]
        if self.queue.packed:  # what tells of it comes in the next places, whosever they were
            for place in range(device.used, device.used + chain.nb_places):
                for entries in self.held.values():
                    entries.pop(device.slot(place), None)
        device.use(chain, length)
        device.publish()

    def look(self) -> None:
        """Nothing that the device has was touched, and the index went on."""
        for entries in self.held.values():
            assert {at: self.entry(at) for at in entries} == entries
        now = self.read_avail_idx()
        assert (now - self.avail_idx) & 0xFFFF <= self.queue.vq.size, "2.7.6.1: the index never decreases"
        self.avail_idx = now


@every_kind
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_what_the_device_has_is_not_touched(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, indirect: bool
) -> None:
    """2.7.13, 2.8.6: from the moment at which it is made available until it is used."""
    queue = make_virtqueue(
        path=RxPath(kind, mergeable=False), size=SIZE, free_thresh=SIZE, indirect=indirect, start=SIZE - 3
    )
    witness, chance = Witness(queue), random.Random(7)
    taken: list[Chain] = []
    for number in range(300):
        mbufs = [packet(pool, frame(64, number), split=(9,) * chance.randrange(4)) for _ in range(chance.randrange(5))]
        queue.xmit(*mbufs)
        witness.look()
        while queue.device.waiting() and chance.random() < 0.7:
            taken.append(witness.take())
        while taken and chance.random() < 0.6:
            witness.give_back(taken.pop(0 if kind.in_order else chance.randrange(len(taken))), 0)
        witness.look()
    assert witness.avail_idx or kind.packed


@each_scalar
def test_buffers_that_the_device_has_are_not_touched(make_virtqueue: MakeQueue, kind: Kind) -> None:
    queue = make_virtqueue(path=RxPath(kind, mergeable=True), size=SIZE, free_thresh=2, start=SIZE - 3)
    queue.refill()
    witness, chance = Witness(queue), random.Random(11)
    taken: list[Chain] = []
    for number in range(300):
        while queue.device.waiting() and chance.random() < 0.7:
            taken.append(witness.take())
        while taken and chance.random() < 0.6:
            chain = taken.pop(0 if kind.in_order else chance.randrange(len(taken)))
            witness.give_back(chain, queue.device.fill([chain], frame(64, number))[0])
        witness.look()
        queue.receive(chance.randrange(8))
        witness.look()


@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_in_order_descriptors_follow_one_another(make_virtqueue: MakeQueue, pool: Mempool, indirect: bool) -> None:
    """2.7.5.1: the next descriptor is the next one, and the first comes after the last."""
    queue = make_virtqueue(path=RxPath(SPLIT_IN_ORDER, False), size=SIZE, free_thresh=SIZE, indirect=indirect)
    wrapped = 0
    for number in range(60):
        queue.xmit(packet(pool, frame(64, number), split=(9,) * (number % 4)))
        head = queue.device.memory.u16(queue.device.avail + 4 + 2 * (queue.device.seen % SIZE))
        (chain,) = queue.device.take_all()  # it minds the order
        assert chain.is_indirect == (indirect and number % 4 > 0)
        wrapped += head + len(chain.pieces) > SIZE and not chain.is_indirect
        queue.device.complete([chain])
    assert wrapped > 3 or indirect


@every_kind
@pytest.mark.parametrize("indirect", [False, True], ids=["chain", "indirect"])
def test_tables_come_alone_and_only_where_they_were_agreed(
    make_virtqueue: MakeQueue, pool: Mempool, kind: Kind, indirect: bool
) -> None:
    """2.7.5.3.1, 2.8.19; what is within a table the device minds."""
    queue = make_virtqueue(path=RxPath(kind, mergeable=False), size=64, free_thresh=64, indirect=indirect)
    queue.xmit(*(packet(pool, frame(90), split=(9,) * further) for further in (0, 1, 3, 6, 8, 9)))
    chains = queue.device.take_all()
    assert [len(chain.pieces) for chain in chains] == [1, 2, 4, 7, 9, 10]
    assert [chain.is_indirect for chain in chains] == [False, *[indirect] * 3, False, False], "8 are what a table holds"


# With the device on another core.


def ends(pool: Mempool, make: MakeQueue, kind: Kind, **settings: Any) -> tuple[DriverQueue, DriverQueue]:
    left = make(pool, path=RxPath(kind, mergeable=True), size=32, **settings)
    right = make(pool, path=RxPath(kind, mergeable=False), size=32, free_thresh=33, indirect=True, **settings)
    left.refill()
    return left, right


def between(left: DriverQueue, right: DriverQueue) -> Between:
    return Between((left.path.recv, left.vq), (right.path.kind.xmit, right.vq))


@each_scalar
def test_a_device_on_another_core_finds_every_packet_whole(
    make_pool: MakePool, make_virtqueue: MakeQueue, kind: Kind
) -> None:
    """2.7.13.3, 2.8.21: what the index, or the flags, say is there; short frames and ones over several buffers."""
    pool = make_pool(256, cache_size=32)
    left, right = ends(pool, make_virtqueue, kind)
    lengths = [60, 64, 1000, 3000, 60, 5000]
    sent = received = 0
    with between(left, right):
        deadline = time.monotonic() + IN_ALL_S
        while received < 2000:
            while sent - received < 8 and left.device.waiting() > 8:
                left.device.deliver(frame(lengths[sent % 6], sent))
                sent += 1
            for data in right.device.collect():
                assert data == frame(lengths[received % 6], received)
                received += 1
            assert time.monotonic() < deadline
    assert (left.vq.fault, right.vq.fault) == (0, 0)


@each_scalar
@pytest.mark.parametrize("event_idx", [False, True], ids=["flags", "event index"])
def test_a_device_that_sleeps_is_always_woken(
    make_pool: MakePool, make_virtqueue: MakeQueue, kind: Kind, event_idx: bool
) -> None:
    """2.7.13.4, 2.8.10: it asks for a kick, looks once more, and sleeps; the packet may come in between."""
    pool = make_pool(256, cache_size=32)
    left, right = ends(pool, make_virtqueue, kind, event_idx=event_idx)
    left.device.suppress_kicks(True)
    device, sleeps, number = right.device, 0, 0
    poller, deadline = select.poll(), time.monotonic() + IN_ALL_S
    poller.register(right.kick.fd, select.POLLIN)
    with between(left, right):
        while (number := number + 1) < 1500 or sleeps < 10:
            assert time.monotonic() < deadline
            left.device.deliver(frame(60, number))
            pause(number)
            if event_idx:
                device.want_kick_at(device.seen)
            else:
                device.suppress_kicks(False)
            fence()
            if not device.waiting():
                assert poller.poll(PATIENCE_S * 1000), "nobody woke it"
                sleeps += 1
            assert device.collect() == [frame(60, number)]
            if not event_idx:
                device.suppress_kicks(True)
            right.kick.count()
