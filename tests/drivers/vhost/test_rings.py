"""What a front-end says of a ring, and when the data plane gets it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.leaks import open_fds
from fakes.vhost_frontend import GUEST, OFFSET, USER, FakeFrontend, FrontRing

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers.vhost import rings
from pytestpmd.drivers.vhost.memory import GuestMemory
from pytestpmd.drivers.vhost.offloads import Wishes
from pytestpmd.drivers.vhost.rings import Ring, VhostQueue
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user import messages as m

pytestmark = pytest.mark.usefixtures("no_leaks")

F = Feature
MODERN = F.VIRTIO_F_VERSION_1 | F.VIRTIO_NET_F_MRG_RXBUF


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFrontend]:
    """A front-end for its memory and its rings; nobody speaks with it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(1)
        with FakeFrontend(tmp_path / "s") as fake:
            yield fake


@pytest.fixture
def memory(front: FakeFrontend) -> Iterator[GuestMemory]:
    mapped = GuestMemory([m.MemRegion(GUEST, front.room, USER, OFFSET, os.dup(front.file))])
    yield mapped
    mapped.unmap()


@pytest.fixture
def queue(pool: Mempool) -> VhostQueue:
    return VhostQueue(Arena(VhostQueue.bytes()), pool, 3, Wishes())


@pytest.fixture
def ring(front: FakeFrontend) -> Iterator[Ring]:
    """Ring 1, described but not attached."""
    made = described(front, front.rings[1])
    yield made
    made.close()


def described(front: FakeFrontend, theirs: FrontRing) -> Ring:
    ring = Ring(theirs.index)
    driver = theirs.driver
    ring.size = driver.size
    ring.address = m.SetVringAddr(
        theirs.index, 0, front.user(driver.desc), front.user(driver.used), front.user(driver.avail), 0
    )
    ring.set_kick(os.dup(theirs.kick))
    ring.set_call(os.dup(theirs.call))
    return ring


def test_a_ring_lacks_nothing_when_its_size_its_place_and_its_start_are_known(ring: Ring) -> None:
    assert not ring.lacks
    for name, unknown, request in (("size", 0, "NUM"), ("address", None, "ADDR"), ("kicked", False, "KICK")):
        known = getattr(ring, name)
        setattr(ring, name, unknown)
        assert ring.lacks == f"SET_VRING_{request}"
        setattr(ring, name, known)


def test_the_data_plane_gets_the_ring_where_it_is_mapped(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, front: FakeFrontend
) -> None:
    ring.attach(queue, memory, MODERN)
    driver = front.rings[1].driver
    host = address_of(memory.ptr.regions[0].host) - GUEST
    assert (address_of(queue.ptr.desc), address_of(queue.ptr.avail), address_of(queue.ptr.used)) == (
        host + driver.desc,
        host + driver.avail,
        host + driver.used,
    )
    assert (queue.ptr.size, queue.ptr.enabled) == (64, 1)


@pytest.mark.parametrize(
    ("features", "hdr_size", "mergeable", "event_idx"),
    [
        (F(0), 10, 0, 0),
        (F.VIRTIO_F_VERSION_1, 12, 0, 0),
        (F.VIRTIO_NET_F_MRG_RXBUF, 12, 1, 0),
        (MODERN | F.VIRTIO_RING_F_EVENT_IDX, 12, 1, 1),
    ],
)
def test_what_was_agreed_decides_how_the_ring_is_read(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, features: Feature, hdr_size: int, mergeable: int, event_idx: int
) -> None:
    ring.attach(queue, memory, features)
    vq = queue.ptr
    assert (vq.hdr_size, vq.mergeable, vq.event_idx) == (hdr_size, mergeable, event_idx)


def test_a_ring_goes_on_where_its_used_index_stands(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, front: FakeFrontend
) -> None:
    driver = front.rings[1].driver
    front.memory.put_u16(driver.used + 2, 65530)
    ring.base = 12
    ring.attach(queue, memory, MODERN)
    assert (queue.ptr.last_avail, queue.ptr.used_idx) == (65530, 65530)
    assert ring.stop() == 65530


def test_the_front_end_is_called_when_its_ring_is_taken_up(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, front: FakeFrontend
) -> None:
    """It may have waited for what was used before the connection broke."""
    ring.attach(queue, memory, MODERN)
    assert os.eventfd_read(front.rings[1].call) == 1


def test_the_ring_is_disabled_before_lcores_are_waited_for_and_let_go_after(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, bool]] = []

    class Watching:
        woken = 0

        def quiesce(self) -> None:
            seen.append((queue.ptr.enabled, ring.queue is queue))

        def wake(self) -> None:
            assert queue.ptr.enabled
            self.woken += 1

    monkeypatch.setattr(rings, "LCORES", watching := Watching())
    ring.attach(queue, memory, MODERN)
    assert (seen, watching.woken) == ([], 1)
    ring.detach()
    assert seen == [(0, True)]
    assert ring.queue is None
    ring.detach()
    assert len(seen) == 1


def test_a_call_eventfd_is_closed_only_when_lcores_use_the_new_one(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, front: FakeFrontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.attach(queue, memory, MODERN)
    old, new = queue.ptr.call_fd, os.dup(front.rings[0].call)
    seen: list[tuple[int, bool]] = []

    class Watching:
        def quiesce(self) -> None:
            seen.append((queue.ptr.call_fd, str(old) in open_fds()))

    monkeypatch.setattr(rings, "LCORES", Watching())
    ring.set_call(new)
    assert seen == [(new, True)]
    assert str(old) not in open_fds()


@pytest.mark.parametrize("part", ["desc", "avail", "used"])
def test_a_ring_that_does_not_lie_in_the_memory_is_not_attached(
    ring: Ring, queue: VhostQueue, memory: GuestMemory, part: str
) -> None:
    assert ring.address
    values = {name: getattr(ring.address, name) for name in ("desc", "used", "avail")} | {part: USER + (1 << 40)}
    ring.address = m.SetVringAddr(1, 0, values["desc"], values["used"], values["avail"], 0)
    with pytest.raises(DeviceError, match="are not in one region of the front-end's memory"):
        ring.attach(queue, memory, MODERN)
    assert ring.queue is None
    assert queue.ptr.enabled == 0


def test_what_the_data_plane_found_wrong_is_forgotten_with_the_next_start(
    ring: Ring, queue: VhostQueue, memory: GuestMemory
) -> None:
    ring.attach(queue, memory, MODERN)
    queue.ptr.fault = lib.VRING_BAD_INDEX
    assert ring.fault == lib.VRING_BAD_INDEX
    ring.tell_fault()
    ring.detach()
    assert ring.fault == 0
    ring.attach(queue, memory, MODERN)
    assert (ring.fault, ring.told_of_fault) == (0, False)


def test_a_ring_that_was_stopped_waits_for_its_next_start(ring: Ring, queue: VhostQueue, memory: GuestMemory) -> None:
    ring.attach(queue, memory, MODERN)
    ring.stop()
    assert ring.lacks == "SET_VRING_KICK"
    ring.set_kick(None)
    assert not ring.lacks


def test_closing_gives_every_fd_back(front: FakeFrontend) -> None:
    before = len(open_fds())
    ring = described(front, front.rings[0])
    ring.set_err(os.dup(front.rings[0].err))
    assert len(open_fds()) == before + 3
    ring.close()
    ring.close()
    assert len(open_fds()) == before


def test_a_queue_that_serves_nothing_moves_nothing(queue: VhostQueue) -> None:
    pkts = ffi.new("struct mbuf *[32]")
    assert lib.vhost_rx_burst(queue.ptr, pkts, 32) == 0
    assert lib.vhost_tx_burst(queue.ptr, pkts, 0) == 0
