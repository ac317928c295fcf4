"""What is wrong with a line, for a person: the place, what would have been right there, and what was meant perhaps."""

from difflib import get_close_matches
from shutil import get_terminal_size

from rich.console import Console
from rich.text import Text

from pytestpmd.cli.console.session import PROMPT
from pytestpmd.cli.grammar import split_words
from pytestpmd.errors import CommandError

EXPECTED_MAX = 8
#: How much of a long line is shown before the wrong word.
BEFORE = 20


def explain(error: CommandError, line: str = "", width: int | None = None) -> str:
    """A verdict on a line that was typed at the prompt of a terminal ``width`` characters wide.

    The caret stands below the line; where that takes more than a row of the screen, below a piece of it.
    """
    word = next((word.text for word in split_words(line) if word.start == error.position), "")
    indent = len(PROMPT) + error.position
    if len(PROMPT) + len(line) < (width or get_terminal_size().columns):
        quoted = Text()
    else:
        indent = min(error.position, BEFORE)
        quoted = Text(f"{line[error.position - indent :][: indent + len(word)]}\n")
    return _coloured(
        quoted,
        Text(" " * indent).append("^" * max(1, len(word)), "bold red"),
        Text("\n"),
        Text(str(error), "red").append(_expected(error), "default"),
        Text("\n"),
        Text(f"Did you mean {near}?\n", "yellow") if (near := meant(error, word)) else Text(),
    )


def _coloured(*parts: Text) -> str:
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:
        console.print(Text.assemble(*parts), end="")
    return captured.get()


def meant(error: CommandError, word: str) -> str:
    """The expected word that a wrong one is nearest to; "" if none is near."""
    known = [each for each in error.expected if not each.startswith("(") and " " not in each]
    return next(iter(get_close_matches(word, known, 1)), "") if word else ""


def _expected(error: CommandError) -> str:
    if not error.expected:
        return ""
    shown = ", ".join(error.expected[:EXPECTED_MAX])
    return f": expected {shown}{', ...' if len(error.expected) > EXPECTED_MAX else ''}"
