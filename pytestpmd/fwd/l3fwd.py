"""Routing between ports: which lcore polls which queues is given, and each sends to every port.

The engines are ``fwd/l3fwd.c``. They need more than a stream has (routes, and a transmit queue on each port), so they
are not among those that testpmd's ``set fwd`` knows: who routes makes a :class:`Router`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.lcore import LCORES
from pytestpmd.eal.memory import CACHE_LINE, Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import NotSupported
from pytestpmd.ethdev.port import EthPort, RxInterrupt
from pytestpmd.fwd import Engine
from pytestpmd.fwd.dump import DumpRing
from pytestpmd.fwd.routes import RouteTable
from pytestpmd.fwd.sleep import Sleep, SleepCounts, interrupts_of
from pytestpmd.fwd.streams import LcoreJob, Stream
from pytestpmd.fwd.topology import LcoreSpec, StreamSpec


def _engine(name: str, about: str, function: str) -> Engine:
    packet_fwd = ffi.addressof(lib, function)
    return Engine(
        name,
        about,
        has_retry=False,
        receives=True,
        transmits=True,
        answers=False,
        packet_fwd=packet_fwd,
        stream_end=ffi.NULL,
    )


LPM = _engine("l3fwd-lpm", "route by the longest prefix", "l3fwd_lpm_forward")
FLOW = _engine("l3fwd-em", "route flows by exact match", "l3fwd_flow_forward")

#: Why packets are dropped, in the order of ``L3FWD_NOT_IP`` and so on.
REASONS = ("not IP", "bad header", "TTL expired", "no route", "no room")


@dataclass(frozen=True)
class RouterConf:
    """What a router is to do."""

    engine: Engine
    table: RouteTable
    #: By lcore: the receive queues that it polls, as port and queue.
    queues: Mapping[int, Sequence[tuple[int, int]]]
    #: By transmit port: the address of who is at its other end.
    peers: Mapping[int, bytes]
    #: Whether what no route is for goes back to where it came from, or is dropped.
    send_back: bool = True
    burst: int = 32
    #: Turns without a packet before an lcore sleeps; None: it polls.
    idle_turns: int | None = None


@dataclass(frozen=True)
class LcoreCounts:
    """What one lcore did since it was launched; times in nanoseconds."""

    lcore_id: int
    #: By port and queue.
    received: Mapping[tuple[int, int], int]
    transmitted: int
    unrouted: int
    #: By :data:`REASONS`.
    dropped: Mapping[str, int]
    sleep: SleepCounts
    asleep_ns: int
    cpu_ns: int
    elapsed_ns: int
    #: How long probes took to wake it: bins of ``fwd_wake_bin``.
    wakes: tuple[int, ...]


class RouterJob(LcoreJob):
    """An lcore that routes; what it has run for is known while it does, and after."""

    def __init__(self, lcore_id: int, streams: Sequence[Stream], memory: Arena, l3fwd: Any) -> None:
        super().__init__(lcore_id, streams, memory)
        self.l3fwd = l3fwd
        self._clock: int | None = None
        self._began, self._ended, self._cpu_ns = 0, 0, 0

    def run(self) -> None:
        self._began = time.monotonic_ns()
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        super().run()
        clock, self._clock = self._clock, None
        self._cpu_ns, self._ended = time.clock_gettime_ns(clock), time.monotonic_ns()

    def cpu_ns(self) -> int:
        """What its thread has run for."""
        clock = self._clock
        try:
            return self._cpu_ns if clock is None else time.clock_gettime_ns(clock)
        except OSError:  # it has ended meanwhile
            return self._cpu_ns

    def counts(self) -> LcoreCounts:
        """What it did so far."""
        l3fwd = self.l3fwd
        return LcoreCounts(
            self.lcore_id,
            {(one.spec.rx_port, one.spec.rx_queue): int(one.ptr.rx_packets) for one in self.streams},
            int(l3fwd.tx_packets),
            int(l3fwd.nb_unrouted),
            dict(zip(REASONS, l3fwd.drops, strict=True)),
            self.sleeps(),
            self.asleep_ns(),
            self.cpu_ns(),
            (self._ended or time.monotonic_ns()) - self._began if self._began else 0,
            self.wakes(),
        )


class Router:
    """Lcores that route between started ports, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, conf: RouterConf, ports: Iterable[EthPort], pool: Mempool, cpus_of: Callable[[int], Iterable[int]]
    ) -> None:
        self._conf, self._pool, self._cpus_of = conf, pool, cpus_of
        self._ports = {port.port_id: port for port in ports}
        nb_queues = sum(len(queues) for queues in conf.queues.values())
        each = ffi.sizeof("struct l3fwd") + ffi.sizeof("struct fwd_lcore") + DumpRing.bytes() + 1024
        memory = len(conf.queues) * each + nb_queues * (ffi.sizeof("struct fwd_stream") + 64)
        self._memory = Arena(memory + len(self._ports) * lib.L3FWD_MAX_PORTS * CACHE_LINE + 4096)
        self._locks: dict[tuple[int, int], Any] = {}
        self._sleeps: dict[int, Sleep] = {}
        self._running = False
        self.jobs = [self._job(number, lcore_id) for number, lcore_id in enumerate(conf.queues)]

    def _job(self, number: int, lcore_id: int) -> RouterJob:
        l3fwd = self._l3fwd(number)
        streams = [self._stream(l3fwd, *queue) for queue in self._conf.queues[lcore_id]]
        return RouterJob(lcore_id, streams, self._memory, l3fwd)

    def _l3fwd(self, number: int) -> Any:
        """What the lcore of this number in turn knows: the routes, and its transmit queue on each port."""
        l3fwd = self._memory.struct("struct l3fwd")
        l3fwd.table = self._conf.table.ptr[0]
        for port_id in range(lib.L3FWD_MAX_PORTS):
            l3fwd.unrouted[port_id] = lib.ROUTE_NONE
        for port_id, port in self._ports.items():
            queue_id, shared = number % len(port.tx_queues), len(port.tx_queues) < len(self._conf.queues)
            queue, to = port.tx_queues[queue_id], l3fwd.ports[port_id]
            to.tx_burst, to.tx_queue = queue.burst, queue.handle
            to.lock = self._lock(port_id, queue_id) if shared else ffi.NULL
            to.addrs = list(self._conf.peers[port_id] + port.mac)
            if self._conf.send_back:
                l3fwd.unrouted[port_id] = port_id
        return l3fwd

    def _lock(self, port_id: int, queue_id: int) -> Any:
        if (port_id, queue_id) not in self._locks:
            self._locks[port_id, queue_id] = self._memory.struct("uint32_t")
        return self._locks[port_id, queue_id]

    def _stream(self, l3fwd: Any, port_id: int, queue_id: int) -> Stream:
        ptr, queue = self._memory.struct("struct fwd_stream"), self._ports[port_id].rx_queues[queue_id]
        ptr.rx_burst, ptr.rx_queue = queue.burst, queue.handle
        ptr.tx_burst, ptr.tx_queue, ptr.l3fwd = lib.l3fwd_settle, l3fwd, l3fwd
        ptr.rx_port, ptr.rx_queue_id, ptr.tx_port = port_id, queue_id, port_id
        ptr.pool, ptr.burst = self._pool.ptr, self._conf.burst
        return Stream(StreamSpec(port_id, queue_id, port_id, 0), ptr, self._memory)

    def start(self) -> dict[int, str]:
        """Launch the lcores. By lcore: why it polls, or "" for one that sleeps when there is nothing to do."""
        assert not self._running
        why = self.who_polls()
        for job in self.jobs:
            if self._conf.idle_turns is not None and not why[job.lcore_id]:
                self._sleeps[job.lcore_id] = Sleep(self._interrupts(job), self._conf.idle_turns)
        self._running = True
        for job in self.jobs:
            job.prepare(self._conf.engine, sleep=self._sleeps.get(job.lcore_id))
            LCORES.launch(job.lcore_id, set(self._cpus_of(job.lcore_id)), job)
        LCORES.wait_for_turns()
        return why

    def who_polls(self) -> dict[int, str]:
        """By lcore: why it polls all the time, or "" for one that sleeps when there is nothing to do."""
        return {job.lcore_id: self._why_polls(job) for job in self.jobs}

    def _why_polls(self, job: RouterJob) -> str:
        if self._conf.idle_turns is None:
            return "as it was asked to"
        try:
            self._interrupts(job)
        except NotSupported as error:
            return str(error)
        return ""

    def _interrupts(self, job: RouterJob) -> list[RxInterrupt]:
        specs = LcoreSpec(job.lcore_id, tuple(stream.spec for stream in job.streams))
        return interrupts_of(specs, self._conf.engine, self._ports)

    def stop(self) -> None:
        """Stop the lcores and wait for them; one that is not running stays so."""
        if self._running:
            LCORES.stop()
            self._running = False
        for sleep in self._sleeps.values():
            sleep.close()
        self._sleeps.clear()

    def follow_bursts(self, port: EthPort) -> None:
        """A port's queues have other bursts; lcores may be polling them."""
        for number, job in enumerate(self.jobs):
            for stream in job.streams:
                if stream.spec.rx_port == port.port_id:
                    stream.ptr.rx_burst = port.rx_queues[stream.spec.rx_queue].burst
            to = job.l3fwd.ports[port.port_id]
            if to.tx_burst:
                to.tx_burst = port.tx_queues[number % len(port.tx_queues)].burst

    def probe(self) -> None:
        """Wake every lcore that sleeps, to learn how long that takes."""
        for job in self.jobs:
            job.probe()

    def counts(self) -> list[LcoreCounts]:
        """What each lcore did; also after :meth:`stop`."""
        return [job.counts() for job in self.jobs]


def wake_percentile(bins: Sequence[int], share: float) -> float | None:
    """Within how many microseconds this share of the probes woke an lcore, to an eighth; None without any."""
    due = share * sum(bins)
    for number, count in enumerate(bins):
        due -= count
        if count and due <= 0:
            return _bin_end_ns(number) / 1000
    return None


def _bin_end_ns(number: int) -> int:
    """The end of a bin of ``fwd_wake_bin``."""
    if number < 8:
        return number + 1
    power = (number >> 3) + 2
    return ((8 | number & 7) + 1) << (power - 3)
