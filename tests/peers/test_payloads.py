"""Frames that DPDK reads from a file, sends round through ours and writes to another: not a byte may differ."""

from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from fakes.packets import frame
from peers.files import LONG_FRAMES, FileReader, addressed
from peers.ours import Ours

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("dpdk-testpmd")

#: From the shortest to the longest usual frame, at every distance from a cache line's start.
USUAL = (*range(60, 1518, 13), 1518)
#: Around one, two and more buffers of 2048 bytes, of which the header takes 12.
JUMBO = (*range(2030, 2055), *range(4076, 4100, 3), *range(6130, 6160, 5), 8171, 9000, 9014)


class Rings(NamedTuple):
    """What net_virtio_user asks for."""

    packed_vq: int
    mrg_rxbuf: int
    in_order: int

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self._asdict().items())

    def are_agreed(self, ours: Ours) -> bool:
        """Whether just that is in force."""
        features = (Feature.VIRTIO_F_RING_PACKED, Feature.VIRTIO_NET_F_MRG_RXBUF, Feature.VIRTIO_F_IN_ORDER)
        return [ours.agreed(feature) for feature in features] == list(map(bool, self))

    def frames(self) -> list[bytes]:
        """What they can carry, and can hold at once, so that none is dropped however slow the other side is."""
        lengths = USUAL + JUMBO if self.mrg_rxbuf else USUAL
        return [frame(length, number) for number, length in enumerate(lengths)]


ALL_RINGS = [Rings(*chosen) for chosen in product((0, 1), repeat=3)]


def swapped(data: bytes) -> bytes:
    """What macswap does."""
    return data[6:12] + data[:6] + data[12:]


@pytest.mark.parametrize("rings", ALL_RINGS, ids=str)
def test_our_front_end_gives_every_byte_back(back_end: FileReader, back_end_socket: Path, rings: Rings) -> None:
    frames, options = rings.frames(), f"{LONG_FRAMES} --enable-scatter" if rings.mrg_rxbuf else "-i"
    with Ours(f"net_virtio_user0,path={back_end_socket},{rings}", options=options) as ours:
        assert rings.are_agreed(ours)
        assert back_end.send_round(frames, ours) == [swapped(data) for data in frames]


@pytest.mark.parametrize("rings", ALL_RINGS, ids=str)
def test_our_back_end_gives_every_byte_back(sock: Path, tmp_path: Path, rings: Rings) -> None:
    frames = rings.frames()
    device = f"net_virtio_user0,path={sock},{rings}"
    with Ours(f"net_vhost0,iface={sock}") as ours, FileReader(tmp_path, device) as front_end:
        assert rings.are_agreed(ours)
        assert front_end.send_round(frames, ours) == [swapped(data) for data in frames]


def test_mac_changes_the_addresses_and_io_nothing(sock: Path, tmp_path: Path) -> None:
    frames = [frame(length, number) for number, length in enumerate(USUAL)]
    device = f"net_virtio_user0,path={sock}"
    with Ours(f"net_vhost0,iface={sock}") as ours, FileReader(tmp_path, device) as front_end:
        mac = ours.app.ports[0].mac
        assert front_end.send_round(frames, ours, "mac") == [addressed(data, mac) for data in frames]
        assert front_end.send_round(frames, ours, "io") == frames
