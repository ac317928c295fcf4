"""The configuration space as a front-end reads and writes it, and how it hears of changes."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack, unpack

import pytest
from fakes.leaks import eventually, open_fds
from fakes.vhost_frontend import HEADER, NEED_REPLY, PROTOCOL, VERSION, FakeFrontend, R, exchange

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.eal.mempool import Mempool
from pytestpmd.vhost_user.wire import ProtocolFeature

Make = Callable[..., VhostPort]
TALKS = PROTOCOL | ProtocolFeature.CONFIG | ProtocolFeature.BACKEND_REQ
#: virtio 1.2, 5.1.4: mac, status, max_virtqueue_pairs, mtu, speed, duplex; and its length.
LAYOUT, SIZE = "<6sHHHIB", 17
CONFIG_CHANGE = HEADER.pack(2, VERSION, 0)


class ConfigFrontend(FakeFrontend):
    """One that reads and writes the configuration space."""

    def read(self, offset: int = 0, size: int = SIZE) -> bytes:
        """What is there; nothing if the answer is no."""
        self.send(R.GET_CONFIG, pack("=III", offset, size, 0) + bytes(size))
        answer = self.answer(R.GET_CONFIG)
        if not answer:
            return b""
        assert unpack("=III", answer[:12]) == (offset, size, 0)
        assert len(answer) == 12 + size
        return answer[12:]

    def write(self, offset: int, data: bytes, flags: int = 0) -> bool:
        return self.try_(R.SET_CONFIG, pack("=III", offset, len(data), flags) + data)

    def listen(self) -> socket.socket:
        """Give it a channel of its own."""
        ours, theirs = socket.socketpair()
        with theirs:
            assert self.try_(R.SET_BACKEND_REQ_FD, b"", [theirs.fileno()])
        ours.settimeout(5)
        return ours


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port(",queues=3", nb_rxq=3, nb_txq=3, mtu=1400)


@pytest.fixture
def front(port: VhostPort, sock: Path) -> Iterator[ConfigFrontend]:
    with ConfigFrontend(sock, protocol=TALKS) as fake:
        fake.agree_on_protocol()
        yield fake


def test_it_tells_of_the_port(front: ConfigFrontend) -> None:
    assert unpack(LAYOUT, front.read()) == (bytes(6), 1, 3, 1400, 10000, 1)


def test_a_stopped_port_has_no_link(make_port: Make, sock: Path) -> None:
    make_port(start=False)
    with ConfigFrontend(sock, protocol=TALKS) as front:
        front.agree_on_protocol()
        assert front.read(6, 2) == b"\0\0"


def test_any_part_of_it_can_be_read(front: ConfigFrontend) -> None:
    whole = front.read()
    for offset in range(SIZE):
        for size in (1, 3, SIZE - offset):
            if offset + size <= SIZE:
                assert front.read(offset, size) == whole[offset : offset + size]


@pytest.mark.parametrize(
    ("offset", "size"), [(0, 18), (16, 2), (17, 1), (255, 1), (0, 256), (0xFFFFFFFF, 1), (0xFFFFFFF0, 32), (0, 0)]
)
def test_what_lies_beyond_it_is_refused_without_payload(front: ConfigFrontend, offset: int, size: int) -> None:
    """CVE-2013-2016: an offset whose sum with the size wraps."""
    assert front.read(offset, size) == b""
    assert not front.write(offset, bytes(size), 1)
    assert front.read()


def test_a_size_that_is_not_that_of_the_bytes_is_refused(front: ConfigFrontend) -> None:
    front.send(R.GET_CONFIG, pack("=III", 0, 8, 0) + bytes(4))
    assert front.answer(R.GET_CONFIG) == b""
    assert not front.try_(R.SET_CONFIG, pack("=III", 0, 2, 0) + bytes(6))


def test_a_driver_may_write_its_address_and_nothing_else(front: ConfigFrontend) -> None:
    before, mac = front.read(), bytes.fromhex("525400abcdef")
    assert front.write(0, mac)
    assert front.write(5, b"\1")
    assert front.read() == mac[:5] + b"\1" + before[6:]
    for offset, data in ((6, b"\0\0"), (5, b"\1\0"), (10, b"\1\1"), (16, b"\1")):
        assert not front.write(offset, data)
    assert front.read()[6:] == before[6:]


def test_a_migration_restores_the_address_and_leaves_the_rest_as_it_is_here(front: ConfigFrontend) -> None:
    before = front.read()
    assert front.write(0, bytes(range(2, 2 + SIZE)), 1)
    assert front.read() == bytes(range(2, 8)) + before[6:]
    assert not front.write(0, bytes(6), 2), "flags that nobody gave a meaning"


def test_it_needs_the_protocol_feature(port: VhostPort, sock: Path) -> None:
    with ConfigFrontend(sock) as front:
        front.agree_on_protocol()
        assert front.read() == b""
        assert not front.write(0, bytes(6))
        assert not front.try_(R.SET_BACKEND_REQ_FD, b"", [front.file])


def test_a_change_is_told_on_the_back_channel_once(front: ConfigFrontend, port: VhostPort, pool: Mempool) -> None:
    front.start_as_dpdk()
    with front.listen() as channel:
        port.stop()
        assert channel.recv(100) == CONFIG_CHANGE
        assert front.read(6, 2) == b"\0\0"
        port.start()
        assert channel.recv(100) == CONFIG_CHANGE
        assert front.read(6, 2) == b"\1\0"
        channel.setblocking(False)
        with pytest.raises(BlockingIOError):
            channel.recv(1)
    exchange(port, front, pool)


def test_a_new_channel_takes_the_old_one_s_place(front: ConfigFrontend, port: VhostPort) -> None:
    with front.listen() as old, front.listen() as new:
        assert old.recv(1) == b""
        port.stop()
        assert new.recv(100) == CONFIG_CHANGE


def test_who_does_not_listen_holds_nobody_up(front: ConfigFrontend, port: VhostPort, pool: Mempool) -> None:
    front.start_as_dpdk()
    before = len(open_fds())
    with front.listen() as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(300):
            port.stop()
            port.start()
        exchange(port, front, pool)
    port.stop()  # and who is gone, neither
    port.start()
    exchange(port, front, pool)
    assert len(open_fds()) <= before + 1


def test_what_is_no_unix_stream_socket_is_refused(front: ConfigFrontend) -> None:
    front.sync()
    before = len(open_fds())
    with socket.socket(socket.AF_INET) as inet, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        for fd in (front.file, inet.fileno(), datagrams.fileno()):
            assert not front.try_(R.SET_BACKEND_REQ_FD, b"", [fd])
        for count in (0, 2):
            assert not front.try_(R.SET_BACKEND_REQ_FD, b"", [front.file] * count)
    assert eventually(lambda: len(open_fds()) == before)


def test_an_answer_that_nobody_asked_for_is_not_read(front: ConfigFrontend, port: VhostPort) -> None:
    with front.listen() as channel:
        channel.sendall(HEADER.pack(2, VERSION | 4 | NEED_REPLY, 1 << 30) + bytes(5000))
        port.stop()
        assert channel.recv(100) == CONFIG_CHANGE
    assert front.read()
