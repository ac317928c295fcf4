"""The in-flight area: what one back-end had in hand, the next one takes up."""

import mmap
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import pack, pack_into, unpack, unpack_from

import pytest
from fakes.leaks import PATIENCE_S, eventually, open_fds
from fakes.packets import frame, frames, packet, receive, transmit
from fakes.vhost_frontend import FEATURES, HEADER, PROTOCOL, FakeFrontend, R, exchange

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.vhost_user.wire import ProtocolFeature

Make = Callable[..., VhostPort]
KEEPS = PROTOCOL | ProtocolFeature.INFLIGHT_SHMFD
SIZE = 64
#: What a program of its own may take to start and forward, on a busy machine.
A_START_S = 6 * PATIENCE_S
AVAIL, USED = 1 << 7, 1 << 15
LAYOUTS = {
    "split": Feature(0),
    "packed": Feature.VIRTIO_F_RING_PACKED,
    "packed in order": Feature.VIRTIO_F_RING_PACKED | Feature.VIRTIO_F_IN_ORDER,
}


class Area:
    """What the front-end keeps. Offsets are those of the protocol's text, regions in multiples of 64 bytes."""

    def __init__(self, fd: int, size: int, packed: bool) -> None:
        self.fd, self.size, self.packed = fd, size, packed
        self.bytes = mmap.mmap(fd, size)
        self.header, self.entry = (32, 32) if packed else (16, 16)
        self.step = -(-(self.header + self.entry * SIZE) // 64) * 64

    def close(self) -> None:
        self.bytes.close()
        os.close(self.fd)

    def write_split(
        self, ring: int, last_batch_head: int, used_idx: int, *, version: int = 1, size: int = SIZE
    ) -> None:
        pack_into("=QHHHH", self.bytes, ring * self.step, 0, version, size, last_batch_head, used_idx)

    def write_packed(self, ring: int, heads: tuple[int, int], used: tuple[int, int], wraps: tuple[int, int]) -> None:
        pack_into("=QHHHHHHBB7x", self.bytes, ring * self.step, 0, 1, SIZE, *heads, *used, *wraps)

    def note(self, ring: int, entry: int, counter: int, *, next_: int = 0) -> None:
        """A chain of a split ring is in hand."""
        pack_into("=B5xHQ", self.bytes, self.at(ring, entry), 1, next_, counter)

    def at(self, ring: int, entry: int) -> int:
        return ring * self.step + self.header + entry * self.entry

    def in_hand(self, ring: int) -> list[int]:
        return [entry for entry in range(SIZE) if self.bytes[self.at(ring, entry)]]

    def used(self, ring: int) -> tuple[int, ...]:
        """Where the ring is: the index, or in a packed ring both indices and both wrap counters."""
        if not self.packed:
            return tuple(unpack_from("=H", self.bytes, ring * self.step + 14))
        return tuple(unpack_from("=HHBB", self.bytes, ring * self.step + 16))


class Keeper(FakeFrontend):
    """A front-end that keeps an area, and gives it to whoever comes."""

    area: Area | None = None

    def get_area(self, nb_rings: int = 2) -> Area:
        self.send(R.GET_INFLIGHT_FD, pack("=QQHHI", 0, 0, nb_rings, SIZE, 0))
        header, fds, _, _ = socket.recv_fds(self.socket, HEADER.size, 1)
        assert HEADER.unpack(header) == (R.GET_INFLIGHT_FD, 5, 24)
        size, offset, rings, ring_size, _ = unpack("=QQHHI", self._receive(24))
        assert (offset, rings, ring_size) == (0, nb_rings, SIZE)
        self.area = Area(fds[0], size, self.is_packed)
        return self.area

    def set_area(self, area: Area) -> None:
        assert self.try_(R.SET_INFLIGHT_FD, pack("=QQHHI", area.size, 0, 2, SIZE, 0), [area.fd])

    def close(self) -> None:
        super().close()
        if self.area:
            self.area.close()
        self.area = None

    def begin(self, base: int | None = None) -> None:
        """What QEMU does before it starts the rings of a device that has such an area."""
        self.agree_on_protocol()
        self.set_features()
        if self.area:
            self.set_area(self.area)
        else:
            self.set_area(self.get_area())
        self.set_mem_table()
        for ring in self.rings:
            self.describe_ring(ring, base)
            self.set_call(ring)
            self.set_kick(ring)
            self.enable(ring)
        self.set_status(0xF)
        self.sync()


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@contextmanager
def keeper(sock: Path, features: int = 0) -> Iterator[Keeper]:
    with Keeper(sock, features=FEATURES | features, protocol=KEEPS, size=SIZE) as front:
        yield front


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS)
def front(request: pytest.FixtureRequest, port: VhostPort, sock: Path) -> Iterator[Keeper]:
    with keeper(sock, request.param) as made:
        made.begin()
        yield made


def received(port: VhostPort) -> list[bytes]:
    rx = port.rx_queues[0]
    return receive(rx.burst, rx.handle)


def test_between_bursts_nothing_is_in_hand_and_the_index_is_the_ring_s(
    port: VhostPort, front: Keeper, pool: Mempool
) -> None:
    assert front.area
    for turn in range(60):
        exchange(port, front, pool, count=1 + turn % 7)
        for ring in front.rings:
            assert front.area.in_hand(ring.index) == []
            driver = ring.driver
            if front.is_packed:
                lap = 1 - driver.seen // SIZE % 2
                assert front.area.used(ring.index) == (driver.seen % SIZE, driver.seen % SIZE, lap, lap)
            else:
                assert front.area.used(ring.index) == (driver.used_idx,)


def test_packets_of_many_buffers_are_noted_too(port: VhostPort, front: Keeper, pool: Mempool) -> None:
    assert front.area
    tx = port.tx_queues[0]
    for _ in range(8):
        front.post_buffers(count=8)
        assert transmit(tx.burst, tx.handle, [packet(pool, bytes(7000))]) == 1
        assert len(front.rings[0].driver.reap()) >= 4
        assert front.area.in_hand(0) == []


def test_the_file_cannot_shrink_and_another_takes_its_place(port: VhostPort, front: Keeper, pool: Mempool) -> None:
    """CVE-2020-10726: asked again and again."""
    assert front.area
    with pytest.raises(PermissionError):
        os.ftruncate(front.area.fd, 0)
    before = len(open_fds())
    for _ in range(20):
        front.area.close()
        front.set_area(front.get_area())
    assert len(open_fds()) <= before + 1
    exchange(port, front, pool)


def test_a_ring_beyond_the_area_is_served_without(port: VhostPort, sock: Path, pool: Mempool) -> None:
    with keeper(sock) as front:
        front.agree_on_protocol()
        front.set_features()
        area = front.get_area(nb_rings=1)
        front.set_mem_table()
        for ring in front.rings:
            front.describe_ring(ring)
            front.set_kick(ring)
            front.enable(ring)
        front.set_status(0xF)
        front.sync()
        exchange(port, front, pool)
        assert area.in_hand(0) == []


def test_the_report_tells_of_slots_and_of_the_area(port: VhostPort, front: Keeper) -> None:
    assert front.area
    told = port.device_report()
    assert told
    assert told.shared == {
        "memory_slots": 8,
        "memory_slots_used": 1,
        "inflight_bytes": front.area.size,
        "inflight_rings": 2,
        "inflight_ring_size": SIZE,
    }
    assert told.config["status"] == 1


# A back-end before us died.


def offer(front: Keeper, count: int) -> list[bytes]:
    sent = frames(count)
    front.transmit(*sent)
    return sent


def use_split(front: Keeper, *heads: int) -> None:
    """As a back-end that is no longer there did it, in whatever order."""
    driver = front.rings[1].driver
    for head in heads:
        at = driver.used_idx
        front.memory.write(driver.used + 4 + 8 * (at % SIZE), pack("=II", head, 0))
        front.memory.put_u16(driver.used + 2, at + 1)


def test_what_was_taken_out_of_order_and_not_used_comes_first_and_once(port: VhostPort, sock: Path) -> None:
    with keeper(sock) as front:
        sent = offer(front, 5)
        use_split(front, 3, 1)
        front.rings[1].driver.reap()
        front.agree_on_protocol()
        front.set_features()
        area = front.get_area()
        area.write_split(1, 1, 2)
        for counter, head in ((7, 4), (5, 2), (3, 0)):
            area.note(1, head, counter)
        front.begin()
        assert received(port) == [sent[0], sent[2], sent[4]]
        assert area.in_hand(1) == []
        assert area.used(1) == (5,)
        assert [used.head for used in front.rings[1].driver.reap()] == [0, 2, 4]
        more = frames(4, first=50)
        front.transmit(*more)
        got: list[bytes] = []
        assert eventually(lambda: got.extend(received(port)) or len(got) >= 4)
        assert got == more


def test_what_a_stopped_ring_has_still_in_hand_lies_before_its_base(port: VhostPort, sock: Path) -> None:
    with keeper(sock) as front:
        sent = offer(front, 5)
        use_split(front, 4)
        front.agree_on_protocol()
        front.set_features()
        area = front.get_area()
        area.write_split(1, 4, 1)
        for head in (1, 0, 2, 3):
            area.note(1, head, head ^ 1)
        front.begin()
        assert received_some(port, 2) == [sent[1], sent[0]]
        assert front.ask(R.GET_VRING_BASE, pack("=II", 1, 0)) == 5
        assert area.in_hand(1) == [2, 3]
        front.describe_ring(front.rings[1], 5)
        front.set_kick(front.rings[1])
        front.sync()
        assert received(port) == [sent[3], sent[2]]


def received_some(port: VhostPort, count: int) -> list[bytes]:
    rx = port.rx_queues[0]
    return receive(rx.burst, rx.handle, count)


def test_a_batch_that_was_shown_and_not_noted_is_not_used_again(port: VhostPort, sock: Path) -> None:
    with keeper(sock) as front:
        sent = offer(front, 5)
        use_split(front, 0, 1, 2)
        front.agree_on_protocol()
        front.set_features()
        area = front.get_area()
        area.write_split(1, 2, 1)  # the last batch was 1 and 2
        area.note(1, 2, 12, next_=1)
        area.note(1, 1, 11, next_=0)
        area.note(1, 3, 13)
        front.begin()
        assert received(port) == sent[3:]


def note_packed(front: Keeper, area: Area, count: int) -> None:
    """Copies of the first descriptors, each a chain in hand."""
    driver = front.rings[1].driver
    for entry in range(SIZE):
        pack_into("=H", area.bytes, area.at(1, entry) + 2, entry + 1)
    for entry in range(count):
        address, length, buffer_id, flags = unpack("=QIHH", front.memory.read(driver.slot(entry), 16))
        at = area.at(1, entry)
        pack_into("=BBHHHQHHIQ", area.bytes, at, 1, 0, entry + 1, entry, 1, entry, buffer_id, flags, length, address)


@pytest.mark.parametrize("shown", [False, True])
def test_a_packed_batch_was_shown_whole_or_is_taken_up_again(port: VhostPort, sock: Path, shown: bool) -> None:
    """The dead back-end had written all used descriptors but the first, or all; the driver sees all or none."""
    with keeper(sock, Feature.VIRTIO_F_RING_PACKED) as front:
        sent, driver = offer(front, 5), front.rings[1].driver
        front.agree_on_protocol()
        front.set_features()
        area = front.get_area()
        note_packed(front, area, 5)
        area.write_packed(1, (0, 5), (5, 0), (1, 1))
        for place in range(0 if shown else 1, 5):
            raw = front.memory.read(driver.slot(place), 16)
            front.memory.write(driver.slot(place) + 8, pack("=IHH", 0, unpack("=QIHH", raw)[2], AVAIL | USED))
        front.begin(base=0x8000)
        assert received(port) == ([] if shown else sent)
        assert len(driver.reap()) == 5
        assert area.in_hand(1) == []
        assert area.used(1) == (5, 5, 1, 1)
        front.transmit(frame(9))
        assert received(port) == [frame(9)]


def test_a_packed_ring_goes_on_where_the_area_says(port: VhostPort, sock: Path, pool: Mempool) -> None:
    """No base that a front-end makes up after a crash can know it."""
    with keeper(sock, Feature.VIRTIO_F_RING_PACKED) as first:
        first.begin()
        for _ in range(25):
            exchange(port, first, pool)
        first.socket.close()
        assert eventually(lambda: not port.link().up)
        first.socket = first._connect(sock)
        first.begin(base=0x8000)
        exchange(port, first, pool)


# Nothing in it is believed.


def test_any_contents_are_survived(port: VhostPort, front: Keeper, pool: Mempool) -> None:
    """5a4fbe79e6: everything that is read from it may be wrong."""
    assert front.area
    rng = random.Random(5)
    for turn in range(40):
        for ring in range(2):
            start = ring * front.area.step
            front.area.bytes[start + 12 : start + front.area.step] = rng.randbytes(front.area.step - 12)
            if turn % 3 == 0:
                front.area.bytes[start + 8 : start + 10] = rng.randbytes(2)
        for ring_ in front.rings:
            front.send(R.SET_VRING_ADDR, front.vring_addr(ring_))  # taken up anew
        front.sync()
        received(port)
        transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())])
    assert port.device_report()


BAD = {
    "more rings than there are": (1 << 20, 0, 3, SIZE),
    "as many rings as a word holds": (1 << 20, 0, 65535, SIZE),
    "too small": (64, 0, 2, SIZE),
    "beyond the file": (1 << 14, 1 << 14, 2, SIZE),
    "wraps": ((1 << 64) - 1, 2, 2, SIZE),
    "empty": (0, 0, 2, SIZE),
    "no ring": (1 << 14, 0, 0, SIZE),
    "no descriptor": (1 << 14, 0, 2, 0),
    "longer than any ring": (1 << 14, 0, 2, 65535),
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_an_area_that_cannot_be_is_refused_and_the_old_one_stays(
    port: VhostPort, front: Keeper, pool: Mempool, fields: tuple[int, int, int, int]
) -> None:
    """CVE-2021-3839: a number of rings that nobody checks."""
    before = len(open_fds())
    fd = os.memfd_create("area", os.MFD_CLOEXEC)
    os.ftruncate(fd, 1 << 14)
    assert not front.try_(R.SET_INFLIGHT_FD, pack("=QQHHI", *fields, 0), [fd])
    front.send(R.GET_INFLIGHT_FD, pack("=QQHHI", 0, 0, fields[2], fields[3], 0))
    if fields[2:] != (2, SIZE):
        assert front.answer(R.GET_INFLIGHT_FD) == b""
    os.close(fd)
    if fields[2:] == (2, SIZE):
        front.close()
    assert eventually(lambda: len(open_fds()) <= before)


@pytest.mark.parametrize("count", [0, 2, 8])
def test_another_number_of_fds_is_refused(front: Keeper, count: int) -> None:
    """CVE-2022-0669."""
    assert front.area
    before = len(open_fds())
    for _ in range(3):
        assert not front.try_(
            R.SET_INFLIGHT_FD, pack("=QQHHI", front.area.size, 0, 2, SIZE, 0), [front.area.fd] * count
        )
        front.send(R.GET_INFLIGHT_FD, pack("=QQHHI", 0, 0, 2, SIZE, 0), [front.area.fd] * max(count, 1))
        assert front.answer(R.GET_INFLIGHT_FD) == b""
    assert len(open_fds()) == before


def test_a_ring_longer_than_its_region_is_not_served(port: VhostPort, sock: Path) -> None:
    with keeper(sock) as front:
        front.agree_on_protocol()
        front.set_features()
        front.send(R.GET_INFLIGHT_FD, pack("=QQHHI", 0, 0, 2, SIZE // 2, 0))
        header, fds, _, _ = socket.recv_fds(front.socket, HEADER.size, 1)
        front._receive(HEADER.unpack(header)[2])
        os.close(fds[0])
        front.set_mem_table()
        ring = front.rings[1]
        front.describe_ring(ring)
        front.enable(ring)
        front.set_status(0xF)
        assert not front.try_(R.SET_VRING_KICK, pack("=Q", 1), [ring.kick])
        assert not port.link().up


def test_an_area_that_loses_its_pages_costs_this_front_end_only(port: VhostPort, sock: Path, pool: Mempool) -> None:
    with keeper(sock) as front:
        fd = os.memfd_create("area", os.MFD_CLOEXEC)
        os.ftruncate(fd, 1 << 14)
        front.area = Area(fd, 1 << 14, packed=False)
        front.begin()
        exchange(port, front, pool)
        os.ftruncate(fd, 0)
        front.transmit(frame())
        received(port)
        assert front.is_hung_up()
    with FakeFrontend(sock) as second:
        second.start_as_dpdk()
        exchange(port, second, pool)


# And in earnest.


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_back_ends_are_killed_and_each_chain_is_used_once(sock: Path, layout: int) -> None:
    front: Keeper | None = None
    command = [sys.executable, "-m", "pytestpmd", f"--vdev=net_vhost0,iface={sock}", "--vdev=net_null0"]
    try:
        for _ in range(3):
            program = subprocess.Popen(
                [*command, "--", "--total-num-mbufs=2048"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                if front is None:
                    front = Keeper(
                        sock,
                        features=FEATURES | layout,
                        protocol=KEEPS,
                        size=SIZE,
                        room=8 << 20,
                        patience_s=A_START_S,
                    )
                else:
                    front.socket = front._connect(sock)
                    front.socket.settimeout(A_START_S)
                front.begin(base=0x8000 if front.is_packed else 0)
                driver, done = front.rings[1].driver, 0
                deadline = time.monotonic() + A_START_S
                while done < 120:
                    front.transmit(*frames(min(8, driver.nb_free)))
                    done += len(driver.reap())  # which asserts that nothing is used twice
                    assert time.monotonic() < deadline
            finally:
                program.send_signal(signal.SIGKILL)
                program.wait()
            front.socket.close()
    finally:
        if front:
            front.close()
