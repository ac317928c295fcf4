"""cffi: every .c and .h below this folder becomes one extension, ``pytestpmd._dataplane``.

A header is the contract between the two languages. Above its ``/* C only */`` line stand the structs, enums, plain
constants and prototypes that Python shares; below it the inlines and macros that only C sees. The upper halves, with
directives and attributes stripped, are handed to ``cdef`` in the order that their own ``#include`` lines ask for. In
API mode the C compiler then checks each declaration, so the two readings cannot drift apart.
"""

import os
import re
from pathlib import Path

from cffi import FFI

PACKAGE = Path(__file__).parent
CONTRACT_END = "/* C only */"
INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)
DIRECTIVE = re.compile(r"^\s*#(?!define \w+ +(?:\d|\.\.\.))[^\n]*$", re.MULTILINE)
FLAG = re.compile(r"^(#define \w+ +)\(.*[0-9a-f]ULL\b[^)]*\).*$", re.MULTILINE)
ALIGNED = re.compile(r"\}\s*ALIGNED\(\w+\);")


def headers_in_order() -> list[Path]:
    """Every header, each after those that it includes."""
    done: dict[Path, None] = {}

    def visit(header: Path) -> None:
        if header in done:
            return
        for name in INCLUDE.findall(header.read_text()):
            visit(PACKAGE / name)
        done[header] = None

    for header in sorted(PACKAGE.rglob("*.h")):
        visit(header)
    return list(done)


def contract(header: Path) -> str:
    """The half of a header that Python shares, as cffi reads it.

    cffi knows no alignment and computes nothing: the size of an aligned struct and the value of a shifted flag are left
    for the C compiler to tell.
    """
    shared = FLAG.sub(r"\1...", header.read_text().partition(CONTRACT_END)[0])
    return ALIGNED.sub("...; };", DIRECTIVE.sub("", shared))


def sources() -> list[str]:
    """C files, relative to the project's root as setuptools wants them."""
    return [str(path.relative_to(PACKAGE.parent)) for path in sorted(PACKAGE.rglob("*.c")) if path.stem != "_dataplane"]


def flags() -> list[str]:
    """Compiler flags; ``PYTESTPMD_CFLAGS`` adds to them (CI: -Werror, asan: -fsanitize=...)."""
    extra = os.environ.get("PYTESTPMD_CFLAGS", "").split()
    return ["-std=gnu11", "-O3", "-g", "-Wall", "-Wextra", "-fvisibility=hidden", "-fno-semantic-interposition", *extra]


ffibuilder = FFI()
for _header in headers_in_order():
    ffibuilder.cdef(contract(_header))
ffibuilder.set_source(
    "pytestpmd._dataplane",
    "\n".join(f'#include "{header.relative_to(PACKAGE)}"' for header in headers_in_order()),
    sources=sources(),
    depends=[str(header.relative_to(PACKAGE.parent)) for header in headers_in_order()],
    include_dirs=["pytestpmd"],
    extra_compile_args=flags(),
    extra_link_args=os.environ.get("PYTESTPMD_LDFLAGS", "").split(),
)
