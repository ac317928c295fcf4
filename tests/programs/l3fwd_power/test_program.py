"""The router as a program: between two vhost-user sockets whose front-ends are in this process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from e2e.program import CPUS
from fakes.leaks import eventually
from fakes.packets import MakePool, packet, receive, transmit
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether

from pytestpmd.drivers import probe
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import EthPort, PortConf

PATIENCE_S = 30.0
QUIET = "--log-level=critical"


class FarEnd:
    """The front-end at the other end of one of the router's ports."""

    def __init__(self, socket: Path, pool: Mempool, name: str) -> None:
        self.port: EthPort = probe(f"{name},path={socket}")
        self._pool, self.port.port_id = pool, 0
        self.port.configure(PortConf(), pool)
        self.port.start()

    def is_up(self) -> bool:
        return eventually(lambda: self.port.link().up, PATIENCE_S)

    def send(self, *frames: bytes) -> None:
        queue = self.port.tx_queues[0]
        assert transmit(queue.burst, queue.handle, [packet(self._pool, frame) for frame in frames]) == len(frames)
        transmit(queue.burst, queue.handle, [])

    def receive(self, count: int) -> list[bytes]:
        """So many frames, and no more."""
        queue, found = self.port.rx_queues[0], list[bytes]()

        def are_there() -> bool:
            found.extend(receive(queue.burst, queue.handle))
            return len(found) >= count

        assert eventually(are_there, PATIENCE_S)
        return found


class Router:
    """The program, with two net_vhost ports, and so many far ends."""

    def __init__(self, folder: Path, pool: Mempool, options: str, lcores: str, far_ends: int = 2) -> None:
        sockets = [folder / f"s{number}" for number in range(2)]
        devices = [f"--vdev=net_vhost{number},iface={socket}" for number, socket in enumerate(sockets)]
        command = [sys.executable, "-m", "pytestpmd.programs.l3fwd_power", lcores, "--no-pci", *devices, QUIET, "--"]
        self.process = subprocess.Popen(
            [*command, *options.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.ends: list[FarEnd] = []
        self._pool, self._sockets = pool, sockets[:far_ends]

    def connect(self) -> None:
        """Wait for its sockets, and for the links of the far ends."""
        assert eventually(lambda: all(socket.exists() for socket in self._sockets), PATIENCE_S)
        for number, socket in enumerate(self._sockets):
            self.ends.append(FarEnd(socket, self._pool, f"net_virtio_user{number}"))
        assert all(end.is_up() for end in self.ends)

    def stop(self, how: signal.Signals = signal.SIGINT) -> str:
        """Everything that it printed."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert (self.process.returncode, err) == (0, "")
        assert out.endswith("\nBye...\n")
        return out

    def report(self) -> list[dict[str, Any]]:
        """What it says of its lcores at the end."""
        lines = [line for line in self.stop().splitlines() if line.startswith("{")]
        lcores: list[dict[str, Any]] = json.loads(lines[-1])["lcores"]
        return lcores

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for end in self.ends:
            end.port.close()


MakeRouter = Callable[..., Router]
TWO_LCORES = f"--lcores=0@{CPUS[0]},1@{CPUS[-1]}"


@pytest.fixture
def make_router(tmp_path: Path, make_pool: MakePool) -> Iterator[MakeRouter]:
    with ExitStack() as undo:

        def make(options: str, lcores: str = TWO_LCORES, **settings: Any) -> Router:
            router = Router(tmp_path, make_pool(2048), options, lcores, **settings)
            undo.callback(router.close)
            router.connect()
            return router

        yield make


def udp(dst: str, ttl: int = 64) -> bytes:
    layers = IPv6(dst=dst, src="2001:db8::2", hlim=ttl) if ":" in dst else IP(dst=dst, src="10.0.0.1", ttl=ttl)
    return bytes(Ether(dst="02:00:00:00:00:aa", src="02:00:00:00:00:bb") / layers / UDP(dport=53, sport=9) / b"payload")


def test_it_routes_by_the_built_in_routes_and_tells_what_it_did(make_router: MakeRouter) -> None:
    router = make_router("-p 3 -P --config=(0,0,1),(1,0,1) --no-numa --parse-ptype --no-route=drop --json")
    left, right = router.ends
    left.send(udp("2.1.1.7"), udp("2001:200:0:1::7"), udp("1.1.1.7"), udp("3.1.1.1"), udp("2.1.1.8", ttl=1))
    left.send(bytes(Ether() / ARP()), udp("2.1.1.9")[:-1], udp("2.1.1.9"))
    arrived = [Ether(frame) for frame in right.receive(3)]
    assert [(frame.dst, bytes(frame[UDP].payload)) for frame in arrived] == [("02:00:00:00:00:01", b"payload")] * 3
    assert [frame[IP].ttl for frame in arrived if IP in frame] == [63, 63]
    assert [Ether(frame)[IP].dst for frame in left.receive(1)] == ["1.1.1.7"]
    right.send(udp("1.1.1.1"))
    assert [Ether(frame).dst for frame in left.receive(1)] == ["02:00:00:00:00:00"]
    (lcore,) = router.report()
    assert lcore["rx_packets"] == {"0.0": 8, "1.0": 1}
    assert lcore["tx_packets"] == 5
    assert {reason: count for reason, count in lcore["dropped"].items() if count} == {
        "no route": 1,
        "TTL expired": 1,
        "not IP": 1,
        "bad header": 1,
    }


def test_it_routes_by_files_and_to_the_addresses_told(make_router: MakeRouter, tmp_path: Path) -> None:
    rules = {4: tmp_path / "v4", 6: tmp_path / "v6"}
    rules[4].write_text("# a comment\nR10.0.0.0/8 1\n\nR0.0.0.0/0 0\n")
    rules[6].write_text("R2001:DB8::/32 1\n")
    files = f"--rule_ipv4={rules[4]} --rule_ipv6 {rules[6]}"
    router = make_router(f"-p 3 --config=(0,0,1) {files} --eth-dest=1,02:00:00:00:99:01 --json")
    left, right = router.ends
    left.send(udp("10.9.8.7"), udp("2001:db8::7"), udp("11.9.8.7"), udp("2002::1"))
    assert {Ether(frame).dst for frame in right.receive(2)} == {"02:00:00:00:99:01"}
    assert len(left.receive(2)) == 2
    assert [lcore["unrouted"] for lcore in router.report()] == [1]


def test_flows_are_routed_by_exact_match(make_router: MakeRouter, tmp_path: Path) -> None:
    rules = tmp_path / "v4"
    rules.write_text("R10.9.8.7 10.0.0.1 53 9 0x11 1\n")
    router = make_router(f"-p 3 --config=(0,0,1) --lookup=em --rule_ipv4={rules} --no-route=drop --json")
    left, right = router.ends
    left.send(udp("10.9.8.7"), udp("10.9.8.8"))
    assert [Ether(frame)[IP].dst for frame in right.receive(1)] == ["10.9.8.7"]
    assert [lcore["dropped"]["no route"] for lcore in router.report()] == [1]


def test_an_idle_router_sleeps_and_packets_wake_it(make_router: MakeRouter) -> None:
    """Of the time that it slept, its lcore had less than a hundredth of a CPU."""
    router = make_router("-p 3 --config=(0,0,1),(1,0,1) --stats-period=1 --json")
    left, right = router.ends
    for _ in range(20):
        time.sleep(0.03)  # far longer than an lcore waits before it sleeps
        left.send(udp("2.1.1.7"))
        right.receive(1)
    time.sleep(2)
    reports = [json.loads(line)["lcores"][0] for line in router.stop().splitlines() if line.startswith("{")]
    lcore = reports[-1]
    assert len(reports) >= 2
    assert lcore["polls"] is None
    assert lcore["packet_wakes"] >= 10
    assert lcore["sleeps"] >= lcore["packet_wakes"] + lcore["time_wakes"]
    assert lcore["cpu_s"] < 0.01 * lcore["elapsed_s"]
    assert lcore["asleep_s"] > 0.8 * lcore["elapsed_s"]
    assert lcore["probes"] >= 2
    assert 0 < lcore["wake_us"]["median"] <= lcore["wake_us"]["p99"]


def test_a_router_that_polls_does_not_sleep(make_router: MakeRouter) -> None:
    router = make_router("-p 3 --config=(0,0,1) --pmd-mgmt=baseline --json")
    router.ends[0].send(udp("2.1.1.7"))
    router.ends[1].receive(1)
    (lcore,) = router.report()
    assert (lcore["sleeps"], lcore["polls"]) == (0, "as it was asked to")


def test_lcores_share_a_transmit_queue_and_lose_nothing(make_router: MakeRouter) -> None:
    """Each port has one, and both lcores send to each."""
    router = make_router("-p 3 --config=(0,0,0),(1,0,1) --json")
    left, right = router.ends
    for number in range(20):
        for end in (left, right):
            end.send(*[udp(("1.1.1.7", "2.1.1.7")[i % 2]) for i in range(number)])
        assert len(left.receive(number + number % 2)) + len(right.receive(number - number % 2)) == 2 * number
    assert [lcore["tx_packets"] for lcore in router.report()] == [190, 190]


def test_it_says_what_it_does_in_the_originals_words(make_router: MakeRouter) -> None:
    router = make_router("-p 1 -P --config=(0,0,1) --no-numa --parse-ptype", far_ends=1)
    router.ends[0].send(udp("1.1.1.7"))
    router.ends[0].receive(1)
    lines = router.stop(signal.SIGTERM).splitlines()
    assert lines[:5] == [
        "Promiscuous mode selected",
        "numa is disabled",
        "soft parse-ptype is enabled",
        "LPM: Adding route 1.1.1.0/24 (0)",
        "LPM: Adding route 2001:200::/64 (0)",
    ]
    assert "Skipping disabled port 1" in lines
    assert "  RX-packets: 1 (port 0 queue 0: 1)" in lines
    assert "  TX-packets: 1, of them without a route, sent back: 0" in lines


def test_the_front_end_may_go_and_come_back(make_router: MakeRouter, tmp_path: Path, make_pool: MakePool) -> None:
    router = make_router("-p 3 --config=(0,0,1),(1,0,1) --json")
    left, right = router.ends
    for number in range(3):
        left.send(udp("2.1.1.7"))
        assert len(right.receive(1)) == 1
        right.port.close()
        right = FarEnd(tmp_path / "s1", make_pool(1024), f"net_virtio_user{7 + number}")
        router.ends.append(right)
        assert right.is_up()
    right.send(udp("1.1.1.7"))
    assert len(left.receive(1)) == 1
    assert [lcore["tx_packets"] for lcore in router.report()] == [4]
