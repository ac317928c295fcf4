"""Clients of telemetry: good ones, and the sockets of bad ones."""

import json
import socket
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 20.0


def connect(path: Path) -> socket.socket:
    """Whoever sits at ``path``."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.connect(str(path))  # without a deadline it waits its turn when many want to
    one.settimeout(PATIENCE_S)
    return one


class Client:
    """As ``dpdk-telemetry.py`` does it: the greeting, then a question and an answer at a time."""

    def __init__(self, path: Path) -> None:
        self.socket = connect(path)
        self.greeting = json.loads(self.socket.recv(1024))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def ask(self, request: str) -> Any:
        """The value of the answer's one key, which is the command's name."""
        self.socket.send(request.encode())
        answer = json.loads(self.socket.recv(self.greeting["max_output_len"]))
        (name,) = answer
        assert name == request.split(",", maxsplit=1)[0]
        return answer[name]


class LegacyClient:
    """As collectd does it: the program connects back to a socket of the client's."""

    def __init__(self, path: Path, own: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(own))
            listener.listen(1)
            listener.settimeout(PATIENCE_S)
            self._own = own
            self._first = connect(path)
            self.tell(self._first, 1, "clients", {"client_path": str(own)})
            self._socket, _ = listener.accept()
        self._socket.settimeout(PATIENCE_S)

    @staticmethod
    def tell(one: socket.socket, action: int, command: str, data: Any) -> None:
        one.send(json.dumps({"action": action, "command": command, "data": data}).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.tell(self._first, 2, "clients", {"client_path": str(self._own)})
        self._first.close()
        self._socket.close()

    def ask(self, command: str, data: Any = None) -> Any:
        """The whole answer."""
        self.tell(self._socket, 0, command, data)
        return json.loads(self._socket.recv(200_000))
