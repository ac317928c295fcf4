"""What the original was seen to do on the wire: frames in and out of an engine, as hex dumps under tests/data/wire."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "data" / "wire"


def frames(name: str, way: str) -> list[bytes]:
    """The frames of a dump that went ``in`` or ``out``."""
    found: list[bytes] = []
    is_wanted = False
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if " packet " in line:
            is_wanted = line.startswith(f"{way} ")
            found += [b""] if is_wanted else []
        elif is_wanted and line.strip():
            found[-1] += bytes.fromhex(line.split(maxsplit=1)[1])
    return found
