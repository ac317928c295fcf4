"""``set log``: how much the log tells."""

from typing import TYPE_CHECKING

from pytestpmd.cli.params import TEXT, UINT32
from pytestpmd.cli.registry import command
from pytestpmd.log import REGISTRY

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd


@command(
    "set log (type) (level)",
    "Set the level of the log: of global, or of the types in which an expression is found. 8 tells all, 1 least.",
    "config",
    type=TEXT,
    level=UINT32,
)
def set_log(app: "TestPmd", kind: str, level: int) -> None:
    REGISTRY.set_level(kind, level)
