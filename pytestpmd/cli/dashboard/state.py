"""What the person who looks on has chosen, and what keys make of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

VIEWS = ("ports", "queues", "streams", "lcores")
PERIODS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
PAGE = 10


@dataclass(frozen=True)
class State:
    """``at`` is the number of the moment that is looked back on, None for the newest; ``top`` the first row shown."""

    view: str = VIEWS[0]
    at: int | None = None
    period_s: float = 1.0
    top: int = 0
    help: bool = False
    left: bool = False


@dataclass(frozen=True)
class Span:
    """The numbers of the oldest and of the newest moment."""

    oldest: int
    newest: int


def press(state: State, key: str, span: Span) -> State:
    """What a key does; keys that mean nothing do nothing, and any key but q ends the help."""
    if key in LEAVING:
        return replace(state, left=True)
    if state.help:
        return replace(state, help=False)
    if key in "1234":
        return replace(state, view=VIEWS[int(key) - 1], top=0)
    act = KEYS.get(key)
    return act(state, span) if act else state


def _pause(state: State, span: Span) -> State:
    return replace(state, at=span.newest if state.at is None else None)


def _back(by: int) -> Callable[[State, Span], State]:
    def move(state: State, span: Span) -> State:
        at = (span.newest if state.at is None else state.at) + by
        return replace(state, at=None if at >= span.newest else max(at, span.oldest))

    return move


def _turn(by: int) -> Callable[[State, Span], State]:
    def turn(state: State, span: Span) -> State:
        return replace(state, view=VIEWS[(VIEWS.index(state.view) + by) % len(VIEWS)], top=0)

    return turn


def _period(by: int) -> Callable[[State, Span], State]:
    def change(state: State, span: Span) -> State:
        place = min(max(PERIODS_S.index(state.period_s) + by, 0), len(PERIODS_S) - 1)
        return replace(state, period_s=PERIODS_S[place])

    return change


def _scroll(by: int) -> Callable[[State, Span], State]:
    return lambda state, span: replace(state, top=max(0, state.top + by))


LEAVING = ("q", "Q", "ctrl-c", "ctrl-d")
KEYS: Mapping[str, Callable[[State, Span], State]] = {
    "p": _pause,
    " ": _pause,
    "left": _back(-1),
    "right": _back(1),
    "page-up": _back(-PAGE),
    "page-down": _back(PAGE),
    "home": lambda state, span: replace(state, at=span.oldest),
    "end": lambda state, span: replace(state, at=None),
    "tab": _turn(1),
    "back-tab": _turn(-1),
    "+": _period(1),
    "-": _period(-1),
    "up": _scroll(-1),
    "down": _scroll(1),
    "?": lambda state, span: replace(state, help=True),
    "h": lambda state, span: replace(state, help=True),
}

HELP = (
    ("1 2 3 4, tab", "ports, queues, streams, lcores"),
    ("up, down", "scroll"),
    ("p, space", "pause, and go on"),
    ("left, right", "look back a period, and forward"),
    ("page up, down", f"look back {PAGE} periods, and forward"),
    ("home, end", "the oldest period, the present"),
    ("+ -", "longer and shorter periods"),
    ("q", "leave"),
)
