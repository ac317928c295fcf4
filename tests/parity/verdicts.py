"""What is known of the lines that are not answered as the original answers them.

``data/testpmd/differences.txt`` has those that are meant, each with the reason and our own answer; ``pending.txt``, a
line each, those that are still to be done. A line that is in either and is answered as the original does is an error.
"""

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
    blocks = ("\n" + (FOLDER / "differences.txt").read_text()).split("\n== ")[1:]
    found = {}
    for block in blocks:
        key, why, *answer = block.split("\n")
        assert why.startswith("why: "), key
        found[key] = "\n".join(answer).strip("\n")
    return found
