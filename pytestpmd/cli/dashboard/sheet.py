"""A table as wide and as high as there is room for: columns that matter less go first, and rows that do not fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Row = TypeVar("Row")
GAP = 2
#: Title, heading and one row.
LEAST_LINES = 3


@dataclass(frozen=True)
class Column(Generic[Row]):
    """``width`` characters of each row; of columns that do not fit, that with the highest ``rank`` goes first.

    With ``most`` it shares the room that is left, up to so much; ``cell`` is told how much it got.
    """

    title: str
    width: int
    cell: Callable[[Row, int], Text | str]
    rank: int = 0
    left: bool = False
    most: int = 0


@dataclass(frozen=True)
class Sheet(Generic[Row]):
    """Rows under a title; ``nothing`` is said where there are none."""

    title: str
    columns: Sequence[Column[Row]]
    rows: Sequence[Row]
    nothing: str = ""

    @property
    def height(self) -> int:
        """Lines that it would like."""
        return 2 + len(self.rows) if self.rows else 2 if self.nothing else 0

    def render(self, width: int, height: int, top: int = 0) -> RenderableType:
        """Lay it out in ``width`` columns and ``height`` lines, the rows from number ``top`` on."""
        title = Text(self.title, "bold cyan", no_wrap=True, overflow="ellipsis")
        if not self.rows:
            return Group(title, Text(self.nothing, "dim", no_wrap=True, overflow="ellipsis"))
        room = height - LEAST_LINES + 1
        first = max(0, min(top, len(self.rows) - room))
        shown = self.rows[first : first + room]
        if len(shown) < len(self.rows):
            title.append(f"  {first + 1}-{first + len(shown)} of {len(self.rows)}, up and down", "dim")
        return Group(title, self._table(width, shown))

    def _table(self, width: int, rows: Sequence[Row]) -> Table:
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold", expand=False)
        columns = fit(self.columns, width)
        for column, size in columns:
            table.add_column(column.title, width=size, justify="left" if column.left else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(column.cell(row, size) for column, size in columns))
        return table


def fit(columns: Sequence[Column[Row]], width: int) -> list[tuple[Column[Row], int]]:
    """The columns that fit, and how wide each is."""
    kept = list(columns)
    while len(kept) > 1 and _width(kept) > width:
        kept.remove(max(kept, key=lambda column: column.rank))
    left = max(0, width - _width(kept))
    elastic = sum(1 for column in kept if column.most)
    sizes = []
    for column in kept:
        more = min(left // elastic, column.most - column.width) if column.most else 0
        sizes.append((column, column.width + more))
        left, elastic = left - more, elastic - bool(column.most)
    return sizes


def _width(columns: Sequence[Column[Row]]) -> int:
    return sum(column.width + GAP for column in columns) - GAP
