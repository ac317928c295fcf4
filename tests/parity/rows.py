"""The rows of the tables in ``data/testpmd``: what the original knows, and which lines of the sessions are of which."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytestpmd.cli.grammar import compile_syntax, match_form, split_words
from pytestpmd.cli.params import Param

FOLDER = Path(__file__).parents[1] / "data" / "testpmd"
ANYTHING = Param("anything")
#: Words that stand for a value of a row's line, where its type wants more than a number.
SAMPLES = {
    "mac": "02:00:00:00:00:01",
    "mac_addr": "02:00:00:00:00:01",
    "port_id": "0",
    "file": "/dev/null",
    "name": "mb_pool_0",
    "ident": "net_null9",
    "identifier": "net_null0",
    "x[,y...]": "0,1",
    "hexmask": "0x3",
    "h": "0",
}


@dataclass(frozen=True)
class CommandRow:
    """A command of the original: how much it means here, its line, and an example."""

    scope: str
    group: str
    syntax: str
    given: str

    @cached_property
    def forms(self) -> Sequence[Sequence[object]]:
        line = re.sub(r"\[[^\]]*\.\.\.\]|\.\.\.", "", self.syntax)
        line = re.sub(r"<[^<>]*>", "(any)", line)
        return compile_syntax(line, {"any": ANYTHING}).forms

    def takes(self, typed: str) -> bool:
        """Whether a typed line is this command."""
        words = split_words(typed)
        return any(len(form) == len(words) == len(match_form(form, words)) for form in self.forms)  # type: ignore[arg-type]

    @property
    def example(self) -> str:
        """A line that is this command: the row's own, or its syntax with values in the places for them."""
        if self.given:
            return self.given
        line = re.sub(r"\[[^\]]*\]", "", self.syntax)
        line = re.sub(r"<([^<>]*)>", lambda match: SAMPLES.get(match[1], "1"), line)
        return " ".join(word.split("|")[0] for word in line.split())


@dataclass(frozen=True)
class OptionRow:
    """An option of the original: how much it means here, its name, letter and argument."""

    scope: str
    name: str
    short: str
    argument: str
    default: str


def commands() -> list[CommandRow]:
    """Every row of ``commands.csv``."""
    with (FOLDER / "commands.csv").open() as file:
        return [CommandRow(row["scope"], row["group"], row["syntax"], row["example"]) for row in csv.DictReader(file)]


def options(table: str) -> list[OptionRow]:
    """Every row of ``options.csv`` or ``eal_options.csv``."""
    with (FOLDER / f"{table}.csv").open() as file:
        return [_option(row) for row in csv.DictReader(file)]


def _option(row: dict[str, str]) -> OptionRow:
    match = re.match(r"--([\w-]+)(?: \(-(\w)\))?", row["option"])
    assert match, row
    return OptionRow(row["scope"], match[1], match[2] or "", row["argument"], row["default"])
