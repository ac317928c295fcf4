"""JSON Schema, as much of it as ``pytestpmd/schema.json`` uses; a word that is not known here is an error."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytestpmd

SCHEMA: dict[str, Any] = json.loads((Path(pytestpmd.__file__).parent / "schema.json").read_text(encoding="utf-8"))
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}
SAID = {"$schema", "title", "description", "$defs"}


def complaints(value: Any, schema: dict[str, Any], where: str = "$") -> Iterator[str]:
    """What in a value is not as the schema says, and where."""
    for word, said in schema.items():
        if word not in SAID:
            yield from CHECKS[word](value, said, schema, where)


def _ref(value: Any, said: str, schema: dict[str, Any], where: str) -> Iterator[str]:
    yield from complaints(value, SCHEMA["$defs"][said.removeprefix("#/$defs/")], where)


def _one_of(value: Any, said: list[dict[str, Any]], schema: dict[str, Any], where: str) -> Iterator[str]:
    fitting = [one for one in said if not list(complaints(value, one, where))]
    if len(fitting) != 1:
        yield f"{where} is {len(fitting)} of {len(said)}"


def _type(value: Any, said: str | list[str], schema: dict[str, Any], where: str) -> Iterator[str]:
    if not any(_is(value, kind) for kind in ([said] if isinstance(said, str) else said)):
        yield f"{where} is {value!r}, no {said}"


def _enum(value: Any, said: list[Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    if value not in said:
        yield f"{where} is {value!r}, none of {said}"


def _const(value: Any, said: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    if value != said:
        yield f"{where} is {value!r}, not {said}"


def _required(value: Any, said: list[str], schema: dict[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where} lacks {key}" for key in said if isinstance(value, dict) and key not in value)


def _items(value: Any, said: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    for i, each in enumerate(value if isinstance(value, list) else ()):
        yield from complaints(each, said, f"{where}[{i}]")


def _is(value: Any, kind: str) -> bool:
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    return isinstance(value, TYPES[kind])  # type: ignore[arg-type]


def _of_keys(value: Any, said: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    for key, each in value.items() if isinstance(value, dict) else ():
        if key in said:
            yield from complaints(each, said[key], f"{where}.{key}")


def _of_other_keys(value: Any, said: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    for key, each in value.items() if isinstance(value, dict) else ():
        if key in schema.get("properties", {}):
            continue
        if said is False:
            yield f"{where} has {key} besides"
        else:
            yield from complaints(each, said, f"{where}.{key}")


CHECKS: Mapping[str, Callable[[Any, Any, dict[str, Any], str], Iterator[str]]] = {
    "$ref": _ref,
    "oneOf": _one_of,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "properties": _of_keys,
    "additionalProperties": _of_other_keys,
    "items": _items,
}
