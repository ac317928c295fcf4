"""What is measured beside the counters, as DPDK's ``lib/latencystats`` and ``lib/bitratestats`` do it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from pytestpmd.app.sampling import BITS, App
from pytestpmd.config import MetricsConfig
from pytestpmd.eal.control import ControlThread
from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.ports import OPERATING
from pytestpmd.fwd.latency import Latency

PERIOD_S = 1.0
RATES = tuple(f"{kind}_bits_{way}" for kind in ("ewma", "mean", "peak") for way in ("in", "out"))
ALPHA_PERCENT = 20


@dataclass
class Rate:
    """Bits per second in one direction: of the last period, the highest so far, and an exponential mean."""

    mean: int = 0
    peak: int = 0
    ewma: int = 0

    def add(self, bits: int) -> None:
        """One more period's. As in ``rte_stats_bitrate_calc``, whole numbers, and the mean gets down to 0."""
        delta = (bits - self.ewma) * ALPHA_PERCENT
        step = (delta + 50) // 100 if delta > 0 else -((50 - delta) // 100)
        self.ewma = 0 if bits == 0 and step == 0 else self.ewma + step
        self.mean, self.peak = bits, max(self.peak, bits)


class PortRates:
    """A port's, from what it has counted."""

    def __init__(self, port: EthPort) -> None:
        self.port = port
        self.received, self.sent = Rate(), Rate()
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        self._before = self.port.lifetime_stats()

    def count(self, seconds: float) -> None:
        """So long after the last time, or :meth:`begin`."""
        now = self.port.lifetime_stats()
        counted, self._before = now - self._before, now
        self.received.add(round(counted.ibytes * BITS / seconds))
        self.sent.add(round(counted.obytes * BITS / seconds))

    def values(self) -> dict[str, int]:
        """By the names of ``RATES``."""
        pairs = ((getattr(way, kind) for way in (self.received, self.sent)) for kind in ("ewma", "mean", "peak"))
        return dict(zip(RATES, chain.from_iterable(pairs), strict=True))


class BitRates:
    """Counts once a second, on a thread of its own, while packets are forwarded."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._rates: dict[int, PortRates] = {}
        self._counted_at: float | None = None
        self._thread = ControlThread("bitrate", self._on_tick)
        self._thread.start()

    def close(self) -> None:
        """Harmless when repeated."""
        self._thread.stop()

    def _on_tick(self) -> None:
        # whoever operates ports may be waiting for a thread to end: this one comes again
        if OPERATING.acquire(blocking=False):
            try:
                self.tick(time.monotonic())
            finally:
                OPERATING.release()

    def tick(self, now: float) -> None:
        """Count if a period is over; ``now`` is in seconds. The first one begins when forwarding does."""
        if not self._app.session.running:
            self._counted_at = None
        elif self._counted_at is None:
            for rates in self._follow():
                rates.begin()
            self._counted_at = now
        elif now - self._counted_at >= PERIOD_S:
            for rates in self._follow():
                rates.count(now - self._counted_at)
            self._counted_at = now

    def _follow(self) -> Iterable[PortRates]:
        """Of the ports there are now."""
        known, self._rates = self._rates, {}
        for port in self._app.ports:
            of = known.get(port.port_id)
            self._rates[port.port_id] = of if of and of.port is port else PortRates(port)
        return self._rates.values()

    def values(self, port_id: int) -> dict[str, int]:
        """A port's rates; zeros of one that was never counted."""
        rates = self._rates.get(port_id)
        return rates.values() if rates else dict.fromkeys(RATES, 0)


class Metrics:
    """What the options ask for."""

    def __init__(self, app: App, config: MetricsConfig) -> None:
        self._latency = app.session.latency = Latency() if config.latency_lcore is not None else None
        self._rates = BitRates(app) if config.bitrate_lcore is not None else None

    def close(self) -> None:
        """Harmless when repeated."""
        if self._rates:
            self._rates.close()

    def of_all(self) -> dict[str, int]:
        """What is of no single port, by its name."""
        return self._latency.values() if self._latency else {}

    def of_port(self, port_id: int) -> dict[str, int]:
        """A port's own, by name."""
        return self._rates.values(port_id) if self._rates else {}
