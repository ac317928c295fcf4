"""What is known of the lines that are not answered as the original answers them.

``data/testpmd/differences.txt`` has those that are meant, each with the reason and our own answer; ``pending.txt``, a
line each, those that are still to be done. A line that is in either and is answered as the original does is an error.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "testpmd"


@cache
def pending() -> frozenset[str]:
    """Keys of the lines that are not yet as they should be."""
    return frozenset((FOLDER / "pending.txt").read_text().splitlines())


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
