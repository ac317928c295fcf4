"""Bytes and fds over real Unix sockets."""

import fcntl
import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from vhost_user.samples import MakeFd, nb_open_fds

from pytestpmd.errors import DeviceError, DeviceTimeout, RemoteProtocolError
from pytestpmd.vhost_user.connection import Connection, PeerGone, connect, listen
from pytestpmd.vhost_user.stream import close_fds

SOON = 0.05


@pytest.fixture
def pair(no_fd_leaks: None) -> Iterator[tuple[Connection, Connection]]:
    left, right = (Connection(sock) for sock in socket.socketpair())
    yield left, right
    left.close()
    right.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "vhost.sock")


def read_all(connection: Connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk, fds = connection.recv(size - len(data))
        assert chunk
        assert not fds
        data += chunk
    return data


# ---- bytes and fds ----


@pytest.mark.parametrize("count", [0, 1, 8])
def test_fds_arrive_with_their_bytes_and_work(
    pair: tuple[Connection, Connection], count: int, make_eventfd: MakeFd
) -> None:
    sent = [make_eventfd() for _ in range(count)]
    pair[0].send(b"message", sent)
    chunk, fds = pair[1].recv(100)
    assert chunk == b"message"
    assert len(fds) == count
    for ours, theirs in zip(sent, fds, strict=True):
        os.eventfd_write(theirs, 5)
        assert os.eventfd_read(ours) == 5
        assert fcntl.fcntl(theirs, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    close_fds(fds)


def test_reading_no_more_than_a_message_keeps_its_fds_apart(
    pair: tuple[Connection, Connection], make_eventfd: MakeFd
) -> None:
    fd = make_eventfd()
    pair[0].send(b"aaaa")
    pair[0].send(b"bbbb", [fd])
    pair[0].send(b"cccc", [fd, fd])
    counts = []
    for expected in (b"aaaa", b"bbbb", b"cccc"):
        chunk, fds = pair[1].recv(4)
        assert chunk == expected
        counts.append(len(fds))
        close_fds(fds)
    assert counts == [0, 1, 2]


def test_the_fds_come_with_the_first_bytes_of_a_message_read_in_two(
    pair: tuple[Connection, Connection], make_eventfd: MakeFd
) -> None:
    pair[0].send(b"headpayload", [make_eventfd()])
    chunk, fds = pair[1].recv(4)
    assert (chunk, len(fds)) == (b"head", 1)
    close_fds(fds)
    assert pair[1].recv(100) == (b"payload", ())


def test_nine_fds_are_an_error_and_none_stays_open(pair: tuple[Connection, Connection], make_eventfd: MakeFd) -> None:
    fd = make_eventfd()
    before = nb_open_fds()
    pair[0].send(b"message", [fd] * 9)
    with pytest.raises(RemoteProtocolError, match="more than 8"):
        pair[1].recv(100)
    assert nb_open_fds() == before


def test_fds_beyond_our_limit_are_an_error_and_none_stays_open(
    pair: tuple[Connection, Connection], make_eventfd: MakeFd
) -> None:
    pair[0].send(b"message", [make_eventfd()] * 4)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    before = nb_open_fds()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    fillers = []
    try:
        while True:
            fillers.append(os.dup(0))
    except OSError:
        os.close(fillers.pop())  # room for one of the four
    try:
        with pytest.raises(RemoteProtocolError, match="lost"):
            pair[1].recv(100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        close_fds(fillers)
    assert nb_open_fds() == before


def test_a_long_message_is_sent_whole_while_the_peer_reads(pair: tuple[Connection, Connection]) -> None:
    data = bytes(range(256)) * 8192
    writer = threading.Thread(target=pair[0].send, args=(data,))
    writer.start()
    assert read_all(pair[1], len(data)) == data
    writer.join()


def test_the_fds_of_a_message_that_is_sent_in_parts_go_once(
    pair: tuple[Connection, Connection], make_eventfd: MakeFd
) -> None:
    data = bytes(1 << 21)
    writer = threading.Thread(target=pair[0].send, args=(data, [make_eventfd()]))
    writer.start()
    nb_bytes = nb_fds = 0
    while nb_bytes < len(data):
        chunk, fds = pair[1].recv(1 << 16)
        nb_bytes += len(chunk)
        nb_fds += len(fds)
        close_fds(fds)
    writer.join()
    assert nb_fds == 1


# ---- deadlines and ends ----


def test_a_silent_peer_is_a_timeout(pair: tuple[Connection, Connection]) -> None:
    began = time.monotonic()
    with pytest.raises(DeviceTimeout, match="sent nothing"):
        pair[0].recv(1, timeout=SOON)
    assert time.monotonic() - began >= SOON * 0.9
    assert not pair[0].wait_readable(0.0)


def test_a_peer_that_does_not_read_is_a_timeout(pair: tuple[Connection, Connection]) -> None:
    with pytest.raises(DeviceTimeout, match="did not read"):
        pair[0].send(bytes(1 << 22), timeout=SOON)


def test_a_closed_peer_reads_as_the_end_and_cannot_be_written_to(pair: tuple[Connection, Connection]) -> None:
    assert not pair[0].peer_is_gone()
    pair[1].send(b"last words")
    pair[1].close()
    assert pair[0].peer_is_gone()
    assert pair[0].wait_readable(1.0)
    assert pair[0].recv(100) == (b"last words", ())
    assert pair[0].recv(100) == (b"", ())
    with pytest.raises(PeerGone):
        pair[0].send(b"hello?")


def test_a_peer_that_died_with_our_bytes_unread_reads_as_the_end(pair: tuple[Connection, Connection]) -> None:
    pair[0].send(b"never read")
    pair[1].close()
    assert pair[0].recv(100) == (b"", ())


# ---- listen and connect ----


def test_connecting_to_a_listener_gives_two_ends_of_one_connection(path: str) -> None:
    with listen(path) as listener:
        assert listener.accept() is None
        with connect(path) as client:
            server = listener.accept(1.0)
            assert server is not None
            with server:
                client.send(b"ping")
                assert server.recv(10) == (b"ping", ())
    assert not os.path.exists(path)


def test_a_second_listener_is_refused_and_the_first_goes_on(path: str) -> None:
    with listen(path) as listener:
        with pytest.raises(DeviceError, match="another program listens there"):
            listen(path)
        probe = listener.accept(1.0)
        assert probe is not None
        probe.close()
        with connect(path):
            accepted = listener.accept(1.0)
            assert accepted is not None
            accepted.close()


def test_a_socket_file_left_behind_is_replaced(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(path)
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    with listen(path), connect(path):
        pass


def test_a_file_that_is_no_socket_stays(path: str) -> None:
    Path(path).write_text("precious")
    with pytest.raises(DeviceError, match="not a socket"):
        listen(path)
    assert Path(path).read_text() == "precious"


def test_a_dangling_link_is_no_socket(path: str) -> None:
    os.symlink("/nonexistent", path)
    with pytest.raises(DeviceError, match="not a socket"):
        listen(path)


def test_close_leaves_the_socket_of_a_successor_alone(path: str) -> None:
    first = listen(path)
    os.unlink(path)
    with listen(path):
        first.close()
        assert os.path.exists(path)
    assert not os.path.exists(path)
    first.close()


def test_close_does_not_mind_that_the_file_is_gone(path: str) -> None:
    with listen(path):
        os.unlink(path)


def test_nobody_there_is_said_in_one_line(path: str) -> None:
    with pytest.raises(DeviceError) as caught:
        connect(path)
    assert str(caught.value) == f"Cannot connect to {path}: No such file or directory"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(path)
    with pytest.raises(DeviceError, match="Connection refused"):
        connect(path)


def test_a_directory_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"Cannot listen at .*: No such file or directory"):
        listen(str(tmp_path / "none" / "vhost.sock"))


@pytest.mark.parametrize("opening", [listen, connect])
@pytest.mark.parametrize(
    ("bad", "why"), [("", "needs a path"), ("a\0b", "needs a path"), ("x" * 108, "longer than 107")]
)
def test_a_path_that_no_socket_can_have_is_refused(opening: object, bad: str, why: str) -> None:
    with pytest.raises(DeviceError, match=why):
        opening(bad)  # type: ignore[operator]


def test_a_listener_that_accepts_nobody_is_a_timeout(path: str) -> None:
    queued: list[Connection] = []

    def connect_16_times() -> None:
        for _ in range(16):
            queued.append(connect(path, timeout=SOON))

    with listen(path):
        with pytest.raises(DeviceTimeout, match="nobody accepts"):
            connect_16_times()
        for connection in queued:
            connection.close()
