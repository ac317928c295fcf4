"""The application's part of a command line, to values for the functions behind the options.

:class:`Reader` takes the words apart as getopt_long understands them, in their order: unique prefixes
(``--forw=mac``), a value in its own word, letters in one word (``-ia``). The types of the registry read the values.
What goes wrong is said in getopt_long's and the original's words (:class:`UsageError`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from pytestpmd.cli.registry import Option, Program, Registry
from pytestpmd.config import LaunchError
from pytestpmd.errors import CommandError, ConfigError, TestpmdError
from pytestpmd.log import TESTPMD

EXITING = "EAL: Error - exiting with code: 1"


class UsageError(CommandError):
    """The words are no options: what getopt_long says, what the original says, and how it ends."""

    def __init__(
        self, program: Program, complaint: str, word: str, kind: str = "option", expected: tuple[str, ...] = ()
    ) -> None:
        end = "incomplete or incorrect" if kind == "option" else "incorrect"
        lines = [f"Usage: {program.synopsis}", f"Invalid {kind}: {word}", EXITING, f"Command line is {end}"]
        super().__init__("\n".join([f"{program.name}: {complaint}", *lines] if complaint else lines), 0, expected)


def exit_text(error: TestpmdError) -> str:
    """The lines to end with when an option, or what follows from the options, cannot be."""
    return str(error) if isinstance(error, UsageError) else f"{EXITING}\n{error}"


@dataclass(frozen=True)
class Given:
    """An option that was given, and the text of its value (None for a flag)."""

    option: Option
    text: str | None = None

    @property
    def value(self) -> Any:
        """The text as the option's type reads it; :class:`ConfigError` with the option's own sentence."""
        if self.option.type is None:
            return None
        sentence = self.option.invalid.format(value=self.text)
        try:
            return self.option.type.convert(self.text, None, None)
        except click.BadParameter as error:
            raise ConfigError(sentence or f"--{self.option.name}: {error.message}") from error
        except ConfigError as error:
            raise LaunchError(sentence, before=str(error)) if sentence else error from error

    def apply(self, app: Any) -> str:
        """Run the function behind the option; the text to print."""
        text = self.option.call(app, self.value)
        if self.option.why_unused:
            TESTPMD.notice("--%s has no effect here: %s", self.option.name, self.option.why_unused)
        return text


@dataclass(frozen=True)
class Arguments:
    """The application's part of a command line: the options in the order they were given."""

    given: tuple[Given, ...]
    wants_help: bool = False

    def apply(self, app: Any, say: Callable[[str], object]) -> None:
        """Run each option's function, printing what it returns before the next one runs."""
        for given in self.given:
            if text := given.apply(app):
                say(text)


class Reader:
    """Takes words apart into options and their values; :class:`UsageError` for what is no option."""

    def __init__(self, program: Program, options: Iterable[Option]) -> None:
        self._program = program
        self._names = {option.name: option for option in options}
        self._letters = {option.short: option for option in self._names.values() if option.short}

    def read(self, argv: Sequence[str]) -> Iterator[Given]:
        """The options in their order."""
        words = list(argv)
        while words:
            word = words.pop(0)
            if word == "--":
                word = words.pop(0) if words else ""
            elif word.startswith("--"):
                yield self._long(word, words)
                continue
            elif word.startswith("-") and word != "-":
                yield from self._short(word, words)
                continue
            if word:
                raise UsageError(self._program, "", word, "parameter")

    def _long(self, word: str, rest: list[str]) -> Given:
        prefix, has_value, value = word[2:].partition("=")
        option = self._names[self._whole_name(prefix, word)]
        if not option.takes_value:
            if has_value:
                raise self._refusal(f"option '--{option.name}' doesn't allow an argument", word)
            return Given(option)
        if not has_value:
            if not rest:
                raise self._refusal(f"option '--{option.name}' requires an argument", word)
            value = rest.pop(0)
        return Given(option, value)

    def _whole_name(self, prefix: str, word: str) -> str:
        if prefix in self._names:
            return prefix
        whole = [name for name in self._names if prefix and name.startswith(prefix)]
        theirs = [name for name in whole if not self._names[name].ours]
        for candidates in (whole, theirs):
            if len(candidates) == 1:
                return candidates[0]
        if whole:
            possible = " ".join(f"'--{name}'" for name in whole)
            raise self._refusal(f"option '--{prefix}' is ambiguous; possibilities: {possible}", word, whole)
        from difflib import get_close_matches

        close = [f"--{name}" for name in get_close_matches(prefix, self._names)]
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise self._refusal(f"unrecognized option '--{prefix}'{hint}", word, close)

    def _short(self, word: str, rest: list[str]) -> Iterator[Given]:
        """Letters in one word; the rest of it, or else the next word, is the value of the first that takes one."""
        for place, letter in enumerate(word[1:], 2):
            if letter not in self._letters:
                raise self._refusal(f"invalid option -- '{letter}'", word)
            option = self._letters[letter]
            if option.takes_value:
                if not word[place:] and not rest:
                    raise self._refusal(f"option requires an argument -- '{letter}'", word)
                yield Given(option, word[place:] or rest.pop(0))
                return
            yield Given(option)

    def _refusal(self, complaint: str, word: str, expected: Iterable[str] = ()) -> UsageError:
        return UsageError(self._program, complaint, word, expected=tuple(expected))


def parse_options(registry: Registry, argv: Sequence[str]) -> Arguments:
    """Take the words after ``--`` apart; :class:`UsageError` for what is no option. Values are read when they are
    applied, each option's before the next one's, as the original does."""
    given = tuple(Reader(registry.program, [*registry.options.values(), HELP]).read(argv))
    if any(one.option is HELP for one in given):
        return Arguments((), wants_help=True)
    return Arguments(given)


#: Every program has it.
HELP = Option("help", "h", "", "show this and end", lambda app: None)
