"""A plan made into what C runs: streams with their queues, lcores with their streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import or_
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import ForwardConfig, peer_of
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.offloads import TxOffload
from pytestpmd.ethdev.port import EthPort
from pytestpmd.fwd import Engine, csum
from pytestpmd.fwd.dump import RECEIVED, SENT, DumpRing
from pytestpmd.fwd.frame import txonly_frame
from pytestpmd.fwd.sleep import Sleep, SleepCounts
from pytestpmd.fwd.topology import LcoreSpec, StreamSpec

CLOCK_SAMPLE_US = 5_000
#: Of ``struct fwd_stream``; the lcore writes them.
COUNTERS = (
    *("rx_packets", "tx_packets", "fwd_dropped", "busy_cycles"),
    *("rx_bad_ip_csum", "rx_bad_l4_csum", "gro_merged", "gso_made"),
)
#: What can wait in a queue before ``start``: no ring is longer. A port that always has packets is left at that.
FLUSH_MOST = 32768


#: What engines that write a header ask a port for that does it, and txonly besides.
ASKED = {TxOffload.VLAN_INSERT: lib.MBUF_F_TX_VLAN}
ASKED_FOR_UDP = {
    TxOffload.IPV4_CKSUM: lib.MBUF_F_TX_IP_CKSUM | lib.MBUF_F_TX_IPV4,
    TxOffload.UDP_CKSUM: lib.MBUF_F_TX_UDP_CKSUM | lib.MBUF_F_TX_IPV4,
}


def _flags(port: EthPort, asked: Mapping[TxOffload, int]) -> int:
    active = port.conf.tx_offloads if port.conf else 0
    return reduce(or_, (flags for offload, flags in asked.items() if active & offload), 0)


@cache
def clock_hz() -> int:
    """How fast the cycle counter runs."""
    return int(lib.lcore_cycles_hz(CLOCK_SAMPLE_US))


def gro_max_pkts(flush_cycles: int) -> int:
    """Packets that GRO holds at most: 128 of one burst, 2048 over several (DPDK app/test-pmd/testpmd.h)."""
    return 128 if flush_cycles == 1 else 2048


@dataclass
class Stream:
    """A ``struct fwd_stream`` and the plan's entry that it was made from; its memory is there while it is."""

    spec: StreamSpec
    ptr: Any
    memory: Arena
    baseline: dict[str, int] = field(default_factory=dict)
    #: What has the queues' own bursts, where it stands between them and the stream: ``struct latency_tap``.
    rx_tap: Any = None
    tx_tap: Any = None

    def count(self, name: str) -> int:
        """A counter since the last :meth:`clear`."""
        return int(getattr(self.ptr, name)) - self.baseline.get(name, 0)

    def bursts(self, name: str) -> dict[int, int] | None:
        """Bursts by size; None when they were not recorded."""
        if not self.ptr.record_bursts:
            return None
        counts = ffi.unpack(getattr(self.ptr, name), lib.BURST_BINS)
        return {size: count - self.baseline.get(f"{name}{size}", 0) for size, count in enumerate(counts) if count}

    def follow(self, forward: ForwardConfig) -> None:
        """Take over what may change while the stream is polled."""
        self.ptr.burst, self.ptr.record_bursts = forward.burst, forward.record_burst_stats
        both = forward.verbose > SENT
        self.ptr.dump_received = both or forward.verbose == RECEIVED
        self.ptr.dump_sent = both or forward.verbose == SENT
        csum.follow(self.ptr.csum, forward.csum[self.spec.tx_port])

    def follow_bursts(self, port: EthPort) -> None:
        """Take over the bursts of a port's queues that are among its own, lcores or not."""
        spec = self.spec
        if port.port_id == spec.rx_port and spec.rx_queue < len(port.rx_queues):
            self._set_burst(self.rx_tap, "rx_burst", port.rx_queues[spec.rx_queue].burst)
        if port.port_id == spec.tx_port and spec.tx_queue < len(port.tx_queues):
            self._set_burst(self.tx_tap, "tx_burst", port.tx_queues[spec.tx_queue].burst)

    def _set_burst(self, tap: Any, name: str, burst: Any) -> None:
        if tap:
            tap.burst = burst
        else:
            setattr(self.ptr, name, burst)

    def clear(self) -> None:
        """Count from here; the lcore owns the counters, so they are subtracted, not written."""
        self.baseline = {name: int(getattr(self.ptr, name)) for name in COUNTERS}
        for name in ("rx_bursts", "tx_bursts"):
            counts = ffi.unpack(getattr(self.ptr, name), lib.BURST_BINS)
            self.baseline |= {f"{name}{size}": count for size, count in enumerate(counts) if count}


class LcoreJob:
    """A ``struct fwd_lcore`` as :class:`pytestpmd.eal.lcore.Job`: an engine over some streams."""

    def __init__(self, lcore_id: int, streams: Sequence[Stream], memory: Arena) -> None:
        self.lcore_id = lcore_id
        self._memory = memory
        self.dump = DumpRing(memory)
        self.streams = tuple(streams)
        self._ptr = memory.struct("struct fwd_lcore")
        self._ptr.streams = memory.struct("struct fwd_stream *", max(1, len(streams)))
        for i, stream in enumerate(streams):
            self._ptr.streams[i] = stream.ptr
            stream.ptr.dump = self.dump.ptr
            stream.ptr.neighbours, stream.ptr.nb_neighbours = self._ptr.streams, len(streams)
        self._ptr.nb_streams, self._ptr.lcore_id = len(streams), lcore_id
        self._turns = 0
        #: What it may sleep on in its next run; None has it poll.
        self.sleep: Sleep | None = None

    def record_cycles(self, on: bool) -> None:
        """Whether busy cycles are counted; may change while it runs."""
        self._ptr.record_cycles = on

    def prepare(self, engine: Engine, turns: int = 0, sleep: Sleep | None = None) -> None:
        """What the next :meth:`run` does: ``turns`` turns of ``engine``, or as many as come before :meth:`stop`.

        With ``sleep`` it sleeps while there is nothing to do.
        """
        self._ptr.packet_fwd, self._ptr.stream_end = engine.packet_fwd, engine.stream_end
        self._turns = turns
        self.sleep = sleep
        if sleep:
            sleep.fill(self._ptr)

    def run(self) -> None:
        if self.sleep:
            lib.fwd_run_interrupt(self._ptr)
        else:
            lib.fwd_run(self._ptr, self._turns)

    def stop(self) -> None:
        lib.fwd_stop(self._ptr)
        self.wake()

    def turns(self) -> int:
        return int(lib.fwd_turns(self._ptr))

    def cycles(self) -> tuple[int, int]:
        """Busy ones, and all, that were recorded."""
        streams = (self._ptr.streams[i] for i in range(self._ptr.nb_streams))
        return sum(int(stream.busy_cycles) for stream in streams), int(self._ptr.total_cycles)

    def wake(self) -> None:
        if self.sleep:
            self.sleep.end()

    def is_asleep(self) -> bool:
        return bool(self._ptr.asleep)

    def sleeps(self) -> SleepCounts:
        """How often it slept so far, and what ended that."""
        ptr = self._ptr
        return SleepCounts(bool(ptr.asleep), ptr.sleeps, ptr.packet_wakes, ptr.time_wakes)

    def asleep_ns(self) -> int:
        """How long its sleeps were, all together; the one that it is in does not count yet."""
        return int(self._ptr.sleep_ns)

    def probe(self) -> bool:
        """Wake it as a packet would, and have it note how long that took; False when it does not sleep."""
        return bool(self.sleep and lib.fwd_probe(self._ptr))

    def wakes(self) -> tuple[int, ...]:
        """How long probes took to wake it, by the bins of ``fwd_wake_bin``."""
        return tuple(self._ptr.wake_bins)


class FlushJob:
    """Empties the receive queues of some streams, each as far as a ring can be full, and ends."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def run(self) -> None:
        for stream in self._streams:
            lib.fwd_flush(stream.ptr, FLUSH_MOST)

    def stop(self) -> None:
        """It ends by itself."""

    def turns(self) -> int:
        """None is ever over before it ends."""
        return 0

    def wake(self) -> None:
        """It never sleeps."""

    def is_asleep(self) -> bool:
        return False


@dataclass
class Streams:
    """Everything that one ``start`` made; it owns the memory that the lcores work in."""

    streams: list[Stream]
    jobs: list[LcoreJob]
    memory: Arena


class StreamMaker:
    """Makes streams for the ports, the settings and the pool of one ``start``."""

    def __init__(self, forward: ForwardConfig, ports: Mapping[int, EthPort], pool: Mempool) -> None:
        self._forward, self._ports, self._pool = forward, ports, pool

    def make(self, lcores: Sequence[LcoreSpec]) -> Streams:
        """The streams of every lcore, and the jobs that poll them."""
        nb_streams = sum(len(lcore.streams) for lcore in lcores)
        each = sum(map(ffi.sizeof, ("struct fwd_stream", "struct txonly_frame", "struct gro_table"))) + 256
        memory = Arena(nb_streams * each + len(lcores) * (DumpRing.bytes() + 1024) + 4096, name="the streams")
        made = Streams([], [], memory)
        for lcore in lcores:
            streams = [self._stream(spec, memory) for spec in lcore.streams]
            made.streams += streams
            made.jobs.append(LcoreJob(lcore.lcore_id, streams, memory))
        return made

    def _stream(self, spec: StreamSpec, memory: Arena) -> Stream:
        forward, rx, tx = self._forward, self._ports[spec.rx_port], self._ports[spec.tx_port]
        ptr = memory.struct("struct fwd_stream")
        if spec.rx_queue < len(rx.rx_queues):
            rx_queue = rx.rx_queues[spec.rx_queue]
            ptr.rx_burst, ptr.rx_queue = rx_queue.burst, rx_queue.handle
        if spec.tx_queue < len(tx.tx_queues):
            tx_queue = tx.tx_queues[spec.tx_queue]
            ptr.tx_burst, ptr.tx_queue = tx_queue.burst, tx_queue.handle
        peer = peer_of(forward, spec.peer_port)
        ptr.rx_port, ptr.rx_queue_id, ptr.tx_queue_id = spec.rx_port, spec.rx_queue, spec.tx_queue
        ptr.pool, ptr.tx_port = self._pool.ptr, spec.tx_port
        ptr.peer_mac, ptr.own_mac = list(peer), list(tx.mac)
        if forward.retry:
            ptr.retry_num = forward.burst_tx_retry
            ptr.retry_delay_cycles = forward.burst_tx_delay_us * clock_hz() // 1_000_000
        frame = memory.struct("struct txonly_frame")
        txonly_frame(forward, tx.mac, peer).fill(frame)
        ptr.txonly = frame
        csum.fill(ptr.csum, forward.csum[spec.tx_port], tx.conf.tx_offloads if tx.conf else 0)
        ptr.csum.vxlan_gpe_port, ptr.csum.geneve_port = forward.vxlan_gpe_port, forward.geneve_port
        ptr.csum.split = forward.txsplit != "off"
        ptr.csum.gso_size = forward.gso_segsz if spec.tx_port in forward.gso_ports else 0
        if spec.rx_port in forward.gro_ports:
            ptr.gro = self._gro_table(memory)
        ptr.tx_flags, ptr.tx_vlan_tci = _flags(tx, ASKED), forward.tx_vlans.get(spec.tx_port, 0)
        frame.tx_flags = _flags(tx, ASKED_FOR_UDP)
        stream = Stream(spec, ptr, memory)
        stream.follow(forward)
        return stream

    def _gro_table(self, memory: Arena) -> Any:
        table, forward = memory.struct("struct gro_table"), self._forward
        table.flush_turns, table.max_pkts = forward.gro_flush_cycles, gro_max_pkts(forward.gro_flush_cycles)
        return table
