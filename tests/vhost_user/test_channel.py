"""Both machines on real sockets: answers, deadlines, and the record of what was said."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from struct import pack

import pytest
from vhost_user.samples import ALL_PROTOCOL_FEATURES, FEATURES, MakeFd, a_backend, region, wire

from pytestpmd.errors import DeviceError, DeviceTimeout, RemoteProtocolError
from pytestpmd.vhost_user import channel
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.channel import BackendChannel, FrontendChannel
from pytestpmd.vhost_user.connection import Connection, PeerGone, connect, listen
from pytestpmd.vhost_user.events import NEED_DATA, ConnectionClosed, Refused, Request
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.table import Answer, row_of
from pytestpmd.vhost_user.wire import VhostUserRequest

SOON = 0.05
PROTOCOL = 0x10009  # MQ, REPLY_ACK, STATUS
VALUES = {m.GetFeatures: FEATURES, m.GetProtocolFeatures: PROTOCOL, m.GetVringBase: 42}


def serve(channel: BackendChannel, seen: list[Message]) -> None:
    """What a driver's control thread does, until the front-end goes away."""
    while not isinstance(event := channel.next_event(timeout=5.0), ConnectionClosed):
        if isinstance(event, Request):
            seen.append(event.message)
            event.close_fds()
            if row_of(event.message).answer is Answer.ACK:
                channel.ack(event.message != m.SetStatus(0x80))
            else:
                channel.reply(VALUES.get(type(event.message), 0))
        assert event is not NEED_DATA
    channel.close()


@pytest.fixture
def ends(no_fd_leaks: None) -> Iterator[tuple[FrontendChannel, Connection]]:
    """A front-end's channel, and the bare connection at its other end."""
    left, right = (Connection(sock) for sock in socket.socketpair())
    front = FrontendChannel(left, timeout=SOON)
    yield front, right
    front.close()
    right.close()


@pytest.fixture
def device(no_fd_leaks: None) -> Iterator[tuple[BackendChannel, Connection]]:
    """A back-end's channel, and the bare connection at its other end."""
    left, right = (Connection(sock) for sock in socket.socketpair())
    back = BackendChannel(left, a_backend(), timeout=SOON)
    yield back, right
    back.close()
    right.close()


def negotiate(front: FrontendChannel) -> None:
    front.call(m.SetOwner())
    assert front.call(m.GetFeatures()) == FEATURES
    assert front.call(m.GetProtocolFeatures()) == PROTOCOL
    front.call(m.SetProtocolFeatures(PROTOCOL))


def test_a_whole_start_over_a_real_socket(tmp_path: Path, make_eventfd: MakeFd) -> None:
    path = str(tmp_path / "vhost.sock")
    seen: list[Message] = []
    with listen(path) as listener:
        front = FrontendChannel(connect(path), timeout=5.0)
        accepted = listener.accept(1.0)
        assert accepted is not None
        back = BackendChannel(accepted, a_backend())
        thread = threading.Thread(target=serve, args=(back, seen))
        thread.start()
        negotiate(front)
        front.call(m.SetFeatures(1 << 30 | 1 << 32))
        front.call(m.SetStatus(0x0B))
        front.call(m.SetMemTable(tuple(region(i << 24, fd=make_eventfd()) for i in range(8))))
        for ring in range(2):
            front.call(m.SetVringNum(ring, 256))
            front.call(m.SetVringKick(ring, make_eventfd()))
        assert front.call(m.GetVringBase(1)) == 42
        with pytest.raises(DeviceError, match="refused VHOST_USER_SET_STATUS"):
            front.call(m.SetStatus(0x80))
        assert front.call(m.GetStatus()) == 0
        front.close()
        thread.join(5.0)
        assert not thread.is_alive()
    assert [message.name for message in seen[:4]] == [
        "VHOST_USER_SET_OWNER",
        "VHOST_USER_GET_FEATURES",
        "VHOST_USER_GET_PROTOCOL_FEATURES",
        "VHOST_USER_SET_PROTOCOL_FEATURES",
    ]
    assert back.machine.running_rings == {0}
    assert len(back.machine.regions) == 8
    assert "> VHOST_USER_GET_FEATURES" in front.exchange
    assert "< VHOST_USER_GET_VRING_BASE reply 0x2a" in front.exchange
    assert "< VHOST_USER_SET_STATUS nack" in front.exchange
    assert "< VHOST_USER_SET_VRING_NUM ring=1 size=256" in back.exchange
    assert back.exchange[-1] == "< connection closed"


def test_acks_are_wanted_for_memory_and_status_once_they_can_be_had(ends: tuple[FrontendChannel, Connection]) -> None:
    front, peer = ends
    front.machine.offered_features = 1 << 30
    front.machine.offered_protocol_features = front.machine.protocol_features = ALL_PROTOCOL_FEATURES
    for message, flags in ((m.SetOwner(), 1), (m.SetVringNum(0, 4), 1), (m.SetStatus(1), 9)):
        peer_answer = wire(message.request, bytes(8), flags=5) if flags == 9 else b""
        peer.send(peer_answer)
        front.call(message)
        data, _ = peer.recv(12 + len(message.payload()))
        assert data == wire(message.request, message.payload(), flags)
    peer.send(wire(3, bytes(8), flags=5))
    front.call(m.SetOwner(), needs_reply=True)
    assert peer.recv(12)[0] == wire(3, flags=9)


def test_a_silent_back_end_is_a_timeout_that_names_the_request(ends: tuple[FrontendChannel, Connection]) -> None:
    with pytest.raises(DeviceTimeout, match=r"did not answer VHOST_USER_GET_FEATURES within 0.05 s"):
        ends[0].call(m.GetFeatures())


def test_answers_that_are_late_but_not_too_late_have_one_deadline_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start asks twenty questions; nobody waits twenty times."""
    monkeypatch.setattr(channel, "PATIENCE", 0.5)
    left, right = (Connection(sock) for sock in socket.socketpair())
    front = FrontendChannel(left, timeout=5.0)

    def answer() -> None:
        with suppress(PeerGone):
            for _ in range(50):
                time.sleep(0.1)
                right.send(wire(VhostUserRequest.GET_FEATURES, bytes(8), flags=5))

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(  # noqa: PT012
        DeviceTimeout, match=r"^The back-end took 0.5 s over its answers up to VHOST_USER_GET_FEATURES$"
    ):
        for _ in range(50):
            front.call(m.GetFeatures())
    front.close()
    thread.join(10.0)
    right.close()


def test_a_pause_gives_the_back_end_its_time_again(
    ends: tuple[FrontendChannel, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PAUSE", 0.0)
    front, peer = ends
    for _ in range(6):
        peer.send(wire(VhostUserRequest.GET_FEATURES, bytes(8), flags=5))
        time.sleep(0.03)
        assert front.call(m.GetFeatures()) == 0


def test_a_back_end_that_answers_a_byte_at_a_time_has_one_deadline_for_all(
    ends: tuple[FrontendChannel, Connection],
) -> None:
    front, peer = ends

    def drip() -> None:
        for byte in wire(1, bytes(8), flags=5):
            peer.send(bytes([byte]))
            time.sleep(SOON / 4)

    thread = threading.Thread(target=drip)
    thread.start()
    with pytest.raises(DeviceTimeout):
        front.call(m.GetFeatures())
    thread.join()


def test_a_back_end_that_hangs_up_is_an_error(ends: tuple[FrontendChannel, Connection]) -> None:
    front, peer = ends
    peer.send(b"")
    peer.close()
    with pytest.raises((PeerGone, RemoteProtocolError)):
        front.call(m.GetFeatures())


def test_a_back_end_that_hangs_up_after_the_question_is_named(ends: tuple[FrontendChannel, Connection]) -> None:
    bare, peer = ends
    front = FrontendChannel(bare.connection, timeout=10.0)
    hang_up = threading.Thread(target=lambda: (peer.recv(12), peer.close()))
    hang_up.start()
    with pytest.raises(RemoteProtocolError, match="instead of answering VHOST_USER_GET_FEATURES"):
        front.call(m.GetFeatures())
    hang_up.join()


def test_nothing_to_read_is_no_event_and_takes_no_time(device: tuple[BackendChannel, Connection]) -> None:
    began = time.monotonic()
    assert device[0].next_event() is NEED_DATA
    assert time.monotonic() - began < 1.0


def test_a_message_that_is_not_finished_has_a_deadline_and_until_then_nobody_waits(
    device: tuple[BackendChannel, Connection],
) -> None:
    back, peer = device
    peer.send(wire(8, pack("=II", 0, 256))[:15])
    assert back.next_event() is NEED_DATA
    began = time.monotonic()
    with pytest.raises(DeviceTimeout, match="did not finish its message"):
        back.next_event(timeout=30.0)
    assert time.monotonic() - began < 15.0


def test_a_message_finished_in_time_is_an_event_and_silence_after_it_is_fine(
    device: tuple[BackendChannel, Connection],
) -> None:
    back, peer = device
    data = wire(8, pack("=II", 0, 256))
    peer.send(data[:15])
    assert back.next_event() is NEED_DATA
    peer.send(data[15:])
    time.sleep(2 * SOON)  # late to look, but it is all there
    assert isinstance(back.next_event(), Request)
    back.ack()
    time.sleep(2 * SOON)
    assert back.next_event() is NEED_DATA


def test_a_refusal_is_answered_at_once(device: tuple[BackendChannel, Connection]) -> None:
    back, peer = device
    peer.send(wire(28, b"", flags=9))
    event = back.next_event(timeout=1.0)
    assert isinstance(event, Refused)
    assert peer.recv(100) == (wire(28, pack("=Q", 1), flags=5), ())
    assert back.exchange[-1] == "< VHOST_USER_POSTCOPY_ADVISE refused: not supported"


def test_answers_that_are_not_read_yet_are_kept_and_nothing_more_is_taken(
    device: tuple[BackendChannel, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    back, peer = device
    room, send = [5, 0, 1000], back.connection.send_some

    def some(data: bytes, fds: Sequence[int] = ()) -> int:
        return send(part, fds) if (part := data[: room.pop(0)]) else 0

    peer.send(wire(VhostUserRequest.GET_FEATURES) * 2)
    assert isinstance(back.next_event(), Request)
    monkeypatch.setattr(back.connection, "send_some", some)
    monkeypatch.setattr(back.connection, "wait_writable", lambda timeout: timeout > 0)
    back.reply(7)
    assert back.has_unsent
    assert back.next_event() is NEED_DATA, "the second request waits"
    assert isinstance(back.next_event(timeout=1.0), Request)
    assert not back.has_unsent
    assert peer.recv(100)[0] == wire(VhostUserRequest.GET_FEATURES, pack("=Q", 7), flags=5)


def test_answers_that_nobody_reads_end_the_conversation_without_a_wait(
    device: tuple[BackendChannel, Connection],
) -> None:
    back, peer = device
    with pytest.raises(DeviceTimeout, match=r"^The peer did not read for 0.05 s$"):  # noqa: PT012
        while True:
            with suppress(DeviceTimeout):
                peer.send(wire(VhostUserRequest.GET_FEATURES) * 10, timeout=0.0)
            began = time.monotonic()
            if isinstance(back.next_event(), Request):
                back.reply(7)
            assert time.monotonic() - began < 1.0


def test_pipelined_requests_keep_their_own_fds(device: tuple[BackendChannel, Connection], make_eventfd: MakeFd) -> None:
    back, peer = device
    peer.send(wire(3))
    peer.send(wire(13, pack("=Q", 0)), [make_eventfd()])
    peer.send(wire(13, pack("=Q", 0x101)))
    peer.send(wire(12, pack("=Q", 1)), [make_eventfd()])
    counts = []
    for _ in range(4):
        event = back.next_event(timeout=1.0)
        assert isinstance(event, Request)
        counts.append(len(event.message.fds))
        event.close_fds()
        back.ack()
    assert counts == [0, 1, 0, 1]


def test_fds_of_a_conversation_that_ended_are_closed(
    device: tuple[BackendChannel, Connection], make_eventfd: MakeFd
) -> None:
    back, peer = device
    peer.send(wire(12, pack("=Q", 7)), [make_eventfd()])
    with pytest.raises(RemoteProtocolError, match="ring 7"):
        back.next_event(timeout=1.0)


def test_the_record_keeps_the_last_lines_only(device: tuple[BackendChannel, Connection]) -> None:
    back, peer = device
    for _ in range(300):
        peer.send(wire(3))
        assert isinstance(back.next_event(timeout=1.0), Request)
        back.ack()
    assert list(back.exchange) == ["< VHOST_USER_SET_OWNER"] * 256
