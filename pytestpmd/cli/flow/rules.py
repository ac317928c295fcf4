"""Patterns, actions and what stands before them: the parts that flow commands are made of."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from pytestpmd.cli.flow.actions import ACTIONS
from pytestpmd.cli.flow.items import ITEMS, Field, fields
from pytestpmd.cli.flow.reader import Reader

#: What says how a field is compared: is and spec set its value, the others bound or mask it.
COMPARISONS = ("is", "spec", "last", "mask", "prefix")

DIRECTIONS = {"ingress": "-", "egress": "-", "transfer": "-"}
RULE_ATTRIBUTES = {
    "group": "u",
    "priority": "u",
    **DIRECTIONS,
    "tunnel_set": "u",
    "tunnel_match": "u",
    "user_id": "u",
}


@dataclass
class Item:
    """An item of a pattern: the values of its fields, by the word that gave them."""

    name: str
    given: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def spec(self) -> dict[str, Any]:
        """Values that fields are to have."""
        return {**self.given.get("spec", {}), **self.given.get("is", {})}


@dataclass
class Action:
    """An action and what it takes."""

    name: str
    given: dict[str, Any] = field(default_factory=dict)


def item(reader: Reader, more: Collection[str]) -> Item | str:
    """One item and the ``/`` after it, or one of the words in ``more``."""
    name = reader.one_of([*more, *ITEMS])
    if name in more:
        return name
    made, known = Item(name), fields(name)
    while (word := reader.one_of([*known, "/"])) != "/":
        _read_field(reader, made, known[word])
    return made


def _read_field(reader: Reader, made: Item, one: Field) -> None:
    if one.kind == "-":
        made.given.setdefault("is", {})[one.name] = True
        return
    how = reader.one_of(COMPARISONS)
    made.given.setdefault(how, {})[one.name] = reader.value("p" if how == "prefix" else one.kind, one.bits)


def pattern(reader: Reader, end: str = "end") -> list[Item]:
    """Items up to the word that ends them."""
    items: list[Item] = []
    while isinstance(one := item(reader, (end,)), Item):
        items.append(one)
    return items


def action(reader: Reader, names: Collection[str] = tuple(ACTIONS), more: Collection[str] = ("end",)) -> Action | str:
    """One action and the ``/`` after it, or one of the words in ``more``."""
    name = reader.one_of([*more, *names])
    if name in more:
        return name
    made, takes = Action(name), ACTIONS[name]
    if takes.startswith("#"):
        made.given["ids"] = [reader.value("u") for _ in range(int(takes[1:]))]
        reader.one_of(["/"])
        return made
    known = dict(one.split(":", 1) for one in takes.split())
    while (word := reader.one_of([*known, "/"])) != "/":
        kind = known[word]
        made.given[word] = _listed(reader, kind[1:]) if kind.startswith("*") else _valued(reader, kind)
    return made


def _valued(reader: Reader, kind: str) -> Any:
    return True if kind == "-" else reader.value(kind)


def _listed(reader: Reader, kind: str) -> list[Any]:
    """Values up to the word ``end``."""
    values: list[Any] = []
    while reader.words[reader.index : reader.index + 1] != ["end"]:
        values.append(reader.value(kind))
    reader.one_of(["end"])
    return values


def actions(reader: Reader, names: Collection[str] = tuple(ACTIONS)) -> list[Action]:
    """Actions up to ``end``."""
    found: list[Action] = []
    while isinstance(one := action(reader, names), Action):
        found.append(one)
    return found


@dataclass
class Rule:
    """Attributes, a pattern and actions."""

    attributes: dict[str, Any]
    pattern: list[Item]
    actions: list[Action]


def rule(reader: Reader) -> Rule:
    """``ingress pattern eth / end actions drop / end``."""
    attributes, _ = reader.attributes(RULE_ATTRIBUTES, "pattern")
    items = pattern(reader)
    reader.one_of(["actions"])
    return Rule(attributes, items, actions(reader))
