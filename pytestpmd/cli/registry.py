"""Commands and options announce themselves: a decorator on a function, found by walking ``pytestpmd.cli.commands``.

    @option("--burst=N", "packets per burst")
    @command("set burst (num)", "Set the number of packets per burst.", section="config")
    def set_burst(app: TestPmd, num: int) -> str | None:
        app.config.forward.burst = num
        return None

The function gets the app and then the values of the line (see ``grammar.py``) in order; one that an optional part left
out is not passed, so it takes the parameter's default, or None without one. It returns the text to print, or None; one
that shows something returns an :class:`Answer`, and its line takes the word ``json`` at the end. A
keyword-only parameter ``session`` gets the console's :class:`Session`, for the few commands that are about the console.
An option is a second door to the same function: it passes its one value, the constant ``value=``, or, a flag, nothing.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, TypeVar

from pytestpmd.cli.answer import JSON_WORD, Answer, Refusal, in_json
from pytestpmd.cli.grammar import NOT_FOUND, Match, Pattern, Step, compile_syntax, may_begin, parse, split_words
from pytestpmd.cli.params import METAVARS, PLACEHOLDERS, Param
from pytestpmd.eal.args import DEFAULT_FILE_PREFIX
from pytestpmd.errors import CommandError

Function = Callable[..., "Answer | str | None"]
F = TypeVar("F", bound=Function)
#: Known values, or what finds them when they are asked for.
Words = Sequence[str] | Callable[[], Iterable[str]]

# The sections of help, in the original's order, and what each is about.
SECTIONS = {
    "control": "Start and stop forwarding.",
    "display": "Displaying port, stats and config information.",
    "config": "Configuration information.",
    "ports": "Configuring ports.",
    "filters": "Filters configuration help.",
    "traffic_management": "Traffic Management commands.",
    "devices": "Device related commands.",
    "drivers": "Driver specific commands.",
}
# The groups of launch options, in the order of --help. An option is of the group that it names, or else of that which
# its module names, OPTION_GROUP.
OPTION_GROUPS = {
    "run": "How the program runs",
    "members": "Lcores and ports that forward",
    "forwarding": "Forwarding",
    "engines": "What single engines do",
    "queues": "Queues",
    "offloads": "Offloads and RSS",
    "ports": "Ports",
    "memory": "Memory",
    "other": "Others",
    "hardware": "For NICs in hardware",
}
_MARK = "__testpmd_doors__"
#: So many words of a line choose the commands that it is tried against: there are hundreds, and files of many lines.
LOOKED_AT = 3


@dataclass(frozen=True)
class Command:
    """A console command: its line, what it does, and the function that does it."""

    syntax: str
    help: str
    section: str
    function: Function
    types: dict[str, Param] = field(default_factory=dict)

    @cached_property
    def pattern(self) -> Pattern:
        """The forms of the line; one that shows something may end in ``json``, which binds no parameter."""
        compiled = compile_syntax(self.syntax, {**PLACEHOLDERS, **self.types})
        if not self.shows:
            return compiled
        word = Step((JSON_WORD,), compiled.values)
        return replace(compiled, forms=(*compiled.forms, *((*form, word) for form in compiled.forms)))

    @property
    def shows(self) -> bool:
        """Whether it is there to show something, for machines too."""
        return "show" in self.syntax.split()[:2]

    @property
    def first_words(self) -> list[str]:
        """The words that a line of this command can begin with; known without the pattern, which takes time to make."""
        return self.syntax.split()[0].strip("()").split("|")

    @cached_property
    def parameters(self) -> list[inspect.Parameter]:
        return _parameters(self.function)

    def call(self, app: Any, values: dict[int, Any], session: Any = None) -> str:
        """Run the function with the values of a line; the text to print, or a :class:`Refusal` to show anything."""
        if self.pattern.values in values:
            return in_json(lambda: self._call(app, values, session))
        answer = self._call(app, values, session)
        if self.shows and isinstance(answer, str):
            raise Refusal(answer)
        return text_of(answer)

    def _call(self, app: Any, values: dict[int, Any], session: Any) -> Answer | str | None:
        passed = {"session": session} if _wants_session(self.function) else {}
        for number, parameter in enumerate(self.parameters):
            if number in values:
                passed[parameter.name] = values[number]
            elif parameter.default is inspect.Parameter.empty:
                passed[parameter.name] = None
        return self.function(app, **passed)


@dataclass(frozen=True)
class Option:
    """A launch option: ``name`` without its dashes, ``short`` letter or "", ``metavar`` "" for a flag.

    ``group`` is one of :data:`OPTION_GROUPS`; ``why_unused`` is "" unless the option has no effect here; ``words`` are
    values that a shell offers; ``ours`` is what the original does not have.
    """

    name: str
    short: str
    metavar: str
    help: str
    function: Function
    type: Param | None = None
    value: Any = None
    invalid: str = ""
    group: str = "other"
    why_unused: str = ""
    words: Words = ()
    ours: bool = False

    @property
    def names(self) -> str:
        """How help shows it: ``--name=METAVAR, -n``."""
        value = f"={self.metavar}" if self.takes_value else ""
        return f"--{self.name}{value}" + (f", -{self.short}" if self.short else "")

    @property
    def takes_value(self) -> bool:
        return bool(self.metavar)

    def call(self, app: Any, given: Any = None) -> str:
        """Run the function with the option's value; the text to print."""
        arguments = [given] if self.takes_value else [] if self.value is None else [self.value]
        return text_of(self.function(app, *arguments))


def text_of(answer: Answer | str | None) -> str:
    """What a function returned, as the text to print."""
    return answer.text if isinstance(answer, Answer) else answer or ""


def _wants_session(function: Function) -> bool:
    code = function.__code__
    return "session" in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def _parameters(function: Function) -> list[inspect.Parameter]:
    """The parameters after the app. Names and defaults only: annotations stay unread, they may be forward."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    empty = (inspect.Parameter.empty,) * (len(names) - len(defaults))
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [
        inspect.Parameter(name, kind, default=default)
        for name, default in zip(names[1:], (*empty, *defaults)[1:], strict=True)
    ]


def command(syntax: str, help: str, section: str = "control", **types: Param) -> Callable[[F], F]:
    """Announce a console command. ``types`` gives a placeholder of this line another type: ``value=UINT32``.

    ``section`` is one of :data:`SECTIONS`. Refused at once: an unknown section, a placeholder without a type, a line
    whose values are not as many as the function's parameters after the app.
    """
    if section not in SECTIONS:
        raise ValueError(f"{syntax}: no section {section}, there are {', '.join(SECTIONS)}")

    def mark(function: F) -> F:
        made = Command(syntax, help, section, function, types)
        if made.pattern.values != len(made.parameters):
            raise ValueError(
                f"{syntax}: binds {made.pattern.values} values, {function.__name__}() takes {len(made.parameters)}"
            )
        function.__dict__.setdefault(_MARK, []).append(made)
        return function

    return mark


_OPTION = re.compile(r"--(?P<name>[a-z0-9][a-z0-9_-]*)(=(?P<metavar>[^\s]+?))?(, -(?P<short>[a-zA-Z]))?")


def option(
    syntax: str,
    help: str,
    *,
    type: Param | None = None,
    value: Any = None,
    invalid: str = "",
    group: str = "",
    why_unused: str = "",
    words: Words = (),
    ours: bool = False,
) -> Callable[[F], F]:
    """Announce a launch option: ``--name``, ``--name=METAVAR``, ``--name, -n``, ``--name=METAVAR, -n``.

    ``type`` reads the value (else the metavar's own type, see ``METAVARS``, else the text as it is); ``value`` is what
    a flag passes; ``invalid`` is the sentence for a value that cannot be read, in the original's words, with
    ``{value}`` in it if wanted; ``group`` is one of :data:`OPTION_GROUPS`, the module's ``OPTION_GROUP`` if left out;
    ``why_unused`` is for an option that is checked and has no effect here, which is said when it is given; ``words``
    are values for completion in a shell, where the type does not know them; ``ours`` marks what the original does not
    have, so that the beginnings of names mean what they mean there.
    """
    match = _OPTION.fullmatch(syntax)
    if match is None:
        raise ValueError(f"{syntax}: an option is --name, --name=METAVAR, and , -n after either")
    metavar = match["metavar"] or ""
    kind = type or METAVARS.get(metavar, METAVARS["TEXT"]) if metavar else None

    def mark(function: F) -> F:
        where = group or ("hardware" if why_unused else function.__globals__.get("OPTION_GROUP", "other"))
        if where not in OPTION_GROUPS:
            raise ValueError(f"{syntax}: no group {where}, there are {', '.join(OPTION_GROUPS)}")
        made = Option(
            match["name"],
            match["short"] or "",
            metavar,
            help,
            function,
            kind,
            value,
            invalid,
            where,
            why_unused,
            words,
            ours,
        )
        function.__dict__.setdefault(_MARK, []).append(made)
        return function

    return mark


@dataclass(frozen=True)
class Program:
    """A program's name, what its own options are called, and its ``--file-prefix`` when the user gives none."""

    name: str
    options: str
    file_prefix: str = DEFAULT_FILE_PREFIX
    #: For the beginning of help: arguments, and what comes of them.
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def arguments(self) -> str:
        """What follows the name on its command line."""
        return f"[EAL options] -- [{self.options}]"

    @property
    def synopsis(self) -> str:
        return f"{self.name} {self.arguments}"


PYTESTPMD = Program(
    "pytestpmd",
    "testpmd options",
    examples=(
        ("-- -i", "two ports of its own, joined by a vhost-user socket, and a prompt: type start tx_first"),
        (
            "--vdev=net_virtio_user0,path=/tmp/vhost.sock -- --forward-mode=mac --stats-period=1",
            "a port on the vhost-user socket of another program; forward at once and show statistics each second",
        ),
        ("-l 0-2 -a 0000:00:04.0 -- -i --nb-cores=2 --rxq=2 --txq=2", "a virtio device on the PCI bus, two lcores"),
    ),
)


def completion_variable(program: Program) -> str:
    """The environment variable by which a shell asks a program what could follow; click's name for it."""
    return f"_{program.name.replace('-', '_')}_COMPLETE".upper()


class Registry:
    """Every command and option of the program, by the order they were announced in."""

    def __init__(self, program: Program = PYTESTPMD) -> None:
        self.program = program
        self.commands: list[Command] = []
        self.options: dict[str, Option] = {}
        self._syntaxes: set[str] = set()
        self._shorts: set[str] = set()
        self._by_first_word: dict[str, list[Command]] = {}
        self._near = lru_cache(maxsize=1024)(self._find_near)

    def add(self, function: Function) -> None:
        """Take in what a function announces, the decorator nearest to it first; ValueError if a name is taken."""
        for door in function.__dict__.get(_MARK, ()):
            if isinstance(door, Command):
                self.add_command(door)
            else:
                self._claim(self._shorts, door.short)
                if door.name in self.options:
                    raise ValueError(f"--{door.name} is taken twice")
                self.options[door.name] = door

    def add_command(self, command: Command) -> None:
        """Take in a command; ValueError if there is one with its line."""
        self._claim(self._syntaxes, command.syntax)
        self.commands.append(command)
        self._near.cache_clear()
        for word in command.first_words:
            self._by_first_word.setdefault(word, []).append(command)

    @staticmethod
    def _claim(taken: set[str], name: str) -> None:
        if name in taken:
            raise ValueError(f"{name} is taken twice")
        if name:
            taken.add(name)

    def add_module(self, module: ModuleType) -> None:
        """Take in the functions a module defines, not those it imports, and the commands of its table ``COMMANDS``."""
        for command in vars(module).get("COMMANDS", ()):
            self.add_command(command)
        for thing in vars(module).values():
            if inspect.isfunction(thing) and thing.__module__ == module.__name__:
                self.add(thing)

    def parse(self, line: str) -> Match[Command] | None:
        """The command a line is for and its values; None for an empty line, CommandError with the verdict else."""
        words = split_words(line)
        if not words:
            return None
        if words[0].text not in self._by_first_word:
            raise CommandError(NOT_FOUND, words[0].start, tuple(self._by_first_word))
        looked_at = words[:LOOKED_AT]
        try:
            return parse(self._near(tuple(word.text for word in looked_at)), line)
        except CommandError as error:
            # What another command would have expected is no news once all these words have fitted.
            if error.position > looked_at[-1].start:
                raise
        return parse(self._by_first_word[words[0].text], line)

    def _find_near(self, words: tuple[str, ...]) -> list[Command]:
        """The commands that a line which begins with these words could be for."""
        return [command for command in self._by_first_word[words[0]] if may_begin(command.pattern, words)]


def of(functions: Iterable[Function], program: Program = PYTESTPMD) -> Registry:
    """A registry of these functions alone."""
    registry = Registry(program)
    for function in functions:
        registry.add(function)
    return registry


def discover(package: str = "pytestpmd.cli.commands", program: Program = PYTESTPMD) -> Registry:
    """Import every module of the package, by name, and take in what they announce.

    Tables come last: what they hold leads nowhere here, so that others are named first where words are missing.
    """
    registry = Registry(program)
    for module in sorted(_walk(package), key=lambda module: "COMMANDS" in vars(module)):
        registry.add_module(module)
    return registry


def _walk(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(info.name)
