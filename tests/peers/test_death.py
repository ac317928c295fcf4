"""A peer that is killed as it forwards, and comes back; and what it finds when it was us."""

from collections.abc import Callable
from pathlib import Path

import pytest
from peers.ours import Ours
from peers.programs import DpdkTestpmd, Program, Pytestpmd, Testpmd, eventually
from peers.rounds import feed, go_round_both_ways, wait_for_link

pytestmark = pytest.mark.peer("dpdk-testpmd")
NULL_PORTS = ("net_null0", "net_null1")
LOOP = "-i --port-topology=loop"


def drain(peer: Testpmd) -> None:
    """``start`` empties what is received from."""
    peer.run("start")
    peer.run("stop")


def dies_and_comes_back(make_peer: Callable[[], DpdkTestpmd], ours: Ours) -> None:
    """We forward all the time, on two more ports as well, and each peer finds us doing so."""
    ours.run("start")
    with make_peer().ready() as peer:
        wait_for_link(peer, ours)
        feed(peer)
        peer.kill()
    eventually(lambda: not ours.is_up(), "the link is down")
    ours.run("clear port stats 1")
    eventually(lambda: ours.stats(1)["TX-packets"] > 0, "other ports forward")
    with make_peer().ready() as peer:
        wait_for_link(peer, ours)
        feed(peer)
    ours.run("stop")
    ours.run("set portlist 0")
    with make_peer().ready() as peer:
        wait_for_link(peer, ours)
        # what we had sent to a peer that died is the next one's
        drain(peer)
        go_round_both_ways(peer, ours)


def test_a_back_end_that_we_listen_for_comes_back(sock: Path) -> None:
    with Ours(f"net_virtio_user0,path={sock},server=1", *NULL_PORTS, options=LOOP) as ours:
        dies_and_comes_back(lambda: DpdkTestpmd(f"net_vhost0,iface={sock},client=1"), ours)


def test_a_front_end_that_connects_comes_back(sock: Path) -> None:
    with Ours(f"net_vhost0,iface={sock}", *NULL_PORTS, options=LOOP) as ours:
        dies_and_comes_back(lambda: DpdkTestpmd(f"net_virtio_user0,path={sock}"), ours)


def test_a_front_end_that_listens_comes_back(sock: Path) -> None:
    def make_peer() -> DpdkTestpmd:
        sock.unlink(missing_ok=True)  # a server that was killed could not
        return DpdkTestpmd(f"net_virtio_user0,path={sock},server=1")

    with Ours(f"net_vhost0,iface={sock},client=1", *NULL_PORTS, options=LOOP) as ours:
        dies_and_comes_back(make_peer, ours)


def test_a_back_end_that_listens_is_found_again_when_the_port_is_started(sock: Path) -> None:
    with DpdkTestpmd(f"net_vhost0,iface={sock}").ready() as peer, Ours(f"net_virtio_user0,path={sock}") as ours:
        wait_for_link(peer, ours)
        ours.run("start")
        feed(peer)
        peer.kill()
        eventually(lambda: not ours.is_up(), "the link is down")
        ours.run("stop")
        ours.run("port stop 0")
        sock.unlink()  # a server that was killed could not
        with DpdkTestpmd(f"net_vhost0,iface={sock}").ready() as another:
            ours.run("port start 0")
            go_round_both_ways(another, ours)


def survives(peer: Program, make_us: Callable[[], Pytestpmd]) -> None:
    """The peer forwards all the time; we are killed, and come back."""
    with make_us().ready() as us:
        wait_for_link(peer, us)
        peer.run("start")
        feed(us)
        us.kill()
        eventually(lambda: not peer.is_up(), "the link is down")
        peer.run("stop")
    with make_us().ready() as us:
        wait_for_link(peer, us)
        drain(us)
        go_round_both_ways(peer, us)
        assert us.quit() == 0


def test_a_back_end_that_listens_serves_us_again(sock: Path) -> None:
    with DpdkTestpmd(f"net_vhost0,iface={sock}").ready() as peer:
        survives(peer, lambda: Pytestpmd(f"net_virtio_user0,path={sock}"))


def test_a_back_end_that_connects_serves_us_again(sock: Path) -> None:
    with DpdkTestpmd(f"net_vhost0,iface={sock},client=1").ready() as peer:
        survives(peer, lambda: Pytestpmd(f"net_virtio_user0,path={sock},server=1"))


def test_a_front_end_that_listens_is_served_by_us_again(sock: Path) -> None:
    with DpdkTestpmd(f"net_virtio_user0,path={sock},server=1") as peer:
        with Pytestpmd(f"net_vhost0,iface={sock},client=1").ready():
            peer.ready()
        survives(peer, lambda: Pytestpmd(f"net_vhost0,iface={sock},client=1"))
