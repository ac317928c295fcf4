"""No import and no #include looks up: cli -> app -> {fwd, drivers} -> ethdev -> eal.

``telemetry`` looks at the app as ``cli`` does, which starts it. ``fwd`` and ``drivers`` do not know each other; the
vhost-user protocol knows nothing of ports.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytestpmd

ROOT = Path(pytestpmd.__file__).parent
PACKAGE = "pytestpmd"

FREE = {"errors", "log", "log_style", "_dataplane"}
"""What every layer may use."""

BELOW: dict[str, set[str]] = {
    "errors": set(),
    "log": set(),
    "log_style": set(),
    "_build": set(),
    "__init__": set(),
    "eal": set(),
    "ethdev": {"eal"},
    "config": {"ethdev", "eal"},
    "vhost_user": {"eal"},
    "fwd": {"ethdev", "eal", "config"},
    "drivers": {"vhost_user", "ethdev", "eal", "config"},
    "app": {"fwd", "drivers", "vhost_user", "ethdev", "eal", "config"},
    "telemetry": {"app", "fwd", "drivers", "vhost_user", "ethdev", "eal", "config", "__init__"},
    "cli": {"telemetry", "app", "fwd", "drivers", "vhost_user", "ethdev", "eal", "config", "__init__"},
    "programs": {"cli", "telemetry", "app", "fwd", "drivers", "vhost_user", "ethdev", "eal", "config", "__init__"},
    "__main__": {"cli"},
}
"""For each layer, those that it may look at."""


def layer_of(file: Path, root: Path) -> str:
    return file.relative_to(root).parts[0].removesuffix(".py")


def imported(tree: ast.AST, file: Path, root: Path) -> Iterator[str]:
    """Full names of the package's modules that a module names in its imports, relative ones resolved."""
    here = [PACKAGE, *file.relative_to(root).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def included(text: str) -> Iterator[str]:
    yield from re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE)


def looks_at(file: Path, root: Path) -> Iterator[str]:
    """The layers that a file looks at."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        for name in included(text):
            yield name.split("/")[0] if "/" in name else layer_of(file, root)
        return
    for name in imported(ast.parse(text), file, root):
        package, _, rest = name.partition(".")
        if package == PACKAGE:
            first = rest.split(".")[0]
            is_module = (root / first).is_dir() or (root / f"{first}.py").exists() or first in FREE
            yield first if first and is_module else "__init__"


def violations(root: Path) -> list[str]:
    """``file looks at layer``, for each that it may not."""
    files = [file for file in root.rglob("*") if file.suffix in (".py", ".c", ".h")]
    found = []
    for file in sorted(files):
        layer = layer_of(file, root)
        if file.name == "_dataplane.c":
            continue
        allowed = BELOW.get(layer, set()) | FREE | {layer}
        found += [
            f"{file.relative_to(root)} looks at {other}" for other in looks_at(file, root) if other not in allowed
        ]
    return found


def test_nothing_looks_up() -> None:
    assert violations(ROOT) == []


def test_every_layer_has_its_place() -> None:
    layers = {layer_of(file, ROOT) for file in ROOT.rglob("*.py")} - {"_dataplane"}
    assert layers <= set(BELOW)


def test_the_layers_themselves_have_no_cycle() -> None:
    for layer, below in BELOW.items():
        for other in below:
            assert layer not in BELOW[other]
            assert BELOW[other] <= below | {"__init__"} or layer == "__main__"


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("eal/x.py", "import pytestpmd.cli.main", ["cli"]),
        ("eal/x.py", "def f():\n    from pytestpmd.ethdev import port", ["ethdev"]),
        ("eal/x.py", "from pytestpmd import app", ["app"]),
        ("eal/x.py", "from ..fwd import engine", ["fwd"]),
        ("eal/x.py", "from .. import app", ["app"]),
        ("eal/x.py", "from . import y\nfrom .y import z", []),
        ("eal/x.py", "from pytestpmd import errors, log, _dataplane\nimport os", []),
        ("fwd/x.py", "from pytestpmd.drivers.null import port", ["drivers"]),
        ("drivers/null/x.py", "from pytestpmd.fwd import topology", ["fwd"]),
        ("drivers/null/x.py", "from ...ethdev import port\nfrom pytestpmd.vhost_user import messages", []),
        ("vhost_user/x.py", "from pytestpmd.ethdev.port import EthPort", ["ethdev"]),
        ("log.py", "from pytestpmd.eal import args", ["eal"]),
        ("app.py", "from pytestpmd.cli.registry import command", ["cli"]),
        ("cli/x.py", "from pytestpmd import __version__, app", []),
        ("eal/mbuf.h", '#include "ethdev/ethdev.h"\n#include <stdint.h>', ["ethdev"]),
        (
            "fwd/io.c",
            '#include "fwd/engine.h"\n#include "eal/mbuf.h"\n# include "drivers/virtio/virtqueue.h"',
            ["drivers"],
        ),
        ("drivers/virtio/split.c", '#include "virtqueue.h"', []),
    ],
)
def test_a_look_up_is_seen(tmp_path: Path, file: str, text: str, found: list[str]) -> None:
    for layer in BELOW:
        (tmp_path / layer).mkdir()
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    assert violations(tmp_path) == [f"{file} looks at {layer}" for layer in found]
