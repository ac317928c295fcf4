"""net_af_packet: a port on an interface that is there already, with a wire at the interface's far end."""

import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.netns import Wire, station, wire
from fakes.packets import MakePool, content, frame, frames, free, packet, receive
from fakes.ports import AS_NOBODY, received, received_mbufs, send

from pytestpmd.drivers import ProbeError, probe
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.netdev import Flag
from pytestpmd.errors import ConfigError, DeviceError, NotSupported
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import EthPort, PortConf

pytestmark = pytest.mark.usefixtures("own_network", "no_leaks")

Make = Callable[..., EthPort]
#: Frames as they go with a tag: the kernel takes the tag out and tells of it beside.
TAG, QINQ_TAG = bytes.fromhex("81000007"), bytes.fromhex("88a80007")


@pytest.fixture
def cable(own_network: None) -> Iterator[Wire]:
    """The far end of w0."""
    with wire("w0") as far_end:
        yield far_end


@pytest.fixture
def make(cable: Wire, pool: Mempool) -> Iterator[Make]:
    """Make ports, configured and started."""
    made: list[EthPort] = []

    def make_port(devargs: str = "", *, pool: Mempool = pool, **conf: Any) -> EthPort:
        port = probe(f"net_af_packet{len(made)},iface=w0{devargs}")
        made.append(port)
        port.port_id = 5
        port.configure(PortConf(**conf), pool)
        port.start()
        return port

    yield make_port
    for port in made:
        port.close()


@pytest.mark.parametrize("length", [14, 60, 1514])
def test_what_comes_over_the_wire_is_received(make: Make, cable: Wire, length: int) -> None:
    port = make()
    cable.send(*frames(40, length))
    assert received(port, 40) == frames(40, length)
    assert (port.stats().ipackets, port.stats().ibytes) == (40, 40 * length)


@pytest.mark.parametrize("split", [(), (20,), (1, 2, 30)])
def test_what_is_sent_goes_over_the_wire(make: Make, cable: Wire, pool: Mempool, split: tuple[int, ...]) -> None:
    port = make()
    assert send(port, *(packet(pool, one, split=split) for one in frames(8, 100))) == 8
    assert cable.receive(8) == frames(8, 100)
    assert (port.stats().opackets, port.stats().obytes) == (8, 800)


@pytest.mark.parametrize(
    "devargs", ["", ",blocksz=8192,framesz=4096,framecnt=8", ",blocksz=12288,framesz=5008,framecnt=6"]
)
def test_rings_go_round_in_whatever_blocks(make: Make, cable: Wire, pool: Mempool, devargs: str) -> None:
    port = make(devargs)
    for first in range(0, 1200, 4):
        cable.send(*frames(4, 200, first))
        assert received(port, 4) == frames(4, 200, first)
        assert send(port, *(packet(pool, one) for one in frames(4, 200, first))) == 4
        assert cable.receive(4) == frames(4, 200, first)


def test_others_that_use_the_interface_hear_it_too_and_what_they_send_is_not_received(make: Make, cable: Wire) -> None:
    port = make()
    with station("w0") as host:
        host.send(frame(60, 9))
        cable.send(frame(60, 1))
        assert received(port, 1) == [frame(60, 1)]
        assert host.receive() == [frame(60, 1)]
    assert cable.receive() == [frame(60, 9)]


@pytest.mark.parametrize("tag", [TAG, QINQ_TAG])
def test_a_tag_is_put_back_where_it_was(make: Make, cable: Wire, tag: bytes) -> None:
    port = make()
    tagged = frame(60)[:12] + tag + frame(60)[12:]
    cable.send(tagged)
    assert received(port, 1) == [tagged]


def test_a_tag_stays_out_where_that_is_wanted(make: Make, cable: Wire) -> None:
    port = make(rx_offloads=RxOffload.VLAN_STRIP)
    cable.send(frame(60)[:12] + TAG + frame(60)[12:])
    (mbuf,) = received_mbufs(port, 1)
    assert (content(mbuf), mbuf.vlan_tci) == (frame(60), 7)
    free(mbuf)


def test_long_frames_take_several_mbufs(make: Make, cable: Wire, make_pool: MakePool) -> None:
    small = make_pool(64, data_room=640)
    port = make(",blocksz=8192,framesz=8192,framecnt=16", pool=small)
    cable.netdev.set_mtu(4000)
    cable.send(frame(4014))
    (mbuf,) = received_mbufs(port, 1)
    assert (content(mbuf), mbuf.nb_segs) == (frame(4014), 8)
    assert send(port, mbuf) == 1
    assert cable.receive() == [frame(4014)]


def test_frames_longer_than_the_rings_are_counted_and_dropped(make: Make, cable: Wire, pool: Mempool) -> None:
    port = make()
    cable.netdev.set_mtu(4000)
    cable.send(frame(3000), frame(60))
    assert received(port, 1) == [frame(60)]
    assert send(port, packet(pool, frame(2040)), packet(pool, frame(10)), packet(pool, frame(61))) == 3
    assert cable.receive() == [frame(61)]
    stats = port.stats()
    assert (stats.ierrors, stats.opackets, stats.oerrors) == (1, 1, 2)


def test_what_finds_the_ring_full_is_counted_as_missed(make: Make, cable: Wire) -> None:
    port = make(",framecnt=8")
    cable.send(*frames(20))
    assert received(port, 8) == frames(8)
    assert port.stats().imissed == 12
    assert dict(port.xstats())["rx_missed_errors"] == 12
    port.clear_stats()
    assert port.stats().imissed == 0


def test_what_came_before_the_start_is_not_received(make: Make, cable: Wire) -> None:
    port = make()
    port.stop()
    cable.send(*frames(5))
    port.start()
    cable.send(frame(60, 7))
    assert received(port, 1) == [frame(60, 7)]


def test_an_empty_pool_loses_nothing(make: Make, make_pool: MakePool, cable: Wire) -> None:
    small = make_pool(8)
    port = make(pool=small)
    cable.send(*frames(8))
    held = received_mbufs(port, 8)
    cable.send(frame(60, 8))
    rx = port.rx_queues[0]
    assert eventually(lambda: receive(rx.burst, rx.handle) or port.stats().rx_nombuf)
    free(*held)
    assert received(port, 1) == [frame(60, 8)]


@pytest.mark.parametrize("mode", ["hash", "lb", "cpu", "rollover", "rnd", "qm"])
def test_queue_pairs_share_what_comes(make: Make, cable: Wire, pool: Mempool, mode: str) -> None:
    port = make(f",qpairs=3,fanout_mode={mode}", nb_rxq=3, nb_txq=3)
    cable.send(*frames(60))
    mbufs = received_mbufs(port, 60, 0, 1, 2)
    assert sorted(map(content, mbufs)) == frames(60)
    free(*mbufs)
    if mode == "lb":
        assert [queue.counters().packets for queue in port.rx_queues] == [20] * 3
    for queue in range(3):
        assert send(port, packet(pool, frame(60, queue)), queue=queue) == 1
    assert sorted(cable.receive(3)) == frames(3)


def test_an_interface_that_is_down_takes_what_the_ring_holds_and_sends_it_when_up(
    make: Make, cable: Wire, pool: Mempool
) -> None:
    port = make(",framecnt=8")
    told: list[bool] = []
    port.on_link_change = lambda port: told.append(port.link().up)
    cable.netdev.set_flags(Flag.UP, False)
    assert eventually(lambda: told == [False])
    assert send(port, *(packet(pool, one) for one in frames(10))) == 8
    cable.netdev.set_flags(Flag.UP, True)
    assert eventually(lambda: told == [False, True])
    assert eventually(lambda: send(port) == 0 and select.select([cable.fd], [], [], 0)[0])
    assert cable.receive(8) == frames(8)


def test_an_interface_that_is_deleted_is_one_line_and_a_link_that_is_down(
    make: Make, cable: Wire, pool: Mempool, logged: Logged
) -> None:
    port = make()
    told: list[bool] = []
    port.on_link_change = lambda port: told.append(port.link().up)
    cable.close()
    assert eventually(lambda: told == [False])
    assert logged.lines.count("EAL: net_af_packet0: the interface w0 is gone; port 5 has no link") == 1
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert send(port, packet(pool, frame())) == 0
    port.stop()
    with pytest.raises(DeviceError, match=r"^the interface w0 is gone: close the port, and attach it anew$"):
        port.start()


def test_the_interface_is_as_it_was_when_the_port_is_closed(make: Make, cable: Wire) -> None:
    before = cable.netdev.state()
    port = make()
    port.set_promiscuous(True)
    port.set_all_multicast(True)
    port.stop()
    port.close()
    assert cable.netdev.state() == before


def test_address_and_mtu_are_the_interfaces(make: Make, cable: Wire) -> None:
    port = make()
    port.set_mac(bytes.fromhex("020000000077"))
    port.set_mtu(1400)
    state = cable.netdev.state()
    assert state is not None
    assert (state.mac, state.mtu) == (bytes.fromhex("020000000077"), 1400)
    with pytest.raises(ConfigError, match="device max MTU"):
        port.set_mtu(1950)
    with pytest.raises(NotSupported):
        port.set_link(False)


def test_a_receive_interrupt_is_the_queues_socket(make: Make, cable: Wire) -> None:
    port = make()
    interrupt = port.rx_interrupt(0)
    with select.epoll() as epoll:
        epoll.register(interrupt.fd, select.EPOLLIN | select.EPOLLET)
        assert not interrupt.enable(interrupt.handle)
        epoll.poll(0)
        cable.send(frame())
        assert epoll.poll(10)
        assert interrupt.enable(interrupt.handle)
        interrupt.disable(interrupt.handle)
        received(port, 1)
        assert not interrupt.enable(interrupt.handle)


@pytest.mark.parametrize(
    ("devargs", "line"),
    [
        ("", "arg iface is mandatory for af_packet"),
        ("iface=no-such", "there is no interface no-such"),
        ("iface=w0,qpairs=0", "invalid value '0' for argument 'qpairs'"),
        ("iface=w0,fanout_mode=all", "expected one of hash, lb, cpu, rollover, rnd, qm"),
        ("iface=w0,framesz=8192", "framesz=8192 is more than blocksz=4096"),
        ("iface=w0,framesz=1000", "framesz=1000 is no multiple of 16, or too small"),
        ("iface=w0,blocksz=5000", "blocksz=5000 is no multiple of a page, 4096"),
        ("iface=w0,framecnt=1048576", "rings of 2147483648 bytes are more than 268435456"),
        ("iface=w0,framecnt=511", "framecnt=511 fills no whole blocks, of 2 frames each"),
    ],
)
def test_what_cannot_be_is_one_line(cable: Wire, devargs: str, line: str, logged: Logged) -> None:
    with pytest.raises(ProbeError) as caught:
        probe(f"net_af_packet0,{devargs}")
    assert line in caught.value.why
    assert len(logged.lines) == 1


def test_a_bad_frame_header_is_counted_and_not_followed(make: Make, cable: Wire) -> None:
    port = make()
    ring = port.rx_queues[0].handle.ring
    cable.send(frame(60, 1), frame(60, 2))
    assert eventually(lambda: ring.frames[2048] & 1)
    ring.frames[12], ring.frames[13] = 0xFF, 0xFF  # tp_mac: beyond the frame
    assert received(port, 1) == [frame(60, 2)]
    assert (port.stats().ierrors, port.rx_queues[0].handle.bad_frames) == (1, 1)


def test_who_may_have_no_packet_socket_is_told_so(cable: Wire) -> None:
    code = AS_NOBODY.format(device="net_af_packet0,iface=w0")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "net_af_packet0: no permission: a packet socket takes CAP_NET_RAW\n" in done.stderr
