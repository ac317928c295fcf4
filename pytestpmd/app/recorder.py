"""How fast a run is, period by period: a thread that looks on while packets are forwarded."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytestpmd.app.sampling import App, Sample, counted, rates_of, seconds, take
from pytestpmd.ethdev.stats import Rates, Stats

#: Periods that are remembered: more than a day of seconds.
MOST_PERIODS = 100_000
#: A rest that is shorter than this part of a period says nothing of rates.
LEAST_PART = 0.5


@dataclass(frozen=True)
class Period:
    """What was counted in one period, by port."""

    number: int
    duration_s: float
    counted: Mapping[int, Stats]

    @property
    def total(self) -> Stats:
        """All ports together."""
        return sum(self.counted.values(), Stats())

    def rates(self, stats: Stats) -> Rates:
        """What this would be a second."""
        return rates_of(stats, self.duration_s)


class Recorder:
    """Looks every ``period_s`` seconds, and tells each period that was forwarded in as a whole.

    ``tell`` is called on the recorder's thread. The periods are those of the forwarding that runs, or ran last.
    """

    def __init__(self, app: App, period_s: float, tell: Callable[[Period], None] = lambda period: None) -> None:
        self._app, self.period_s, self._tell = app, period_s, tell
        self.periods: deque[Period] = deque(maxlen=MOST_PERIODS)
        self._last: Sample | None = None
        self._run: object = None
        self._number = 0
        self._ended = False
        self._wake = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._look_on, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def begin(self) -> None:
        """Forwarding has begun: periods are counted from here."""
        self.look()
        self._wake.set()

    def close(self) -> None:
        """End; while packets are still forwarded, with the period that is under way if it is half over."""
        if self._ended:
            return
        self._ended = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self.look(LEAST_PART)

    def _look_on(self) -> None:
        due = time.monotonic() + self.period_s
        while not self._ended:
            if self._wake.wait(max(0.0, due - time.monotonic())):
                self._wake.clear()
                due = time.monotonic() + self.period_s
            else:
                self.look()
                due += self.period_s

    def look(self, least: float = 0.0) -> None:
        """Note what was counted since the last look, if both were in one run and ``least`` of a period lies between."""
        with self._looking:
            self._look(least)

    def _look(self, least: float) -> None:
        run = self._app.session.plan if self._app.session.running else None
        if run is None:
            self._last = None
            return
        now = take(self._app)
        if run is not self._run:
            self._run, self._number = run, 0
            self.periods.clear()
        elif self._last and seconds(self._last, now) > least * self.period_s:
            self._number += 1
            period = Period(self._number, seconds(self._last, now), counted(self._last, now))
            self.periods.append(period)
            self._tell(period)
        self._last = now
