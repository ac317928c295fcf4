"""``--help``: both parts of the command line, in groups. The width is the same on every terminal."""

from collections.abc import Iterable

import click

from pytestpmd.cli.argv import HELP
from pytestpmd.cli.registry import OPTION_GROUPS, Option, Program, Registry
from pytestpmd.eal.options import GROUPS

WIDTH, NAMES_WIDTH = 110, 34
_EAL_HELP = ("-h, --help", "show this, with the options of both parts, and end")


def option_groups(options: Iterable[Option]) -> dict[str, list[Option]]:
    """Options by the titles of their groups, those in the order of help."""
    given = list(options)
    groups = {title: [one for one in given if one.group == name] for name, title in OPTION_GROUPS.items()}
    return {title: members for title, members in groups.items() if members}


def whole(registry: Registry) -> str:
    """What ``--help`` prints before the ``--``: how to begin, the EAL options, the program's own."""
    program, formatter = registry.program, _formatter()
    formatter.write(f"usage: {program.name} <EAL options> -- <App options>\n")
    _examples(formatter, program)
    first, *others = GROUPS
    for title in (first, *others):
        rows = [(one.names, one.help) for one in GROUPS[title]]
        _group(formatter, f"{title} (EAL)", [_EAL_HELP, *rows] if title == first else rows)
    return formatter.getvalue() + "\n" + usage(registry)


def usage(registry: Registry) -> str:
    """What ``--help`` prints after the ``--``: every option of the program."""
    formatter = _formatter()
    formatter.write(f"Usage: {registry.program.synopsis}\n")
    groups = option_groups(registry.options.values())
    first = next(iter(groups), "Options")
    for title, members in {first: [], **groups}.items():
        rows = [(one.names, one.help) for one in ([HELP, *members] if title == first else members)]
        _group(formatter, title if len(groups) > 1 else "Options", rows)
    formatter.write("\nA unique beginning of a name will do. Values may stand in a word of their own.\n")
    return formatter.getvalue()


def _formatter() -> click.HelpFormatter:
    return click.HelpFormatter(width=WIDTH, max_width=WIDTH)


def _examples(formatter: click.HelpFormatter, program: Program) -> None:
    for arguments, outcome in program.examples:
        formatter.write(f"\n  {program.name} {arguments}\n      {outcome}\n")


def _group(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(rows, col_max=NAMES_WIDTH)
