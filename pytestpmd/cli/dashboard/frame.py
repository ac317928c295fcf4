"""The whole screen: a line of where and when, the sheets of a view, and a line of keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.align import Align
from rich.console import Group, RenderableType
from rich.text import Text

from pytestpmd.cli.dashboard.history import History
from pytestpmd.cli.dashboard.marks import human
from pytestpmd.cli.dashboard.sheet import LEAST_LINES
from pytestpmd.cli.dashboard.state import HELP, State
from pytestpmd.cli.dashboard.views import TAIL, VIEWS, AnySheet, Scene

NS = 10**9
#: The line above the sheets, and the one below.
FRAME_LINES = 2


@dataclass(frozen=True)
class Size:
    """Of the screen, in characters."""

    width: int
    height: int


def frame(history: History, state: State, size: Size, plain: bool = False, message: str = "") -> RenderableType:
    """Everything that is on the screen; ``message`` takes the place of the keys."""
    scene = Scene(history.until(history.newest if state.at is None else state.at, TAIL), plain)
    if not scene.moments:
        return Group(_cut(Text("pytestpmd   counting ...", "bold")))
    height = max(1, size.height - FRAME_LINES)
    body = _help(height) if state.help else list(_body(VIEWS[state.view](scene), state.top, size.width, height))
    lines = Group(*body)
    return Group(_head(history, state, scene, size.width), _padded(lines, height), _foot(state, message))


def _padded(lines: Group, height: int) -> RenderableType:
    return Align(lines, height=height, vertical="top")


def _body(sheets: Sequence[AnySheet], top: int, width: int, height: int) -> Iterator[RenderableType]:
    """As many sheets as there is room for, an empty line between them; the first one is that which scrolls."""
    left = height
    for number, sheet in enumerate(sheets):
        gap = 1 if number else 0
        wanted = min(sheet.height, left - gap)
        if not sheet.height or wanted < min(LEAST_LINES, sheet.height):
            continue
        if gap:
            yield Text("")
        yield sheet.render(width, wanted, 0 if number else top)
        left -= wanted + gap


def _head(history: History, state: State, scene: Scene, width: int) -> Text:
    now = scene.now
    what = f"{now.engine}, {'forwarding' if now.running else 'stopped'}"
    total = f"rx {human(now.total.rx_pps, 'pps')}  tx {human(now.total.tx_pps, 'pps')}"
    left = Text.assemble((" pytestpmd ", "reverse bold"), f" {what}   {total}")
    right = _when(history, state, scene)
    gap = width - left.cell_len - right.cell_len
    return _cut(Text.assemble(left, " " * gap, right) if gap > 0 else Text.assemble(right, " ", left))


def _when(history: History, state: State, scene: Scene) -> Text:
    if state.at is None:
        return Text(f"live, {state.period_s:g} s ", "green")
    newest = history.until(history.newest, 1)[-1]
    return Text(f"paused, {(newest.taken_ns - scene.now.taken_ns) / NS:.0f} s ago ", "bold yellow")


def _foot(state: State, message: str) -> Text:
    if message:
        return _cut(Text(message, "yellow"))
    words = Text()
    for number, name in enumerate(VIEWS, 1):
        words.append(f" {number} {name} ", "reverse" if name == state.view else "")
    words.append("  p pause  left back  ? help  q leave", "dim")
    return _cut(words)


def _help(height: int) -> list[RenderableType]:
    lines = [Text("Keys", "bold cyan"), *(Text.assemble((f"{keys:<15}", "bold"), about) for keys, about in HELP)]
    return [_cut(line) for line in lines[:height]]


def _cut(line: Text) -> Text:
    """One line, whatever the width."""
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
