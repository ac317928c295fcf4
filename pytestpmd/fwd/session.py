"""Forwarding from ``start`` to ``stop``: who runs, and what they counted."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytestpmd._dataplane import lib
from pytestpmd.config import Config
from pytestpmd.eal.lcore import LCORES
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import NotSupported, TestpmdError
from pytestpmd.ethdev.port import EthPort, PortState
from pytestpmd.ethdev.ports import Ports
from pytestpmd.ethdev.stats import Stats
from pytestpmd.fwd import ENGINES, Engine
from pytestpmd.fwd.dump import DumpedPacket, Dumper
from pytestpmd.fwd.frame import check_segments
from pytestpmd.fwd.latency import Latency
from pytestpmd.fwd.setup import Setup
from pytestpmd.fwd.sleep import Sleep, SleepCounts, interrupts_of
from pytestpmd.fwd.stats import (
    Balance,
    ForwardStats,
    StreamSample,
    port_stats,
    stream_stats,
    sum_bursts,
    total_of,
)
from pytestpmd.fwd.streams import FlushJob, Stream, StreamMaker, Streams, clock_hz
from pytestpmd.fwd.topology import LcoreSpec, plan

FLUSH_PASSES = 2
FLUSH_PAUSE_S = 0.01


@dataclass(frozen=True)
class ForwardPlan:
    """What a ``start`` runs: the engine, and the streams that each lcore polls."""

    engine: str
    lcores: tuple[LcoreSpec, ...]
    nb_ports: int
    warnings: tuple[str, ...] = ()
    #: What the engine does, as far as it is known, and lines that it has ``start`` say.
    status: str = ""
    notes: tuple[str, ...] = ()
    #: In interrupt mode, by lcore: why it polls all the same, or "" for one that sleeps. Empty without the mode.
    interrupt: Mapping[int, str] = field(default_factory=dict)


class Owner(Protocol):
    """What a session needs of the application."""

    @property
    def config(self) -> Config: ...
    @property
    def ports(self) -> Ports: ...
    @property
    def pools(self) -> list[Mempool]: ...

    def cpus_of(self, lcore_id: int) -> Iterable[int]: ...
    def show_packets(self, packets: list[DumpedPacket], lost: int) -> None: ...


class Session:
    """At most one at a time: streams made at ``start``, kept after ``stop`` for their counters."""

    def __init__(self, app: Owner) -> None:
        self._app = app
        self.running = False
        self.plan: ForwardPlan | None = None
        self._made: Streams | None = None
        self._before: dict[int, Stats] = {}
        self._begun: dict[int, Stats] = {}
        self._dumper: Dumper | None = None
        self._sleeps: dict[int, Sleep] = {}
        self._setups: dict[str, Setup] = {}
        #: Where it is measured how long packets are here.
        self.latency: Latency | None = None
        #: Told when lcores have begun to forward.
        self.on_start: Callable[[], None] = lambda: None
        #: Held while streams take over the bursts of ports, which control threads may change.
        self._binding = threading.Lock()

    def make_plan(self) -> ForwardPlan:
        """Deal the forwarding ports' queues to the forwarding lcores, as the next ``start`` would."""
        forward, queues = self._app.config.forward, self._app.config.queues
        ports = forward.portlist[: forward.nb_ports]
        lcores = forward.corelist[: forward.nb_cores]
        answers = ENGINES[forward.engine].answers
        dealt = plan(ports, queues.rxq, queues.txq, lcores, forward.topology, same_port=answers)
        warnings = (dealt.warning,) if dealt.warning else ()
        return ForwardPlan(forward.engine, dealt.lcores, len(ports), warnings, self.status_of(forward.engine))

    def status_of(self, engine: str) -> str:
        """What an engine does in its present mode; "" before its first start, and of one that has no modes."""
        return self._setup_of(engine).status

    def _setup_of(self, engine: str) -> Setup:
        if engine not in self._setups:
            self._setups[engine] = Setup.of(engine, self._app)
        return self._setups[engine]

    def start(self, tx_first: int = 0) -> ForwardPlan:
        """Launch the lcores, after ``tx_first`` bursts of txonly from each stream.

        Raises :class:`TestpmdError` in the original's words when it cannot be.
        """
        self._check(tx_first)
        engine = ENGINES[self._app.config.forward.engine]
        setup, dealt = self._setup_of(engine.name), self.make_plan()
        ports = {port.port_id: port for port in self._app.ports}
        with self._binding:
            self._made = StreamMaker(self._app.config.forward, ports, self._app.pools[0]).make(dealt.lcores)
            if self.latency:
                self.latency.tap(self._made, self._app.pools)
        self.plan = shown = replace(dealt, notes=tuple(setup.begin(self._made)))
        if self._app.config.forward.flush_rx and engine.receives and self.plan.lcores:
            self._flush(self._made.streams)
        self.clear_stats()
        self._begun = dict(self._before)
        self.running = True
        self.follow_settings()
        if tx_first:
            self._launch(ENGINES["txonly"], tx_first)
            LCORES.wait()
        if self._app.config.forward.interrupt:
            shown = replace(shown, interrupt=self._make_sleeps(engine, ports))
        self.plan = replace(shown, status=setup.status)
        self._launch(engine)
        LCORES.wait_for_turns()
        self.on_start()
        return shown

    def _make_sleeps(self, engine: Engine, ports: Mapping[int, EthPort]) -> dict[int, str]:
        """Give each lcore what it may sleep on; which of them poll all the same, and why."""
        assert self.plan is not None
        must_poll = self._setup_of(engine.name).why_poll()
        why = {}
        for lcore in self.plan.lcores:
            try:
                if must_poll:
                    raise NotSupported(must_poll)
                self._sleeps[lcore.lcore_id] = Sleep(interrupts_of(lcore, engine, ports))
                why[lcore.lcore_id] = ""
            except NotSupported as error:
                why[lcore.lcore_id] = str(error)
        return why

    def _check(self, tx_first: int) -> None:
        forward, queues = self._app.config.forward, self._app.config.queues
        engine = ENGINES[forward.engine]
        if engine.receives and engine.transmits and not (queues.rxq and queues.txq):
            raise TestpmdError(f"Either rxq or txq are 0, cannot use {engine.name} fwd mode")
        if (engine.receives and not queues.rxq) or (engine.transmits and not queues.txq):
            raise TestpmdError(f"{'rxq' if engine.receives else 'txq'} are 0, cannot use {engine.name} fwd mode")
        if not all(port.state is PortState.STARTED for port in self._app.ports):
            raise TestpmdError("Not all ports were started")
        if self.running:
            raise TestpmdError("Packet forwarding already started")
        if tx_first and not queues.txq:
            raise TestpmdError("txq are 0, cannot use txonly fwd mode")
        if tx_first or engine.name == "txonly":
            check_segments(forward, self._app.pools[0].data_room - lib.MBUF_HEADROOM)
        self._setup_of(engine.name).check()

    def _flush(self, streams: list[Stream]) -> None:
        """Empty the receive queues, twice as the original does: what came before ``start`` is not forwarded."""
        for turn in range(FLUSH_PASSES):
            if turn:
                time.sleep(FLUSH_PAUSE_S)
            # on an lcore, because a queue whose peer goes is taken away only from those
            lcore_id = self.plan.lcores[0].lcore_id if self.plan else 0
            LCORES.launch(lcore_id, set(self._app.cpus_of(lcore_id)), FlushJob(streams))
            LCORES.wait()

    def _launch(self, engine: Engine, turns: int = 0) -> None:
        assert self._made is not None
        for job in self._made.jobs:
            job.prepare(engine, turns, self._sleeps.get(job.lcore_id))
            LCORES.launch(job.lcore_id, set(self._app.cpus_of(job.lcore_id)), job)

    def stop(self) -> ForwardStats:
        """Stop the lcores, wait for them, and tell what they did."""
        if not self.running:
            raise TestpmdError("Packet forwarding not started")
        LCORES.stop()
        self.running = False
        if self.plan and self._made:
            self._setup_of(self.plan.engine).end(self._made)
        for sleep in self._sleeps.values():
            sleep.close()
        self._sleeps.clear()
        self._close_dumper()
        return self.stats()

    def follow_settings(self) -> None:
        """Bring into force, while lcores run, what may change then: the burst, what is recorded, what is shown."""
        if not self.running or self._made is None:
            return
        forward = self._app.config.forward
        for stream in self._made.streams:
            stream.follow(forward)
        for job in self._made.jobs:
            job.record_cycles(forward.record_core_cycles)
        if not forward.verbose:
            self._close_dumper()
        elif self._dumper is None:
            self._dumper = Dumper([job.dump for job in self._made.jobs], self._app.show_packets)

    def follow_bursts(self, port: EthPort) -> None:
        """A port's queues have other bursts; lcores may be polling them."""
        with self._binding:
            for stream in self._made.streams if self._made else ():
                stream.follow_bursts(port)

    def _close_dumper(self) -> None:
        if self._dumper:
            self._dumper.close()
        self._dumper = None

    def sleeps(self) -> dict[int, SleepCounts]:
        """How the lcores that sleep have slept since ``start``, by lcore; also after ``stop``."""
        jobs = self._made.jobs if self._made and self.plan else []
        return {job.lcore_id: job.sleeps() for job in jobs if job.sleep}

    def sample(self) -> tuple[StreamSample, ...]:
        """The streams as they are now, by any thread, whether lcores run or not; none before the first ``start``."""
        made = self._made
        return tuple(
            StreamSample.of(job.lcore_id, stream) for job in (made.jobs if made else ()) for stream in job.streams
        )

    def cycles(self) -> dict[int, tuple[int, int]]:
        """Busy cycles, and all, of each lcore since ``start``, as far as ``record-core-cycles`` was on; any thread."""
        made = self._made
        return {job.lcore_id: job.cycles() for job in made.jobs} if made else {}

    def counted(self) -> dict[int, Stats]:
        """What each forwarding port counted since ``start``, whatever was cleared since."""
        return {
            port.port_id: port.lifetime_stats() - self._begun.get(port.port_id, Stats())
            for port in self._app.ports
            if port.port_id in self._app.config.forward.portlist[: self._app.config.forward.nb_ports]
        }

    def _counted_by(self, port: EthPort) -> Stats:
        return port.lifetime_stats() - self._before.get(port.port_id, Stats())

    def balance(self) -> Balance:
        """What engines did since ``start`` with packets beside passing them on; exact while no lcore runs."""
        made = freed = 0
        dropped: dict[int, int] = {}
        for stream in self.sample():
            kept = stream.rx_packets - stream.tx_packets - stream.fwd_dropped
            made, freed = made + max(0, -kept), freed + max(0, kept)
            dropped[stream.spec.tx_port] = dropped.get(stream.spec.tx_port, 0) + stream.fwd_dropped
        return Balance(made, freed, dropped)

    def bursts(self) -> tuple[Mapping[int, int] | None, Mapping[int, int] | None]:
        """Bursts of all streams by size, received and sent; None where they are not recorded. Any thread."""
        streams = self._made.streams if self._made else []
        received = sum_bursts(stream.bursts("rx_bursts") for stream in streams)
        return received, sum_bursts(stream.bursts("tx_bursts") for stream in streams)

    def uses(self, port_id: int) -> bool:
        """Whether lcores poll a port's queues at the moment, or send to them."""
        streams = [stream for lcore in self.plan.lcores for stream in lcore.streams] if self.plan else []
        return self.running and any(port_id in (stream.rx_port, stream.tx_port) for stream in streams)

    def clear_stats(self) -> None:
        """Count from here."""
        self._before = {port.port_id: port.lifetime_stats() for port in self._app.ports}
        for stream in self._made.streams if self._made else ():
            stream.clear()

    def clear_port(self, port_id: int) -> None:
        """Count a port from here: its own counters were cleared, and the original takes these two for one."""
        self._before[port_id] = self._app.ports[port_id].lifetime_stats()

    def stats(self) -> ForwardStats:
        """What was counted since ``start``, or since the last :meth:`clear_stats`."""
        forward = self._app.config.forward
        streams = self._made.streams if self._made else []
        ids = [port_id for port_id in forward.portlist[: forward.nb_ports] if port_id in self._app.ports]
        ports = tuple(port_stats(port_id, self._counted_by(self._app.ports[port_id]), streams) for port_id in ids)
        detailed = streams if len(streams) > len(ports) else []
        engine = self.plan.engine if self.plan else forward.engine
        cycles = sum(stream.count("busy_cycles") for stream in streams) if forward.record_core_cycles else None
        return ForwardStats(
            engine,
            ports,
            tuple(found for stream in detailed if (found := stream_stats(stream))),
            total_of(ports),
            cycles,
            clock_hz() // 1_000_000 if cycles is not None else 0,
        )
