"""One line, one answer: a command run on an app without a console around it."""

from typing import Any

from pytestpmd.cli import console
from pytestpmd.cli.argv import parse_options
from pytestpmd.cli.registry import Registry, discover

REGISTRY: Registry = discover()


def answer(app: Any, line: str) -> str:
    """What the console would print for the line."""
    return console.execute(app, REGISTRY, line)


def launch(app: Any, *words: str) -> list[str]:
    """Apply launch options; the lines that they print."""
    said: list[str] = []
    parse_options(REGISTRY, words).apply(app, said.append)
    return said
