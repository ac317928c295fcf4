"""The lines that are not answered as the original answers them, and why.

``data/testpmd/differences.txt`` has each with the reason and our own answer. A line that is there and is answered as
the original does is an error.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "testpmd"


@cache
def differences() -> dict[str, str]:
    """Our own answer, masked, by the key of the line: ``== key``, ``why: reason``, the answer."""
    found = {}
    for key, why, answer in blocks(FOLDER / "differences.txt"):
        assert why.startswith("why: "), key
        found[key] = answer
    return found


def blocks(file: Path) -> Iterator[tuple[str, str, str]]:
    """The blocks of a file: what follows ``==``, the line after it, and the rest."""
    for block in ("\n" + file.read_text()).split("\n== ")[1:]:
        key, line, *rest = block.split("\n")
        yield key, line, "\n".join(rest).strip("\n")
