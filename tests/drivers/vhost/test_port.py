"""The port: who may connect, who is sent away, and lcores that forward while front-ends come, go and misbehave."""

import functools
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from struct import pack

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually, open_fds
from fakes.log import Logged
from fakes.packets import frame, frames, packet, receive, transmit
from fakes.vhost_frontend import FakeFrontend, Gone, R, exchange, message

from pytestpmd.drivers import vhost
from pytestpmd.drivers.vhost import VhostPort, device
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import PortState
from pytestpmd.vhost_user.channel import BackendChannel

Make = Callable[..., VhostPort]
TESTS = Path(__file__).parents[2]


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture
def front(port: VhostPort, sock: Path) -> Iterator[FakeFrontend]:
    """A front-end whose rings are served."""
    with FakeFrontend(sock) as fake:
        fake.start_as_dpdk()
        yield fake


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a message may take only as long as a test may."""
    monkeypatch.setattr(device, "BackendChannel", functools.partial(BackendChannel, timeout=0.05))


# Who may connect.


def test_one_front_end_after_the_other_is_served(port: VhostPort, sock: Path, pool: Mempool) -> None:
    changes: list[bool] = []
    port.on_link_change = lambda changed: changes.append(changed.link().up)
    for turn in range(1, 4):
        with FakeFrontend(sock) as front:
            front.start_as_dpdk()
            exchange(port, front, pool)
        assert eventually(lambda turn=turn: changes == [True, False] * turn, 2), changes
    assert port.stats().ipackets == port.stats().opackets == 12


def test_a_second_front_end_is_turned_away_with_a_line_and_the_first_is_not_disturbed(
    port: VhostPort, front: FakeFrontend, sock: Path, pool: Mempool, logged: Logged
) -> None:
    with FakeFrontend(sock) as second:
        assert second.is_hung_up()
    assert f"VHOST_CONFIG: ({sock}) a second front-end is turned away" in logged
    exchange(port, front, pool)


def test_a_front_end_whose_predecessor_has_left_unnoticed_is_taken(port: VhostPort, sock: Path, pool: Mempool) -> None:
    is_told, may_go_on = threading.Event(), threading.Event()
    port.on_link_change = lambda _: (is_told.set(), may_go_on.wait(5))  # type: ignore[assignment,return-value]
    with FakeFrontend(sock) as first:
        first.sync = lambda: None  # type: ignore[method-assign]
        first.start_as_dpdk()
        assert is_told.wait(5)
        with FakeFrontend(sock) as second:
            first.socket.close()
            may_go_on.set()  # the control thread learns of both at once now, and of the newcomer first
            second.start_as_dpdk()
            exchange(port, second, pool)


def test_a_crowd_at_the_door_does_not_disturb(port: VhostPort, front: FakeFrontend, sock: Path, pool: Mempool) -> None:
    before = len(open_fds())
    for _ in range(30):
        with socket.socket(socket.AF_UNIX) as caller:
            assert eventually(lambda caller=caller: caller.connect_ex(str(sock)) == 0)
    front.sync()
    exchange(port, front, pool)
    assert eventually(lambda: len(open_fds()) == before)


def test_a_process_that_may_open_no_more_waits_without_spinning(
    port: VhostPort, sock: Path, pool: Mempool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert port._listener
    accept, calls = port._listener.accept, list[int]()
    monkeypatch.setattr(port._listener, "accept", lambda: (calls.append(1), accept())[1])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_UNIX) as caller:
        os.close(first_free := os.dup(caller.fileno()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
        try:
            caller.connect(str(sock))
            time.sleep(0.15)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 0 < len(calls) < 50
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        exchange(port, front, pool)


def test_a_socket_file_that_nobody_listens_at_is_replaced_and_goes_with_the_port(make_port: Make, sock: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(sock))
    port = make_port()
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        assert port.link().up
    port.close()
    assert not sock.exists()


def test_closing_hangs_up(port: VhostPort, front: FakeFrontend) -> None:
    port.close()
    assert front.is_hung_up()
    port.close()
    assert port.state is PortState.CLOSED


# As the client.


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that tries again sooner."""
    monkeypatch.setattr(vhost, "RECONNECT_S", 0.01)
    monkeypatch.setattr("pytestpmd.eal.control.TICK_S", 0.01)


def test_a_client_waits_for_a_front_end_and_for_the_next(
    make_port: Make, sock: Path, pool: Mempool, eager: None
) -> None:
    port = make_port(",client=1")
    assert not port.link().up
    for _ in range(3):
        with FakeFrontend(sock, listens=True) as front:
            front.start_as_qemu()
            exchange(port, front, pool)
        assert eventually(lambda: not port.link().up)


def test_a_client_is_not_disturbed_by_what_is_no_front_end(
    make_port: Make, sock: Path, pool: Mempool, eager: None
) -> None:
    sock.write_text("a file")
    port = make_port(",client=1")
    time.sleep(0.05)
    sock.unlink()
    with FakeFrontend(sock, listens=True) as front:
        front.send_raw(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        assert front.is_hung_up()
    with FakeFrontend(sock, listens=True) as front:
        front.start_as_qemu()
        exchange(port, front, pool)


def test_a_client_that_is_closed_while_it_waits_is_gone(make_port: Make, eager: None) -> None:
    port = make_port(",client=1")
    time.sleep(0.03)
    port.close()


# Nonsense.

GARBAGE = {
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "text": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an answer": message(R.GET_FEATURES, bytes(8), flags=5),
    "version 0": message(R.GET_FEATURES, flags=0),
    "version 2": message(R.GET_FEATURES, flags=2),
    "4 GB": pack("=III", R.SET_MEM_TABLE, 1, 0xFFFFFFFF),
    "a size that the request cannot have": pack("=III", R.SET_FEATURES, 1, 4) + bytes(4),
    "4 billion regions": message(R.SET_MEM_TABLE, pack("=II", 0xFFFFFFFF, 0) + bytes(32)),
    "no regions": message(R.SET_MEM_TABLE, pack("=II", 0, 0)),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_costs_the_connection_with_a_line_and_nothing_else(
    port: VhostPort, sock: Path, pool: Mempool, garbage: bytes, logged: Logged
) -> None:
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        logged.clear()
        front.send_raw(garbage)
        assert front.is_hung_up()
    assert eventually(lambda: not port.link().up)
    assert f"VHOST_CONFIG: ({sock}) " in logged
    assert len([line for line in logged.lines if line.startswith(f"VHOST_CONFIG: ({sock}) ")]) == 1
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        exchange(port, front, pool)


@pytest.mark.parametrize("length", [1, 11, 12, 19])
def test_half_a_message_and_then_silence_costs_the_connection(
    make_port: Make, sock: Path, impatient: None, length: int, logged: Logged
) -> None:
    make_port()
    with FakeFrontend(sock) as front:
        front.sync()
        front.send_raw(message(R.SET_FEATURES, bytes(8))[:length], [front.rings[0].call])
        assert front.is_hung_up()
    assert "The front-end did not finish its message within 0.05 s" in logged


def test_a_message_in_single_bytes_is_a_message(port: VhostPort, front: FakeFrontend, pool: Mempool) -> None:
    for byte in message(R.SET_FEATURES, pack("=Q", front.features)):
        front.send_raw(bytes([byte]))
    exchange(port, front, pool)


def test_a_front_end_that_says_nothing_is_left_in_peace(make_port: Make, sock: Path, impatient: None) -> None:
    port = make_port()
    with FakeFrontend(sock) as front:
        time.sleep(0.2)
        front.start_as_dpdk()
        assert port.link().up


def test_a_hang_up_in_the_middle_of_a_message_gives_its_fds_back(port: VhostPort, sock: Path) -> None:
    before = len(open_fds())
    with FakeFrontend(sock) as front:
        front.sync()
        front.send_raw(message(R.SET_MEM_TABLE, front.mem_table())[:20], [front.file] * 8)
    assert eventually(lambda: len(open_fds()) == before)


def test_a_front_end_that_never_pauses_does_not_hold_up_the_port(port: VhostPort, sock: Path) -> None:
    stop = threading.Event()

    def flood(front: FakeFrontend) -> None:
        data = message(R.SET_OWNER) * 500
        while not stop.is_set():
            try:
                front.send_raw(data)
            except Gone:
                return

    with FakeFrontend(sock) as front:
        thread = threading.Thread(target=flood, args=[front])
        thread.start()
        try:
            time.sleep(0.05)
            began = time.monotonic()
            port.stop()
            port.start()
            port.close()
            assert time.monotonic() - began < 5
        finally:
            stop.set()
            thread.join()


def test_a_front_end_that_does_not_read_its_answers_is_dropped(
    make_port: Make, sock: Path, impatient: None, logged: Logged
) -> None:
    make_port()
    with FakeFrontend(sock) as front:
        front.socket.settimeout(5)
        with suppress(Gone):
            for _ in range(5000):
                front.send_raw(message(R.GET_FEATURES) * 20)
        assert front.is_hung_up()
    assert "The peer did not read for 0.05 s" in logged


# The port's own life.


def test_a_port_that_stops_lets_go_of_the_rings_and_takes_them_up_where_they_stand(
    port: VhostPort, front: FakeFrontend, pool: Mempool
) -> None:
    changes: list[bool] = []
    for _ in range(5):
        exchange(port, front, pool)
        front.transmit(*frames(3))
        port.stop()
        assert not port.link().up
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
        port.on_link_change = lambda changed: changes.append(changed.link().up)
        port.start()
        assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == frames(3)
        front.rings[1].driver.reap()
    assert changes == [True] * 5


def test_a_port_can_be_configured_anew_while_a_front_end_is_there(
    make_port: Make, sock: Path, pool: Mempool, make_pool: Callable[..., Mempool]
) -> None:
    port = make_port(",queues=4", nb_rxq=1, nb_txq=1)
    with FakeFrontend(sock, nb_pairs=4) as front:
        front.start_as_dpdk()
        for pairs in (4, 2, 1, 3):
            port.stop()
            other = make_pool(256)
            port.configure(vhost.PortConf(nb_rxq=pairs, nb_txq=pairs), other)
            port.start()
            for pair in range(pairs):
                exchange(port, front, other, pair)
            assert other.in_use() == 0


@pytest.mark.parametrize("data_room", [64, 128])
def test_buffers_without_room_are_refused(make_port: Make, make_pool: Callable[..., Mempool], data_room: int) -> None:
    with pytest.raises(ConfigError, match=rf"mbuf_data_room_size {data_room} < 129 \(128 \+ 1\)"):
        make_port(pool=make_pool(64, data_room))


def test_a_pool_that_is_empty_costs_packets_and_no_more(
    make_port: Make, sock: Path, make_pool: Callable[..., Mempool]
) -> None:
    small = make_pool(8)
    port = make_port(pool=small)
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        front.transmit(*frames(20))
        taken = [data for _ in range(20) for data in receive(port.rx_queues[0].burst, port.rx_queues[0].handle)]
        assert taken == frames(20)
        exchange(port, front, small)
    assert port.stats().rx_nombuf > 0


def test_what_the_port_says_of_itself(port: VhostPort, front: FakeFrontend, sock: Path) -> None:
    lines = dict(line.split(": ") for line in port.private_info().splitlines())
    assert lines["iface_name"] == str(sock)
    assert lines["features"] == f"{front.features:#x}"
    assert lines["dev_attached"] == lines["started"] == "1"


# Memory that goes away.


def test_a_file_that_shrinks_costs_the_connection_with_a_line_and_not_the_program(
    port: VhostPort, front: FakeFrontend, sock: Path, pool: Mempool, logged: Logged
) -> None:
    front.transmit(*frames(4))
    front.post_buffers(count=4)
    os.ftruncate(front.file, 0)
    for _ in range(3):
        receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
        transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())])
    assert front.is_hung_up()
    assert f"({sock}) the front-end took its memory away" in logged
    os.ftruncate(front.file, 16 << 20)
    with FakeFrontend(sock) as second:
        second.start_as_dpdk()
        exchange(port, second, pool)


def test_a_file_that_is_already_too_short_when_its_rings_start_is_survived(
    port: VhostPort, sock: Path, pool: Mempool
) -> None:
    with FakeFrontend(sock) as front:
        front.start_as_dpdk()
        front.stop()
        os.ftruncate(front.file, 0)
        for ring in front.rings:
            try:
                front.set_kick(ring)
                front.enable(ring)
            except Gone:
                break
        assert front.is_hung_up()
        os.ftruncate(front.file, 16 << 20)
    with FakeFrontend(sock) as second:
        second.start_as_dpdk()
        exchange(port, second, pool)


# While lcores forward.


@pytest.fixture
def forwarding(no_leaks: None, sock: Path) -> Iterator[Appliance]:
    """Port 0 is net_vhost and swallows what comes, port 1 makes packets for it; one lcore polls both."""
    with Appliance(f"net_vhost0,iface={sock},queues=2", "net_null0", options="--rxq=2 --txq=2") as appliance:
        appliance.run("start")
        yield appliance


def serve_a_while(front: FakeFrontend, packets: int = 64) -> None:
    """Offer frames, and buffers for as many as are to come, until all is used."""
    for pair in range(front.nb_pairs):
        front.post_buffers(pair, packets // front.nb_pairs)
        front.transmit(*frames(16), pair=pair)
    assert eventually(lambda: all(ring.driver.used_idx == ring.driver.avail_idx for ring in front.rings))
    for ring in front.rings:
        ring.driver.reap()


def test_front_ends_come_and_go_while_lcores_forward(forwarding: Appliance, sock: Path) -> None:
    before = len(open_fds())
    threads = threading.active_count()
    orders = cycle([FakeFrontend.start_as_dpdk, FakeFrontend.start_as_qemu])
    for turn in range(100):
        with FakeFrontend(sock, nb_pairs=2, size=32, room=1 << 18) as front:
            if turn % 10 == 0:
                next(orders)(front)
                serve_a_while(front, 32)
            else:
                leave_in_the_middle(front, 2 + turn % 37)
    assert eventually(lambda: not forwarding.app.ports[0].link().up)
    assert eventually(lambda: len(open_fds()) == before)
    assert threading.active_count() == threads


def leave_in_the_middle(front: FakeFrontend, messages: int) -> None:
    """Hang up after so many messages of the start."""
    send = front.send

    def count_down(*said: object, **more: object) -> None:
        nonlocal messages
        messages -= 1
        if messages < 0:
            raise Gone
        send(*said, **more)  # type: ignore[arg-type]

    front.send = count_down  # type: ignore[method-assign]
    try:
        front.start_as_dpdk()
    except Gone:
        return


def test_memory_shrinks_while_lcores_forward(forwarding: Appliance, sock: Path) -> None:
    for _ in range(3):
        with FakeFrontend(sock, nb_pairs=2) as front:
            front.start_as_dpdk()
            serve_a_while(front)
            front.post_buffers(0, 32)
            os.ftruncate(front.file, 0)
            assert front.is_hung_up()
            os.ftruncate(front.file, 16 << 20)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        serve_a_while(front)


def test_rings_stop_and_start_and_memory_moves_while_lcores_forward(forwarding: Appliance, sock: Path) -> None:
    with FakeFrontend(sock, nb_pairs=2, size=32, room=8 << 20) as front:
        front.start_as_dpdk()
        for _ in range(10):
            serve_a_while(front, 32)
            front.set_mem_table()
            bases = front.stop()
            for ring, base in zip(front.rings, bases, strict=True):
                front.describe_ring(ring, base)
                front.set_kick(ring)
                front.set_call(ring)
                front.enable(ring)
            front.sync()
        serve_a_while(front, 32)


def test_forwarding_stops_and_starts_while_front_ends_come_and_go(forwarding: Appliance, sock: Path) -> None:
    """Whoever leaves during the last turns of ``stop``, or while ``start`` empties the queues, takes no lcore along."""
    ending = threading.Event()

    def come_and_go() -> None:
        while not ending.is_set():
            with FakeFrontend(sock, nb_pairs=2, size=32, room=1 << 18) as front:
                try:
                    front.start_as_dpdk()
                    front.transmit(*frames(16))
                except (Gone, OSError):
                    continue

    visitors = threading.Thread(target=come_and_go)
    visitors.start()
    try:
        for turn in range(12):
            forwarding.app.session.stop()
            forwarding.app.session.start(tx_first=turn % 3)
    finally:
        ending.set()
        visitors.join()
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        serve_a_while(front)


MURDERED = """
import sys
from fakes.vhost_frontend import FakeFrontend
from fakes.packets import frames
front = FakeFrontend(sys.argv[1], nb_pairs=2, room=8 << 20)
front.start_as_dpdk()
front.post_buffers(0, 32)
front.transmit(*frames(16))
print("ready", flush=True)
while True:
    front.received(0)
    for ring in front.rings:
        ring.driver.reap()
    front._next -= front._next % 4096
    if len(front.rings[1].driver.free) > 32 and front._next < 0x1_0060_0000:
        front.transmit(*frames(16))
"""


def test_a_front_end_is_killed_while_lcores_forward(forwarding: Appliance, sock: Path, pool: Mempool) -> None:
    environment = os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}:{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen(
        [sys.executable, "-c", MURDERED, str(sock)], stdout=subprocess.PIPE, env=environment
    ) as victim:
        assert victim.stdout
        assert victim.stdout.readline() == b"ready\n"
        assert forwarding.app.ports[0].link().up
        received = forwarding.packets(0)[0]
        assert eventually(lambda: forwarding.packets(0)[0] > received)
        victim.send_signal(signal.SIGKILL)
    assert eventually(lambda: not forwarding.app.ports[0].link().up)
    with FakeFrontend(sock, nb_pairs=2) as front:
        front.start_as_dpdk()
        serve_a_while(front)


@pytest.mark.parametrize("key", ["iommu-support", "postcopy-support"])
def test_what_cannot_be_offered_is_refused_in_one_line(sock: Path, key: str) -> None:
    assert VhostPort.Args.parse(f"iface={sock},{key}=0")
    with pytest.raises(ConfigError, match=key) as caught:
        VhostPort.Args.parse(f"iface={sock},{key}=1")
    assert "\n" not in str(caught.value)
