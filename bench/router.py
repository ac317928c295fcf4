"""Routing: what a packet costs the engines that route, and others; and how a router sleeps and wakes."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from struct import pack
from typing import Any

from bench.console import OWN_PREFIX
from bench.interrupt import PATH, PATIENCE_S, Mode, idle_cpu, lay, round_trips
from bench.loopback import Load, Series
from bench.quiet import Watch, Window, quietest
from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers import probe
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import EthPort, PortConf
from pytestpmd.fwd import ENGINES
from pytestpmd.fwd.l3fwd import FLOW, LPM
from pytestpmd.fwd.routes import FlowRoute, Route, RouteTable

SOURCE = Path(__file__).with_name("router.c")
PACKAGE = Path(__file__).parents[1] / "pytestpmd"
FLAGS = ("-std=gnu11", "-O3", "-shared", "-fPIC", "-fvisibility=default")
NB_PKTS, BURST, TURNS, UDP = 512, 32, 20_000, 17
#: Routes of each length from /8 to /32, or to /128, so that most addresses need more than the first look.
NB_ROUTES = 1000
ROUTER = (sys.executable, "-m", "pytestpmd.programs.l3fwd_power")

Address = IPv4Address | IPv6Address


def frame(dst: Address, src: Address) -> bytes:
    """64 bytes with FCS, but for IPv6, whose headers take more: Ethernet, IP, UDP."""
    above = pack("!HHHH", 9, 9, 8, 0)
    if dst.version == 6:
        return bytes(12) + b"\x86\xdd" + pack("!IHBB", 6 << 28, 8, UDP, 64) + src.packed + dst.packed + above
    head = pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, UDP, 0) + src.packed + dst.packed
    total = sum(int.from_bytes(head[i : i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xFFFF) + (total >> 16)
    cksum = 0xFFFF - ((total & 0xFFFF) + (total >> 16))
    return (bytes(12) + b"\x08\x00" + head[:10] + pack("!H", cksum) + head[12:] + above).ljust(60, b"\0")


@dataclass(frozen=True)
class Case:
    """An engine, and what is sent through it."""

    engine: Any
    frames: Sequence[bytes]
    table: RouteTable | None = None


def cases() -> dict[str, Case]:
    """By name; every packet has a route."""
    dice = random.Random(1)
    v4, v6 = (_networks(version, dice) for version in (4, 6))
    hosts4 = [network[dice.randrange(network.num_addresses)] for network in dice.choices(v4, k=NB_PKTS)]
    hosts6 = [network[dice.randrange(1 << 62)] for network in dice.choices(v6, k=NB_PKTS)]
    us4, us6 = IPv4Address("10.0.0.1"), IPv6Address("2001:db8::1")
    frames4, frames6 = [frame(one, us4) for one in hosts4], [frame(one, us6) for one in hosts6]
    lpm = RouteTable([Route(one, 0) for one in v4] + [Route(one, 0) for one in v6])
    flows = [FlowRoute(dst, us4, 9, 9, UDP, 0) for dst in dict.fromkeys(hosts4)]
    return {
        "io": Case(ENGINES["io"], frames4),
        "mac": Case(ENGINES["mac"], frames4),
        "l3fwd, IPv4, lpm": Case(LPM, frames4, lpm),
        "l3fwd, IPv6, lpm": Case(LPM, frames6, lpm),
        "l3fwd, IPv4, em": Case(FLOW, frames4, RouteTable(flows=flows)),
    }


def _networks(version: int, dice: random.Random) -> list[Any]:
    first, bits, lengths, kind = {
        4: (0, 32, (8, 32), IPv4Network),
        6: (0x2001 << 112, 112, (24, 64), IPv6Network),
    }[version]
    return [kind((first | dice.getrandbits(bits), dice.randint(*lengths)), strict=False) for _ in range(NB_ROUTES)]


class Turntable:
    """One engine on one stream that never ends."""

    def __init__(self, case: Case, queues: Any) -> None:
        self._pool = Mempool("bench", 2 * NB_PKTS, cache_size=0)
        self._memory = memory = Arena(1 << 20)
        self._case, self._lcore = case, memory.struct("struct fwd_lcore")
        stream = memory.struct("struct fwd_stream")
        stream.rx_burst, stream.tx_burst = queues["turntable_receive"], queues["turntable_send"]
        stream.rx_queue, stream.burst, stream.pool = self._table(), BURST, self._pool.ptr
        if case.table:
            stream.l3fwd = l3fwd = memory.struct("struct l3fwd")
            l3fwd.table, l3fwd.ports[0].tx_burst = case.table.ptr[0], queues["turntable_send"]
            stream.tx_burst = ffi.NULL
        self._lcore.streams = memory.struct("struct fwd_stream *")
        self._lcore.streams[0], self._lcore.nb_streams = stream, 1
        self._lcore.packet_fwd, self._stream = case.engine.packet_fwd, stream

    def _table(self) -> Any:
        """A ``struct turntable`` of router.c."""
        mbufs = self._memory.struct("struct mbuf *", NB_PKTS)
        assert lib.mempool_get_bulk(self._pool.ptr, mbufs, NB_PKTS) == NB_PKTS
        table = self._memory.alloc(24 + 12 * NB_PKTS)
        ffi.cast("struct mbuf ***", table)[0] = mbufs
        ffi.cast("uint32_t *", table)[2] = NB_PKTS
        for i, data in enumerate(self._case.frames):
            lay(mbufs[i], data)
            ffi.memmove(table + 24 + 12 * i, data[14:26], 12)
        return table

    def window(self, cpu: int) -> Window:
        """Millions of packets a second."""
        watch, before = Watch([cpu], ()), self._stream.tx_packets
        began = time.perf_counter()
        lib.fwd_run(self._lcore, TURNS)
        took = time.perf_counter() - began
        assert self._stream.tx_packets - before == TURNS * BURST, "not every packet went on"
        return Window(TURNS * BURST / took / 1e6, watch.others())


def engines(load: Load, cpus: Sequence[int]) -> Mapping[str, Series]:
    """What each engine does on one CPU, in windows in turn."""
    ours = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="bench-router-") as folder:
        library = f"{folder}/router.so"
        subprocess.run(["cc", *FLAGS, f"-I{PACKAGE}", SOURCE, "-o", library], check=True)
        os.sched_setaffinity(0, {cpus[1]})
        try:
            tables = {name: Turntable(case, _queues(library)) for name, case in cases().items()}
            rounds = [
                {
                    name: quietest(partial(one.window, cpus[1]), cpus[1:2], load.patience_s)
                    for name, one in tables.items()
                }
                for _ in range(load.rounds)
            ]
        finally:
            os.sched_setaffinity(0, ours)
    return {name: Series.of([one[name] for one in rounds]) for name in tables}


def _queues(library: str) -> dict[str, Any]:
    """The two functions of router.c; they stay loaded."""
    import ctypes

    loaded = ctypes.CDLL(library)
    names = {"turntable_receive": "rx_burst_t", "turntable_send": "tx_burst_t"}
    addresses = {name: ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value for name in names}
    return {name: ffi.cast(kind, addresses[name]) for name, kind in names.items()}


# The program.


@dataclass(frozen=True)
class Slept:
    """What is seen of it from outside, and what it says of its one lcore itself."""

    outside: Mode
    inside: Mapping[str, Any]


@contextmanager
def program(options: str, cpu: int) -> Iterator[tuple[subprocess.Popen[str], EthPort, Mempool]]:
    """A router with one port, and its front-end here."""
    with ExitStack() as undo:
        sock = f"{undo.enter_context(tempfile.TemporaryDirectory(prefix='bench-'))}/s"
        eal = f"--lcores=0@{cpu},1@{cpu} {OWN_PREFIX} --vdev=net_vhost0,iface={sock}"
        words = f"{eal} -- -p 1 --config=(0,0,1) --json {options}"
        router = subprocess.Popen(
            [*ROUTER, *words.split()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        undo.callback(router.wait)
        undo.callback(router.kill)
        end = time.monotonic() + PATIENCE_S
        while not Path(sock).exists() and time.monotonic() < end:
            time.sleep(0.01)
        pool, port = Mempool("bench", 4096, 2176, 250), probe(f"net_virtio_user0,path={sock},{PATH}")
        undo.callback(port.close)
        port.port_id = 0
        port.configure(PortConf(), pool)
        port.start()
        while not port.link().up and time.monotonic() < end:
            time.sleep(0.01)
        yield router, port, pool


def look_at(options: str, cpus: Sequence[int]) -> Slept:
    """The router on the first CPU, and we on the second."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpus[1]})
    try:
        with program(options, cpus[0]) as (router, port, pool):
            data = frame(IPv4Address("1.1.1.1"), IPv4Address("10.0.0.1"))
            outside = Mode(idle_cpu(router.pid), round_trips(port, pool, data=data))
            router.send_signal(signal.SIGINT)
            said = router.communicate(timeout=PATIENCE_S)[0]
            lines = [line for line in said.splitlines() if line.startswith("{")]
            return Slept(outside, json.loads(lines[-1])["lcores"][0])
    finally:
        os.sched_setaffinity(0, ours)
