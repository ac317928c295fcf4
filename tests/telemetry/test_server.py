"""The sockets: who is served, and what a client that behaves badly costs."""

import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.leaks import eventually
from fakes.telemetry import Client, connect

from pytestpmd.telemetry import server as server_module
from pytestpmd.telemetry.legacy import CallBack
from pytestpmd.telemetry.protocol import V2
from pytestpmd.telemetry.registry import Endpoint
from pytestpmd.telemetry.server import MAX_CLIENTS, Server, listen

pytestmark = pytest.mark.usefixtures("no_leaks")

Serve = Callable[..., Path]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a program that knows one command, /long; where."""
    made: list[Server] = []

    def start() -> Path:
        server = Server(tmp_path)
        made.append(server)
        listener = listen(tmp_path / "t", may_share=True)
        server.offer(listener, V2("x", 1, {"/long": Endpoint("/long", "", lambda app, params: "x" * 15000)}, None))
        server.start()
        return listener.path

    yield start
    for server in made:
        server.close()
        server.close()
        assert not any(path.exists() for path in server.paths)
    assert list(tmp_path.iterdir()) == []


def is_served(path: Path) -> bool:
    with Client(path) as client:
        return bool(client.ask("/info"))


def is_closed(one: socket.socket) -> bool:
    try:
        return one.recv(100) == b""
    except ConnectionError:
        return True


def test_clients_ask_side_by_side_and_in_turn(serve: Serve) -> None:
    path = serve()
    with Client(path) as one, Client(path) as other:
        assert one.ask("/info") == other.ask("/info") == one.greeting
        assert one.ask("/nope") is None
        assert other.ask("/long") == "x" * 15000


def test_a_socket_is_for_its_owner_alone(serve: Serve) -> None:
    assert stat.S_IMODE(serve().stat().st_mode) == 0o600


def test_a_second_program_in_one_directory_has_a_name_of_its_own(serve: Serve) -> None:
    first, second, third = serve(), serve(), serve()
    assert (second.name, third.name) == (f"{first.name}:1", f"{first.name}:2")
    assert is_served(first)
    assert is_served(third)


def test_the_socket_of_a_program_that_was_killed_is_replaced(serve: Serve, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(str(tmp_path / "t"))
    assert serve().name == "t"
    assert is_served(tmp_path / "t")


def test_no_more_clients_are_served_than_there_is_room_for(serve: Serve) -> None:
    path = serve()
    clients = [Client(path) for _ in range(MAX_CLIENTS)]
    with connect(path) as late:
        assert is_closed(late)
    clients.pop().socket.close()
    assert eventually(lambda: not is_closed_at_once(path))
    for client in clients:
        assert client.ask("/info")
        client.socket.close()


def is_closed_at_once(path: Path) -> bool:
    with connect(path) as one:
        return is_closed(one)


def test_a_thousand_connections_cost_nobody_an_answer(serve: Serve) -> None:
    path = serve()
    with Client(path) as client:
        for _ in range(1000):
            connect(path).close()
        assert client.ask("/info")
    assert eventually(lambda: is_served_or_full(path))


def is_served_or_full(path: Path) -> bool:
    try:
        return is_served(path)
    except (ValueError, OSError):
        return False


def test_one_that_was_silent_for_long_makes_room(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SILENT_S", 0.0)
    path = serve()
    clients = [Client(path) for _ in range(MAX_CLIENTS)]
    for client in clients[1:]:
        client.ask("/info")
    with Client(path) as late:
        assert late.ask("/info")
    assert is_closed(clients[0].socket)
    for client in clients:
        client.socket.close()


@pytest.mark.parametrize(
    "request_", [b"x" * 100_000, b"\xff" * 1024, b"\0", b",", b"{" * 1000, b"/info," + b"9" * 5000]
)
def test_nonsense_is_answered_and_no_more(serve: Serve, request_: bytes) -> None:
    path = serve()
    with Client(path) as client, Client(path) as other:
        client.socket.send(request_)
        assert client.socket.recv(20000).startswith(b'{"')
        assert other.ask("/info")


def test_one_that_does_not_read_is_asked_nothing_more_and_goes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "STUCK_S", 0.2)
    path = serve()
    with Client(path) as stuck, Client(path) as other:
        stuck.socket.settimeout(0.5)
        for _ in range(10_000):
            try:
                stuck.socket.send(b"/long")
            except (TimeoutError, ConnectionError):
                break
        else:
            pytest.fail("it was always asked for more")
        began = time.monotonic()
        assert other.ask("/info")
        assert time.monotonic() - began < 5

        def has_gone() -> bool:
            try:
                stuck.socket.send(b"/long")
            except TimeoutError:
                return False
            except ConnectionError:
                return True
            return False

        assert eventually(has_gone)


def test_one_that_reads_late_gets_all_of_its_answers(serve: Serve) -> None:
    with Client(serve()) as client:
        asked = threading.Thread(target=lambda: [client.socket.send(b"/long") for _ in range(100)], daemon=True)
        asked.start()
        answers = [client.socket.recv(20000) for _ in range(100)]
        asked.join()
    assert {len(answer) for answer in answers} == {15000 + len('{"/long":""}')}


def test_one_that_is_not_there_is_not_called_back(serve: Serve, tmp_path: Path) -> None:
    class Calls:
        max_request = 100

        def greeting(self) -> bytes:
            return b"hello"

        def answer(self, request: bytes) -> bytes | CallBack:
            return CallBack(request.decode()) if request != b"?" else b"!"

    server = Server(tmp_path)
    listener = listen(tmp_path / "c")
    server.offer(listener, Calls())
    server.start()
    with connect(listener.path) as one:
        assert one.recv(100) == b"hello"
        for path in ("/nowhere", "", "x" * 90, str(tmp_path)):
            one.send(path.encode() or b" ")
        one.send(b"?")
        assert one.recv(100) == b"!"
    server.close()


def test_a_name_without_room_for_another_is_an_error(serve: Serve, tmp_path: Path) -> None:
    path = serve()
    with pytest.raises(OSError, match="in use"):
        listen(path)
    with pytest.raises(OSError, match="too long"):
        listen(tmp_path / ("x" * 120))
