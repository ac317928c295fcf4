"""A syntax line of the testpmd guide, and what it says about a typed line.

A line such as ``port (port_id) (rxq|txq) (queue_id) (start|stop)`` is made of

- words, which stand for themselves, whole and with their case;
- choices, ``(a|b)`` or bare ``a|b``, of words and placeholders (in parentheses);
- placeholders, ``(name)``, whose type the command's table gives (see ``params.py``);
- optional parts, ``[...]``, which may nest.

Each step with more than one possibility is a value, and values bind to the command's parameters in the order they
stand; the first word of an optional part is such a step too, since it may be absent. ``set fwd (engine) [retry]`` binds
two values, the second ``"retry"`` or nothing.

A line is tried against every form of every command, as lib/cmdline does (DPDK lib/cmdline/cmdline_parse.c): no command
takes the first word: ``Command not found``; some take the first words but none all of them: ``Bad arguments``; two take
it whole: ``Ambiguous command``. A ``#`` ends the line.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import click

from pytestpmd.cli.params import Param, Rest
from pytestpmd.errors import CommandError, TestpmdError

NOT_FOUND = "Command not found"
BAD_ARGUMENTS = "Bad arguments"
AMBIGUOUS = "Ambiguous command"
END_OF_LINE = "end of line"


@dataclass(frozen=True)
class Word:
    """One word of a typed line and where it begins."""

    text: str
    start: int


@dataclass(frozen=True)
class Slot:
    """A placeholder: any word that its type can read."""

    name: str
    type: Param


@dataclass(frozen=True)
class Step:
    """What may stand at one place of a form; ``binds`` numbers the value it makes, None for a fixed word."""

    options: tuple[str | Slot, ...]
    binds: int | None = None

    def read(self, text: str) -> Any:
        """The value of a word that fits; ValueError if none of the options takes it.

        A type that takes any word but dislikes this one answers with its :class:`TestpmdError`, which is kept as the
        value until the line has been found to be this command's.
        """
        for option in self.options:
            if isinstance(option, str):
                if option == text:
                    return text
                continue
            try:
                return option.type.convert(text, None, None)
            except click.BadParameter:
                continue
            except TestpmdError as error:
                return error
        raise ValueError(text)

    def may_take(self, text: str) -> bool:
        """Whether a word could fit: it is one of the words here, or something else than words may stand here."""
        return any(option == text if isinstance(option, str) else True for option in self.options)

    def expected(self) -> tuple[str, ...]:
        return tuple(option if isinstance(option, str) else f"({option.name})" for option in self.options)


@dataclass(frozen=True)
class Pattern:
    """A syntax line, taken apart: every form it can take, and the number of values it binds."""

    syntax: str
    forms: tuple[tuple[Step, ...], ...]
    values: int


class HasPattern(Protocol):
    """What the parser needs of a command."""

    @property
    def pattern(self) -> Pattern: ...

    @property
    def help(self) -> str: ...


C = TypeVar("C", bound=HasPattern)


@dataclass(frozen=True)
class Match(Generic[C]):
    """A command that took a whole line, and its values by number; what an optional part left out is missing."""

    command: C
    values: dict[int, Any]


@dataclass(frozen=True)
class Candidate:
    """A word that could stand next (empty: anything of ``kind``, or the end), and the help of the command it is for."""

    text: str
    kind: str
    help: str

    @property
    def label(self) -> str:
        """How a list shows it: ``word``, ``word [kind]`` or ``[kind]``."""
        return " ".join(part for part in (self.text, f"[{self.kind}]" if self.kind else "") if part)


# Syntax line -> Pattern

_PIECES = re.compile(r"\[|\]|\((?:[^()]|\([^()]*\))*\)|[^\s\[\]()]+")


def compile_syntax(syntax: str, types: Mapping[str, Param]) -> Pattern:
    """Take a syntax line apart; ValueError if a bracket is left open or a placeholder has no type."""
    builder = _Builder(syntax, types)
    forms = builder.sequence(optional=False)
    if builder.pieces:
        raise ValueError(f"{syntax}: unexpected {builder.pieces[0]}")
    return Pattern(syntax, tuple(forms), builder.values)


class _Builder:
    def __init__(self, syntax: str, types: Mapping[str, Param]) -> None:
        self.syntax, self.types = syntax, types
        self.pieces = _PIECES.findall(syntax)
        self.values = 0

    def sequence(self, *, optional: bool) -> list[tuple[Step, ...]]:
        """Every form of the pieces up to the closing bracket, longest first."""
        forms: list[tuple[Step, ...]] = [()]
        first = True
        while self.pieces and self.pieces[0] != "]":
            piece = self.pieces.pop(0)
            if piece == "[":
                inner = self.sequence(optional=True)
                self.close()
                forms = [form + tail for form in forms for tail in [*inner, ()]]
            else:
                step = self.step(piece, always_binds=optional and first)
                forms = [(*form, step) for form in forms]
            first = False
        return forms

    def close(self) -> None:
        if not self.pieces:
            raise ValueError(f"{self.syntax}: a [ is not closed")
        self.pieces.pop(0)

    def step(self, piece: str, *, always_binds: bool) -> Step:
        options = self.options(piece)
        if len(options) == 1 and isinstance(options[0], str) and not always_binds:
            return Step(options)
        self.values += 1
        return Step(options, self.values - 1)

    def options(self, piece: str) -> tuple[str | Slot, ...]:
        if piece[0] != "(":
            return tuple(piece.split("|"))
        inside = piece[1:-1].strip()
        if inside in self.types:
            return (Slot(inside, self.types[inside]),)
        words = [word.strip() for word in inside.split("|")]
        if len(words) == 1:
            raise ValueError(f"{self.syntax}: no type for {piece}, there are {', '.join(self.types)}")
        # Words before placeholders: in (all|name) a name that takes any word must not swallow "all".
        options = [Slot(word, self.types[word]) if word in self.types else word for word in words]
        return tuple(sorted(options, key=lambda option: isinstance(option, Slot)))


# Typed line -> command


def split_words(line: str) -> list[Word]:
    """The words of a line and where they begin; a ``#`` and what follows is no part of it."""
    code = line.split("#", 1)[0]
    return [Word(match[0], match.start()) for match in re.finditer(r"[^ \t\r\n]+", code)]


def match_form(form: Sequence[Step], words: Sequence[Word]) -> list[Any]:
    """The values of the words as far as they fit, one for each word."""
    values = []
    for step, word in zip(form, words, strict=False):
        try:
            values.append(step.read(word.text))
        except ValueError:
            break
    return values


def rest_of(form: Sequence[Step]) -> Rest | None:
    """The type of a last step that takes all the words that are left; None if this form has none."""
    options = form[-1].options if form else ()
    last = options[0] if len(options) == 1 else None
    return last.type if isinstance(last, Slot) and isinstance(last.type, Rest) else None


def may_begin(pattern: Pattern, words: Sequence[str]) -> bool:
    """Whether a line of this pattern could begin with these words, by its fixed words alone; quickly told."""
    return any(
        (len(words) <= len(form) or rest_of(form) is not None)
        and all(step.may_take(word) for step, word in zip(form, words, strict=False))
        for form in pattern.forms
    )


def folded(form: Sequence[Step], words: Sequence[Word]) -> Sequence[Word]:
    """The words of a line for this form: those that its last step takes all of as one."""
    if len(words) <= len(form) or rest_of(form) is None:
        return words
    kept, tail = words[: len(form) - 1], words[len(form) - 1 :]
    return [*kept, Word(" ".join(word.text for word in tail), tail[0].start)]


def _reached(form: Sequence[Step], words: Sequence[Word], fitting: int) -> tuple[int, tuple[str, ...]]:
    """How many words of a line that is not this form fit it, and what was expected after them."""
    rest = rest_of(form)
    if rest is not None and fitting == len(form) - 1 < len(words):
        more, expected = rest.unexpected([word.text for word in words[fitting:]])
        return fitting + more, expected
    return fitting, form[fitting].expected() if fitting < len(form) else (END_OF_LINE,)


def _bind(form: Sequence[Step], values: Sequence[Any]) -> dict[int, Any]:
    bound = {}
    for step, value in zip(form, values, strict=True):
        if isinstance(value, TestpmdError):
            raise value
        if step.binds is not None:
            bound[step.binds] = value
    return bound


def parse(commands: Iterable[C], line: str) -> Match[C] | None:
    """Find the one command that takes the line; None for an empty line, :class:`CommandError` with the verdict else."""
    words = split_words(line)
    if not words:
        return None
    matches: list[tuple[C, tuple[Step, ...], list[Any]]] = []
    reached, expected = 0, dict[str, None]()
    for command in commands:
        for form in command.pattern.forms:
            given = folded(form, words)
            values = match_form(form, given)
            if len(values) == len(given) == len(form):
                matches.append((command, form, values))
                break
            fitting, here = _reached(form, words, len(values))
            if fitting > reached:
                reached, expected = fitting, {}
            if fitting == reached:
                expected.update(dict.fromkeys(here))
    if len(matches) == 1:
        command, form, values = matches[0]
        return Match(command, _bind(form, values))
    if matches:
        raise CommandError(AMBIGUOUS, words[0].start, tuple(command.pattern.syntax for command, _, _ in matches))
    position = words[reached].start if reached < len(words) else words[-1].start + len(words[-1].text)
    raise CommandError(BAD_ARGUMENTS if reached else NOT_FOUND, position, tuple(expected))


# Half a line -> what could follow


def candidates(commands: Iterable[HasPattern], line: str, app: Any) -> list[Candidate]:
    """What could stand where the line ends: at a space the next word, else the rest of the last word."""
    words = split_words(line)
    partial = words.pop().text if words and not line[-1:].isspace() else ""
    found: dict[Candidate, None] = {}
    for command in commands:
        for form in command.pattern.forms:
            if (rest := rest_of(form)) and len(match_form(form[:-1], words)) == len(form) - 1 <= len(words):
                follow = rest.follow([word.text for word in words[len(form) - 1 :]], app)
                found.update(dict.fromkeys(_rest_candidates(follow, partial, command.help)))
            elif len(match_form(form, words)) == len(words) <= len(form):
                step = form[len(words)] if len(words) < len(form) else None
                found.update(dict.fromkeys(_step_candidates(step, partial, command.help, app)))
    return list(found)


def _rest_candidates(follow: Iterable[str], partial: str, help_line: str) -> Iterable[Candidate]:
    for text in follow:
        if text.startswith("<"):
            yield Candidate("", text.strip("<>"), help_line)
        elif text.startswith(partial) and (text or not partial):
            yield Candidate(text, "" if text else "RETURN", help_line)


def _step_candidates(step: Step | None, partial: str, help_line: str, app: Any) -> Iterable[Candidate]:
    if step is None:
        if not partial:
            yield Candidate("", "RETURN", help_line)
        return
    for option in step.options:
        if isinstance(option, str):
            if option.startswith(partial):
                yield Candidate(option, "", help_line)
            continue
        live = [text for text in option.type.candidates(app) if text.startswith(partial)]
        yield from (Candidate(text, option.name, help_line) for text in live)
        if not live:
            yield Candidate("", option.name, help_line)
