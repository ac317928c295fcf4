"""``make parity``: how many of the original's commands are answered as there; fails if one that matters is not.

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
from parity.rows import CommandRow, commands
from parity.sessions import REGISTRY, Line, load_all, play
from parity.verdicts import differences

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


def count_launches() -> list[str]:
    """Print how the original's launches go here; those that fail."""
    verdicts: dict[str, str] = {}
    for launched in launches.LAUNCHES:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
            patch.setenv("RUNTIME_DIRECTORY", folder)
            verdicts[launched.name] = launches.verdict(launched, *launches.play(launched.words, Path(folder), patch))
    counts = Counter(verdicts.values())
    print(f"{'launches':10}" + "".join(f"{counts[one]:20}" for one in VERDICTS) + f"{len(verdicts):8}")
    return [f"launch   {name}" for name, one in verdicts.items() if one == "FAILS"]


def main() -> int:
    """Print the table; 1 if a row that is not only hardware's fails."""
    rows = commands()
    lines = lines_by_row(rows)
    counts: Counter[tuple[str, str]] = Counter()
    failed = []
    for row in rows:
        verdict = verdict_of_row(row, lines[row.syntax])
        counts[row.scope, verdict] += 1
        if verdict == "FAILS":
            failed.append(f"{row.scope:8} {row.syntax}")
    print(f"{'commands':10}" + "".join(f"{verdict:>20}" for verdict in VERDICTS) + f"{'rows':>8}")
    for scope in ("core", "useful", "hw-only"):
        of_scope = [counts[scope, verdict] for verdict in VERDICTS]
        print(f"{scope:10}" + "".join(f"{count:20}" for count in of_scope) + f"{sum(of_scope):8}")
    failed += count_launches()
    print("\n".join(failed))
    return any(not line.startswith("hw-only") for line in failed)


if __name__ == "__main__":
    sys.exit(main())
