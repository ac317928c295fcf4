"""``set raw_encap|raw_decap|sample_actions|ipv6_ext_*`` and ``show raw_*``: headers and actions for rules, by index."""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.flow.actions import SAMPLED
from pytestpmd.cli.flow.header import build
from pytestpmd.cli.flow.items import ITEMS
from pytestpmd.cli.flow.reader import Phrase, Reader
from pytestpmd.cli.flow.rules import Action, Item, actions, pattern
from pytestpmd.cli.params import UINT16, Unexpected
from pytestpmd.cli.registry import command
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

MAX_INDEX = 8


def _index(reader: Reader) -> int:
    at = reader.index
    index = int(reader.value("u"))
    if index >= MAX_INDEX:
        raise Unexpected(at, (f"<0-{MAX_INDEX - 1}>",))
    return index


def _headers(reader: Reader) -> tuple[int, list[Item]]:
    """An index, 0 if left out, and items."""
    is_item = reader.words[reader.index : reader.index + 1] and reader.words[reader.index] in ITEMS
    return 0 if is_item else _index(reader), pattern(reader, "end_set")


@command(
    "set (raw_encap|raw_decap) (headers)",
    "Make the headers of an action: [INDEX] ITEM / ... / end_set.",
    "filters",
    headers=Phrase("headers", _headers),
)
def set_raw(app: "TestPmd", which: str, headers: tuple[int, list[Item]]) -> str:
    index, items = headers
    stored = app.config.flow.raw_encap if which == "raw_encap" else app.config.flow.raw_decap
    stored.pop(index, None)
    stored[index] = build(items)
    return f"total data size is {len(stored[index])}" if app.config.forward.verbose & 1 else ""


@command("show (raw_encap|raw_decap) (index)", "Show the headers of an action.", "filters", index=UINT16)
def show_raw(app: "TestPmd", which: str, index: int) -> Answer:
    if index >= MAX_INDEX:
        raise ConfigError(f"index should be 0-{MAX_INDEX - 1}")
    return _shown(app, which, [index])


@command("show (raw_encap|raw_decap) all", "Show the headers of the actions of all indices.", "filters")
def show_raw_all(app: "TestPmd", which: str) -> Answer:
    return _shown(app, which, list(range(MAX_INDEX)))


def _shown(app: "TestPmd", which: str, indices: list[int]) -> Answer:
    stored = app.config.flow.raw_encap if which == "raw_encap" else app.config.flow.raw_decap
    return Answer(
        "\n".join(hexdump(f"\nindex: {index}", stored.get(index, b"")) for index in indices),
        lambda: {which: {str(index): stored[index].hex() for index in indices if index in stored}},
    )


def hexdump(title: str, data: bytes) -> str:
    """Bytes in rows of 16, as numbers and as letters, under a heading that says where they lie."""
    rows = [f"{title} at [{id(data):#x}], len={len(data)}"]
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        rows.append(f"{start:08X}:{''.join(f' {byte:02X}' for byte in row):48} | {letters}")
    return "\n".join(rows)


def _sampled(reader: Reader) -> tuple[int, list[Action]]:
    return _index(reader), actions(reader, SAMPLED)


@command(
    "set sample_actions (actions)",
    "Set the actions of the action sample: INDEX ACTION / ... / end.",
    "filters",
    actions=Phrase("actions", _sampled),
)
def set_sample_actions(app: "TestPmd", actions: tuple[int, list[Action]]) -> None:
    index, given = actions
    app.config.flow.sample_actions[index] = [action.name for action in given]


def _extension(reader: Reader) -> tuple[int, list[Item]]:
    return _index(reader), pattern(reader, "end_set")


EXTENSION = Phrase("items", _extension)


@command(
    "set ipv6_ext_push (items)",
    "Set the IPv6 extension that an action puts in: INDEX ipv6_ext next_hdr is TYPE / ITEM / end_set.",
    "filters",
    items=EXTENSION,
)
def set_ipv6_ext_push(app: "TestPmd", items: tuple[int, list[Item]]) -> None:
    index, given = items
    if any(item.name not in ("ipv6_ext", "ipv6_routing_ext") for item in given):
        raise ConfigError("Error - Not supported item")
    kind = next((item.spec.get("next_hdr", 0) for item in given if item.name == "ipv6_ext"), 0)
    data = build([item for item in given if item.name == "ipv6_routing_ext"])
    app.config.flow.ipv6_ext_push[index] = (kind, data)


@command(
    "set ipv6_ext_remove (items)",
    "Set the IPv6 extension that an action takes out: INDEX ipv6_ext next_hdr is TYPE / end_set.",
    "filters",
    items=EXTENSION,
)
def set_ipv6_ext_remove(app: "TestPmd", items: tuple[int, list[Item]]) -> None:
    index, given = items
    if [item.name for item in given] != ["ipv6_ext"]:
        raise ConfigError("Error - Not supported item")
    app.config.flow.ipv6_ext_remove[index] = given[0].spec.get("next_hdr", 0)
