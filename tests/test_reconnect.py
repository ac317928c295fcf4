"""Either end dies by ``kill -9`` and comes back, a hundred times, and the other one forwards all along.

Its link goes down and up, packets flow again, no mbuf is lost, and no file descriptor is left behind.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually, open_fds
from fakes.mortal import Mortal, be_eager, prepare
from fakes.packets import frame, packet, receive, transmit

from pytestpmd.drivers import vhost
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio_net import Feature

CYCLES = 100
SOME_PACKETS = 100
EVENT = "\nPort 0: link state change event\n"


@pytest.fixture(scope="module")
def nursery() -> None:
    """Before anybody counts file descriptors."""
    prepare()


@pytest.fixture
def eager(nursery: None, no_leaks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends find each other as soon as they can."""
    be_eager(monkeypatch.setattr)


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "s"


#: The end that stays and the end that dies, as device strings without their layout.
ROLES = {
    "a back-end that connects": ("net_virtio_user0,path={},server=1", "net_vhost0,iface={},client=1"),
    "a back-end that listens": ("net_virtio_user0,path={}", "net_vhost0,iface={}"),
    "a front-end that connects": ("net_vhost0,iface={}", "net_virtio_user0,path={}"),
    "a front-end that listens": ("net_vhost0,iface={},client=1", "net_virtio_user0,path={},server=1"),
}
LAYOUTS = ("", ",packed_vq=1")


def laid_out(device: str, layout: str) -> str:
    """Only a front-end says which layout it wants."""
    return f"{device},queue_size=64{layout}" if device.startswith("net_virtio") else device


class Survivor:
    """The end that stays: it forwards while the other one comes and goes."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance, self.port = appliance, appliance.app.ports[0]

    def sees(self, peer: Mortal) -> None:
        """The link comes up and packets go round."""
        assert eventually(lambda: self.port.link().up), "the link comes up"
        peer.begin()
        assert self.appliance.flows(SOME_PACKETS), "packets flow again"

    def loses(self, peer: Mortal) -> None:
        """The link goes down."""
        peer.kill()
        assert eventually(lambda: not self.port.link().up), "the link goes down"

    def tells_of(self, events: int) -> bool:
        """Wait until so many changes of the link, and no more, have been said."""
        said = self.appliance.said
        return eventually(lambda: said.count(EVENT) >= events) and said.count(EVENT) == events

    def lives_through(self, cycles: int, make_peer: Callable[[], Mortal], first: Mortal | None = None) -> None:
        """Peers that come and are killed; the first one may be there already."""
        fds = 0
        for cycle in range(cycles):
            peer = first if first and not cycle else make_peer()
            self.sees(peer)
            self.loses(peer)
            fds = fds or min(len(open_fds()) for _ in range(3))
        assert eventually(lambda: len(open_fds()) <= fds), "file descriptors are left"


@pytest.fixture
def make_survivor() -> Iterator[Callable[..., Survivor]]:
    """Survivors at work; at the end every mbuf must be free."""
    made: list[Appliance] = []

    def make(device: str, options: str = "") -> Survivor:
        made.append(Appliance(device, options=options))
        return Survivor(made[-1])

    yield make
    for appliance in made:
        appliance.__exit__(None, None, None)


@pytest.mark.parametrize("role", ROLES)
def test_the_other_end_dies_and_comes_back_a_hundred_times(
    eager: None, make_survivor: Callable[..., Survivor], sock: Path, role: str
) -> None:
    """On rings of both layouts, and of either half the cycles in interrupt mode."""
    stays, dies = (device.format(sock) for device in ROLES[role])
    part = CYCLES // (2 * len(LAYOUTS))
    for layout in LAYOUTS:

        def make_peer(layout: str = layout) -> Mortal:
            return Mortal(laid_out(dies, layout))

        first = make_peer() if "listens" in role else None
        if first:
            first.is_ready()
        survivor = make_survivor(laid_out(stays, layout))
        appliance = survivor.appliance
        appliance.app.session.start()
        survivor.lives_through(part, make_peer, first)
        appliance.run("stop", "set interrupt on", "start")
        survivor.lives_through(part, make_peer)
        # a front-end whose back-end was there before it started has seen no change
        assert survivor.tells_of(2 * 2 * part - (first is not None and stays.startswith("net_virtio")))
        assert appliance.app.session.sleeps()
        with make_peer() as last:
            survivor.sees(last)
            appliance.app.session.stop()
            last.finish()
        appliance.app.release()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("options", "events"), [("", 2), ("--no-lsc-interrupt", 0), ("--mask-event=intr_lsc", 0)])
def test_the_link_is_told_of_as_it_is_and_its_changes_to_who_wants_to_hear_of_them(
    eager: None, make_survivor: Callable[..., Survivor], sock: Path, role: str, options: str, events: int
) -> None:
    stays, dies = (device.format(sock) for device in ROLES[role])
    with Mortal(dies) if "listens" in role else ExitStack() as peer:
        if isinstance(peer, Mortal):
            peer.is_ready()
        survivor = make_survivor(stays, f"{options} --disable-link-check")
        assert "listens" not in role or eventually(lambda: survivor.port.link().up)
    assert eventually(lambda: not survivor.port.link().up)
    time.sleep(0.05)  # nothing more is on its way
    appliance = survivor.appliance
    appliance.said.clear()
    with Mortal(dies):
        assert eventually(lambda: "Link status: up" in appliance.run("show port info 0"))
    assert eventually(lambda: "Link status: down" in appliance.run("show port info 0"))
    assert survivor.tells_of(events)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["split", "packed"])
@pytest.mark.parametrize("options", ["", "--interrupt"], ids=["polling", "interrupt"])
def test_both_ends_die_and_come_back_in_any_order(eager: None, sock: Path, layout: str, options: str) -> None:
    order = random.Random(f"{layout}{options}")
    devices = [f"net_virtio_user0,path={sock},server=1{layout}", f"net_vhost0,iface={sock},client=1"]
    ends: list[Mortal | None] = [None, None]
    with ExitStack() as stack:
        for _ in range(CYCLES // 5):
            for who in order.choice([(0,), (1,), (0, 1), (1, 0)]):
                if victim := ends[who]:
                    victim.kill()
                ends[who] = None
            new = order.sample([who for who in (0, 1) if not ends[who]], k=ends.count(None))
            for who in new:
                ends[who] = stack.enter_context(Mortal(devices[who], options))
            for who in new:
                end_of(ends, who).begin()
            assert packets_flow(end_of(ends, 0), end_of(ends, 1))
        for who in (0, 1):
            end_of(ends, who).finish()


def goes_round(back: Appliance, number: int) -> None:
    """A long frame and a short one come back to the end that no lcore polls."""
    rx, tx = back.app.ports[0].rx_queues[0], back.app.ports[0].tx_queues[0]
    receive(rx.burst, rx.handle)
    for data in (frame(1500, number), frame(60, number)):
        assert transmit(tx.burst, tx.handle, [packet(back.app.pools[0], data)]) == 1
        assert eventually(lambda data=data: receive(rx.burst, rx.handle) == [data])


def end_of(ends: list[Mortal | None], who: int) -> Mortal:
    end = ends[who]
    assert end
    return end


def packets_flow(*ends: Mortal) -> bool:
    """Wait until each end has received some more."""
    goals = [end.packets() + SOME_PACKETS for end in ends]
    return eventually(lambda: all(end.packets() >= goal for end, goal in zip(ends, goals, strict=True)))


def test_a_server_uses_its_rings_as_each_back_end_can_while_lcores_poll(
    eager: None, make_survivor: Callable[..., Survivor], sock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first one came it had to presume; each of the others has or lacks something."""
    survivor = make_survivor(f"net_virtio_user0,path={sock},server=1")
    port = survivor.port
    assert isinstance(port, VirtioPort)
    assert not port.agreed.in_order
    survivor.appliance.app.session.start()
    offered = vhost.offered
    less = (
        Feature(0),
        Feature.VIRTIO_F_IN_ORDER,
        Feature.VIRTIO_NET_F_MRG_RXBUF,
        Feature.VIRTIO_NET_F_MRG_RXBUF | Feature.VIRTIO_F_IN_ORDER,
        Feature.VIRTIO_RING_F_EVENT_IDX | Feature.VIRTIO_RING_F_INDIRECT_DESC,
        Feature(0),
    )
    for turn, missing in enumerate(less):
        monkeypatch.setattr(vhost, "offered", lambda missing=missing, **how: offered(**how) & ~missing)
        with Appliance(f"net_vhost{turn},iface={sock},client=1") as back:
            assert back.are_up()
            assert eventually(lambda: port.link().up)
            assert not port.agreed.features & missing
            assert port.agreed.in_order == (Feature.VIRTIO_F_IN_ORDER not in missing)
            goes_round(back, turn)
        assert eventually(lambda: not port.link().up)
    survivor.appliance.app.session.stop()
