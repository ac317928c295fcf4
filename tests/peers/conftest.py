"""What tests with real peers need."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peers.files import LONG_FRAMES, FileReader


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    """Where the two programs meet."""
    return tmp_path / "s"


@pytest.fixture(scope="module")
def back_end_socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where :func:`back_end` listens."""
    return tmp_path_factory.mktemp("back_end") / "s"


@pytest.fixture(scope="module")
def back_end(back_end_socket: Path) -> Iterator[FileReader]:
    """One for all tests of a file: for a second after its start, DPDK's back-end does not look at its socket."""
    with FileReader(back_end_socket.parent, f"net_vhost0,iface={back_end_socket}", LONG_FRAMES) as reader:
        yield reader
