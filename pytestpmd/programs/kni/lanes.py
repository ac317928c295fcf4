"""The lcores: for each port one that moves its packets to the kernel's side, and one that moves those from there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pytestpmd.app import TestPmd
from pytestpmd.eal.lcore import LCORES
from pytestpmd.errors import NotSupported
from pytestpmd.fwd import ENGINES
from pytestpmd.fwd.sleep import Sleep, interrupts_of
from pytestpmd.fwd.streams import Stream, StreamMaker, Streams
from pytestpmd.fwd.topology import LcoreSpec, StreamSpec
from pytestpmd.programs.kni.kni import Kni, log
from pytestpmd.programs.kni.render import KniStats


class Lanes:
    """Runs the lcores of all ports; what they counted outlives the streams that counted it."""

    def __init__(self, app: TestPmd, knis: Sequence[Kni], *, interrupt: bool) -> None:
        self._app, self._knis, self._interrupt = app, knis, interrupt
        self._counted = {kni: KniStats() for kni in knis}
        self._made: Streams | None = None
        self._sleeps: list[Sleep] = []
        self._told: set[str] = set()

    def start(self) -> None:
        """Launch the lcores of every port that is started."""
        engine = ENGINES["io"]
        ports = {port.port_id: port for port in self._app.ports}
        ports |= {kni.kernel_side.port_id: kni.kernel_side for kni in self._knis}
        specs = [spec for kni in self._knis if kni.is_running for spec in _specs(kni)]
        self._made = StreamMaker(self._app.config.forward, ports, self._app.pools[0]).make(specs)
        for job, spec in zip(self._made.jobs, specs, strict=True):
            sleep = None
            if self._interrupt:
                try:
                    sleep = Sleep(interrupts_of(spec, engine, ports))
                    self._sleeps.append(sleep)
                except NotSupported as error:
                    self._tell(f"lcore {spec.lcore_id} polls: {error}")
            job.prepare(engine, sleep=sleep)
            LCORES.launch(job.lcore_id, set(self._app.cpus_of(job.lcore_id)), job)
        LCORES.wait_for_turns()

    def _tell(self, line: str) -> None:
        if line not in self._told:
            log.info("%s", line)
            self._told.add(line)

    def stop(self) -> None:
        """Stop them all, and keep what they counted."""
        LCORES.stop()
        for sleep in self._sleeps:
            sleep.close()
        self._sleeps.clear()
        self._counted = {kni: self.stats(kni) for kni in self._knis}
        self._made = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A block in which no lcore polls."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def stats(self, kni: Kni) -> KniStats:
        """What was counted since :meth:`clear`."""
        counted = self._counted[kni]
        for stream in self._made.streams if self._made else []:
            if stream.spec.rx_port == kni.port.port_id:
                counted += KniStats(rx_packets=stream.count("tx_packets"), rx_dropped=stream.count("fwd_dropped"))
            elif stream.spec.tx_port == kni.port.port_id:
                counted += KniStats(tx_packets=stream.count("tx_packets"), tx_dropped=stream.count("fwd_dropped"))
        return counted

    def clear(self) -> None:
        """Count from here."""
        streams: list[Stream] = self._made.streams if self._made else []
        for stream in streams:
            stream.clear()
        self._counted = {kni: KniStats() for kni in self._knis}


def _specs(kni: Kni) -> tuple[LcoreSpec, LcoreSpec]:
    port, kernel = kni.port.port_id, kni.kernel_side.port_id
    return (
        LcoreSpec(kni.lcores.lcore_rx, (StreamSpec(port, 0, kernel, 0),)),
        LcoreSpec(kni.lcores.lcore_tx, (StreamSpec(kernel, 0, port, 0),)),
    )
