"""Two ports in one program: whatever the peer of one does, the other forwards and the console answers.

Answers are waited for much longer here than the console may take, so that whoever waits for a peer where it should not
is found out; one lcore polls everything.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.packets import frames
from fakes.vhost_backend import FakeBackend, hang_up, nack, silence
from fakes.vhost_frontend import GUEST, NEED_REPLY, OFFSET, VERSION, FakeFrontend, Gone, R, message
from fakes.virtio_driver import INDIRECT, NEXT, WRITE, Desc

from pytestpmd.drivers.virtio.transport.user import VhostUserTransport
from pytestpmd.drivers.virtio_net import Status
from pytestpmd.vhost_user.channel import BackendChannel

pytestmark = pytest.mark.usefixtures("no_leaks")

PATIENT_S = 30.0
CONSOLE_S = 5.0
FLOOD_S = 0.1
LOOKS = (
    "show port stats all",
    "show port summary all",
    "show port info all",
    "show port 0 virtio",
    "show fwd stats all",
)
Act = Callable[[Any], None]
Make = Callable[[str], Appliance]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transports that wait for an answer as long as nobody at the console would."""

    class Patient(VhostUserTransport):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings, timeout=PATIENT_S)

    monkeypatch.setattr("pytestpmd.drivers.virtio.user_port.VhostUserTransport", Patient)
    monkeypatch.setattr("pytestpmd.drivers.vhost.device.BackendChannel", partial(BackendChannel, timeout=PATIENT_S))


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "bad"


@pytest.fixture
def make(tmp_path: Path, patient: None) -> Iterator[Callable[[str], Appliance]]:
    """Port 0 as asked for, with a neighbour that gives it packets; ports 2 and 3 are a pair of their own."""
    made: list[Appliance] = []

    def make_appliance(bad: str) -> Appliance:
        good = tmp_path / "good"
        ends = f"net_vhost1,iface={good}", f"net_virtio_user1,path={good},queue_size=64"
        made.append(Appliance(bad, "net_null0,size=64", *ends, options="--disable-link-check"))
        made[-1].app.session.start(tx_first=1)
        return made[-1]

    yield make_appliance
    for appliance in made:
        appliance.__exit__(None, None, None)


def is_undisturbed(appliance: Appliance) -> None:
    """The pair moves packets, and the console answers."""
    pair = appliance.app.ports[2], appliance.app.ports[3]
    goals = [port.lifetime_stats().ipackets + 500 for port in pair]
    assert eventually(
        lambda: all(port.lifetime_stats().ipackets >= goal for port, goal in zip(pair, goals, strict=True))
    )
    for line in LOOKS:
        began = time.monotonic()
        assert appliance.run(line)
        assert time.monotonic() - began < CONSOLE_S, line


@contextmanager
def again(act: Callable[[], None]) -> Iterator[None]:
    """On another thread, over and over."""
    over = threading.Event()

    def keep_on() -> None:
        while not over.is_set():
            act()

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# A front-end.


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def drip(front: FakeFrontend) -> None:
    """A byte at a time, and never the last."""
    for byte in message(R.SET_FEATURES, bytes(8))[:-1]:
        front.send_raw(bytes([byte]))
        time.sleep(0.002)


def ask_and_not_read(front: FakeFrontend) -> None:
    front.socket.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            front.send_raw(message(R.GET_FEATURES) * 64)


def index_jumps(front: FakeFrontend) -> None:
    front.start_as_dpdk()
    for ring in front.rings:
        ring.driver.publish(5000)


def flood_of(*descs: Desc) -> Act:
    """A ring that is full of these, again as soon as they are used up."""

    def flood(front: FakeFrontend) -> None:
        front.start_as_dpdk()
        driver, deadline = front.rings[1].driver, time.monotonic() + FLOOD_S
        while time.monotonic() < deadline:
            driver.reap()
            while driver.nb_free >= len(descs):
                driver.offer(driver.chain(descs))

    return flood


def fill(eventfd: int) -> None:
    """No room for a notification, and whoever writes one waits."""
    os.set_blocking(eventfd, False)
    with suppress(BlockingIOError):
        os.eventfd_write(eventfd, (1 << 64) - 2)
    os.set_blocking(eventfd, True)


def blocking_calls(front: FakeFrontend) -> None:
    """Eventfds that are full, and no longer non-blocking."""
    front.start_as_dpdk()
    for ring in front.rings:
        fill(ring.call)
    front.post_buffers(count=32)
    front.transmit(*frames(16))


def memory_shrinks(front: FakeFrontend) -> None:
    front.start_as_dpdk()
    front.post_buffers(count=32)
    os.ftruncate(front.file, OFFSET)


def tables_without_end(front: FakeFrontend) -> None:
    front.start_as_dpdk()
    for _ in range(20):
        front.set_mem_table()
    front.sync()


def restarts(front: FakeFrontend) -> None:
    front.start_as_dpdk()
    for _ in range(5):
        front.stop()
        front.set_status(0)
        front.set_status(0xF)
        for ring in front.rings:
            front.set_kick(ring)
            front.enable(ring)
    front.sync()


FRONT_ENDS: dict[str, Act] = {
    "silent": lambda front: None,
    "half a header": lambda front: front.send_raw(half(message(R.SET_OWNER))),
    "half a payload": lambda front: front.send_raw(message(R.SET_MEM_TABLE, bytes(40))[:-8]),
    "a header and no more": lambda front: front.send_raw(message(R.SET_MEM_TABLE, bytes(40))[:12]),
    "slow": drip,
    "does not read": ask_and_not_read,
    "garbage": lambda front: front.send_raw(os.urandom(4096)),
    "hangs up": lambda front: front.socket.close(),
    "never asks for an answer": lambda front: front.send_raw(message(R.SET_OWNER) * 500),
    "unknown requests": lambda front: front.send_raw(message(99, flags=VERSION | NEED_REPLY) * 50),
    "index jumps": index_jumps,
    "bad chains": flood_of(Desc(0, 64)),
    "chains of nothing": flood_of(*[Desc(GUEST, 0)] * 60),
    "tables that cannot be": flood_of(Desc(GUEST, 15, INDIRECT | WRITE)),
    "long frames": flood_of(*[Desc(GUEST, 1100)] * 59),
    "too long frames": flood_of(*[Desc(GUEST, 1 << 19)] * 60),
    "frames for a table": flood_of(Desc(GUEST, 16 * 4096, INDIRECT)),
    "eventfds that block": blocking_calls,
    "memory shrinks": memory_shrinks,
    "tables without end": tables_without_end,
    "restarts": restarts,
}


def test_a_front_end_that_misbehaves_disturbs_no_neighbour(make: Make, sock: Path) -> None:
    appliance = make(f"net_vhost0,iface={sock}")
    for name, act in FRONT_ENDS.items():
        print(name)  # who it was, where the test fails
        with FakeFrontend(sock) as front:
            with suppress(Gone, OSError):
                act(front)
            is_undisturbed(appliance)
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        assert eventually(lambda: appliance.app.ports[0].link().up), "the next one is served"
        front.transmit(*frames(4))
        assert eventually(lambda: front.rings[1].driver.used_idx == 4)


def test_front_ends_that_come_and_go_disturb_no_neighbour(make: Make, sock: Path) -> None:
    appliance = make(f"net_vhost0,iface={sock}")

    def crowd() -> None:
        conns = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for conn in conns:
            conn.setblocking(False)
            conn.connect_ex(str(sock))
        for conn in conns:
            conn.close()

    with again(crowd):
        is_undisturbed(appliance)


def test_a_flood_of_bad_chains_leaves_the_neighbour_its_turn(make: Make, sock: Path) -> None:
    """A budget for each poll: bad chains make no packets, and are a burst all the same."""
    appliance = make(f"net_vhost0,iface={sock}")
    with FakeFrontend(sock) as front, again(lambda: flood_of(Desc(0, 64, NEXT | WRITE))(front)):
        is_undisturbed(appliance)
        assert eventually(lambda: appliance.app.ports[0].lifetime_stats().ierrors > 500)


# A back-end.


def start(backend: FakeBackend) -> None:
    assert eventually(lambda: backend.status & Status.DRIVER_OK)


def lies(backend: FakeBackend) -> None:
    start(backend)
    for ring in (0, 1):
        backend.device(ring).publish(5000)


def blocking_kicks(backend: FakeBackend) -> None:
    start(backend)
    for ring in (0, 1):
        fill(backend.last(R.SET_VRING_KICK, ring).fds[0])


def chatter(backend: FakeBackend) -> None:
    start(backend)
    backend.say(b"?" * 100)


def needs_reset(backend: FakeBackend) -> None:
    start(backend)
    backend.status |= Status.NEEDS_RESET
    with suppress(OSError):
        os.eventfd_write(backend.last(R.SET_VRING_ERR, 0).fds[0], 1)


def answers(number: int, answer: Any) -> Act:
    def set_answer(backend: FakeBackend) -> None:
        backend.answers[number] = answer

    return set_answer


def slowly(backend: FakeBackend) -> None:
    def answer(asked: Any) -> bytes | None:
        time.sleep(0.02)
        return backend._answer(asked)

    backend.answers = dict.fromkeys(R, answer)


#: What is set before it connects, and what it does then.
BACK_ENDS: dict[str, tuple[Act | None, Act | None]] = {
    **{f"silent at {R(number).name}": (answers(number, silence), None) for number in (R.GET_FEATURES, R.GET_STATUS)},
    **{f"silent at {R(number).name}": (answers(number, silence), None) for number in (R.SET_MEM_TABLE, R.SET_STATUS)},
    "half an answer": (answers(R.GET_FEATURES, lambda asked: message(asked.number, bytes(8), 5)[:13]), None),
    "garbage": (answers(R.GET_PROTOCOL_FEATURES, lambda asked: os.urandom(64)), None),
    "refuses": (answers(R.SET_MEM_TABLE, nack), None),
    "hangs up": (answers(R.SET_VRING_ADDR, hang_up), None),
    "slow": (slowly, None),
    "takes nothing": (None, start),
    "lies": (None, lies),
    "eventfds that block": (None, blocking_kicks),
    "speaks unasked": (None, chatter),
    "needs a reset": (None, needs_reset),
}


def test_a_back_end_that_misbehaves_disturbs_no_neighbour(make: Make, sock: Path) -> None:
    appliance = make(f"net_virtio_user0,path={sock},server=1,queue_size=64")
    for name, (before, after) in BACK_ENDS.items():
        print(name)
        with LateBackend(sock, before) as backend:
            is_undisturbed(appliance)
            if after:
                after(backend)
            is_undisturbed(appliance)
    with FakeBackend(sock, connects=True) as backend:
        start(backend)


def test_a_back_end_that_asks_for_resets_without_end_disturbs_no_neighbour(
    make: Make, sock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytestpmd.drivers.virtio.status.RESET_INTERVAL_S", 0)
    appliance = make(f"net_virtio_user0,path={sock},server=1,queue_size=64")
    with FakeBackend(sock, connects=True) as backend:
        start(backend)
        with again(lambda: needs_reset(backend)):
            is_undisturbed(appliance)
        assert appliance.app.ports[0].lifetime_stats() is not None


class LateBackend(FakeBackend):
    """One that connects when it knows how to misbehave."""

    def __init__(self, path: Path, before: Act | None) -> None:
        self._before = before
        super().__init__(path, connects=True)

    def _next_connection(self) -> socket.socket:
        if self._before:
            self._before(self)
        return super()._next_connection()
