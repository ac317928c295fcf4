"""Prometheus's endpoint: ``http://127.0.0.1:N/metrics`` and ``http://[::1]:N/metrics``, and nowhere else.

The page is prometheus_client's; here is a server that owes a client as little as those of the sockets do: so many
connections at a time, and so many seconds for each.
"""

import socket
import socketserver
import threading
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

MAX_CLIENTS = 10
#: For a request and its answer together, in seconds.
CLIENT_S = 10.0
POLL_S = 0.1
ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
MISSING = "--metrics-port needs a library that is not installed: pip install pytestpmd[metrics]"


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_S

    def log_message(self, format: str, *args: object) -> None:
        """Whoever looks at the program's text is not told who looks at its figures."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, family: socket.AddressFamily, address: str, port: int, page: Any) -> None:
        self.address_family = family
        self._room = threading.BoundedSemaphore(MAX_CLIENTS)
        super().__init__((address, port), _Handler)
        self.set_app(page)

    def server_bind(self) -> None:
        """Without asking any name service who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """On a thread, if there is room for one more."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """With an end: a client that sends a letter now and then would never run into the socket's timeout."""
        end = threading.Timer(CLIENT_S, _cut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away has nothing to tell."""


def _cut(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class Endpoint:
    """Serves the figures of a program until :meth:`close`, on the first loopback address that has ``port``, and on
    the other if it is there; port 0 is any. Raises :class:`ConfigError`."""

    def __init__(self, app: "TestPmd", port: int) -> None:
        page = _page(app)
        self._servers: list[_Server] = []
        for family, address in ADDRESSES:
            try:
                self._servers.append(_Server(family, address, self.port if self._servers else port, page))
            except OSError as error:
                if not self._servers:
                    raise ConfigError(f"metrics-port {port}: {error.strerror}") from None
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(POLL_S,), name="metrics", daemon=True)
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()

    @property
    def port(self) -> int:
        """The one that it has."""
        return int(self._servers[0].server_port)

    def close(self) -> None:
        """Serve nobody more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()


def _page(app: "TestPmd") -> Any:
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app

        from pytestpmd.telemetry.openmetrics import Figures
    except ModuleNotFoundError:
        raise ConfigError(MISSING) from None
    registry = CollectorRegistry(auto_describe=False)
    figures: Any = Figures(app)
    registry.register(figures)
    return make_wsgi_app(registry)
