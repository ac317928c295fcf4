"""``make parity``: how many of the original's options and commands are here as there; fails if one that matters is not.

A row passes when every line of the sessions that is of its kind is answered as the original does, or as
``differences.txt`` says and why; one that is in no session passes when its line is a command here.
"""

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from parity import launches
from parity.compare import masked
from parity.rows import CommandRow, OptionRow, commands, options
from parity.sessions import REGISTRY, Line, load_all, play
from parity.verdicts import differences

from pytestpmd.eal.options import find
from pytestpmd.errors import CommandError

VERDICTS = ("same", "differs on purpose", "accepted", "FAILS")


def verdict_of_line(line: Line, ours: str) -> str:
    if masked(ours) == masked(line.original or ""):
        return "same"
    return "differs on purpose" if differences().get(line.key) == masked(ours) else "FAILS"


def _is_one(row: CommandRow) -> bool:
    try:
        return REGISTRY.parse(row.example) is not None
    except CommandError:
        return False


def verdict_of_row(row: CommandRow, lines: list[str]) -> str:
    """The worst of its lines' verdicts."""
    if not _is_one(row):
        return "FAILS"
    return max(lines, key=VERDICTS.index) if lines else "accepted"


def lines_by_row(rows: list[CommandRow]) -> dict[str, list[str]]:
    """The verdicts of each row's lines, by its syntax."""
    found: dict[str, list[str]] = defaultdict(list)
    for session in load_all():
        with tempfile.TemporaryDirectory() as folder:
            answers = play(session, Path(folder))
        for line in session.lines:
            if line.original is None:
                continue
            verdict = verdict_of_line(line, answers[line.key])
            for row in rows:
                if row.takes(line.typed):
                    found[row.syntax].append(verdict)
    return found


def verdicts_of_launches() -> dict[str, str]:
    """How each of the original's launches goes here, by its name."""
    verdicts: dict[str, str] = {}
    for launched in launches.LAUNCHES:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
            patch.setenv("RUNTIME_DIRECTORY", folder)
            verdicts[launched.name] = launches.verdict(launched, *launches.play(launched.words, Path(folder), patch))
    return verdicts


def verdict_of_option(row: OptionRow, went: dict[str, str]) -> str:
    """The worst of the launches that give it; where none does, that it is an option here."""
    spellings = {f"--{row.name}", *([f"-{row.short}"] if row.short else [])}
    given = [
        went[each.name] for each in launches.LAUNCHES if spellings & {word.partition("=")[0] for word in each.words}
    ]
    is_one = row.name in {"help", *REGISTRY.options} or find(f"--{row.name}") is not None
    return max(given, key=VERDICTS.index, default="accepted") if is_one else "FAILS"


class Table:
    """Rows by scope and verdict, and which of them fail."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.counts: Counter[tuple[str, str]] = Counter()
        self.failed: list[str] = []

    def add(self, scope: str, verdict: str, name: str) -> None:
        self.counts[scope, verdict] += 1
        if verdict == "FAILS":
            self.failed.append(f"{scope:8} {name}")

    def show(self) -> None:
        print(f"{self.title:14}" + "".join(f"{verdict:>20}" for verdict in VERDICTS) + f"{'rows':>8}")
        for scope in ("core", "useful", "hw-only"):
            of_scope = [self.counts[scope, verdict] for verdict in VERDICTS]
            print(f"  {scope:12}" + "".join(f"{count:20}" for count in of_scope) + f"{sum(of_scope):8}")

    @property
    def is_bad(self) -> bool:
        """Whether a row fails that is not only hardware's."""
        return any(not line.startswith("hw-only") for line in self.failed)


def main() -> int:
    """Print the tables; 1 if a row that is not only hardware's fails."""
    tables = []
    went = verdicts_of_launches()
    for title in ("options", "eal_options"):
        tables.append(Table(title))
        for option in options(title):
            tables[-1].add(option.scope, verdict_of_option(option, went), f"--{option.name}")
    rows = commands()
    lines = lines_by_row(rows)
    tables.append(Table("commands"))
    for row in rows:
        tables[-1].add(row.scope, verdict_of_row(row, lines[row.syntax]), row.syntax)
    for table in tables:
        table.show()
    print("\n".join(line for table in tables for line in table.failed))
    return any(table.is_bad for table in tables)


if __name__ == "__main__":
    sys.exit(main())
