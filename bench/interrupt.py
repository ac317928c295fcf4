"""Interrupt mode: what an idle lcore costs, how soon it is at work again, and what it costs under load.

One program forwards on a net_vhost port, on a CPU of its own; this process is its front-end, on the other CPU. A packet
is sent every few milliseconds, when the lcore has long been asleep, and what counts is the time until it is back here.
The same against an lcore that polls tells how much of that is not the sleep's.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.console import OWN_PREFIX, Console
from bench.loopback import DriverPath, Load, Pair, Ratio, Series
from bench.quiet import quietest
from pytestpmd._dataplane import ffi, lib
from pytestpmd.drivers import probe
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.port import EthPort, PortConf

PATH = "mrg_rxbuf=1,in_order=1"
IDLE_S = 5.0
WAKES = 2000
#: Between two packets: far longer than an lcore waits before it sleeps.
PAUSE_S = (0.001, 0.003)
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Times:
    """Round trips, in microseconds."""

    values_us: Sequence[float]

    def __str__(self) -> str:
        ordered = sorted(self.values_us)
        p99 = ordered[len(ordered) * 99 // 100]
        return f"{statistics.median(ordered):.1f} us (99 % within {p99:.1f} us, {len(ordered)} packets)"


@dataclass(frozen=True)
class Mode:
    """One way to wait for packets. CPU time is that of the whole program, as a share of one CPU."""

    idle_cpu: float
    round_trips: Times


@contextmanager
def program(path: str, options: str, cpu: int) -> Iterator[tuple[Console, EthPort, Mempool]]:
    """A program that forwards, and its front-end here."""
    with ExitStack() as undo:
        sock = f"{undo.enter_context(tempfile.TemporaryDirectory(prefix='bench-'))}/s"
        words = f"--lcores=0@{cpu},1@{cpu} {OWN_PREFIX} --vdev=net_vhost0,iface={sock} -- -i {options}"
        console = undo.enter_context(Console([path, *words.split()]))
        pool = Mempool("bench", 4096, 2176, 250)
        port = probe(f"net_virtio_user0,path={sock},{PATH}")
        undo.callback(port.close)
        port.port_id = 0
        port.configure(PortConf(), pool)
        port.start()
        console.run("start")
        deadline = time.monotonic() + PATIENCE_S
        while "Link status: up" not in console.run("show port info 0") and time.monotonic() < deadline:
            time.sleep(0.01)
        yield console, port, pool


def cpu_s(pid: int) -> float:
    """What a process has run for, all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def idle_cpu(pid: int) -> float:
    """Its share of a CPU while nothing comes."""
    time.sleep(0.2)
    began, before = time.monotonic(), cpu_s(pid)
    time.sleep(IDLE_S)
    return (cpu_s(pid) - before) / (time.monotonic() - began)


def round_trips(port: EthPort, pool: Mempool, count: int = WAKES, data: bytes = bytes(60)) -> Times:
    """One packet at a time, each after a pause, and each of these bytes."""
    tx, rx = port.tx_queues[0], port.rx_queues[0]
    mbufs, dice = ffi.new("struct mbuf *[1]"), random.Random(1)
    assert lib.mempool_get_bulk(pool.ptr, mbufs, 1) == 1
    times = []
    for _ in range(count):
        lay(mbufs[0], data)
        time.sleep(dice.uniform(*PAUSE_S))
        began = time.perf_counter_ns()
        assert tx.burst(tx.handle, mbufs, 1) == 1
        tx.burst(tx.handle, mbufs, 0)  # the queue comes to rest, as a loop's does
        while not rx.burst(rx.handle, mbufs, 1):
            assert time.perf_counter_ns() - began < PATIENCE_S * 1e9, "the packet did not come back"
        times.append((time.perf_counter_ns() - began) / 1e3)
    lib.mbuf_free_bulk(mbufs, 1)
    return Times(times)


def lay(mbuf: Any, data: bytes) -> None:
    """Make an mbuf a packet of these bytes."""
    length = len(data)
    mbuf.data_off, mbuf.data_len, mbuf.pkt_len, mbuf.nb_segs, mbuf.ol_flags = lib.MBUF_HEADROOM, length, length, 1, 0
    ffi.memmove(mbuf.buf_addr + lib.MBUF_HEADROOM, data, length)


def look_at(path: str, options: str, cpus: Sequence[int]) -> Mode:
    """The program on the first CPU, and we on the second."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpus[1]})
    try:
        with program(path, options, cpus[0]) as (console, port, pool):
            return Mode(idle_cpu(console.pid), round_trips(port, pool))
    finally:
        os.sched_setaffinity(0, ours)


def under_load(path: str, load: Load, cpus: Sequence[int]) -> Ratio:
    """Throughput of a pair whose front-end may sleep, against one whose front-end polls."""
    kinds = {kind: DriverPath(kind, PATH, kind) for kind in ("--interrupt", "")}
    with ExitStack() as undo:
        pairs = {}
        for kind, row in kinds.items():
            pairs[kind] = Pair(path, path, row, load, cpus)
            undo.callback(pairs[kind].close)
        rounds = [
            {kind: quietest(partial(pair.window, load.window_s), cpus, load.patience_s) for kind, pair in pairs.items()}
            for _ in range(load.rounds)
        ]
    series = {kind: Series.of([one[kind] for one in rounds]) for kind in kinds}
    return series["--interrupt"].over(series[""])
