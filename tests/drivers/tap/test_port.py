"""net_tap: a port and the kernel at its other end."""

import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.netns import interfaces, station
from fakes.packets import MakePool, content, frame, frames, free, packet, receive
from fakes.ports import AS_NOBODY, received, received_mbufs, send

from pytestpmd.drivers import ProbeError, probe
from pytestpmd.drivers.tap import TapPort, device
from pytestpmd.eal.mempool import Mempool
from pytestpmd.eal.netdev import Flag, NetDev
from pytestpmd.errors import ConfigError, DeviceError, OperationError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import EthPort, PortConf

pytestmark = pytest.mark.usefixtures("own_network", "no_leaks")

Make = Callable[..., TapPort]


@pytest.fixture
def make(pool: Mempool) -> Iterator[Make]:
    """Make ports, configured and started."""
    made: list[EthPort] = []

    def make_port(devargs: str = "iface=t0", *, pool: Mempool = pool, start: bool = True, **conf: Any) -> EthPort:
        port = probe(f"net_tap{len(made)},{devargs}")
        made.append(port)
        port.port_id = 4
        port.configure(PortConf(**conf), pool)
        if start:
            port.start()
        return port

    yield make_port  # type: ignore[misc]  # probe() knows no more of a port than that it is one
    for port in made:
        port.close()


@pytest.mark.parametrize("length", [14, 60, 1514])
def test_what_the_kernel_sends_is_received_as_it_is(make: Make, length: int) -> None:
    port = make()
    with station("t0") as kernel:
        kernel.send(*frames(40, length))
        assert received(port, 40) == frames(40, length)
    assert (port.stats().ipackets, port.stats().ibytes) == (40, 40 * length)


@pytest.mark.parametrize("split", [(), (20,), (1, 2, 30)])
def test_what_is_sent_the_kernel_receives(make: Make, pool: Mempool, split: tuple[int, ...]) -> None:
    port = make()
    with station("t0") as kernel:
        assert send(port, *(packet(pool, one, split=split) for one in frames(8, 100))) == 8
        assert kernel.receive(8) == frames(8, 100)
    assert (port.stats().opackets, port.stats().obytes) == (8, 800)


def test_a_packet_that_others_hold_too_is_sent_and_left_as_it_was(make: Make, pool: Mempool) -> None:
    port = make()
    shared = packet(pool, frame(100))
    shared.refcnt = 2
    before = bytes(shared.buf_addr[0 : shared.data_off])
    with station("t0") as kernel:
        assert send(port, shared) == 1
        assert kernel.receive() == [frame(100)]
    assert shared.refcnt == 1
    assert bytes(shared.buf_addr[0 : shared.data_off]) == before
    free(shared)


def test_a_packet_without_headroom_is_sent(make: Make, pool: Mempool) -> None:
    port = make()
    with station("t0") as kernel:
        assert send(port, packet(pool, frame(100), headroom=4)) == 1
        assert kernel.receive() == [frame(100)]


def test_long_frames_take_several_mbufs(make: Make, make_pool: MakePool) -> None:
    small = make_pool(64, data_room=640)
    port = make(pool=small, mtu=4000)
    with station("t0") as kernel:
        kernel.send(frame(4014), frame(60))
        mbufs = received_mbufs(port, 2)
        assert [(content(m), m.nb_segs, m.port) for m in mbufs] == [(frame(4014), 8, 4), (frame(60), 1, 4)]
        assert send(port, *mbufs) == 2
        assert kernel.receive(2) == [frame(4014), frame(60)]


def test_a_frame_longer_than_the_mbufs_for_it_is_counted_and_dropped(make: Make) -> None:
    port = make()
    NetDev.named("t0").set_mtu(4000)
    queue = port.rx_queues[0].handle
    assert eventually(lambda: queue.nb_segs == 2)
    queue.nb_segs = 1  # as it was an instant before, when such a frame might have come
    with station("t0") as kernel:
        kernel.send(frame(3000), frame(60))
        assert received(port, 1) == [frame(60)]
    assert port.stats().ierrors == 1


def test_a_frame_over_the_mtu_is_not_sent_and_those_behind_it_are(make: Make, pool: Mempool) -> None:
    port = make()
    with station("t0") as kernel:
        long = packet(pool, frame(1900))
        assert send(port, long, packet(pool, frame(60)), packet(pool, frame(10)), packet(pool, frame(61))) == 4
        assert kernel.receive(2) == [frame(60), frame(61)]
    assert (port.stats().opackets, port.stats().oerrors) == (2, 2)


def test_an_empty_pool_loses_nothing(make: Make, make_pool: MakePool) -> None:
    small = make_pool(4)
    port = make(pool=small)
    rx = port.rx_queues[0]
    with station("t0") as kernel:
        kernel.send(*frames(8))
        held = received_mbufs(port, 4)
        assert receive(rx.burst, rx.handle) == []
        assert port.stats().rx_nombuf > 0
        free(*held)
        assert received(port, 4) == frames(4, first=4)


def test_every_queue_pair_is_a_queue_of_the_interface(make: Make, pool: Mempool) -> None:
    port = make(nb_rxq=16, nb_txq=16)
    with station("t0") as kernel:
        for queue in range(16):
            assert send(port, packet(pool, frame(60, queue)), queue=queue) == 1
        assert sorted(kernel.receive(16)) == sorted(frames(16))
        kernel.send(*frames(64))
        mbufs = received_mbufs(port, 64, *range(16))
        assert sorted(map(content, mbufs)) == sorted(frames(64))
        free(*mbufs)
    with pytest.raises(ConfigError, match="nb_rx_queues=17 > 16"):
        make("iface=t1", nb_rxq=17, nb_txq=17)


def test_fewer_queues_are_configured_anew(make: Make, pool: Mempool) -> None:
    port = make(nb_rxq=4, nb_txq=4)
    port.stop()
    port.configure(PortConf(nb_rxq=1, nb_txq=1), pool)
    port.start()
    with station("t0") as kernel:
        kernel.send(*frames(32))
        assert received(port, 32) == frames(32)


def test_queues_go_in_pairs(make: Make) -> None:
    with pytest.raises(ConfigError, match="number of rx queues 2 must be equal to number of tx queues 1"):
        make(nb_rxq=2, nb_txq=1)


def test_the_interface_has_the_ports_address_and_mtu(make: Make) -> None:
    port = make("iface=t0,mac=02:00:00:00:00:77", mtu=1400)
    netdev = NetDev.named("t0")
    state = netdev.state()
    assert state is not None
    assert (state.mac, state.mtu, port.mac) == (bytes.fromhex("020000000077"), 1400, state.mac)
    port.set_mac(bytes.fromhex("020000000078"))
    port.set_mtu(9000)
    port.set_promiscuous(True)
    port.set_all_multicast(True)
    state = netdev.state()
    assert state is not None
    assert (state.mac, state.mtu) == (bytes.fromhex("020000000078"), 9000)
    assert Flag.PROMISC | Flag.ALLMULTI in state.flags
    with pytest.raises(ConfigError, match="MTU"):
        port.set_mtu(65522)
    netdev.close()


def test_a_fixed_address_spells_the_drivers_name(make: Make) -> None:
    assert make("iface=t0,mac=fixed").mac[:5] == b"\x02dtap"


def test_without_a_name_the_kernel_counts_up(make: Make) -> None:
    first, second = make("mac=fixed"), make("mac=fixed")
    assert (first.interface, second.interface) == ("dtap0", "dtap1")
    assert first.mac != second.mac


def test_the_link_follows_the_interface_both_ways(make: Make) -> None:
    port = make()
    told: list[bool] = []
    port.on_link_change = lambda port: told.append(port.link().up)
    assert port.link().up
    port.set_link(False)
    assert not port.link().up
    assert eventually(lambda: told == [False])
    netdev = NetDev.named("t0")
    netdev.set_flags(Flag.UP, True)
    assert eventually(lambda: told == [False, True])
    port.stop()
    state = netdev.state()
    assert state is not None
    assert not state.is_up
    netdev.close()


def test_a_receive_interrupt_is_the_queues_fd(make: Make) -> None:
    port = make()
    interrupt = port.rx_interrupt(0)
    with select.epoll() as epoll, station("t0") as kernel:
        epoll.register(interrupt.fd, select.EPOLLIN | select.EPOLLET)
        assert not interrupt.enable(interrupt.handle)
        epoll.poll(0)
        kernel.send(frame())
        assert epoll.poll(10)
        assert interrupt.enable(interrupt.handle)
        interrupt.disable(interrupt.handle)
        received(port, 1)
        assert not interrupt.enable(interrupt.handle)


def test_a_tag_is_taken_out_and_put_in(make: Make, pool: Mempool) -> None:
    port = make(rx_offloads=RxOffload.VLAN_STRIP)
    tagged = frame(60)[:12] + bytes.fromhex("81000007") + frame(60)[12:]
    with station("t0") as kernel:
        kernel.send(tagged)
        assert received(port, 1) == [frame(60)]


def test_an_interface_that_is_deleted_is_one_line_and_a_link_that_is_down(
    make: Make, pool: Mempool, logged: Logged
) -> None:
    port, other = make("iface=t0"), make("iface=t1")
    told: list[bool] = []
    port.on_link_change = lambda port: told.append(port.link().up)
    os.close(port._fds[0])
    port._fds.clear()
    assert eventually(lambda: told == [False])
    assert logged.lines.count("EAL: net_tap0: the interface t0 is gone; port 4 has no link") == 1
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert send(port, packet(pool, frame())) == 0
    port.stop()
    with pytest.raises(DeviceError, match=r"^the interface t0 is gone: close the port, and attach it anew$"):
        port.start()
    with pytest.raises(OperationError):
        port.set_mtu(1400)
    with station("t1") as kernel:
        kernel.send(frame())
        assert received(other, 1) == [frame()]


def test_the_interface_ends_with_the_port_unless_it_is_persistent(make: Make) -> None:
    make("iface=t0").close()
    make("iface=t1,persist").close()
    assert [name for name in interfaces() if name != "lo"] == ["t1"]


@pytest.mark.parametrize(
    ("devargs", "line"),
    [
        ("iface=abcdefghijklmnop", "expected an interface's name of 1 to 15 characters, without / and :"),
        ("iface=a/b", "expected an interface's name of 1 to 15 characters"),
        ("iface=lo", "lo: an interface of this name is there already, and is no tap of several queues"),
        ("iface=t9,mac=xx", "expected an Ethernet address"),
        ("iface=t9,mac=01:00:00:00:00:01", "Cannot assign requested address"),
        ("remte=x", "unknown argument 'remte'; known: iface"),
    ],
)
def test_what_cannot_be_is_one_line(devargs: str, line: str, logged: Logged) -> None:
    with pytest.raises(ProbeError) as caught:
        probe(f"net_tap0,{devargs}")
    assert line in caught.value.why
    assert len(logged.lines) == 1


def test_a_name_that_is_in_use_is_one_line(make: Make) -> None:
    fd = os.open(device.TUN_PATH, os.O_RDWR)
    try:
        import fcntl

        fcntl.ioctl(fd, device.TUNSETIFF, device._IFREQ.pack(b"t5", device.IFF_TAP))
        with pytest.raises(ProbeError) as caught:
            probe("net_tap0,iface=t5")
        assert re.match("t5: ", caught.value.why)
    finally:
        os.close(fd)


def test_no_way_to_a_tap_says_what_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TUN_PATH", "/dev/net/no-tun")
    with pytest.raises(ProbeError) as caught:
        probe("net_tap0")
    assert caught.value.why == (
        "/dev/net/no-tun: No such file or directory (modprobe tun makes it; it takes CAP_NET_ADMIN)"
    )


def test_an_mtu_that_the_interfaces_user_sets_is_followed(make: Make, pool: Mempool) -> None:
    port = make()
    netdev = NetDev.named("t0")
    netdev.set_mtu(4000)
    netdev.set_mac(bytes.fromhex("020000000099"))
    assert eventually(lambda: (port.mtu, port.mac) == (4000, bytes.fromhex("020000000099")))
    with station("t0") as kernel:
        kernel.send(frame(4014))
        (mbuf,) = received_mbufs(port, 1)
        assert content(mbuf) == frame(4014)
        assert send(port, mbuf) == 1
        assert kernel.receive() == [frame(4014)]
    netdev.close()


def test_an_interface_that_is_given_away_is_anothers_until_it_is_taken_back(make: Make, pool: Mempool) -> None:
    port = make()
    for _ in range(2):
        fd = port.give_away()
        with station("t0") as kernel:
            kernel.send(frame(60, 1))
            assert select.select([fd], [], [], 10)[0]
            assert os.read(fd, 2000) == frame(60, 1), "without a net header"
            os.write(fd, frame(60, 2))
            assert kernel.receive() == [frame(60, 2)]
            os.close(fd)
            port.take_back()
            kernel.send(frame(60, 3))
            assert received(port, 1) == [frame(60, 3)]
            assert send(port, packet(pool, frame(60, 4))) == 1
            assert kernel.receive() == [frame(60, 4)]


def test_who_may_not_make_interfaces_is_told_so() -> None:
    code = AS_NOBODY.format(device="net_tap0,iface=t0")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "net_tap0: t0: no permission: to make a tap interface takes CAP_NET_ADMIN\n" in done.stderr


def test_frames_of_another_form_are_not_read_as_ours(make: Make) -> None:
    port = make()
    fd = port.give_away()
    try:
        with pytest.raises(DeviceError, match=r"^t0: another program has the interface, and frames of another form$"):
            port.take_back()
        rx = port.rx_queues[0]
        with station("t0") as kernel:
            kernel.send(*frames(3))
            assert receive(rx.burst, rx.handle) == []
    finally:
        os.close(fd)
    port.take_back()
    with station("t0") as kernel:
        kernel.send(*frames(3))
        assert received(port, 3) == frames(3)
