"""The last minutes, a moment each period."""

from collections import deque
from collections.abc import Sequence

from pytestpmd.cli.dashboard.figures import Moment, moment
from pytestpmd.cli.dashboard.look import Look

MOMENTS = 600
#: Figures of queues that are kept at most: ports with very many queues have a shorter past.
FIGURES = 200_000


class History:
    """Moments by number: the first is 0 for as long as the program runs, and old ones are forgotten."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque(maxlen=MOMENTS)
        self._before: Look | None = None
        self._added = 0

    def add(self, look: Look) -> None:
        """One look more; the first one is where the first moment begins."""
        if self._before is not None:
            self._moments.append(made := moment(self._before, look))
            self._added += 1
            while len(self._moments) > max(2, FIGURES // max(1, len(made.queues))):
                self._moments.popleft()
        self._before = look

    def begin(self) -> None:
        """What follows does not follow at once: no moment spans the time in between."""
        self._before = None

    @property
    def newest(self) -> int:
        """The number of the last moment; -1 before there is one."""
        return self._added - 1

    @property
    def oldest(self) -> int:
        """The number of the first that is not forgotten."""
        return self._added - len(self._moments)

    def until(self, number: int, most: int) -> Sequence[Moment]:
        """The moment of that number, or the nearest that there is, with up to ``most`` in all that lead to it."""
        end = min(max(number - self.oldest, 0), len(self._moments) - 1) + 1
        return [self._moments[i] for i in range(max(0, end - most), end)]
