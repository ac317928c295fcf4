"""DPDK's telemetry: what other programs on this machine ask of a running one, over sockets in its runtime directory.

``registry.py`` has the commands, which announce themselves in ``commands/``; ``protocol.py`` and ``legacy.py`` are the
two protocols, bytes in, bytes out; ``server.py`` has the sockets.

All of it reads, from a thread of its own, what the console and the lcores write, and takes none of the console's locks:
a client can neither change anything nor keep a command waiting.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pytestpmd import __version__
from pytestpmd.eal.runtime import make_runtime_dir
from pytestpmd.errors import TestpmdError
from pytestpmd.log import log_type
from pytestpmd.telemetry.legacy import Legacy
from pytestpmd.telemetry.protocol import V2
from pytestpmd.telemetry.registry import discover
from pytestpmd.telemetry.server import Server, listen

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

log = log_type("lib.telemetry", "TELEMETRY")

V2_NAME, LEGACY_NAME = "dpdk_telemetry.v2", "telemetry"


@contextmanager
def serving(app: "TestPmd") -> Iterator[None]:
    """Answer for ``app`` meanwhile, unless ``--no-telemetry`` was given; without a socket the program goes on."""
    if app.eal.no_telemetry:
        yield
        return
    try:
        server = _serve(app)
    except (TestpmdError, OSError) as error:
        log.warning("No telemetry: %s", error)
        yield
        return
    try:
        yield
    finally:
        server.close()
        with suppress(OSError):  # others' sockets, or our own lock, are in it
            server.directory.rmdir()


def _serve(app: "TestPmd") -> Server:
    directory = make_runtime_dir(app.eal.file_prefix)
    server = Server(directory)
    v2 = V2(f"pytestpmd {__version__}", os.getpid(), discover(), app)
    server.offer(listen(directory / V2_NAME, may_share=True), v2)
    # A second program with --in-memory leaves the one that was there first the older socket, which has one name only.
    with suppress(OSError):
        server.offer(listen(directory / LEGACY_NAME), Legacy(app))
    server.start()
    return server
