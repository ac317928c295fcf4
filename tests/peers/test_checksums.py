"""Checksums on the wire: frames from DPDK, through our csum engine, and back to DPDK, which writes them to a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.checksums import frame, ipv4, right_frames, spoiled, tcp, udp
from peers.ours import Ours
from peers.test_payloads import LONG_FRAMES, FileReader, addressed

pytestmark = pytest.mark.peer("dpdk-testpmd")

#: Every shape, short ones, and of odd and even length.
RIGHT = [*right_frames(8).values(), *right_frames(41).values(), *right_frames(1380).values()]
LONG = [frame(ipv4(), tcp(), payload=8001), frame(ipv4(), udp(), payload=7000), frame(ipv4(), tcp(), payload=2100)]
RINGS = ("", ",packed_vq=1", ",mrg_rxbuf=0", ",in_order=0", ",in_order=0,packed_vq=1,mrg_rxbuf=0")


@pytest.fixture(scope="module")
def back_end_socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("back_end") / "s"


@pytest.fixture(scope="module")
def back_end(back_end_socket: Path) -> Iterator[FileReader]:
    with FileReader(back_end_socket.parent, f"net_vhost0,iface={back_end_socket}", LONG_FRAMES) as reader:
        yield reader


@pytest.mark.parametrize("rings", RINGS)
def test_our_front_end_mends_checksums(back_end: FileReader, back_end_socket: Path, rings: str) -> None:
    mergeable = "mrg_rxbuf=0" not in rings
    right = RIGHT + LONG if mergeable else RIGHT
    options = f"{LONG_FRAMES} --enable-scatter" if mergeable else "-i"
    with Ours(f"net_virtio_user0,path={back_end_socket}{rings}", options=options) as ours:
        mac = ours.app.ports[0].mac
        sent = [spoiled(data) for data in right]
        assert back_end.send_round(sent, ours, "csum") == [addressed(data, mac) for data in right]
