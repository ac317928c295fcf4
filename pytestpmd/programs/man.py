"""The manual pages of the programs: ``python -m pytestpmd.programs.man DIR`` writes one each.

A program whose package has a module ``manual`` has a page: its ``NAME``, and what its ``page`` returns.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from pytestpmd import programs


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    packages = [f"{programs.__name__}.{one.name}" for one in iter_modules(programs.__path__) if one.ispkg]
    manuals = [import_module(f"{package}.manual") for package in packages if find_spec(f"{package}.manual")]
    return {f"{manual.NAME}.1": manual.page() for manual in manuals}


def main(directory: str) -> None:
    """Write them."""
    for name, text in pages().items():
        (Path(directory) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
