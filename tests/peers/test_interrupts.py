"""Lcores of ours that sleep while DPDK's end is silent: it calls and kicks as it is asked to, also after a death."""

from collections.abc import Callable
from pathlib import Path

import pytest
from peers.ours import Ours
from peers.programs import DpdkTestpmd, eventually
from peers.rounds import feed, go_round_both_ways, wait_for_link

from pytestpmd.fwd import sleep

pytestmark = pytest.mark.peer("dpdk-testpmd")
CYCLES = 3
BURST = 32
MakePeer = Callable[[], DpdkTestpmd]
#: What the front-end, ours or theirs, agrees on.
LAYOUTS = {
    "split": "",
    "split, neither mergeable nor in order": ",mrg_rxbuf=0,in_order=0",
    "packed": ",packed_vq=1",
    "packed, neither mergeable nor in order": ",packed_vq=1,mrg_rxbuf=0,in_order=0",
}
each_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


@pytest.fixture(autouse=True)
def deep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a wake ends a sleep."""
    monkeypatch.setattr(sleep, "SLEEP_MS", 60_000)


def is_asleep(ours: Ours) -> bool:
    return " is asleep: " in ours.run("show fwd interrupt")


def wakes_us(peer: DpdkTestpmd, ours: Ours) -> None:
    """Each burst of the peer's finds our lcore asleep, and is received all the same."""
    wait_for_link(peer, ours)
    peer.run("set fwd rxonly")
    ours.run("set fwd rxonly")
    ours.run("start")
    before = ours.stats()["RX-packets"]
    for burst in range(1, 6):
        eventually(lambda: is_asleep(ours), "nothing comes")
        peer.run("start tx_first")
        eventually(lambda burst=burst: ours.stats()["RX-packets"] == before + burst * BURST, "the burst comes")
        peer.run("stop")
    eventually(lambda: is_asleep(ours), "nothing comes any more")
    assert ", 0 by time, " in ours.run("show fwd interrupt")
    ours.run("stop")


@each_layout
def test_a_back_end_of_dpdk_wakes_us(sock: Path, layout: str) -> None:
    with (
        DpdkTestpmd(f"net_vhost0,iface={sock}").ready() as peer,
        Ours(f"net_virtio_user0,path={sock}{layout}", options="-i --interrupt") as ours,
    ):
        wakes_us(peer, ours)
        go_round_both_ways(peer, ours)


@each_layout
def test_a_front_end_of_dpdk_wakes_us(sock: Path, layout: str) -> None:
    with (
        Ours(f"net_vhost0,iface={sock}", options="-i --interrupt") as ours,
        DpdkTestpmd(f"net_virtio_user0,path={sock}{layout}").ready() as peer,
    ):
        wakes_us(peer, ours)
        go_round_both_ways(peer, ours)


def dies_and_comes_back_to_a_sleeper(make_peer: MakePeer, ours: Ours) -> None:
    ours.run("start")
    for _ in range(CYCLES):
        with make_peer().ready() as peer:
            wait_for_link(peer, ours)
            feed(peer)
            peer.kill()
        eventually(lambda: not ours.is_up(), "the link is down")
        eventually(lambda: is_asleep(ours), "nothing comes")
    ours.run("stop")


@pytest.mark.parametrize("layout", ["", ",packed_vq=1"], ids=["split", "packed"])
def test_a_back_end_that_is_killed_comes_back_to_a_front_end_that_sleeps(sock: Path, layout: str) -> None:
    with Ours(f"net_virtio_user0,path={sock},server=1{layout}", options="-i --interrupt") as ours:
        dies_and_comes_back_to_a_sleeper(lambda: DpdkTestpmd(f"net_vhost0,iface={sock},client=1"), ours)


@pytest.mark.parametrize("layout", ["", ",packed_vq=1"], ids=["split", "packed"])
def test_a_front_end_that_is_killed_comes_back_to_a_back_end_that_sleeps(sock: Path, layout: str) -> None:
    with Ours(f"net_vhost0,iface={sock}", options="-i --interrupt") as ours:
        dies_and_comes_back_to_a_sleeper(lambda: DpdkTestpmd(f"net_virtio_user0,path={sock}{layout}"), ours)
