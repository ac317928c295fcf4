"""Manual pages: plain text to roff."""

from collections.abc import Iterable

from pytestpmd import __version__


def page(name: str, number: int, summary: str, sections: Iterable[list[str]]) -> str:
    """The text of a page of so many sections."""
    head = [
        r".\" Made from the program's own tables by make man; do not edit.",
        f'.TH {name.upper()} {number} "" "pytestpmd {__version__}"',
        ".SH NAME",
        f"{name} \\- {text(summary)}",
    ]
    return "\n".join([*head, *(line for one in sections for line in one), ""])


def section(title: str, lines: Iterable[str]) -> list[str]:
    """A section of lines that are roff already."""
    return [f".SH {text(title.upper())}", *lines]


def subsection(title: str, lines: Iterable[str]) -> list[str]:
    """A part of a section, of lines that are roff already."""
    return [f".SS {text(title)}", *lines]


def paragraphs(words: str) -> list[str]:
    """Plain paragraphs, with empty lines between them."""
    parts = [part.splitlines() for part in words.strip().split("\n\n")]
    return [line for part in parts for line in [".PP", *map(text, part)]]


def items(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Names in bold, and what they are."""
    return [line for name, about in rows for line in (".TP", rf"\fB{text(name)}\fR", text(about))]


def lines(rows: Iterable[str]) -> list[str]:
    """Lines as they are, each on its own; one that is too long breaks after a bar if need be."""
    return [".PP", *(line for row in rows for line in (text(row).replace("|", r"|\:"), ".br"))]


def text(line: str) -> str:
    """Plain text to roff: backslashes and dashes as they are, no line taken for a request."""
    escaped = line.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
