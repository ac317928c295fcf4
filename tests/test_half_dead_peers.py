"""Peers that are silent, slow or half-dead: neither the console nor another port waits for them."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.vhost_backend import Answer, Asked, FakeBackend, message, silence
from fakes.vhost_frontend import FakeFrontend, R

from pytestpmd.vhost_user.connection import TIMEOUT

pytestmark = pytest.mark.usefixtures("no_leaks")

#: Less than any deadline of ours, and more than a command takes on a busy machine.
AT_ONCE_S = 1.0
LOOKS = (
    "show port info all",
    "show port summary all",
    "show port stats all",
    "show port xstats 0",
    "show port 0 virtio",
    "show port 0 virtio json",
    "show port 0 rxtx",
    "show config rxtx",
    "show fwd stats all",
)


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "s"


@contextmanager
def busy(device: str) -> Iterator[Appliance]:
    """A port that has to do with the bad peer, and two that forward meanwhile; the program ends at once, too."""
    with Appliance(device, "net_null0", "net_null1", options="--disable-link-check") as appliance:
        appliance.run("set portlist 1,2", "start")
        yield appliance
        appliance.app.session.stop()


def is_undisturbed(appliance: Appliance) -> bool:
    """Every look is answered at once, forwarding stops and starts, and packets flow."""
    for line in LOOKS:
        began = time.monotonic()
        answer = appliance.run(line)
        assert answer, line
        assert time.monotonic() - began < AT_ONCE_S, line
    began = time.monotonic()
    appliance.run("stop", "start")
    assert time.monotonic() - began < AT_ONCE_S
    return appliance.flows()


# Back-ends.


def a_byte_a_second(asked: Asked) -> bytes | None:
    """The answer would be there after twenty seconds."""
    raise Trickle(message(asked.number, bytes(8)))


class Trickle(Exception):
    """What the back-end says bit by bit."""


class SlowBackend(FakeBackend):
    """A back-end that may also say things slowly."""

    def _serve(self, conn: socket.socket) -> None:
        try:
            super()._serve(conn)
        except Trickle as slow:
            with suppress(OSError):
                for byte in slow.args[0]:
                    conn.sendall(bytes([byte]))
                    if self._stopping or self.wait(conn):
                        return

    def wait(self, conn: socket.socket) -> bool:
        """A second, or until the front-end has hung up."""
        poller = select.poll()
        poller.register(conn, select.POLLRDHUP)
        return bool(poller.poll(1000))


SLOW: dict[str, Answer] = {"silent": silence, "a byte a second": a_byte_a_second}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("step", [R.GET_FEATURES, R.SET_MEM_TABLE], ids=lambda step: step.name)
def test_a_back_end_that_comes_and_does_not_answer_is_waited_for_by_nobody_else(
    sock: Path, step: R, answer: Answer
) -> None:
    with busy(f"net_virtio_user0,path={sock},server=1") as appliance:
        with SlowBackend(sock, connects=True, answers={step: answer}) as bad:
            assert bad.has_been_asked(step)
            assert is_undisturbed(appliance)
            assert bad.is_left()
        with FakeBackend(sock, connects=True) as good:
            assert good.has_been_asked(R.SET_VRING_ENABLE)
            assert eventually(lambda: appliance.app.ports[0].link().up)


def test_a_back_end_that_comes_back_dumb_is_waited_for_by_nobody_else(
    sock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We are the client, and look for it again and again."""
    monkeypatch.setattr("pytestpmd.drivers.virtio.transport.user.RECONNECT_S", 0.05)
    with FakeBackend(sock) as back, busy(f"net_virtio_user0,path={sock}") as appliance:
        back.answers[R.GET_FEATURES] = silence
        back.leave()
        for times in (2, 3):
            assert back.has_been_asked(R.SET_OWNER, times)
            assert is_undisturbed(appliance)
        back.answers.clear()
        assert eventually(lambda: appliance.app.ports[0].link().up)


# Front-ends.


def says_nothing(front: FakeFrontend) -> None:
    """It is there, and that is all."""


def says_half(front: FakeFrontend) -> None:
    """The rest of the message does not come."""
    front.send_raw(message(R.SET_FEATURES, bytes(8))[:14])


def hears_nothing(front: FakeFrontend) -> None:
    """It asks until there is no room for the answers, and still asks."""
    front.socket.settimeout(0.1)
    with suppress(TimeoutError):
        while True:
            front.send_raw(message(R.GET_FEATURES, flags=1) * 20)


DUMB: dict[str, Callable[[FakeFrontend], None]] = {
    "silent": says_nothing,
    "half a message": says_half,
    "does not read": hears_nothing,
}


@pytest.mark.parametrize("behave", DUMB.values(), ids=DUMB)
@pytest.mark.parametrize("client", [0, 1])
def test_a_front_end_that_is_half_dead_is_waited_for_by_nobody_else(
    sock: Path, monkeypatch: pytest.MonkeyPatch, client: int, behave: Callable[[FakeFrontend], None]
) -> None:
    monkeypatch.setattr("pytestpmd.drivers.vhost.RECONNECT_S", 0.05)
    with busy(f"net_vhost0,iface={sock},client={client}") as appliance:
        with FakeFrontend(sock, listens=bool(client)) as front:
            behave(front)
            assert is_undisturbed(appliance)
            began = time.monotonic()
            appliance.run("port stop 0", "port start 0")
            assert time.monotonic() - began < AT_ONCE_S
            assert behave is not says_half or front.is_hung_up()
            assert behave is not hears_nothing or eventually(
                lambda: "not connected: The peer did not read for 2 s" in appliance.run("show port 0 virtio")
            )
        with FakeFrontend(sock, listens=bool(client)) as good:
            good.start_as_dpdk()
            assert eventually(lambda: appliance.app.ports[0].link().up)


def test_the_program_ends_while_a_back_end_is_waited_for(sock: Path) -> None:
    """At the latest when the deadline has passed."""
    with (
        FakeBackend(sock, connects=True, answers={R.GET_FEATURES: silence}) as bad,
        Appliance(f"net_virtio_user0,path={sock},server=1", options="--disable-link-check") as appliance,
    ):
        assert bad.has_been_asked(R.GET_FEATURES)
        began = time.monotonic()
        appliance.app.release()
        assert time.monotonic() - began < TIMEOUT + AT_ONCE_S
