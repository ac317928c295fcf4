"""Our net_vhost and QEMU's guest: no system, only its firmware, which boots from the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from peers.guest import Guest, Network, converse
from peers.ours import Ours
from peers.programs import eventually
from scapy.layers.dhcp import BOOTP

from pytestpmd.drivers.virtio_net import Feature

pytestmark = pytest.mark.peer("qemu-system-x86_64")


@contextmanager
def forwarding(sock: Path, device: str) -> Iterator[tuple[Ours, Network]]:
    far = f"{sock}2"
    with Ours(device, f"net_vhost1,iface={far}", f"net_virtio_user0,path={far}") as ours:
        ours.run("set portlist 0,1")
        ours.run("start")
        yield ours, Network(ours)
        eventually(lambda: not ours.is_up(), "the link is down")
        ours.run("stop")


def test_a_guest_with_a_legacy_card_is_served(sock: Path) -> None:
    with (
        forwarding(sock, f"net_vhost0,iface={sock}") as (ours, network),
        Guest(f"{sock}", "disable-modern=on"),
    ):
        converse(network)
        assert ours.is_up()
        assert not ours.agreed(Feature.VIRTIO_F_VERSION_1)


def test_a_guest_that_listens_and_is_reset_is_served_again(sock: Path) -> None:
    with (
        forwarding(sock, f"net_vhost0,iface={sock},client=1") as (ours, network),
        Guest(f"{sock},server=on,wait=off", "disable-legacy=on") as guest,
    ):
        before = converse(network)
        assert ours.agreed(Feature.VIRTIO_F_VERSION_1)
        guest.reset()
        while converse(network)[BOOTP].xid == before[BOOTP].xid:
            pass
