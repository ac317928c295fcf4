"""What every program does before its own work: EAL's words, help, signals, and what becomes of an error."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pytestpmd import __version__
from pytestpmd.app import TestPmd
from pytestpmd.cli import argv as options
from pytestpmd.cli import console, help
from pytestpmd.cli.console import Stop, StopRequested
from pytestpmd.cli.registry import Program, Registry, completion_variable
from pytestpmd.drivers import NoSuchDriver
from pytestpmd.eal import args as eal
from pytestpmd.eal import runtime
from pytestpmd.eal.lcores import detected_cpus
from pytestpmd.errors import ConfigError, TestpmdError
from pytestpmd.log import EAL, REGISTRY

#: A program's own work, from its options and EAL's words to its exit status.
Body = Callable[[Registry, eal.Words, Stop], int]


def launch(discover: Callable[[], Registry], body: Body, argv: Sequence[str] | None = None) -> int:
    """Run a program with the options that ``discover`` finds; its exit status."""
    console.settle_standard_files()
    registry = discover()
    if question := os.environ.get(completion_variable(registry.program)):
        return _complete(registry, question)
    try:
        words = eal.collate(sys.argv[1:] if argv is None else argv)
        if answer := _answer(registry, words):
            console.say(answer)
            return 0
        with Stop() as stop:
            return body(registry, words, stop)
    except StopRequested:
        return 0
    except eal.EalError as error:
        complain(str(error))
        return error.exit_code
    except TestpmdError as error:
        complain(options.exit_text(error))
        return error.exit_code


def _complete(registry: Registry, question: str) -> int:
    """Answer a shell; its exit status."""
    from pytestpmd.cli import shells  # which nobody else needs

    answer = shells.answer(registry, question)
    if answer is None:
        complain(f"{completion_variable(registry.program)}: what is {question}? There is bash_source, and zsh and fish")
        return 1
    console.say(answer)
    return 0


def _answer(registry: Registry, words: eal.Words) -> str:
    """What is shown instead of running the program, "" where it is to run."""
    if words.wants_help:
        return help.whole(registry)
    if words.wants_version_alone:
        return f"{registry.program.name} {__version__}"
    return REGISTRY.usage() if words.wants_log_help else ""


def complain(text: str) -> None:
    """Print why the program ends, after all that was printed before."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def read_options(registry: Registry, words: eal.Words) -> options.Arguments:
    """Set the log's levels, and read the program's own options; those who want help have got it."""
    eal.set_log_options(words)
    arguments = options.parse_options(registry, words.app_argv)
    if arguments.wants_help:
        console.say(help.usage(registry))
    return arguments


@contextmanager
def start_eal(program: Program, words: eal.Words) -> Iterator[eal.EalArgs]:
    """Read the EAL options' values, say what there is, and have the program's ``--file-prefix`` to itself."""
    EAL.info("Detected CPU lcores: %d", len(detected_cpus()))
    args = eal.interpret(words, file_prefix=program.file_prefix)
    for warning in args.warnings:
        EAL.warning(warning)
    if args.unused:
        EAL.notice("No effect here: %s (see --help)", ", ".join(args.unused))
    if args.version:
        EAL.info("RTE Version: 'pytestpmd %s'", __version__)
    with runtime.claim(args):
        yield args


def probe(app: TestPmd) -> None:
    """Find the ports; a driver that nobody knows ends the program."""
    try:
        app.probe()
    except NoSuchDriver as error:
        EAL.error("%s", error)
        EAL.error("Unable to parse device '%s'", error.name)
        raise ConfigError("Cannot init EAL: No such device") from error
