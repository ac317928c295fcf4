"""The application's part of a command line, to values for the functions behind the options.

First :class:`Speller` spells the words out as getopt_long understands them: unique prefixes (``--forw=mac``), a value
in its own word, letters in one word (``-ia``). Then click, with a command built from the registry, reads the values.
What goes wrong is said in getopt_long's and the original's words (:class:`UsageError`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from pytestpmd.cli.registry import Option, Program, Registry
from pytestpmd.errors import CommandError, ConfigError, TestpmdError

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
    """An option that was given, and its value as its type reads it (None for a flag)."""

    option: Option
    value: Any

    def apply(self, app: Any) -> str:
        """Run the function behind the option; the text to print."""
        return self.option.call(app, self.value)


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


class Speller:
    """Spells words out: ``--whole-name``, ``--whole-name=value``; :class:`UsageError` for what is no option."""

    def __init__(self, program: Program, options: Iterable[Option]) -> None:
        self._program = program
        self._names = {option.name: option for option in options}
        self._letters = {option.short: option for option in self._names.values() if option.short}

    def spell(self, argv: Sequence[str]) -> list[str]:
        """The same command line with each option in a word of its own, whole and with its value."""
        words, spelt = list(argv), list[str]()
        while words:
            word = words.pop(0)
            if word == "--":
                word = words.pop(0) if words else ""
            elif word.startswith("--"):
                spelt.append(self._long(word, words))
                continue
            elif word.startswith("-") and word != "-":
                spelt += self._short(word, words)
                continue
            if word:
                raise UsageError(self._program, "", word, "parameter")
        return spelt

    def _long(self, word: str, rest: list[str]) -> str:
        prefix, has_value, value = word[2:].partition("=")
        option = self._names[self._whole_name(prefix, word)]
        if not option.takes_value:
            if has_value:
                raise self._refusal(f"option '--{option.name}' doesn't allow an argument", word)
            return f"--{option.name}"
        if not has_value:
            if not rest:
                raise self._refusal(f"option '--{option.name}' requires an argument", word)
            value = rest.pop(0)
        return f"--{option.name}={value}"

    def _whole_name(self, prefix: str, word: str) -> str:
        if prefix in self._names:
            return prefix
        whole = [name for name in self._names if prefix and name.startswith(prefix)]
        if len(whole) == 1:
            return whole[0]
        if whole:
            possible = " ".join(f"'--{name}'" for name in whole)
            raise self._refusal(f"option '--{prefix}' is ambiguous; possibilities: {possible}", word, whole)
        from difflib import get_close_matches

        close = [f"--{name}" for name in get_close_matches(prefix, self._names)]
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise self._refusal(f"unrecognized option '--{prefix}'{hint}", word, close)

    def _short(self, word: str, rest: list[str]) -> Iterator[str]:
        """Letters in one word; the rest of it, or else the next word, is the value of the first that takes one."""
        for place, letter in enumerate(word[1:], 2):
            if letter not in self._letters:
                raise self._refusal(f"invalid option -- '{letter}'", word)
            option = self._letters[letter]
            if option.takes_value:
                if not word[place:] and not rest:
                    raise self._refusal(f"option requires an argument -- '{letter}'", word)
                yield f"--{option.name}={word[place:] or rest.pop(0)}"
                return
            yield f"--{option.name}"

    def _refusal(self, complaint: str, word: str, expected: Iterable[str] = ()) -> UsageError:
        return UsageError(self._program, complaint, word, expected=tuple(expected))


def parse_options(registry: Registry, argv: Sequence[str]) -> Arguments:
    """Read the words after ``--``; :class:`UsageError` or :class:`ConfigError` with the option's own sentence."""
    given: list[Given] = []
    spelt = Speller(registry.program, [*registry.options.values(), _HELP]).spell(argv)
    if f"--{_HELP.name}" in spelt:
        return Arguments((), wants_help=True)
    _click_command(registry.program, registry.options.values(), given).make_context(registry.program.name, spelt)
    return Arguments(tuple(given))


def _click_command(program: Program, options: Iterable[Option], given: list[Given]) -> click.Command:
    params: list[click.Parameter] = [_click_option(option, given) for option in options]
    return click.Command(program.name, params=params, options_metavar=program.arguments, add_help_option=False)


def _click_option(option: Option, given: list[Given]) -> click.Option:
    def remember(context: click.Context, param: click.Parameter, value: Any) -> None:
        assert param.name is not None
        if context.get_parameter_source(param.name) is click.core.ParameterSource.COMMANDLINE:
            given.extend(Given(option, _read(option, one)) for one in (value if option.takes_value else [None]))

    return click.Option(
        [f"--{option.name}", option.name.replace("-", "_"), *([f"-{option.short}"] if option.short else [])],
        metavar=option.metavar or None,
        is_flag=not option.takes_value or None,
        multiple=option.takes_value,
        help=option.help,
        expose_value=False,
        callback=remember,
    )


def _read(option: Option, text: str | None) -> Any:
    if option.type is None:
        return None
    try:
        return option.type.convert(text, None, None)
    except click.BadParameter as error:
        raise ConfigError(option.invalid.format(value=text) or f"--{option.name}: {error.message}") from error


_HELP = Option("help", "h", "", "Show this message and exit.", lambda app: None)


def usage(registry: Registry) -> str:
    """The text of ``--help``: every option of the program."""
    command = _click_command(registry.program, [*registry.options.values(), _HELP], [])
    with click.Context(command, info_name=registry.program.name, max_content_width=100) as context:
        return command.get_help(context) + "\n"
