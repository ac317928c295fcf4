"""What a command found out: the original's text for people and scripts, and the same as data for machines.

A command whose first word is ``show`` returns an :class:`Answer`, and its line then takes the word ``json`` at its end:
one object on one line is printed, ``{"error": ...}`` where there is nothing to show.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pytestpmd.errors import TestpmdError

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
JSON_WORD = "json"


@dataclass(frozen=True)
class Answer:
    """The text, and what makes the data when they are asked for: an object with stable keys, integers as integers."""

    text: str
    data: Callable[[], Mapping[str, Json]]


class Refusal(TestpmdError):
    """What a command says that was to show something and has nothing to show."""


class JsonError(TestpmdError):
    """The error of a command that was asked for data."""


def dumps(data: Json) -> str:
    """Data as one line."""
    return json.dumps(data, separators=(",", ":"))


def in_json(ask: Callable[[], "Answer | str | None"]) -> str:
    """What is asked for as one object on one line; :class:`JsonError` for what went wrong, and for mere text."""
    try:
        answer = ask()
    except TestpmdError as error:
        raise JsonError(dumps({"error": str(error)})) from error
    if isinstance(answer, Answer):
        return dumps(answer.data())
    raise JsonError(dumps({"error": (answer or "nothing to show").strip()}))
