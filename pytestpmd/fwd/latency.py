"""How long packets are here, measured as DPDK's ``lib/latencystats`` does it: a packet of each burst."""

from collections.abc import Iterable
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import CACHE_LINE, Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd.streams import Stream, Streams, clock_hz

NS_PER_S = 1_000_000_000
NAMES = ("min_latency_ns", "avg_latency_ns", "max_latency_ns", "jitter_ns", "samples")


class Latency:
    """What all lcores have seen, over all starts."""

    def __init__(self) -> None:
        self._memory = Arena(lib.MAX_LCORES * ffi.sizeof("struct latency_stats"), name="latencies")
        self._lcores = self._memory.struct("struct latency_stats", lib.MAX_LCORES)
        self._taps: Arena | None = None

    def tap(self, made: Streams, pools: Iterable[Mempool]) -> None:
        """Stand between streams that nobody polls yet and their queues."""
        for pool in pools:
            pool.keep_stamps()
        self._taps = taps = Arena((len(made.streams) + 1) * 2 * (ffi.sizeof("struct latency_tap") + CACHE_LINE))
        for job in made.jobs:
            for stream in job.streams:
                _tap(stream, taps, self._lcores + job.lcore_id)

    def values(self) -> dict[str, int]:
        """The least, the average and the longest time, jitter, in ns, and how many packets these are of.

        Where several lcores forward, the averages are those of the lcores, each by its share of the packets.
        """
        seen = [one for one in self._lcores[0 : lib.MAX_LCORES] if one.samples]
        if not seen:
            return dict.fromkeys(NAMES, 0)
        samples = sum(one.samples for one in seen)
        average = sum(one.avg * one.samples for one in seen) // (samples * lib.LATENCY_AVG_SCALE)
        jitter = sum(one.jitter * one.samples for one in seen) // (samples * lib.LATENCY_JITTER_SCALE)
        cycles = min(one.min for one in seen), average, max(one.max for one in seen), jitter
        times = (count * NS_PER_S // clock_hz() for count in cycles)
        return dict(zip(NAMES, (*times, samples), strict=True))


def _tap(stream: Stream, memory: Arena, stats: Any) -> None:
    ptr = stream.ptr
    if not (ptr.rx_burst and ptr.tx_burst):
        return
    stream.rx_tap, stream.tx_tap = memory.struct("struct latency_tap"), memory.struct("struct latency_tap")
    stream.rx_tap.burst, stream.rx_tap.queue, stream.rx_tap.stats = ptr.rx_burst, ptr.rx_queue, stats
    stream.tx_tap.burst, stream.tx_tap.queue, stream.tx_tap.stats = ptr.tx_burst, ptr.tx_queue, stats
    ptr.rx_burst, ptr.rx_queue = lib.latency_receive, stream.rx_tap
    ptr.tx_burst, ptr.tx_queue = lib.latency_transmit, stream.tx_tap
