"""Whatever is typed, at the prompt or on the command line, is answered: no traceback, no change by what is refused."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from typing import Any

import pytest
from fakes.app import FakeApp
from fakes.log import levels_kept
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.sessions import REGISTRY, Stage

from pytestpmd.cli import argv
from pytestpmd.cli.console import Session, Stop
from pytestpmd.cli.grammar import Step, candidates, parse
from pytestpmd.eal import args
from pytestpmd.errors import CommandError, TestpmdError

#: Commands that end the program, or read and write files, are not for here.
NOT_HERE = {"quit", "load", "load_echo", "bpf-load", "dashboard", "wait", "start"}
SYNTAXES = [each.syntax for each in REGISTRY.commands if each.syntax.split()[0] not in NOT_HERE]
WORDS = sorted(
    {word for syntax in SYNTAXES for word in syntax.replace("(", " ").replace(")", " ").replace("|", " ").split()}
)
ODD = [
    "0",
    "1",
    "9",
    "-1",
    "65535",
    "65536",
    "4294967296",
    "0x",
    "0xff",
    "on",
    "all",
    "00:11:22:33:44:55",
    "(",
    "[",
    "1,2",
    ",",
]
word = st.one_of(st.sampled_from(WORDS), st.sampled_from(ODD), st.text(max_size=12), st.integers().map(str))
line = st.lists(word, max_size=8).map(" ".join)
VERDICTS = ("Command not found", "Bad arguments", "Ambiguous command")
FEW_MBUFS = ("--total-num-mbufs=2048", "--no-mlockall")
quickly = settings(max_examples=400, deadline=None, database=None, derandomize=True)


@contextmanager
def staged() -> Iterator[Stage]:
    """The program at its prompt."""
    made = Stage(["--lcores=0@0,1@0", "--in-memory", "--vdev=net_null0", "--vdev=net_null1", "--", "-i", *FEW_MBUFS])
    with levels_kept():
        yield made
    made.app.release()


@pytest.fixture(scope="module", autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files of any name may be left here."""
    with chdir(tmp_path_factory.mktemp("fuzz")):
        yield


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A program that may lose its ports."""
    with staged() as made:
        yield made


@pytest.fixture(scope="module")
def with_ports() -> Iterator[Stage]:
    """A program that keeps them."""
    with staged() as made:
        yield made


def is_for_here(text: str) -> bool:
    return not text.split()[:1] or text.split(maxsplit=1)[0] not in NOT_HERE


def state(stage: Stage) -> str:
    """What a refused line must leave alone."""
    ports = [(port.port_id, port.state, port.mtu, port.mac) for port in stage.app.ports]
    return f"{stage.app.config} {ports}"


@quickly
@given(line.filter(is_for_here))
def test_a_line_is_answered_and_what_is_no_command_changes_nothing(stage: Stage, text: str) -> None:
    before = state(stage)
    said = stage.type(text)
    assert "Traceback" not in said
    assert "Internal error" not in said
    if said.split("\n")[0] in VERDICTS:
        assert state(stage) == before


@quickly
@given(st.sampled_from(SYNTAXES), st.data())
def test_a_command_with_odd_values_is_answered(stage: Stage, syntax: str, data: st.DataObject) -> None:
    """Nearly right: words of the syntax with anything in the places for values."""
    words = syntax.replace("[", " ").replace("]", " ").split()
    typed = [data.draw(word) if piece.startswith("(") else piece for piece in words]
    said = stage.type(" ".join(typed))
    assert "Internal error" not in said, typed


#: ``tso set`` keeps the size that a port cannot make, and ``tso show`` tells of it, as in the original; no port goes.
KEEPS_OR_TAKES_A_PORT = re.compile(r"tso set|.*(close|detach|cleanup)")
TRIED = [each for each in REGISTRY.commands if each.syntax in SYNTAXES and not KEEPS_OR_TAKES_A_PORT.match(each.syntax)]


def likely(form: Sequence[Step], chance: random.Random, app: Any) -> str:
    """A line whose words fit mostly: live values where there are any."""
    words = []
    for step in form:
        option = chance.choice(step.options)
        live = [option] if isinstance(option, str) else list(option.type.candidates(app))
        words.append(chance.choice(live if live and chance.random() < 0.9 else ODD))
    return " ".join(words)


@pytest.mark.parametrize("first", ["port stop all", "port start all", "start"])
def test_a_refused_command_changes_nothing(with_ports: Stage, first: str) -> None:
    chance, refused = random.Random(first), 0
    for command in chance.sample(TRIED, len(TRIED)):
        with_ports.type("stop")
        with_ports.type(first)
        before = whole_state(with_ports)
        for _ in range(6):
            typed = likely(chance.choice(command.pattern.forms), chance, with_ports.app)
            try:
                Session(with_ports.app, REGISTRY, Stop()).run(typed)
            except TestpmdError:
                refused += 1
                assert whole_state(with_ports) == before, typed
            before = whole_state(with_ports)
    assert refused > len(TRIED)


def whole_state(stage: Stage) -> str:
    """Configuration and ports, without what is counted."""
    ports = [{name: value for name, value in vars(port).items() if "stat" not in name} for port in stage.app.ports]
    return f"{stage.app.config} {ports}"


def outcome(read: Callable[[], Any]) -> Any:
    """What comes of reading a line: the command, or the verdict with its place and what was expected."""
    try:
        match = read()
    except CommandError as error:
        return str(error), error.position, set(error.expected)
    except TestpmdError as error:
        return str(error)
    return match and match.command.syntax


@quickly
@given(line)
def test_a_line_means_the_same_as_if_it_were_tried_against_every_command(text: str) -> None:
    assert outcome(lambda: REGISTRY.parse(text)) == outcome(lambda: parse(REGISTRY.commands, text))


@quickly
@given(st.sampled_from(SYNTAXES), st.data())
def test_a_near_miss_means_the_same_as_well(syntax: str, data: st.DataObject) -> None:
    words = syntax.replace("[", " ").replace("]", " ").split()
    typed = " ".join(data.draw(word) if piece.startswith("(") else piece for piece in words)
    assert outcome(lambda: REGISTRY.parse(typed)) == outcome(lambda: parse(REGISTRY.commands, typed))


@quickly
@given(line)
def test_completion_and_help_never_fail(text: str) -> None:
    found = candidates(REGISTRY.commands, text, FakeApp())
    assert all(one.text or one.kind for one in found)


@quickly
@given(st.lists(word, max_size=10))
def test_a_command_line_is_read_or_refused(given_words: list[str]) -> None:
    prefixed = [f"--{each}" if i % 2 == 0 else each for i, each in enumerate(given_words)]
    for read in (args.parse, _read_application):
        said = "read"
        try:
            read(prefixed)
        except TestpmdError as error:
            said = str(error)
        assert said


def _read_application(words: list[str]) -> Any:
    return argv.parse_options(REGISTRY, words)


OPTIONS = sorted(REGISTRY.options)


@quickly
@given(st.sampled_from(OPTIONS), word)
def test_an_option_takes_or_refuses_any_value_and_a_refused_one_is_not_kept(name: str, value: str) -> None:
    app = FakeApp()
    before = repr(app.config)
    option = REGISTRY.options[name]
    words = [f"--{name}={value}"] if option.takes_value else [f"--{name}"]
    try:
        argv.parse_options(REGISTRY, words).apply(app, lambda text: None)
    except TestpmdError:
        assert repr(app.config) == before


@pytest.mark.parametrize("text", ["show port info 0 extra", "set burst abc", "port config all rxd 70000"])
def test_bad_arguments_say_what_was_expected(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        REGISTRY.parse(text)
    assert refused.value.expected
