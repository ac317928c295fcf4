"""A back-end's configuration space, and what it says on the channel of its own."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from fakes.leaks import PATIENCE_S, eventually, open_fds
from fakes.vhost_backend import FEATURES, HEADER, NEED_REPLY, PROTOCOL, REPLY, VERSION, Asked, FakeBackend, R, message

from pytestpmd.drivers.virtio.transport.user import VhostUserTransport
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.errors import DeviceError
from pytestpmd.vhost_user.wire import ProtocolFeature

pytestmark = pytest.mark.usefixtures("no_leaks")

TALKS = PROTOCOL | ProtocolFeature.CONFIG | ProtocolFeature.BACKEND_REQ
CONFIG_CHANGE = HEADER.pack(2, VERSION, 0)
SHORT_S = 0.3


def config(status: int = 1, pairs: int = 2, mtu: int = 1500) -> bytes:
    """virtio 1.2, 5.1.4."""
    return pack("<6sHHHIB", bytes.fromhex("525400123456"), status, pairs, mtu, 25000, 1)


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def backend(sock: Path) -> Iterator[FakeBackend]:
    with FakeBackend(sock, protocol=TALKS, features=FEATURES | Feature.VIRTIO_NET_F_STATUS) as fake:
        fake.config = config()
        yield fake


def is_carried(transport: VhostUserTransport) -> bool:
    """What the driver reads of its link."""
    return bool(transport.read_config(6, 2)[0] & 1)


class Told:
    """What the driver was told of."""

    def __init__(self, transport: VhostUserTransport) -> None:
        self.configs: list[Any] = []
        self.changes = 0
        transport.on_config = lambda: self.configs.append(transport.read_config(0, 17))
        transport.on_change = self._changed

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def transport(sock: Path, backend: FakeBackend) -> Iterator[VhostUserTransport]:
    made = VhostUserTransport(str(sock), 2, timeout=SHORT_S)
    yield made
    made.close()


def test_it_is_read_when_the_back_end_comes(transport: VhostUserTransport) -> None:
    assert is_carried(transport)


def test_a_change_is_heard_read_and_told(backend: FakeBackend, transport: VhostUserTransport) -> None:
    told = Told(transport)
    with backend.back_channel() as channel:
        for status in (0, 1, 0):
            backend.config = config(status)
            channel.sendall(CONFIG_CHANGE)
            assert eventually(lambda status=status: bool(told.configs) and told.configs[-1][6] == status)
            assert is_carried(transport) == bool(status)
    assert not told.changes


def test_who_wants_an_answer_gets_one(backend: FakeBackend, transport: VhostUserTransport) -> None:
    told = Told(transport)
    with backend.back_channel() as channel:
        channel.settimeout(PATIENCE_S)
        channel.sendall(HEADER.pack(2, VERSION | NEED_REPLY, 0))
        assert channel.recv(100) == message(2, bytes(8))
        assert eventually(lambda: len(told.configs) == 1), "which is read after the answer"
        channel.sendall(HEADER.pack(1, VERSION | NEED_REPLY, 32) + bytes(32))
        assert channel.recv(100) == message(1, pack("=Q", 1)), "there is no IOMMU here"
        channel.sendall(HEADER.pack(99, VERSION, 4) + bytes(4) + CONFIG_CHANGE)
        assert eventually(lambda: len(told.configs) == 2)


def test_a_channel_is_heard_whatever_the_size_of_the_pieces(
    backend: FakeBackend, transport: VhostUserTransport
) -> None:
    told = Told(transport)
    with backend.back_channel() as channel:
        for byte in CONFIG_CHANGE * 3:
            channel.sendall(bytes([byte]))
        assert eventually(lambda: told.configs)
        channel.sendall(CONFIG_CHANGE * 200)
        assert eventually(lambda: backend.names.count("GET_CONFIG") >= 5)


BAD = {
    "an answer": HEADER.pack(2, VERSION | REPLY, 0),
    "a payload": HEADER.pack(2, VERSION, 4) + bytes(4),
    "another version": HEADER.pack(2, 2, 0),
    "too long": HEADER.pack(1, VERSION, 1 << 30),
    "noise": bytes(range(7, 60)),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_who_breaks_the_rules_there_is_not_listened_to_any_more(
    backend: FakeBackend, transport: VhostUserTransport, data: bytes
) -> None:
    told = Told(transport)
    with backend.back_channel() as channel:
        channel.settimeout(5)
        channel.sendall(data)
        os.close(backend.last(R.SET_BACKEND_REQ_FD).fds[0])
        backend.asked = [each for each in backend.asked if each.number != R.SET_BACKEND_REQ_FD]
        with suppress(ConnectionResetError):
            assert channel.recv(1) == b""
    assert transport.connected
    assert transport.max_queue_pairs() == 2, "the conversation goes on"
    assert not told.configs


def test_fds_on_the_channel_are_closed(backend: FakeBackend, transport: VhostUserTransport) -> None:
    told = Told(transport)
    with backend.back_channel() as channel:
        before = len(open_fds())
        for _ in range(5):
            socket.send_fds(channel, [CONFIG_CHANGE], [0] * 8)
        assert eventually(lambda: told.configs)
        assert eventually(lambda: len(open_fds()) == before)


@pytest.mark.parametrize("protocol", [PROTOCOL, PROTOCOL | ProtocolFeature.BACKEND_REQ])
def test_a_back_end_without_configuration_space_is_not_asked(sock: Path, protocol: int) -> None:
    with FakeBackend(sock, protocol=protocol, features=FEATURES | Feature.VIRTIO_NET_F_STATUS) as backend:
        transport = VhostUserTransport(str(sock), 1)
        assert is_carried(transport)
        assert not {"GET_CONFIG", "SET_BACKEND_REQ_FD"} & set(backend.names)
        transport.close()


def test_a_back_end_that_refuses_has_none(sock: Path, backend: FakeBackend) -> None:
    backend.config = b""
    transport = VhostUserTransport(str(sock), 1)
    assert is_carried(transport) == transport.connected
    transport.close()


def test_a_link_that_the_back_end_says_nothing_of_is_up(sock: Path) -> None:
    with FakeBackend(sock, protocol=TALKS) as backend:
        backend.config = config(status=0)
        transport = VhostUserTransport(str(sock), 1)
        assert is_carried(transport), "VIRTIO_NET_F_STATUS is not offered, so the field means nothing"
        transport.close()


def silent(_: Asked) -> None:
    return None


ANSWERS: dict[str, Callable[[Asked], bytes | None]] = {
    "none": silent,
    "another length": lambda asked: message(asked.number, asked.payload[:-1]),
    "other bytes": lambda asked: message(asked.number, pack("=III", 1, 17, 0) + bytes(17)),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_back_end_that_answers_badly_is_no_good(
    sock: Path, backend: FakeBackend, answer: Callable[[Asked], bytes | None]
) -> None:
    backend.answers[R.GET_CONFIG] = answer
    with pytest.raises(DeviceError):
        VhostUserTransport(str(sock), 1, timeout=SHORT_S)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_back_end_that_answers_badly_later_is_left(
    backend: FakeBackend, transport: VhostUserTransport, answer: Callable[[Asked], bytes | None]
) -> None:
    told = Told(transport)
    backend.answers[R.GET_CONFIG] = answer
    with backend.back_channel() as channel:
        channel.sendall(CONFIG_CHANGE)
        assert eventually(lambda: told.changes)
    assert not transport.connected
    assert is_carried(transport) == transport.connected


def test_a_back_end_that_comes_back_has_a_channel_again(backend: FakeBackend, transport: VhostUserTransport) -> None:
    told = Told(transport)
    backend.leave()
    assert eventually(lambda: told.changes)
    backend.config = config(0)
    assert eventually(lambda: transport.connected)
    with backend.back_channel() as channel:
        channel.sendall(CONFIG_CHANGE)
        assert eventually(lambda: told.configs and not is_carried(transport))
