"""Two real ends in one process: net_vhost and net_virtio_user on one socket, and lcores between them.

Whatever is done to them, no packet is made or lost in between: what one end counts as sent, the other counts as
received once the rings are empty. And when the ports stop, every mbuf is back.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.layouts import PAIRS, every_layout
from fakes.leaks import eventually
from fakes.packets import frame, frames, packet, receive, transmit

from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers import vhost as vhost_driver
from pytestpmd.drivers.virtio import VirtioUserPort
from pytestpmd.drivers.virtio.paths import PACKED_SIMD_WIDTH
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import EthPort, PortConf
from pytestpmd.fwd import ENGINES

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., Appliance]
SHORT_S = 0.01
#: What packed vectors become where the machine's are not wide enough.
PACKED_VEC = "packed_vec" if lib.lcore_simd_width() >= PACKED_SIMD_WIDTH else "packed_inorder"
each_packing = pytest.mark.parametrize("layout", ["", ",packed_vq=1"], ids=["split", "packed"])


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a pair: port 0 is the back-end, port 1 the front-end, both started and linked."""
    made: list[Appliance] = []

    def make_pair(
        virtio: str = "", *, vhost: str = "", queues: int = 1, size: int = 64, options: str = "", **more: Any
    ) -> Appliance:
        sock = tmp_path / f"s{len(made)}"
        ends = (
            f"net_vhost0,iface={sock},queues={queues}{vhost}",
            f"net_virtio_user0,path={sock},queues={queues},queue_size={size}{virtio}",
        )
        if "server=1" in virtio:
            ends = ends[1], ends[0]
        appliance = Appliance(*ends, options=f"--rxq={queues} --txq={queues} {options}", **more)
        made.append(appliance)
        assert appliance.are_joined()
        return appliance

    yield make_pair
    for appliance in made:
        appliance.__exit__(None, None, None)


def drain(port: EthPort) -> int:
    """Take what still waits at a port; how many packets that was."""
    taken = 0
    for queue in port.rx_queues:
        while got := len(receive(queue.burst, queue.handle)):
            taken += got
    return taken


def is_conserved(appliance: Appliance) -> bool:
    """Whether each end has received what the other has sent, once the rings are empty; and lost nothing on the way."""
    ports = list(appliance.app.ports)
    while sum(map(drain, ports)):
        continue
    counts = [port.lifetime_stats() for port in ports]
    assert not any(count.ierrors or count.oerrors or count.rx_nombuf for count in counts)
    return all(counts[i].opackets == counts[1 - i].ipackets for i in (0, 1))


# Forwarding.


@pytest.mark.parametrize(
    ("layout", "rx", "tx"),
    [
        ("split", "virtio_recv_mergeable_pkts_inorder", "virtio_xmit_pkts_inorder"),
        ("split regular", "virtio_recv_pkts_vec_inorder", "virtio_xmit_pkts_inorder"),
        ("not in order", "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
        ("vectors", "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
        ("packed", "virtio_recv_mergeable_pkts_packed_inorder", "virtio_xmit_pkts_packed_inorder"),
        ("packed regular", "virtio_recv_pkts_packed_inorder", "virtio_xmit_pkts_packed_inorder"),
        ("packed not in order", "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
        ("packed vectors", f"virtio_recv_pkts_{PACKED_VEC}", f"virtio_xmit_pkts_{PACKED_VEC}"),
    ],
)
def test_the_layouts_here_take_the_paths_that_they_are_for(make: Make, layout: str, rx: str, tx: str) -> None:
    virtio = make(PAIRS[layout]).app.ports[1]
    assert isinstance(virtio, VirtioUserPort)
    assert (virtio.choice.rx.callback, virtio.choice.tx.callback) == (rx, tx)


@pytest.mark.parametrize("in_order", [0, 1])
@pytest.mark.parametrize("mrg_rxbuf", [0, 1])
@pytest.mark.parametrize(("packed_vq", "size"), [(0, 64), (1, 64), (1, 57)])
def test_packets_go_round_and_none_is_lost(
    make: Make, packed_vq: int, size: int, mrg_rxbuf: int, in_order: int
) -> None:
    pair = make(f",packed_vq={packed_vq},mrg_rxbuf={mrg_rxbuf},in_order={in_order}", size=size)
    agreed = pair.app.ports[1].agreed  # type: ignore[attr-defined]
    assert (agreed.packed, agreed.mergeable, agreed.in_order) == (packed_vq, mrg_rxbuf, in_order)
    pair.app.session.start(tx_first=1)
    assert pair.flows(1000)
    stats = pair.app.session.stop()
    assert stats.total.tx_dropped == 0
    assert is_conserved(pair)


@every_layout
@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_every_engine_keeps_packets_and_mbufs_together(make: Make, layout: str, engine: str) -> None:
    pair = make(layout, options=f"--forward-mode={engine}")
    for tx_first in (0, 1, 3):
        pair.forward(SHORT_S, tx_first)
        assert is_conserved(pair)
    assert engine == "rxonly" or sum(pair.packets(0)) > 0


#: An mbuf sent several times, packets that wait, and taps before the queues.
BURDENS = (
    "--forward-mode=flowgen --flowgen-clones=5 --latencystats=1",
    "--forward-mode=noisy --noisy-tx-sw-buffer-size=100 --noisy-forward-mode=5tswap --latencystats=1",
    "--forward-mode=noisy --noisy-tx-sw-buffer-size=9 --noisy-tx-sw-buffer-flushtime=1 --noisy-lkup-memory=1 "
    "--noisy-lkup-num-reads-writes=2",
)


@every_layout
@pytest.mark.parametrize("options", BURDENS)
def test_engines_with_burdens_keep_packets_and_mbufs_together(make: Make, layout: str, options: str) -> None:
    pair = make(layout, options=options)
    for tx_first in (0, 1, 3):
        pair.forward(SHORT_S, tx_first)
        assert is_conserved(pair)
    assert sum(pair.packets(0)) > 0


@pytest.mark.parametrize("topology", ["paired", "chained", "loop"])
def test_every_topology_keeps_packets_together(make: Make, topology: str) -> None:
    pair = make(options=f"--port-topology={topology}")
    pair.app.session.start(tx_first=2)
    assert pair.flows(100)
    pair.app.session.stop()
    assert is_conserved(pair)


@pytest.mark.parametrize("bursts", [1, 2])
def test_tx_first_puts_so_many_bursts_on_the_way(make: Make, bursts: int) -> None:
    pair = make(options="--forward-mode=rxonly --burst=8")
    pair.app.session.start(tx_first=bursts)
    assert eventually(lambda: [pair.packets(port_id) for port_id in (0, 1)] == [(8 * bursts, 8 * bursts)] * 2)
    pair.app.session.stop()


@pytest.mark.parametrize("queues", [2, 4])
@every_layout
def test_every_queue_carries_packets(make: Make, layout: str, queues: int) -> None:
    pair = make(layout, queues=queues, workers=2)
    pair.app.session.start(tx_first=1)
    assert eventually(
        lambda: all(queue.lifetime().packets > 100 for port in pair.app.ports for queue in port.rx_queues)
    )
    pair.app.session.stop()
    assert is_conserved(pair)


@each_packing
def test_sixteen_pairs_each_carry_their_own_packets(make: Make, layout: str) -> None:
    """One lcore sends so many on each queue as its number says, and each queue of the other end counts them."""
    pair = make(layout, queues=16)
    pool = pair.app.pools[0]
    for sender, receiver in (pair.app.ports, reversed(list(pair.app.ports))):
        for i, tx in enumerate(sender.tx_queues):
            sent = frames(i + 1, 64, first=i)
            assert transmit(tx.burst, tx.handle, [packet(pool, data) for data in sent]) == i + 1
        for i, rx in enumerate(receiver.rx_queues):
            assert receive(rx.burst, rx.handle) == frames(i + 1, 64, first=i)
        assert [queue.lifetime().packets for queue in receiver.rx_queues] == list(range(1, 17))
    virtio = pair.app.ports[1]
    assert isinstance(virtio, VirtioUserPort)
    assert virtio._control
    assert "MQ_VQ_PAIRS_SET 1000: ok" in virtio._control.report().commands


@each_packing
def test_queues_and_wishes_are_told_to_the_back_end_that_comes_after(make: Make, layout: str, eager: None) -> None:
    """A listening front-end with three pairs: each back-end finds them enabled, and the modes as they were set."""
    pair = make(f"{layout},cq=1,server=1", vhost=",client=1", queues=3, workers=2)
    front = pair.app.ports[0]
    assert isinstance(front, VirtioUserPort)
    assert "Error" not in pair.run("set allmulti 0 on")
    pair.app.session.start(tx_first=1)
    assert eventually(lambda: all(q.lifetime().packets > 100 for port in pair.app.ports for q in port.rx_queues))
    pair.app.session.stop()
    pair.run("port stop 1", "port close 1")
    assert eventually(lambda: not front.link().up)
    back = pair.app.attach(f"net_vhost1,iface={front.transport.path},client=1,queues=3")
    pair.run("port start all")
    assert eventually(lambda: front.link().up and [ring.state for ring in back.device_report().rings] == ["live"] * 6)
    assert front._control
    assert front._control.report().commands[-3:] == (
        "MQ_VQ_PAIRS_SET 0300: ok",
        "RX_PROMISC 01: ok",
        "RX_ALLMULTI 01: ok",
    )
    control = front.transport.control
    assert (control.promiscuous, control.all_multicast) == (True, True)


@each_packing
def test_sixteen_pairs_are_dealt_to_lcores_and_every_one_forwards(make: Make, layout: str) -> None:
    pair = make(layout, queues=16, workers=3)
    pair.app.session.start(tx_first=1)
    assert eventually(lambda: all(q.lifetime().packets > 100 for port in pair.app.ports for q in port.rx_queues))
    pair.app.session.stop()
    assert is_conserved(pair)


def test_the_payload_comes_out_as_it_went_in(make: Make) -> None:
    pair = make()
    vhost, virtio = pair.app.ports
    pool = pair.app.pools[0]
    for sender, receiver in ((vhost, virtio), (virtio, vhost)):
        tx, rx = sender.tx_queues[0], receiver.rx_queues[0]
        for length in (14, 60, 64, 65, 1514, 2000):
            sent = frames(8, length, first=length)
            assert transmit(tx.burst, tx.handle, [packet(pool, data) for data in sent]) == 8
            assert receive(rx.burst, rx.handle) == sent


@every_layout
def test_packets_of_many_segments_come_out_whole(make: Make, layout: str) -> None:
    pair = make(layout)
    vhost, virtio = pair.app.ports
    pool = pair.app.pools[0]
    for sender, receiver in ((vhost, virtio), (virtio, vhost)):
        tx, rx = sender.tx_queues[0], receiver.rx_queues[0]
        for split in ((1,), (14, 20), (100, 1, 1, 1, 300), (1,) * 20):
            assert transmit(tx.burst, tx.handle, [packet(pool, frame(1500), split=split)]) == 1
            assert receive(rx.burst, rx.handle) == [frame(1500)]


@each_packing
def test_jumbo_frames_take_several_mbufs_and_come_out_whole(make: Make, layout: str) -> None:
    pair = make(layout)
    vhost, virtio = pair.app.ports
    pool = pair.app.pools[0]
    pair.run("port stop all")
    vhost.configure(PortConf(mtu=9000, tx_offloads=TxOffload.MULTI_SEGS), pool)
    virtio.configure(PortConf(mtu=9000, tx_offloads=TxOffload.MULTI_SEGS, rx_offloads=RxOffload.SCATTER), pool)
    vhost.start()
    virtio.start()
    assert pair.are_up()
    for sender, receiver in ((vhost, virtio), (virtio, vhost)):
        tx, rx = sender.tx_queues[0], receiver.rx_queues[0]
        for length in (2049, 4096, 9014):
            split = [2000] * (length // 2001)
            assert transmit(tx.burst, tx.handle, [packet(pool, frame(length), split=split) for _ in range(4)]) == 4
            assert receive(rx.burst, rx.handle) == [frame(length)] * 4
    drained = [drain(port) for port in pair.app.ports]
    assert drained == [0, 0]
    assert is_conserved(pair)


def test_frames_of_many_segments_are_made_and_received(make: Make) -> None:
    pair = make(options="--forward-mode=txonly --tx-offloads=0x8000 --txpkts=64,1000,1,500")
    pair.forward(SHORT_S)
    pair.run("set fwd rxonly")
    assert is_conserved(pair)
    sent = pair.app.ports[0].lifetime_stats()
    assert sent.obytes == sent.opackets * 1565 > 0


def test_transmit_retries_lose_fewer_packets_than_none(make: Make) -> None:
    """With more mbufs under way than the rings hold, somebody has to wait."""
    pair = make(options="--forward-mode=txonly")
    dropped = pair.forward(SHORT_S).total.tx_dropped
    assert dropped > 0
    pair.run("set burst tx delay 1000 retry 100000", "set fwd io retry")
    drain(pair.app.ports[0])
    drain(pair.app.ports[1])
    stats = pair.forward(SHORT_S, tx_first=1)
    assert stats.total.tx_dropped == 0
    assert is_conserved(pair)


@pytest.mark.parametrize("burst", [1, 7, 64, 512])
def test_every_burst_size_goes_round(make: Make, burst: int) -> None:
    pair = make(options=f"--burst={burst}")
    pair.app.session.start(tx_first=1)
    assert pair.flows(200)
    pair.app.session.stop()
    assert is_conserved(pair)


# Ports that stop, start, close and come back.


@every_layout
def test_forwarding_starts_and_stops_many_times(make: Make, layout: str) -> None:
    pair = make(layout)
    for _ in range(10):
        pair.app.session.start(tx_first=1)
        assert pair.flows(50)
        pair.app.session.stop()
    assert is_conserved(pair)


@every_layout
@pytest.mark.parametrize("order", ["01", "10"])
def test_ports_stop_and_start_in_any_order_and_packets_go_round_again(make: Make, layout: str, order: str) -> None:
    pair = make(layout)
    for turn in range(3):
        pair.forward(SHORT_S)
        for port_id in order:
            pair.run(f"port stop {port_id}")
        assert pair.app.pools[0].in_use() == 0
        for port_id in order if turn % 2 else reversed(order):
            pair.run(f"port start {port_id}")
        assert pair.are_up()
        pair.app.session.start(tx_first=1)
        assert pair.flows()
        pair.app.session.stop()


@every_layout
@pytest.mark.parametrize("port_id", [0, 1])
def test_one_end_stops_and_starts_while_the_other_stays(make: Make, layout: str, port_id: int) -> None:
    pair = make(layout)
    for _ in range(3):
        pair.forward(SHORT_S)
        pair.run(f"port stop {port_id}")
        assert not pair.app.ports[port_id].link().up
        pair.run(f"port start {port_id}")
        assert pair.are_up()
        pair.app.session.start(tx_first=1)
        assert pair.flows()
        pair.app.session.stop()


def test_queue_counts_change_between_two_starts(make: Make) -> None:
    pair = make(queues=4)
    for queues in (1, 3, 2, 4):
        pair.run("port stop all", f"port config all rxq {queues}", f"port config all txq {queues}", "port start all")
        assert pair.are_joined()
        assert [len(port.rx_queues) for port in pair.app.ports] == [queues] * 2
        pair.app.session.start(tx_first=1)
        assert eventually(
            lambda: all(queue.lifetime().packets > 50 for port in pair.app.ports for queue in port.rx_queues)
        )
        pair.app.session.stop()
        assert is_conserved(pair)


@every_layout
def test_the_front_end_closes_and_another_one_comes(make: Make, layout: str) -> None:
    pair = make(layout)
    for _ in range(3):
        pair.forward(SHORT_S)
        device = f"{pair.app.ports[1].name},{pair.app.ports[1].devargs}"
        pair.run("port stop 1", "port close 1")
        assert eventually(lambda: not pair.app.ports[0].link().up)
        pair.app.attach(device)
        pair.run("port start 1", "set portlist 0,1")
        assert pair.are_up()
        pair.app.session.start(tx_first=1)
        assert pair.flows()
        pair.app.session.stop()


def test_the_back_end_closes_and_another_one_comes_to_a_front_end_that_listens(make: Make, eager: None) -> None:
    pair = make(",server=1", vhost=",client=1")
    for _ in range(2):
        pair.forward(SHORT_S)
        device = f"{pair.app.ports[1].name},{pair.app.ports[1].devargs}"
        assert pair.app.ports[1].driver_name == "net_vhost"
        pair.run("port stop 1", "port close 1")
        assert eventually(lambda: not pair.app.ports[0].link().up)
        pair.app.attach(device)
        pair.run("port start 1", "set portlist 0,1")
        assert pair.are_up()
        pair.app.session.start(tx_first=1)
        assert pair.flows()
        pair.app.session.stop()


# The other end goes while lcores forward.


@every_layout
def test_the_back_end_is_closed_under_a_front_end_that_forwards(tmp_path: Path, eager: None, layout: str) -> None:
    """The front-end listens; one lcore polls it and net_null while back-ends come and go."""
    sock = tmp_path / "s"
    with Appliance(f"net_virtio_user0,path={sock},server=1,queue_size=64{layout}", "net_null0") as front:
        front.app.session.start()
        for turn in range(4):
            with Appliance(
                f"net_vhost{turn},iface={sock},client=1", options="--port-topology=loop --disable-device-start"
            ) as back:
                back.run("port start 0")
                assert front.are_up()
                back_port = back.app.ports[0]
                queue = back_port.rx_queues[0]
                assert eventually(lambda queue=queue: receive(queue.burst, queue.handle))
            assert eventually(lambda: not front.app.ports[0].link().up)
        front.app.session.stop()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A back-end that is a client tries again sooner."""
    monkeypatch.setattr(vhost_driver, "RECONNECT_S", 0.01)
    monkeypatch.setattr("pytestpmd.eal.control.TICK_S", 0.01)


@each_packing
def test_sudden_ends_of_the_conversation_on_either_side(make: Make, eager: None, layout: str) -> None:
    """Both ends poll, and the socket between them breaks again and again."""
    pair = make(f",server=1{layout}", vhost=",client=1")
    virtio = pair.app.ports[0]
    assert isinstance(virtio, VirtioUserPort)
    pair.app.session.start(tx_first=1)
    for turn in range(12):
        if turn % 2:
            virtio.transport.drop("the test says so")
            virtio._device_changed()
        else:
            vhost = pair.app.ports[1]
            with vhost._lock:  # type: ignore[attr-defined]
                vhost._drop("the test says so")  # type: ignore[attr-defined]
        assert pair.are_up()
        time.sleep(SHORT_S)
    pair.app.session.stop()


@pytest.mark.parametrize("index", [0, 1], ids=["the back-end transmits", "the back-end receives"])
def test_a_ring_that_breaks_is_reset_and_packets_go_round_again(
    make: Make, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    """The back-end finds it, sets NEEDS_RESET and says so; the front-end resets the device. Nobody at the console."""
    monkeypatch.setattr("pytestpmd.drivers.virtio.status.RESET_INTERVAL_S", 0)
    pair = make(",in_order=0")
    vhost, virtio = pair.app.ports
    assert isinstance(virtio, VirtioUserPort)
    changes: list[bool] = []
    virtio.on_link_change = lambda changed: changes.append(changed.link().up)
    pair.app.session.start(tx_first=1)
    for _ in range(3):
        avail = virtio._virtqueues[index].ptr.avail
        changes.clear()
        # the lcore writes it as well, and may be in between
        assert eventually(lambda avail=avail: setattr(avail, "idx", avail.idx + 1000 & 0xFFFF) or broken(vhost))
        assert eventually(lambda: changes[:2] == [False, True] and virtio.link().up and not broken(vhost))
        pair.app.session.stop()
        pair.app.session.start(tx_first=1)
        assert pair.flows()
    pair.app.session.stop()


def broken(port: EthPort) -> bool:
    return any(queue.handle.fault for queue in (*port.rx_queues, *port.tx_queues))


# Few mbufs.


def test_a_pool_that_is_too_small_for_the_rings_still_moves_packets(make: Make) -> None:
    pair = make(options="--mbcache=0")
    pool = pair.app.pools[0]
    held = ffi.new("struct mbuf *[]", pool.size)
    count = pool.count_free() - 40
    assert lib.mempool_get_bulk(pool.ptr, held, count) == count
    pair.app.session.start(tx_first=2)
    assert pair.flows(500)
    pair.app.session.stop()
    lib.mbuf_free_bulk(held, count)
    assert not any(port.lifetime_stats().ierrors for port in pair.app.ports)


# What cannot be.


def test_promiscuity_is_refused_where_there_is_no_control_queue(make: Make) -> None:
    pair = make()
    assert "Operation not supported" in "\n".join(pair.said)
    assert "Operation not supported" in pair.run("set promisc 1 on")


def test_the_console_is_answered_while_both_ends_forward_flat_out(make: Make) -> None:
    pair = make(queues=2, workers=2)
    pair.app.session.start(tx_first=1)
    took = []
    for _ in range(20):
        began = time.monotonic()
        assert "NIC statistics for port 1" in pair.run("show port stats all")
        took.append(time.monotonic() - began)
    pair.app.session.stop()
    assert sorted(took)[10] < 0.05


def test_many_hands_on_the_console_s_readers(make: Make) -> None:
    """Statistics may be read by any thread, at any time."""
    pair = make()
    pair.app.session.start(tx_first=1)
    failures: list[BaseException] = []
    ending = threading.Event()

    def read() -> None:
        try:
            while not ending.is_set():
                for port in pair.app.ports:
                    port.stats(), port.xstats(), port.link(), port.info(), port.private_info()
                pair.app.session.stats()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    time.sleep(0.1)
    ending.set()
    for reader in readers:
        reader.join()
    pair.app.session.stop()
    assert failures == []
