"""How another program gets an interface's fd: ``pytestpmd-kni sock vEth0 COMMAND...``.

The command asks the running pytestpmd-kni over an abstract Unix socket that is named after the interface, gets the fd
by SCM_RIGHTS, and becomes COMMAND with ``{fd}`` replaced by its number. The connection stays open in COMMAND: when it
ends, however it does, the interface is the kernel's again. Abstract names are of one network namespace, as interfaces
are, and vanish with their program.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.programs.kni.kni import log

ANSWER_S = 10.0
MAX_ANSWER = 1000
USAGE = "Usage: pytestpmd-kni sock INTERFACE COMMAND [ARGUMENT...], where {fd} in an argument stands for the tap's fd"


def address(interface: str) -> str:
    """Of the socket on which an interface's fd is given away."""
    return f"\0pytestpmd-kni/{interface}"


class SockServer:
    """Gives one interface's fd to one program at a time; the main loop calls in when something is readable."""

    def __init__(self, interface: str, enter: Callable[[], int], leave: Callable[[], None]) -> None:
        self._interface, self._enter, self._leave = interface, enter, leave
        self._connection: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._listener.bind(address(interface))
        except OSError as error:
            self._listener.close()
            raise ConfigError(f"{interface}: another pytestpmd-kni gives it away: {error.strerror}") from None
        self._listener.listen(4)

    def fds(self) -> list[int]:
        """What is to be watched now."""
        watched = [self._listener, *([self._connection] if self._connection else [])]
        return [one.fileno() for one in watched]

    def handle(self, fd: int) -> None:
        """One of :meth:`fds` is readable."""
        if fd == self._listener.fileno():
            self._accept()
        elif self._connection:
            self._hang_up()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        connection.setblocking(False)
        try:
            self._give(connection)
        except (TestpmdError, OSError) as error:
            with suppress(OSError):
                connection.send(f"{self._interface}: {error}".encode()[:MAX_ANSWER])
            connection.close()

    def _give(self, connection: socket.socket) -> None:
        if _user_of(connection) not in (0, os.geteuid()):
            raise ConfigError("only its own user, or root, gets the fd")
        if self._connection:
            raise ConfigError("another program has it")
        fd = self._enter()
        try:
            socket.send_fds(connection, [b"\0"], [fd])
        except OSError:
            os.close(fd)
            self._leave()
            raise
        os.close(fd)
        self._connection = connection
        log.info("%s: its frames go to another program", self._interface)

    def _hang_up(self) -> None:
        assert self._connection
        with suppress(BlockingIOError, ConnectionError):
            if self._connection.recv(4096):
                return  # nothing that anybody has to say
        self._connection.close()
        self._connection = None
        log.info("%s: the other program is gone", self._interface)
        self._leave()

    def close(self) -> None:
        """Give nothing away any more; whoever has the fd keeps it."""
        if self._connection:
            self._connection.close()
        self._listener.close()


def _user_of(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def ask(interface: str) -> tuple[socket.socket, int]:
    """The connection to keep, and the tap's fd. ConfigError says why there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_S)
    try:
        connection.connect(address(interface))
        answer, fds, _, _ = socket.recv_fds(connection, MAX_ANSWER, 1)
    except OSError as error:
        connection.close()
        raise ConfigError(f"no pytestpmd-kni gives {interface} away: {error}") from None
    if not fds:
        connection.close()
        raise ConfigError(answer.decode(errors="replace") or f"pytestpmd-kni gave no fd of {interface}")
    return connection, fds[0]


def become(argv: Sequence[str]) -> int:
    """``sock INTERFACE COMMAND...``: only what goes wrong returns, as exit status."""
    if len(argv) < 2 or argv[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 1
    interface, *command = argv
    try:
        connection, fd = ask(interface)
    except ConfigError as error:
        print(f"pytestpmd-kni: {error}", file=sys.stderr)
        return 1
    for kept in (connection.fileno(), fd):
        os.set_inheritable(kept, True)
    connection.setblocking(True)
    words = [word.replace("{fd}", str(fd)) for word in command]
    try:
        os.execvp(words[0], words)
    except OSError as error:
        print(f"pytestpmd-kni: {words[0]}: {error.strerror}", file=sys.stderr)
        return 127
