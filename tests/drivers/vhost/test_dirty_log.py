"""The dirty log of a live migration: what is written is marked, and the log itself is not trusted."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

import pytest
from fakes.dirty_log import LOG_ALL, LogFile, changed, content, log_file, pages, switch_on
from fakes.leaks import eventually
from fakes.packets import frames, packet, receive, transmit
from fakes.vhost_frontend import BUFFER, FEATURES, GUEST, PROTOCOL, FakeFrontend, FrontRing, Gone, R, exchange
from fakes.virtio_driver import WRITE, Desc

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.vhost_user.wire import ProtocolFeature

Make = Callable[..., VhostPort]
LAYOUTS = {
    "split": Feature(0),
    "split in order": Feature.VIRTIO_F_IN_ORDER,
    "packed": Feature.VIRTIO_F_RING_PACKED,
    "packed in order": Feature.VIRTIO_F_RING_PACKED | Feature.VIRTIO_F_IN_ORDER,
}
LOGGED = PROTOCOL | ProtocolFeature.LOG_SHMFD
SIZE = 512  # so that a ring has pages of its own


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS)
def front(request: pytest.FixtureRequest, port: VhostPort, sock: Path) -> Iterator[FakeFrontend]:
    """A front-end whose rings are served, and that has not begun to migrate."""
    features = FEATURES | request.param
    with FakeFrontend(sock, features=features, protocol=LOGGED, size=SIZE, room=4 << 20) as fake:
        fake.start_as_dpdk()
        yield fake


@pytest.fixture
def log(front: FakeFrontend) -> Iterator[LogFile]:
    """Its log, given, and switched on."""
    with log_file(front) as made:
        made.give()
        switch_on(front)
        yield made


def ring_pages(ring: FrontRing) -> set[int]:
    """What the device may write of a ring."""
    driver, packed = ring.driver, hasattr(ring.driver, "driver_event")
    if packed:
        return pages(driver.desc, 16 * driver.size) | pages(driver.used, 4)
    return pages(driver.used, 6 + 8 * driver.size)


def buffers(front: FakeFrontend) -> set[int]:
    return {page for address in front._posted.values() for page in pages(address, BUFFER)}


def send_to(port: VhostPort, pool: Mempool, data: list[bytes]) -> int:
    tx = port.tx_queues[0]
    return transmit(tx.burst, tx.handle, [packet(pool, each) for each in data])


def test_every_written_page_is_marked_and_no_other(
    port: VhostPort, front: FakeFrontend, log: LogFile, pool: Mempool
) -> None:
    rx = port.rx_queues[0]
    for turn in range(40):
        front.alloc(1000 * turn % 5000 + 1)
        front.post_buffers(count=17)
        front.transmit(*frames(13))
        before = content(front)
        log.take()
        allowed = buffers(front) | ring_pages(front.rings[0]) | ring_pages(front.rings[1])
        assert send_to(port, pool, frames(17)) == 17
        assert len(receive(rx.burst, rx.handle)) == 13
        marked = log.take()
        assert changed(front, before) <= marked <= allowed
        assert len(front.received()) == 17
        front.rings[1].driver.reap()


def test_every_page_of_a_packet_that_is_spread_over_buffers_is_marked(
    port: VhostPort, front: FakeFrontend, log: LogFile, pool: Mempool
) -> None:
    big = [bytes([at % 251 for at in range(7000)]), bytes(3000)]
    front.post_buffers(count=8)
    log.take()
    before, allowed = content(front), buffers(front) | ring_pages(front.rings[0])
    assert send_to(port, pool, big) == 2
    marked = log.take()
    assert changed(front, before) <= marked <= allowed


def test_a_chain_whose_header_has_a_page_of_its_own_is_marked_in_all_parts(
    port: VhostPort, front: FakeFrontend, log: LogFile, pool: Mempool
) -> None:
    driver = front.rings[0].driver
    places = [front.alloc(4096, 4096) for _ in range(5)]
    # the header ends on the second page, in the middle of num_buffers
    descs = [Desc(places[0], 11, WRITE), Desc(places[1], 1, WRITE), Desc(places[2] + 4000, 8192, WRITE)]
    driver.offer(driver.chain(descs))
    log.take()
    assert send_to(port, pool, [bytes(200)]) == 1
    expected = {place // 4096 for place in places[:4]}
    assert expected <= log.take() <= expected | ring_pages(front.rings[0])


def test_nothing_is_marked_before_logging_begins_and_after_it_ends(
    port: VhostPort, front: FakeFrontend, pool: Mempool
) -> None:
    with log_file(front) as log:
        log.give()
        exchange(port, front, pool)
        assert not log.take()
        switch_on(front)
        exchange(port, front, pool)
        assert log.take()
        told = port.device_report()
        assert told
        assert (told.shared["dirty_log_bytes"], told.shared["dirty_log_used"]) == (log.size, 1)
        switch_on(front, False)
        log.take()
        exchange(port, front, pool)
        assert not log.take()


def test_rings_are_not_marked_when_their_flag_does_not_ask_for_it(
    port: VhostPort, front: FakeFrontend, pool: Mempool
) -> None:
    with log_file(front) as log:
        log.give()
        switch_on(front, ring_flags=0)
        front.alloc(4096, 4096)
        front.post_buffers(count=4)
        log.take()
        allowed = buffers(front)
        assert send_to(port, pool, frames(4)) == 4
        assert log.take() <= allowed


def test_taking_up_a_ring_marks_what_is_written_then(front: FakeFrontend, log: LogFile) -> None:
    log.take()
    switch_on(front)
    driver = front.rings[0].driver
    event = driver.used if front.is_packed else driver.used + 4 + 8 * SIZE
    assert log.take() >= {event // 4096}


def test_the_ring_is_marked_at_the_log_address_that_the_front_end_gives(
    port: VhostPort, sock: Path, pool: Mempool
) -> None:
    with FakeFrontend(sock, protocol=LOGGED) as front, log_file(front) as log:
        front.start_as_dpdk()
        log.give()
        switch_on(front)
        elsewhere = 0x1234_5000
        ring = front.rings[1]
        front.send(R.SET_VRING_ADDR, front.vring_addr(ring, flags=1, log=elsewhere))
        front.sync()
        log.take()
        front.transmit(*frames(2))
        assert len(receive(port.rx_queues[0].burst, port.rx_queues[0].handle)) == 2
        assert log.take() == {elsewhere // 4096}


def test_a_log_begins_at_its_offset_in_the_file(
    port: VhostPort, front: FakeFrontend, log: LogFile, pool: Mempool
) -> None:
    """f83e0199c8: an offset beyond the size, and no whole page."""
    with log_file(front, offset=3 * log.size + 77) as second:
        second.give()
        log.take()
        exchange(port, front, pool)
        assert second.take()
        assert not log.take(), "a new log takes the old one's place"
        assert os.pread(second.fd, second.offset, 0) == bytes(second.offset)


@pytest.mark.parametrize("size", [1, 100, GUEST // 4096 // 8 + 1])
def test_pages_beyond_a_log_that_is_too_small_are_skipped(
    port: VhostPort, front: FakeFrontend, pool: Mempool, size: int
) -> None:
    with log_file(front, size) as log:
        log.give()
        switch_on(front)
        for _ in range(3):
            exchange(port, front, pool)
        assert all(page < 8 * size for page in log.take())
        assert os.fstat(log.fd).st_size == size


@pytest.mark.parametrize("address", [(1 << 64) - 4, (1 << 64) - 4096, 1 << 63, 4])
def test_a_log_address_may_be_any_number(port: VhostPort, sock: Path, pool: Mempool, address: int) -> None:
    with FakeFrontend(sock, protocol=LOGGED) as front, log_file(front) as log:
        front.start_as_dpdk()
        log.give()
        switch_on(front)
        for ring in front.rings:
            front.send(R.SET_VRING_ADDR, front.vring_addr(ring, flags=1, log=address))
        front.sync()
        exchange(port, front, pool)


def test_a_log_that_loses_its_pages_costs_this_front_end_only(
    port: VhostPort, sock: Path, front: FakeFrontend, log: LogFile, pool: Mempool
) -> None:
    os.ftruncate(log.fd, 0)
    front.post_buffers(count=4)
    send_to(port, pool, frames(4))
    assert front.is_hung_up()
    with FakeFrontend(sock) as second:
        assert eventually(lambda: not port.link().up)
        second.start_as_dpdk()
        exchange(port, second, pool)


@pytest.mark.parametrize(
    ("size", "offset"),
    [
        (0, 0),
        (1 << 63, 0),
        (4096, (1 << 64) - 4096),
        ((1 << 64) - 1, 2),
        (8192, 0),
        (4096, 4096),
        (1 << 31, 0),
    ],
)
def test_a_log_that_cannot_be_mapped_ends_the_conversation(
    port: VhostPort, sock: Path, pool: Mempool, size: int, offset: int
) -> None:
    """CVE-2020-10722: sums that wrap, and files that are shorter than what is said of them."""
    with FakeFrontend(sock, protocol=LOGGED) as front, log_file(front, 4096) as log:
        front.start_as_dpdk()
        front.send(R.SET_LOG_BASE, pack("=QQ", size, offset), [log.fd])
        with pytest.raises(Gone):
            front.answer(R.SET_LOG_BASE)
    with FakeFrontend(sock) as second:
        second.start_as_dpdk()
        exchange(port, second, pool)


def test_a_log_needs_the_protocol_feature(port: VhostPort, sock: Path) -> None:
    with FakeFrontend(sock) as front, log_file(front) as log:
        front.start_as_dpdk()
        with pytest.raises(Gone):
            log.give()


def test_logging_without_a_log_marks_nothing_and_forwards(port: VhostPort, sock: Path, pool: Mempool) -> None:
    with FakeFrontend(sock, features=FEATURES | LOG_ALL) as front:
        front.start_as_dpdk()
        switch_on(front)
        exchange(port, front, pool)
