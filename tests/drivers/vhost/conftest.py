"""Ports of net_vhost on a socket of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.eal import mempool
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import PortConf


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    """Where front-end and back-end meet."""
    return tmp_path / "s"


@pytest.fixture
def no_large(no_leaks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has asked for large buffers so far, and none is left afterwards."""
    monkeypatch.setattr(mempool, "_LARGE", [])


@pytest.fixture
def make_port(no_leaks: None, no_large: None, sock: Path, pool: Mempool) -> Iterator[Callable[..., VhostPort]]:
    """Make started ports of device arguments after ``iface``; closed at the end, before the pool is audited."""
    made: list[VhostPort] = []

    def make(more: str = "", *, start: bool = True, pool: Mempool = pool, **conf: Any) -> VhostPort:
        text = f"iface={sock}{more}"
        port = VhostPort("net_vhost0", text, VhostPort.Args.parse(text))
        made.append(port)
        port.port_id = 0
        port.configure(PortConf(**conf), pool)
        if start:
            port.start()
        return port

    yield make
    for port in made:
        port.close()
