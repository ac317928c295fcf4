"""net_virtio_user's end of a vhost-user socket, against a back-end that plays along or does not."""

import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.packets import frame, packet, receive, transmit
from fakes.vhost_backend import (
    FEATURES,
    HEADER,
    NEED_REPLY,
    PROTOCOL,
    REPLY,
    U64,
    VERSION,
    Answer,
    Asked,
    FakeBackend,
    R,
    hang_up,
    message,
    nack,
    silence,
)

from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.drivers.virtio.transport.user import PRESUMED, VhostUserTransport
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import DeviceError, DeviceTimeout, RemoteProtocolError, StatusError
from pytestpmd.ethdev.port import PortConf, PortState
from pytestpmd.vhost_user.wire import ProtocolFeature

pytestmark = pytest.mark.usefixtures("no_leaks")

SHORT_S = 0.15
SIZE = 64
GREETING = ["SET_OWNER", "GET_FEATURES", "GET_PROTOCOL_FEATURES", "SET_PROTOCOL_FEATURES"]
RING = ["SET_VRING_CALL", "SET_VRING_ERR", "SET_VRING_NUM", "SET_VRING_BASE", "SET_VRING_ADDR", "SET_VRING_KICK"]
DRIVER_OK = Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK | Status.DRIVER_OK

MakePort = Callable[..., VirtioUserPort]


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def backend(sock: Path) -> Iterator[FakeBackend]:
    """A back-end that listens."""
    with FakeBackend(sock) as fake:
        yield fake


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports whose transport waits for an answer only as long as a test may."""

    class Impatient(VhostUserTransport):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings, timeout=SHORT_S)

    monkeypatch.setattr("pytestpmd.drivers.virtio.user_port.VhostUserTransport", Impatient)


@pytest.fixture
def make_port(sock: Path, pool: Mempool) -> Iterator[MakePort]:
    """Make ports of device arguments after ``path``; closed at the end, before the pool is audited."""
    made: list[VirtioUserPort] = []

    def make(more: str = "", **conf: Any) -> VirtioUserPort:
        text = f"path={sock},queue_size={SIZE}{more}"
        port = VirtioUserPort("net_virtio_user0", text, VirtioUserPort.Args.parse(text))
        made.append(port)
        port.port_id = 0
        port.configure(PortConf(**conf), pool)
        return port

    yield make
    for port in made:
        port.close()


# The greeting.


def test_the_greeting_is_dpdk_s(sock: Path, backend: FakeBackend) -> None:
    VhostUserTransport(str(sock), 1).close()
    assert backend.is_left()
    assert backend.names == GREETING
    assert all(asked.flags == VERSION for asked in backend.asked)
    assert backend.last(R.SET_PROTOCOL_FEATURES).u64 == PROTOCOL


def test_no_more_of_the_protocol_is_asked_for_than_both_sides_have(sock: Path, backend: FakeBackend) -> None:
    backend.protocol = ((1 << 20) - 1) & ~int(ProtocolFeature.CONFIG)
    VhostUserTransport(str(sock), 1).close()
    assert backend.is_left()
    assert backend.last(R.SET_PROTOCOL_FEATURES).u64 == PROTOCOL


def test_a_back_end_without_protocol_features_is_not_asked_about_them(
    sock: Path, backend: FakeBackend, make_port: MakePort
) -> None:
    backend.features &= ~int(Feature.VHOST_USER_F_PROTOCOL_FEATURES)
    make_port().start()
    assert backend.has_been_asked(R.SET_VRING_KICK, 2)
    gated = {"GET_PROTOCOL_FEATURES", "SET_PROTOCOL_FEATURES", "GET_QUEUE_NUM", "SET_VRING_ENABLE", "SET_STATUS"}
    assert not gated & set(backend.names)
    assert not any(asked.flags & NEED_REPLY for asked in backend.asked)


def test_features_are_the_back_end_s_and_the_front_end_s_own(sock: Path, backend: FakeBackend) -> None:
    transport = VhostUserTransport(str(sock), 1)
    own = Feature.VIRTIO_NET_F_MAC | Feature.VIRTIO_NET_F_STATUS | Feature.VIRTIO_NET_F_CTRL_VQ
    assert transport.features() == FEATURES | own | Feature.VIRTIO_NET_F_CTRL_RX
    transport.close()


def test_an_mtu_is_not_offered_where_it_could_not_be_told(sock: Path, backend: FakeBackend) -> None:
    backend.protocol &= ~int(ProtocolFeature.MTU)
    transport = VhostUserTransport(str(sock), 1)
    assert Feature.VIRTIO_NET_F_MTU not in transport.features()
    transport.close()


@pytest.mark.parametrize(
    ("protocol", "answer", "pairs"), [(PROTOCOL, 4, 3), (PROTOCOL, 2, 2), (PROTOCOL, 0, 1), (0, 4, 1)]
)
def test_queue_pairs_are_those_that_both_sides_have(
    sock: Path, backend: FakeBackend, protocol: int, answer: int, pairs: int
) -> None:
    backend.protocol, backend.nb_pairs = int(protocol), answer
    transport = VhostUserTransport(str(sock), 3)
    assert transport.max_queue_pairs() == pairs
    transport.close()


def test_a_back_end_that_offers_nothing_is_not_taken_for_one_that_is_not_there(
    sock: Path, backend: FakeBackend
) -> None:
    backend.features = 0
    transport = VhostUserTransport(str(sock), 1)
    assert not transport.features() & PRESUMED
    transport.close()


# Nobody there.


def test_a_socket_that_is_not_there_is_one_clear_line(sock: Path) -> None:
    with pytest.raises(DeviceError, match=rf"^Cannot connect to {sock}: No such file or directory$"):
        VhostUserTransport(str(sock), 1)


def test_a_socket_that_nobody_listens_at_is_one_clear_line(sock: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(sock))
    with pytest.raises(DeviceError, match=rf"^Cannot connect to {sock}: Connection refused$"):
        VhostUserTransport(str(sock), 1)


@pytest.mark.parametrize("server", [False, True])
def test_a_path_that_no_socket_can_have_is_one_clear_line(server: bool) -> None:
    path = "/tmp/" + "x" * 120
    with pytest.raises(DeviceError, match=f"Socket path is longer than 107 bytes: {path}"):
        VhostUserTransport(path, 1, server=server)


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_server_does_not_take_the_place_of_something_else(sock: Path, what: str) -> None:
    sock.mkdir() if what == "directory" else sock.write_text("precious")
    with pytest.raises(DeviceError, match=r"it is not a socket$"):
        VhostUserTransport(str(sock), 1, server=True)
    assert sock.exists()


def test_a_server_does_not_take_a_living_one_s_place(sock: Path, backend: FakeBackend) -> None:
    with pytest.raises(DeviceError, match="another program listens there"):
        VhostUserTransport(str(sock), 1, server=True)
    VhostUserTransport(str(sock), 1).close()


# Nonsense.

NONSENSE: dict[str, Answer] = {
    "an answer to another request": lambda asked: message(R.SET_OWNER, bytes(8)),
    "an answer to no request": lambda asked: message(99, bytes(8)),
    "no reply flag": lambda asked: message(asked.number, bytes(8), flags=VERSION),
    "version 2": lambda asked: message(asked.number, bytes(8), flags=2 | REPLY),
    "too short": lambda asked: message(asked.number, bytes(4)),
    "too long": lambda asked: message(asked.number, bytes(16)),
    "empty": lambda asked: message(asked.number, b""),
    "4 GB": lambda asked: HEADER.pack(asked.number, VERSION | REPLY, 0xFFFFFFFF),
    "garbage": lambda asked: bytes(range(256)) * 4,
    "text": lambda asked: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": lambda asked: bytes(64),
}
QUESTIONS = [R.GET_FEATURES, R.GET_PROTOCOL_FEATURES, R.GET_QUEUE_NUM]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_at_the_greeting_loses_the_device_and_nothing_else(
    backend: FakeBackend, make_port: MakePort, question: int, answer: Answer
) -> None:
    backend.answers[question] = answer
    with pytest.raises(RemoteProtocolError):
        make_port()
    assert backend.is_left()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_hang_up_at_the_greeting_loses_the_device_and_nothing_else(
    backend: FakeBackend, make_port: MakePort, question: int
) -> None:
    backend.answers[question] = hang_up
    with pytest.raises(DeviceError, match=r"closed the connection"):
        make_port()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_silence_at_the_greeting_ends_with_a_line_about_what_was_not_answered(
    backend: FakeBackend, make_port: MakePort, impatient: None, question: int
) -> None:
    backend.answers[question] = silence
    began = time.monotonic()
    with pytest.raises(DeviceTimeout, match=rf"did not answer VHOST_USER_{R(question).name} within {SHORT_S:g} s"):
        make_port()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("length", [0, 1, 11, 12, 19])
def test_half_an_answer_and_then_silence_ends_too(
    backend: FakeBackend, make_port: MakePort, impatient: None, length: int
) -> None:
    backend.answers[R.GET_FEATURES] = lambda asked: message(asked.number, U64.pack(FEATURES))[:length]
    with pytest.raises(DeviceTimeout):
        make_port()


def test_an_answer_in_single_bytes_is_an_answer(backend: FakeBackend, make_port: MakePort) -> None:
    def slowly(asked: Asked) -> None:
        for byte in message(asked.number, U64.pack(FEATURES)):
            backend.say(bytes([byte]))

    backend.answers[R.GET_FEATURES] = slowly
    make_port().start()


def test_file_descriptors_that_come_with_an_answer_are_closed(backend: FakeBackend, make_port: MakePort) -> None:
    def with_fds(asked: Asked) -> None:
        fds = [os.eventfd(0) for _ in range(4)]
        assert backend._conn
        socket.send_fds(backend._conn, [message(asked.number, U64.pack(FEATURES))], fds)
        for fd in fds:
            os.close(fd)

    backend.answers[R.GET_FEATURES] = with_fds
    with pytest.raises(RemoteProtocolError, match="an answer with 4 file descriptors"):
        make_port()


# Bringing up and down.


def test_bring_up_says_what_the_protocol_wants_in_dpdk_s_order(backend: FakeBackend, make_port: MakePort) -> None:
    port = make_port(",queues=2", nb_rxq=2, nb_txq=2)
    before = len(backend.asked)
    port.start()
    assert eventually(lambda: backend.names[before:].count("SET_VRING_ENABLE") == 4)
    assert backend.names[before:] == [
        "SET_FEATURES",
        "SET_STATUS",
        "GET_STATUS",
        "NET_SET_MTU",
        "SET_MEM_TABLE",
        *RING * 4,
        *["SET_VRING_ENABLE"] * 2,
        "SET_STATUS",
        *["SET_VRING_ENABLE"] * 2,
    ], "virtio 1.2, 5.1.6.5.5: pairs beyond the first wait for the command"
    assert backend.status == DRIVER_OK
    assert [asked.pair for asked in backend.asked if asked.number == R.SET_VRING_ENABLE] == [(i, 1) for i in range(4)]


def test_features_on_the_wire_are_no_more_than_were_offered(backend: FakeBackend, make_port: MakePort) -> None:
    make_port().start()
    assert backend.last(R.SET_FEATURES).u64 & ~backend.features == 0
    assert backend.last(R.SET_FEATURES).u64 & Feature.VHOST_USER_F_PROTOCOL_FEATURES


def test_rings_and_memory_are_described_as_they_are(backend: FakeBackend, make_port: MakePort, pool: Mempool) -> None:
    port = make_port()
    port.start()
    assert [backend.last(R.SET_VRING_NUM, ring).pair for ring in (0, 1)] == [(0, SIZE), (1, SIZE)]
    backend.device(0).deliver(frame(90))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(90)]
    transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(70))])
    assert backend.device(1).collect() == [frame(70)]


def test_the_kick_eventfd_is_still_until_driver_ok_and_is_written_then(
    backend: FakeBackend, make_port: MakePort
) -> None:
    early: list[int] = []

    def look(asked: Asked) -> None:
        early.append(int.from_bytes(os.pread(asked.fds[0], 8, 0), "little") if readable(asked.fds[0]) else 0)

    backend.answers[R.SET_VRING_KICK] = look
    make_port().start()
    assert eventually(lambda: len(early) == 2)
    assert early == [0, 0]
    assert eventually(lambda: readable(backend.last(R.SET_VRING_KICK, 0).fds[0]))


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


@pytest.mark.parametrize("request_", [R.SET_MEM_TABLE, R.SET_STATUS, R.GET_STATUS], ids=lambda request: request.name)
@pytest.mark.parametrize("answer", [nack, hang_up, silence], ids=lambda answer: answer.__name__)
def test_a_start_that_the_back_end_spoils_fails_with_a_line_and_can_be_tried_again(
    backend: FakeBackend, make_port: MakePort, pool: Mempool, impatient: None, request_: int, answer: Answer
) -> None:
    port = make_port()
    backend.answers[request_] = answer
    for _ in range(2):
        with pytest.raises(DeviceError):
            port.start()
        assert port.state is PortState.STOPPED
        assert pool.in_use() == 0
        assert backend.is_left()
    backend.answers.clear()
    port.start()
    assert port.link().up
    backend.device(0).deliver(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]


def test_features_that_the_back_end_takes_back_are_told(backend: FakeBackend, make_port: MakePort) -> None:
    port = make_port()
    backend.answers[R.GET_STATUS] = lambda asked: message(asked.number, U64.pack(3))
    with pytest.raises(StatusError, match="the back-end does not accept the features"):
        port.start()


def test_a_device_that_needs_a_reset_from_the_start_is_told(backend: FakeBackend, make_port: MakePort) -> None:
    port = make_port()
    backend.answers[R.GET_STATUS] = lambda asked: message(asked.number, U64.pack(0x40))
    with pytest.raises(StatusError, match="the back-end needs a reset"):
        port.start()
    assert port.state is PortState.STOPPED


@pytest.mark.parametrize("request_", [R.SET_MEM_TABLE, R.GET_STATUS], ids=lambda request: request.name)
def test_a_back_end_that_is_given_up_hears_of_it_and_of_a_reset_before_the_next_try(
    backend: FakeBackend, make_port: MakePort, request_: int
) -> None:
    """virtio 1.2, 2.1.1: FAILED; a new connection begins with a status of 0."""
    port = make_port()
    backend.answers[request_] = nack
    with pytest.raises(DeviceError):
        port.start()
    assert backend.is_left()
    told = [asked.u64 for asked in backend.asked if asked.number == R.SET_STATUS]
    assert told[-1] == (Status.FAILED | told[-2])
    assert not told[-2] & Status.DRIVER_OK
    backend.answers.clear()
    port.start()
    assert backend.status == DRIVER_OK


def test_a_back_end_that_is_given_up_and_silent_besides_costs_no_second_wait(
    backend: FakeBackend, make_port: MakePort, impatient: None
) -> None:
    port = make_port()
    backend.answers[R.SET_MEM_TABLE] = backend.answers[R.SET_STATUS] = silence
    began = time.monotonic()
    with pytest.raises(DeviceTimeout):
        port.start()
    assert time.monotonic() - began < 2 * SHORT_S + 1


def break_down(backend: FakeBackend, ring: int = 0) -> None:
    """The device sets NEEDS_RESET, and says so by the ring's error eventfd."""
    backend.status |= Status.NEEDS_RESET
    os.eventfd_write(backend.last(R.SET_VRING_ERR, ring).fds[0], 1)


def test_a_back_end_that_needs_a_reset_gets_one_and_the_port_goes_on(
    backend: FakeBackend, make_port: MakePort, pool: Mempool, sock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make_port()
    port.start()
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    before = len(backend.asked)
    break_down(backend)
    assert eventually(lambda: changes == [False, True])
    names = backend.names[before:]
    assert names[:7] == ["GET_STATUS", *["SET_VRING_ENABLE"] * 2, *["GET_VRING_BASE"] * 2, "SET_STATUS", "SET_FEATURES"]
    assert (names[-1], backend.status) == ("SET_STATUS", DRIVER_OK)
    backend.device(0).deliver(frame(90))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(90)]
    transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(70))])
    assert backend.device(1).collect() == [frame(70)]
    lines = capsys.readouterr().err.splitlines()
    assert f"VIRTIO_DRIVER: ({sock}) the back-end tells of a broken ring" in lines
    assert "VIRTIO_DRIVER: port 0: the device needs a reset; packets under way that are lost: 0" in lines


def test_a_back_end_that_needs_one_reset_after_the_other_is_given_up(
    backend: FakeBackend, make_port: MakePort, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytestpmd.drivers.virtio.status.RESET_INTERVAL_S", 3600)
    port = make_port()
    port.start()
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    for told in ([False, True], [False, True, False]):
        break_down(backend)
        assert eventually(lambda told=told: changes[:3] == told)
    assert eventually(lambda: "of no use: it needs one reset after the other" in capsys.readouterr().err)


@pytest.mark.parametrize("answer", [hang_up, silence], ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("request_", [R.GET_STATUS, R.GET_VRING_BASE, R.SET_MEM_TABLE], ids=lambda r: r.name)
def test_a_back_end_that_spoils_its_reset_is_given_up_and_the_next_one_works(
    backend: FakeBackend,
    make_port: MakePort,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    request_: int,
    answer: Answer,
) -> None:
    monkeypatch.setattr("pytestpmd.drivers.virtio.transport.user.RECONNECT_S", SHORT_S)
    port = make_port()
    port.start()
    connections = backend.names.count("SET_OWNER")
    backend.answers[request_] = answer
    break_down(backend)
    assert eventually(lambda: backend.names.count("SET_OWNER") > connections)
    backend.answers.clear()
    assert eventually(lambda: port.link().up and backend.status == DRIVER_OK)


def test_an_error_eventfd_that_the_back_end_makes_a_mess_of_holds_nothing_up(
    backend: FakeBackend, make_port: MakePort
) -> None:
    """It is the back-end's as well: full, empty again, no longer non-blocking."""
    port = make_port()
    port.start()
    fd = backend.last(R.SET_VRING_ERR, 0).fds[0]
    os.set_blocking(fd, True)
    for _ in range(100):
        os.eventfd_write(fd, 1)
        os.eventfd_read(fd)
    os.eventfd_write(fd, (1 << 64) - 2)
    assert backend.has_been_asked(R.GET_STATUS, 2)
    backend.device(0).deliver(frame(90))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(90)]
    port.stop()


@pytest.mark.parametrize("number", [R.SET_FEATURES, *(R[name] for name in RING), R.SET_VRING_ENABLE])
def test_a_hang_up_at_any_step_of_the_start_is_survived(
    backend: FakeBackend, make_port: MakePort, pool: Mempool, number: int
) -> None:
    """Requests without an answer: the start may be over before the hang-up is seen; the link is down then."""
    port = make_port()
    backend.answers[number] = hang_up
    try:
        port.start()
    except DeviceError:
        assert port.state is PortState.STOPPED
        assert pool.in_use() == 0
    assert eventually(lambda: not port.link().up)
    port.stop()
    assert pool.in_use() == 0


def test_a_second_start_says_all_that_the_first_said(backend: FakeBackend, make_port: MakePort) -> None:
    """virtio 1.2, 2.6.1.2: rings are described anew, from features to addresses."""
    port = make_port(",queues=2", nb_rxq=2, nb_txq=2)
    said = []
    for _ in range(2):
        before = len(backend.asked)
        port.start()
        assert eventually(lambda: backend.names[before:].count("SET_VRING_ENABLE") == 4)  # noqa: B023
        said.append([(asked.number, asked.payload) for asked in backend.asked[before:]])
        port.stop()
    assert said[0] == said[1]
    assert [number for number, _ in said[1]].count(R.SET_VRING_ADDR) == 4


@pytest.mark.parametrize(("delay", "in_time"), [(0.05, True), (2 * SHORT_S, False)])
def test_a_reset_is_waited_for_as_long_as_an_answer_may_take(
    backend: FakeBackend, make_port: MakePort, impatient: None, delay: float, in_time: bool
) -> None:
    """virtio 1.2, 2.4.2: it is over when the device says so."""
    port = make_port()
    port.start()

    def slowly(asked: Asked) -> bytes:
        time.sleep(delay)
        backend.status = asked.u64
        return message(asked.number, U64.pack(0))

    backend.answers[R.SET_STATUS] = slowly
    began = time.monotonic()
    port.stop()
    assert port.state is PortState.STOPPED
    assert (time.monotonic() - began >= delay) == in_time
    assert port.transport.connected == in_time


def test_stop_disables_the_rings_asks_for_each_back_and_resets(backend: FakeBackend, make_port: MakePort) -> None:
    port = make_port()
    port.start()
    before = len(backend.asked)
    port.stop()
    assert backend.names[before:] == [*["SET_VRING_ENABLE"] * 2, *["GET_VRING_BASE"] * 2, "SET_STATUS"]
    assert backend.status == 0


@pytest.mark.parametrize("answer", [hang_up, silence, lambda asked: b"?" * 40], ids=["hang_up", "silence", "garbage"])
def test_a_back_end_that_spoils_the_stop_is_dropped(
    backend: FakeBackend,
    make_port: MakePort,
    pool: Mempool,
    impatient: None,
    answer: Answer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = make_port()
    port.start()
    backend.answers[R.GET_VRING_BASE] = answer
    port.stop()
    assert port.state is PortState.STOPPED
    assert pool.in_use() == 0
    assert "the back-end did not stop: " in capsys.readouterr().err
    assert backend.is_left()


def test_an_answer_about_another_ring_is_not_taken(backend: FakeBackend, make_port: MakePort) -> None:
    port = make_port()
    port.start()
    backend.answers[R.GET_VRING_BASE] = lambda asked: message(asked.number, pack("=II", 7, 0))
    port.stop()
    assert backend.is_left()


# The back-end leaves, or speaks.


def test_a_back_end_that_leaves_takes_the_link_down_with_a_line(
    backend: FakeBackend, make_port: MakePort, sock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make_port()
    port.start()
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    backend.leave()
    assert eventually(lambda: changes == [False])
    assert f"VIRTIO_DRIVER: ({sock}) the back-end closed the connection" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("data", [b"?", message(R.GET_FEATURES, bytes(8)), bytes(4096)], ids=["byte", "reply", "4 KB"])
def test_a_back_end_that_speaks_without_being_asked_is_dropped_with_a_line(
    backend: FakeBackend, make_port: MakePort, sock: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make_port()
    port.start()
    backend.say(data)
    assert eventually(lambda: not port.link().up)
    assert eventually(lambda: "spoke without being asked" in capsys.readouterr().err)
    assert backend.is_left()


def test_a_client_connects_anew_when_the_port_starts_again(
    backend: FakeBackend, make_port: MakePort, pool: Mempool
) -> None:
    port = make_port()
    for _ in range(3):
        port.start()
        backend.device(0).deliver(frame())
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
        backend.leave()
        assert eventually(lambda: not port.link().up)
        port.stop()
        assert pool.in_use() == 0


def test_a_client_whose_back_end_comes_back_goes_on_by_itself(
    backend: FakeBackend, make_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytestpmd.drivers.virtio.transport.user.RECONNECT_S", SHORT_S)
    port = make_port()
    port.start()
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    for cycle in range(3):
        backend.leave()
        assert eventually(lambda: changes == [False, True] * (cycle + 1))  # noqa: B023  # asked at once
    backend.device(0).deliver(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]


def test_a_client_whose_back_end_is_gone_for_good_does_not_start(sock: Path, make_port: MakePort) -> None:
    with FakeBackend(sock):
        port = make_port()
    assert eventually(lambda: not port.transport.connected)
    with pytest.raises(DeviceError, match=rf"^Cannot connect to {sock}: Connection refused$"):
        port.start()
    assert port.state is PortState.STOPPED


def test_looking_at_a_back_end_that_is_just_leaving_is_no_error(sock: Path, backend: FakeBackend) -> None:
    class Leaving(VhostUserTransport):
        """The conversation is over at every second look: between a check and what follows from it."""

        armed = False
        looks = 0

        def _get(self) -> Any:
            self.looks += 1
            return None if self.armed and self.looks % 2 == 0 else self.__dict__["channel"]

        def _set(self, channel: Any) -> None:
            self.__dict__["channel"] = channel

        _channel = property(_get, _set)

    transport = Leaving(str(sock), 1)
    Leaving.armed = True
    for first in (0, 1):
        transport.looks = first
        transport.features()
        assert transport.max_queue_pairs() == 1
        assert transport.connected in (True, False)
    Leaving.armed = False
    transport.close()


def test_a_back_end_that_was_found_in_the_meantime_is_not_begun_with_twice(
    backend: FakeBackend, make_port: MakePort
) -> None:
    """The console's thread and the control thread may look for it at the same moment."""
    port = make_port()
    port.start()
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    before = len(backend.asked)
    assert isinstance(port.transport, VhostUserTransport)
    port.transport._look_for_back_end()
    assert (changes, len(backend.asked)) == ([], before)


# As the server.


def test_a_server_presumes_what_back_ends_have_in_common_until_one_comes(sock: Path) -> None:
    transport = VhostUserTransport(str(sock), 2, server=True)
    assert not transport.connected
    assert transport.features() & PRESUMED == PRESUMED
    assert transport.max_queue_pairs() == 2
    transport.close()
    assert not sock.exists(), "the socket goes with the server"


def test_a_server_takes_one_back_end_after_the_other(sock: Path, make_port: MakePort, pool: Mempool) -> None:
    port = make_port(",server=1")
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    port.start()
    assert not port.link().up
    for turn in range(3):
        with FakeBackend(sock, connects=True) as backend:
            assert eventually(lambda: port.link().up)
            bases = [backend.last(R.SET_VRING_BASE, ring).pair[1] for ring in (0, 1)]
            assert bases == [turn, turn], "each goes on where the last one was"
            backend.device(0).deliver(frame(number=turn))
            assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(number=turn)]
            transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(70, turn))])
            assert backend.device(1).collect() == [frame(70, turn)]
        assert eventually(lambda: not port.link().up)
    assert eventually(lambda: changes == [True, False] * 3)
    port.stop()
    assert pool.in_use() == 0


def test_a_second_back_end_is_turned_away_with_a_line_and_the_first_is_not_disturbed(
    sock: Path, make_port: MakePort, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make_port(",server=1")
    port.start()
    with FakeBackend(sock, connects=True) as first:
        assert eventually(lambda: port.link().up)
        with FakeBackend(sock, connects=True) as second:
            assert second.is_left()
            assert second.asked == []
        first.device(0).deliver(frame())
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
        assert port.link().up
    assert f"({sock}) a second back-end is turned away" in capsys.readouterr().err


def test_a_back_end_whose_predecessor_has_left_unnoticed_is_taken(sock: Path, make_port: MakePort) -> None:
    port = make_port(",server=1")
    port.start()
    with FakeBackend(sock, connects=True) as first:
        assert eventually(lambda: port.link().up)
        with port._lock:  # the control thread's tick waits here, and sees both events at once then
            time.sleep(0.25)
            with socket.socket(socket.AF_UNIX) as conn:
                conn.connect(str(sock))
                first.leave()
                second = FakeBackend(sock, connects=True)
    assert eventually(lambda: second.has_been_asked(R.SET_OWNER, 1) or second.is_left())
    second.close()


def test_a_back_end_that_is_no_good_is_left_with_a_line_and_the_next_one_works(
    sock: Path, make_port: MakePort, impatient: None, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make_port(",server=1")
    port.start()
    with FakeBackend(sock, connects=True, features=0) as poor:
        assert poor.has_been_asked(R.GET_FEATURES)
        assert poor.is_left()
    assert eventually(lambda: "does not offer" in capsys.readouterr().err)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.connect(str(sock))
        assert eventually(lambda: "did not answer VHOST_USER_GET_FEATURES" in capsys.readouterr().err)
    assert not port.link().up
    with FakeBackend(sock, connects=True):
        assert eventually(lambda: port.link().up)


def test_a_back_end_that_comes_before_the_port_starts_is_greeted_and_waits(sock: Path, make_port: MakePort) -> None:
    port = make_port(",server=1")
    with FakeBackend(sock, connects=True) as backend:
        assert backend.has_been_asked(R.SET_PROTOCOL_FEATURES)
        time.sleep(0.02)
        assert backend.names == GREETING
        port.start()
        assert port.link().up
        assert unpack("=Q", backend.last(R.SET_STATUS).payload) == (DRIVER_OK,)


def test_close_does_not_wait_for_a_back_end_that_says_nothing(sock: Path, impatient: None, make_port: MakePort) -> None:
    port = make_port(",server=1")
    port.start()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.connect(str(sock))
        began = time.monotonic()
        port.close()
        assert time.monotonic() - began < 5


def test_closing_is_harmless_when_repeated(sock: Path) -> None:
    transport = VhostUserTransport(str(sock), 1, server=True)
    transport.close()
    transport.close()


# While lcores forward.


@pytest.mark.parametrize("mergeable", [True, False], ids=["mergeable", "vectors"])
def test_devices_that_lie_come_and_go_while_an_lcore_polls(sock: Path, mergeable: bool) -> None:
    """Each breaks both rings; the next finds them mended, with buffers to receive into and packets to take."""
    ends = (f"net_virtio_user0,path={sock},server=1,queue_size={SIZE},mrg_rxbuf={int(mergeable)}", "net_null0")
    with Appliance(*ends) as appliance:
        port = appliance.app.ports[0]
        appliance.run("start")
        for _ in range(5):
            with FakeBackend(sock, connects=True) as backend:
                assert eventually(lambda: port.link().up)
                received = port.stats().ipackets
                rx, tx = backend.device(0), backend.device(1)
                assert eventually(lambda rx=rx: rx.waiting() == SIZE)
                rx.deliver(frame(100), mergeable=mergeable)
                assert eventually(lambda before=received: port.stats().ipackets == before + 1)
                assert eventually(tx.waiting)
                assert len(tx.collect()[0]) == 64
                for device in (rx, tx):
                    device.publish(device.used_idx + 1000)
                handles = [queue.handle for queue in (*port.rx_queues, *port.tx_queues)]
                assert eventually(lambda handles=handles: all(handle.fault for handle in handles))
            assert eventually(lambda: not port.link().up)
