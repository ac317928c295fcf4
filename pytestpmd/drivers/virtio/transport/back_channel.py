"""The socket on which a vhost-user back-end speaks of its own accord: it tells of a new configuration space."""

import socket
from collections.abc import Callable
from contextlib import suppress

from pytestpmd.eal.control import ControlThread
from pytestpmd.errors import DeviceError
from pytestpmd.log import Level, log_type
from pytestpmd.vhost_user.backend_requests import BackendRequestReader
from pytestpmd.vhost_user.connection import Connection

log = log_type("pmd.net.virtio.driver", "VIRTIO_DRIVER")
#: Listened to in one go; then it is others' turn.
MAX_REQUESTS = 16


class BackChannel:
    """Our end, watched by the transport's thread, on which ``on_config_change`` is called; ``theirs`` is to be sent.

    A back-end that breaks the rules here is no longer listened to; its conversation goes on without.
    """

    def __init__(self, path: str, control: ControlThread, on_config_change: Callable[[], None]) -> None:
        ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path, self._control, self._on_config_change = path, control, on_config_change
        self._connection = Connection(ours)
        self._reader = BackendRequestReader()
        control.watch(ours.fileno(), self._listen)

    @property
    def theirs(self) -> int:
        """The back-end's end; :meth:`sent` when it has it."""
        return self._theirs.fileno()

    def sent(self) -> None:
        self._theirs.close()

    def close(self) -> None:
        """Listen no more. Harmless when repeated."""
        if self._is_open:
            self._control.unwatch(self._connection.fileno())
        self._connection.close()
        self._reader.close()
        self._theirs.close()

    @property
    def _is_open(self) -> bool:
        return self._connection.fileno() >= 0

    def _listen(self) -> None:
        has_changed = False
        try:
            for _ in range(MAX_REQUESTS):
                if not self._is_open or not self._connection.wait_readable(0.0):
                    break
                has_changed = self._hear() or has_changed
        except DeviceError as error:
            log.limited((self._path, "back channel"), Level.ERROR, "(%s) %s", self._path, error)
            self.close()
        if has_changed:
            self._on_config_change()

    def _hear(self) -> bool:
        chunk, fds = self._connection.recv(self._reader.bytes_wanted, 0.0)
        if not chunk:
            self.close()
            return False
        self._reader.receive_data(chunk, fds)
        has_changed = False
        while request := self._reader.next_request():
            log.debug("(%s) %s", self._path, request.describe())
            has_changed = has_changed or request.is_config_change
            with suppress(DeviceError):  # who asks and does not read gets no answer
                self._connection.send(request.answer, timeout=0.0)
        return has_changed
