"""The conversation with a front-end, and what becomes of its rings."""

import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import pack

import pytest
from fakes.leaks import eventually, open_fds
from fakes.log import Logged
from fakes.packets import frame, frames, packet, receive, transmit
from fakes.vhost_frontend import (
    FEATURES,
    GUEST,
    OFFSET,
    PROTOCOL,
    USER,
    FakeFrontend,
    Gone,
    R,
    calls,
    exchange,
)
from fakes.virtio_driver import INDIRECT, WRITE, Desc

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.vhost.device import PROTOCOL_FEATURES
from pytestpmd.drivers.vhost.features import offered
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.vhost_user.wire import ProtocolFeature

Make = Callable[..., VhostPort]
START: dict[str, Callable[[FakeFrontend], None]] = {
    "dpdk": FakeFrontend.start_as_dpdk,
    "qemu": FakeFrontend.start_as_qemu,
    "without protocol features": FakeFrontend.start_without_protocol_features,
}
every_order = pytest.mark.parametrize("start", START.values(), ids=START)


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture
def front(port: VhostPort, sock: Path) -> Iterator[FakeFrontend]:
    """A front-end that has said nothing yet."""
    with FakeFrontend(sock) as fake:
        yield fake


@pytest.fixture
def running(front: FakeFrontend) -> FakeFrontend:
    """One whose rings are served."""
    front.start_as_dpdk()
    return front


def untouched(front: FakeFrontend, port: VhostPort, pool: Mempool) -> bool:
    """Whether the rings move nothing, and nobody is called."""
    for ring in front.rings:
        calls(ring)
    front.transmit(frame())
    front.post_buffers(count=1)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())]) == 0
    return not any(ring.driver.used_idx or calls(ring) for ring in front.rings)


# Starting.


@every_order
@pytest.mark.parametrize("pairs", [1, 3])
def test_every_front_end_s_order_of_requests_starts_the_rings(
    make_port: Make, sock: Path, pool: Mempool, start: Callable[[FakeFrontend], None], pairs: int
) -> None:
    port = make_port(f",queues={pairs}", nb_rxq=pairs, nb_txq=pairs)
    with FakeFrontend(sock, nb_pairs=pairs) as front:
        assert not port.link().up
        start(front)
        assert port.link().up
        for pair in range(pairs):
            exchange(port, front, pool, pair)


@every_order
def test_a_front_end_that_comes_before_the_port_starts_is_served_when_it_does(
    make_port: Make, sock: Path, pool: Mempool, start: Callable[[FakeFrontend], None]
) -> None:
    port = make_port(start=False)
    with FakeFrontend(sock) as front:
        start(front)
        assert not port.link().up
        port.start()
        assert port.link().up
        exchange(port, front, pool)


def test_offered_features_are_told_and_accepted(front: FakeFrontend) -> None:
    assert front.ask(R.GET_FEATURES) == offered()
    assert front.ask(R.GET_PROTOCOL_FEATURES) == PROTOCOL_FEATURES
    for features in (0, FEATURES, offered(), Feature.VIRTIO_F_VERSION_1):
        assert front.try_(R.SET_FEATURES, pack("=Q", features))


@pytest.mark.parametrize("queues", [1, 4])
def test_the_number_of_queue_pairs_is_that_of_the_devargs(make_port: Make, sock: Path, queues: int) -> None:
    make_port(f",queues={queues}")
    with FakeFrontend(sock) as front:
        front.agree_on_protocol()
        assert front.ask(R.GET_QUEUE_NUM) == queues


@pytest.mark.parametrize(
    "left_out", ["set_mem_table", "describe_ring", "set_kick", "set_status"], ids=lambda name: name
)
def test_nothing_is_touched_before_all_is_said(
    front: FakeFrontend, port: VhostPort, pool: Mempool, left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, left_out, lambda *_: None)
    front.start_as_dpdk()
    assert not port.link().up
    assert untouched(front, port, pool)


def test_a_ring_that_is_started_but_disabled_is_emptied_while_the_others_are_served(
    make_port: Make, sock: Path, pool: Mempool
) -> None:
    """vhost-user, "Ring states": what is transmitted is processed and discarded, and nothing is received."""
    port = make_port(",queues=2", nb_rxq=2, nb_txq=2)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        for ring in front.rings[2:]:
            front.enable(ring, False)
        front.sync()
        rx, tx = port.rx_queues[1], port.tx_queues[1]
        front.transmit(*frames(5), pair=1)
        front.post_buffers(1)
        assert receive(rx.burst, rx.handle) == []
        assert transmit(tx.burst, tx.handle, [packet(pool, frame())]) == 0
        assert (len(front.rings[3].driver.reap()), front.received(1)) == (5, [])
        assert (port.stats().ipackets, port.stats().opackets) == (0, 0)
        exchange(port, front, pool, 0)
        for ring in front.rings[2:]:
            front.enable(ring)
        front.sync()
        front.transmit(frame(), pair=1)
        assert receive(rx.burst, rx.handle) == [frame()]
        assert transmit(tx.burst, tx.handle, [packet(pool, frame())]) == 1
        assert front.received(1) == [frame()]


def test_queue_pairs_that_the_port_was_not_configured_for_are_not_served(
    make_port: Make, sock: Path, pool: Mempool
) -> None:
    port = make_port(",queues=2", nb_rxq=1, nb_txq=1)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        exchange(port, front, pool, 0)
        front.transmit(frame(), pair=1)
        assert front.rings[3].driver.used_idx == 0


def test_changes_of_a_queue_s_state_are_told(port: VhostPort, front: FakeFrontend) -> None:
    told: list[VhostPort] = []
    port.on_queue_state = told.append  # type: ignore[assignment]
    front.start_as_dpdk()
    assert len(told) == 2
    for ring in front.rings:
        front.enable(ring)
    front.sync()
    assert len(told) == 2, "what is enabled already does not change"


# Stopping.


def test_a_ring_is_given_back_with_its_index_and_not_touched_any_more(
    port: VhostPort, running: FakeFrontend, pool: Mempool
) -> None:
    exchange(port, running, pool, count=7)
    assert running.stop() == [7, 7]
    assert not port.link().up
    used = [ring.driver.used_idx for ring in running.rings]
    running.transmit(*frames(3))
    running.post_buffers(count=3)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())]) == 0
    assert [ring.driver.used_idx for ring in running.rings] == used


def test_a_ring_goes_on_where_it_was_given_back(port: VhostPort, running: FakeFrontend, pool: Mempool) -> None:
    for turn in range(1, 4):
        exchange(port, running, pool, count=5)
        bases = running.stop()
        assert bases == [5 * turn] * 2
        for ring, base in zip(running.rings, bases, strict=True):
            running.describe_ring(ring, base)
            running.set_kick(ring)
            running.enable(ring)
        running.sync()
        assert port.link().up


def test_a_front_end_that_comes_back_with_its_rings_is_taken_up_where_they_stand(
    port: VhostPort, sock: Path, running: FakeFrontend, pool: Mempool
) -> None:
    """DPDK's virtio-user keeps its rings, and sends base 0 whatever they hold."""
    exchange(port, running, pool, count=6)
    running.transmit(*frames(2, first=50))
    running.socket.close()
    assert eventually(lambda: not port.link().up)
    running.socket = running._connect(sock)
    running.start_as_dpdk(base=0)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == frames(2, first=50)
    exchange(port, running, pool)


@pytest.mark.parametrize("request_", [R.RESET_OWNER, R.SET_STATUS], ids=lambda request: request.name)
def test_a_reset_stops_every_ring(port: VhostPort, running: FakeFrontend, pool: Mempool, request_: int) -> None:
    assert running.try_(request_, pack("=Q", 0) if request_ == R.SET_STATUS else b"")
    assert not port.link().up
    assert untouched(running, port, pool)


def test_after_a_reset_the_status_is_zero(running: FakeFrontend) -> None:
    assert running.ask(R.GET_STATUS) == 0xF
    running.set_status(0)
    assert running.ask(R.GET_STATUS) == 0


# While it runs.


def test_the_call_eventfd_may_be_exchanged_while_the_ring_runs(
    port: VhostPort, running: FakeFrontend, pool: Mempool
) -> None:
    ring = running.rings[1]
    calls(ring)
    running.transmit(frame())
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    assert calls(ring) == 1
    old, ring.call = ring.call, os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    running.set_call(ring)
    running.sync()
    running.transmit(frame())
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    assert calls(ring) == 1
    with pytest.raises(BlockingIOError):
        os.eventfd_read(old)
    os.close(old)
    running.send(R.SET_VRING_CALL, pack("=Q", 1 | 0x100))
    running.sync()
    running.transmit(frame())
    assert len(receive(port.rx_queues[0].burst, port.rx_queues[0].handle)) == 1
    assert calls(ring) == 0


def moved(front: FakeFrontend) -> int:
    """A second file with what the front-end's memory holds now."""
    copy = os.memfd_create("guest", os.MFD_CLOEXEC)
    os.ftruncate(copy, OFFSET + front.room)
    os.pwrite(copy, front.memory.read(GUEST, front.room), OFFSET)
    return copy


def test_memory_may_be_exchanged_while_rings_run(port: VhostPort, running: FakeFrontend, pool: Mempool) -> None:
    exchange(port, running, pool)
    copy = moved(running)
    assert running.try_(R.SET_MEM_TABLE, running.mem_table(), [copy])
    assert port.link().up
    running.transmit(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [], "the old file is of no interest any more"
    os.pwrite(copy, running.memory.read(GUEST, running.room), OFFSET)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
    os.close(copy)


@pytest.mark.parametrize(
    "table",
    [
        pack("=IIQQQQ", 1, 0, GUEST, 0x1000, USER + 0x10_0000_0000, OFFSET),
        pack("=IIQQQQ", 1, 0, GUEST, 0x40, USER, OFFSET),
        pack("=IIQQQQ", 1, 0, GUEST, 1 << 40, USER, OFFSET),
        pack("=IIQQQQ", 1, 0, GUEST, 0x1000, USER, (1 << 63) - 0x1001),
    ],
    ids=["elsewhere", "too small", "longer than the file", "at the end of the world"],
)
def test_memory_in_which_a_running_ring_does_not_lie_is_refused_and_nothing_changes(
    port: VhostPort, running: FakeFrontend, pool: Mempool, table: bytes
) -> None:
    assert not running.try_(R.SET_MEM_TABLE, table, [running.file])
    exchange(port, running, pool)
    with costs_the_conversation(running):
        running.send(R.SET_MEM_TABLE, table, [running.file])


@contextmanager
def costs_the_conversation(front: FakeFrontend) -> Iterator[None]:
    """What is said within is refused, and no answer was asked for."""
    with suppress(Gone):
        yield
    assert front.is_hung_up()


WRONG = {
    "outside": {"desc": USER - 0x10000},
    "end beyond the memory": {"used": USER + (1 << 20) - 16},
    "guest address": {"desc": GUEST},
    "wraps": {"used": (1 << 64) - 64},
    "null": {"desc": 0, "avail": 0, "used": 0},
}
wrong_address = pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)


@wrong_address
def test_a_ring_outside_of_the_memory_is_refused_when_it_starts_and_the_others_run(
    port: VhostPort, front: FakeFrontend, pool: Mempool, wrong: dict[str, int]
) -> None:
    front.start_as_dpdk()
    ring = front.rings[0]
    front.ask(R.GET_VRING_BASE, pack("=II", 0, 0))
    front.send(R.SET_VRING_ADDR, front.vring_addr(ring, **wrong))
    assert not front.try_(R.SET_VRING_KICK, pack("=Q", 0), [ring.kick])
    front.transmit(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
    assert front.try_(R.SET_VRING_NUM, pack("=II", 0, 64)), "the other requests go on"
    front.send(R.SET_VRING_ADDR, front.vring_addr(ring))
    assert front.try_(R.SET_VRING_KICK, pack("=Q", 0), [ring.kick])
    exchange(port, front, pool)


@wrong_address
def test_a_running_ring_is_not_moved_out_of_the_memory(
    port: VhostPort, running: FakeFrontend, pool: Mempool, wrong: dict[str, int]
) -> None:
    assert not running.try_(R.SET_VRING_ADDR, running.vring_addr(running.rings[1], **wrong))
    exchange(port, running, pool)


@wrong_address
def test_a_ring_that_was_found_wrong_only_at_port_start_costs_the_connection(
    make_port: Make, sock: Path, wrong: dict[str, int], logged: Logged
) -> None:
    port = make_port(start=False)
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        front.send(R.SET_VRING_ADDR, front.vring_addr(front.rings[0], **wrong))
        front.sync()
        port.start()
        assert front.is_hung_up()
    assert "are not in one region of the front-end's memory" in logged
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        assert port.link().up


@pytest.mark.parametrize(("part", "by"), [("desc", 8), ("desc", 1), ("avail", 1), ("used", 2), ("used", 1)])
def test_an_unaligned_ring_is_refused(running: FakeFrontend, part: str, by: int) -> None:
    ring = running.rings[0]
    address = running.user(getattr(ring.driver, part)) + by
    assert not running.try_(R.SET_VRING_ADDR, running.vring_addr(ring, **{part: address}))


def test_a_region_that_begins_between_words_cannot_hold_a_ring(front: FakeFrontend) -> None:
    """Aligned for the front-end, unaligned where we have to map it."""
    front.start_as_dpdk()
    front.stop()
    ring = front.rings[1]
    table = pack("=IIQQQQ", 1, 0, GUEST, front.room - 8, USER + 8, OFFSET)
    assert front.try_(R.SET_MEM_TABLE, table, [front.file])
    front.send(R.SET_VRING_ADDR, front.vring_addr(ring))
    front.enable(ring)
    assert not front.try_(R.SET_VRING_KICK, pack("=Q", 1), [ring.kick])


@pytest.mark.parametrize(
    ("avail", "used"),
    [("desc", "desc"), ("avail", "avail"), ("used", "avail"), ("desc", "used")],
)
def test_a_ring_whose_parts_overlap_harms_nobody_but_its_front_end(
    make_port: Make, sock: Path, pool: Mempool, avail: str, used: str
) -> None:
    port = make_port(",queues=2", nb_rxq=2, nb_txq=2)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        for ring in front.rings[:2]:
            parts = {"avail": avail, "used": used}
            places = {name: front.user(getattr(ring.driver, part)) for name, part in parts.items()}
            assert front.try_(R.SET_VRING_ADDR, front.vring_addr(ring, **places))
        front.transmit(*frames(8))
        front.post_buffers(count=8)
        for _ in range(20):
            receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
            transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())])
        exchange(port, front, pool, 1)


@pytest.mark.parametrize("size", [0, 3, 100, 0x8001, 0x10000, 0xFFFFFFFF])
def test_a_ring_size_that_cannot_be_is_refused(running: FakeFrontend, size: int) -> None:
    running.stop()
    assert not running.try_(R.SET_VRING_NUM, pack("=II", 0, size))


def test_a_running_ring_keeps_its_size(port: VhostPort, running: FakeFrontend, pool: Mempool) -> None:
    assert not running.try_(R.SET_VRING_NUM, pack("=II", 0, 128))
    assert running.try_(R.SET_VRING_NUM, pack("=II", 0, 64))
    exchange(port, running, pool)


@pytest.mark.parametrize("size", [1, 2, 256, 32768])
def test_every_power_of_two_is_a_ring_size(make_port: Make, sock: Path, pool: Mempool, size: int) -> None:
    port = make_port()
    with FakeFrontend(sock, size=size, room=4 << 20) as front:
        front.start_as_dpdk()
        exchange(port, front, pool, count=min(size, 32))


@pytest.mark.parametrize("ring", [2, 255, 256, 0x10000, 0xFFFFFFFF])
def test_a_ring_that_there_is_not_is_refused_in_the_number_s_full_width(running: FakeFrontend, ring: int) -> None:
    for request in (R.SET_VRING_NUM, R.SET_VRING_BASE, R.SET_VRING_ENABLE):
        assert not running.try_(request, pack("=II", ring, 1))
    assert not running.try_(R.SET_VRING_ADDR, pack("=IIQQQQ", ring, 0, USER, USER, USER, 0))


def test_features_cannot_change_while_rings_run(port: VhostPort, running: FakeFrontend, pool: Mempool) -> None:
    assert not running.try_(R.SET_FEATURES, pack("=Q", running.features & ~Feature.VIRTIO_NET_F_MRG_RXBUF))
    assert running.try_(R.SET_FEATURES, pack("=Q", running.features))
    exchange(port, running, pool)


@pytest.mark.parametrize("bit", [9, 11, 12, 19, 23, 33, 63])
def test_features_that_were_not_offered_are_refused(front: FakeFrontend, bit: int) -> None:
    assert not front.try_(R.SET_FEATURES, pack("=Q", 1 << bit | Feature.VIRTIO_F_VERSION_1))


@pytest.mark.parametrize(
    ("mtu", "ok"), [(0, False), (67, False), (68, True), (9000, True), (65535, True), (65536, False)]
)
def test_an_mtu_is_one_that_can_be(running: FakeFrontend, mtu: int, ok: bool) -> None:
    assert running.try_(R.NET_SET_MTU, pack("=Q", mtu)) == ok


# A broken ring.


@pytest.mark.parametrize("ring", [0, 1])
def test_a_front_end_whose_index_jumps_is_told_and_the_log_says_it_once(
    port: VhostPort, running: FakeFrontend, pool: Mempool, sock: Path, ring: int, logged: Logged
) -> None:
    broken = running.rings[ring]
    running.set_err(broken)
    running.sync()
    broken.driver.publish(1000)
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())])
    assert eventually(lambda: readable(broken.err))
    for _ in range(3):
        port._tick()
    name = "rxq" if ring else "txq"
    line = (
        f"VHOST_CONFIG: ({sock}) port 0 {name} 0 is stopped: "
        "the front-end moved avail.idx further than the ring is long"
    )
    assert logged.lines.count(line) == 1
    assert os.eventfd_read(broken.err) == 1
    assert running.ask(R.GET_STATUS) == 0x4F, "virtio 1.2, 2.1.2: NEEDS_RESET"
    running.stop()
    assert running.ask(R.GET_STATUS) == 0xF


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def test_a_broken_ring_works_again_when_it_is_started_anew(
    port: VhostPort, running: FakeFrontend, pool: Mempool
) -> None:
    ring = running.rings[1]
    ring.driver.publish(1000)
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    running.stop()
    ring.driver.publish()
    for each in running.rings:
        running.describe_ring(each)
        running.set_kick(each)
        running.enable(each)
    running.sync()
    exchange(port, running, pool)


BAD_CHAINS = {
    "it lies outside of the front-end's memory": Desc(0, 100),
    "its buffers are for the other direction": Desc(GUEST, 100, WRITE),
    "its indirect table cannot be": Desc(GUEST, 15, INDIRECT),
    "it holds no frame, or more than one": Desc(GUEST, 4),
}


@pytest.mark.parametrize(("why", "desc"), BAD_CHAINS.items(), ids=BAD_CHAINS)
def test_what_is_wrong_with_a_chain_is_told_in_one_line(
    port: VhostPort, running: FakeFrontend, pool: Mempool, sock: Path, logged: Logged, why: str, desc: Desc
) -> None:
    driver = running.rings[1].driver
    for _ in range(3):
        driver.offer(driver.chain([desc]))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    line = f"VHOST_CONFIG: ({sock}) port 0 rxq 0: chains that cannot be: 3, the last because {why}"
    assert line in logged
    port._tick()
    assert logged.lines.count(line) == 1
    assert (port.stats().ipackets, port.stats().ierrors) == (0, 3)
    running.rings[1].driver.reap()
    exchange(port, running, pool)


# File descriptors.


def test_setters_that_are_repeated_without_end_cost_nothing(
    port: VhostPort, running: FakeFrontend, pool: Mempool
) -> None:
    before = len(open_fds())
    for _ in range(20):
        for ring in running.rings:
            running.set_kick(ring)
            running.set_call(ring)
            running.set_err(ring)
            running.send(R.SET_VRING_NUM, pack("=II", ring.index, ring.driver.size))
        running.set_mem_table()
        running.send(R.SET_LOG_FD, b"", [running.rings[0].err])
        running.sync()
    assert len(open_fds()) <= before + 2, "each err eventfd is kept from now on"
    exchange(port, running, pool)


def test_file_descriptors_that_no_message_wants_are_closed(front: FakeFrontend) -> None:
    front.sync()
    before = len(open_fds())
    fds = [ring.call for ring in front.rings] * 4
    for request in (R.SET_OWNER, R.SET_FEATURES, R.SET_STATUS, R.SET_VRING_NUM):
        payload = b"" if request == R.SET_OWNER else pack("=Q", 0)
        assert not front.try_(request, payload, fds)
    assert len(open_fds()) == before


@pytest.mark.parametrize("count", [0, 2, 8])
def test_a_memory_table_with_another_number_of_files_is_refused(front: FakeFrontend, count: int) -> None:
    front.sync()
    before = len(open_fds())
    assert not front.try_(R.SET_MEM_TABLE, front.mem_table(), [front.file] * count)
    assert len(open_fds()) == before


def test_an_fd_that_is_no_eventfd_is_refused(front: FakeFrontend) -> None:
    front.sync()
    before = len(open_fds())
    for request in (R.SET_VRING_KICK, R.SET_VRING_CALL, R.SET_VRING_ERR):
        assert not front.try_(request, pack("=Q", 0), [front.file])
    assert len(open_fds()) == before


@pytest.mark.parametrize(
    "request_",
    [
        R.POSTCOPY_ADVISE,
        R.SET_VRING_ENDIAN,
        R.IOTLB_MSG,
    ],
    ids=lambda request: request.name,
)
def test_a_request_that_is_not_spoken_is_refused_and_costs_the_conversation_of_who_did_not_ask(
    front: FakeFrontend, request_: int
) -> None:
    front.sync()
    before = len(open_fds())
    assert not front.try_(request_, bytes(16), [front.file])
    front.sync()
    assert len(open_fds()) == before
    with costs_the_conversation(front):
        front.send(request_, bytes(16), [front.file])


def test_a_front_end_that_leaves_takes_everything_with_it(port: VhostPort, sock: Path) -> None:
    before = len(open_fds())
    with FakeFrontend(sock) as front:
        front.start_as_qemu()
        assert port.link().up
    assert eventually(lambda: not port.link().up)
    assert eventually(lambda: len(open_fds()) == before)


def test_protocol_features_that_were_not_offered_are_refused(front: FakeFrontend) -> None:
    assert not front.try_(R.SET_PROTOCOL_FEATURES, pack("=Q", PROTOCOL | ProtocolFeature.PAGEFAULT))
