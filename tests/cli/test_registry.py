"""A decorator is all that a command or an option needs, and a name belongs to one of them."""

import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from pytestpmd.cli import registry
from pytestpmd.cli.grammar import Step
from pytestpmd.cli.params import UINT32


@registry.option("--burst=N", "packets per burst")
@registry.command("set burst (num)", "Set the packets per burst.", section="config")
def set_burst(app: Any, num: int) -> str:
    return f"{app}: burst {num}"


@registry.option("--no-flush-rx", "leave the queues alone", value="off")
@registry.command("set flush_rx (on|off)", "Drain the queues first.", section="config")
def set_flush(app: Any, state: str) -> None:
    app.append(state)


@registry.option("--interactive, -i", "give the prompt")
def interactive(app: Any) -> str:
    return "Interactive-mode selected"


@registry.command("start [tx_first [(num)]]", "Start forwarding.")
def start(app: Any, tx_first: str | None, bursts: int = 1) -> str:
    return f"{tx_first} {bursts}"


def run(line: str, app: Any = "app") -> str:
    match = registry.of([set_burst, set_flush, start]).parse(line)
    assert match is not None
    return match.command.call(app, match.values)


def test_a_command_gets_the_values_of_its_line() -> None:
    assert run("set burst 7") == "app: burst 7"


@pytest.mark.parametrize(
    ("line", "text"), [("start", "None 1"), ("start tx_first", "tx_first 1"), ("start tx_first 4", "tx_first 4")]
)
def test_what_an_optional_part_left_out_takes_the_default(line: str, text: str) -> None:
    assert run(line) == text


def test_a_command_without_text_prints_nothing() -> None:
    said: list[str] = []
    assert run("set flush_rx on", said) == ""
    assert said == ["on"]


def test_an_option_is_a_second_door_to_the_same_function() -> None:
    made = registry.of([set_burst, set_flush, interactive])
    assert made.options["burst"].call("app", 9) == "app: burst 9"
    said: list[str] = []
    made.options["no-flush-rx"].call(said)
    assert said == ["off"]
    assert (made.options["interactive"].short, made.options["interactive"].call(None)) == (
        "i",
        "Interactive-mode selected",
    )


def test_a_syntax_taken_twice_is_refused() -> None:
    @registry.command("set burst (num)", "Again.")
    def again(app: Any, num: int) -> None: ...

    with pytest.raises(ValueError, match=r"set burst \(num\) is taken twice"):
        registry.of([set_burst, again])


@pytest.mark.parametrize("syntax", ["--burst=N", "--other, -i"])
def test_an_option_taken_twice_is_refused(syntax: str) -> None:
    @registry.option(syntax, "Again.")
    def again(app: Any, value: int = 0) -> None: ...

    with pytest.raises(ValueError, match="is taken twice"):
        registry.of([set_burst, interactive, again])


def test_a_command_whose_values_do_not_fit_its_function_is_refused() -> None:
    with pytest.raises(ValueError, match="binds 2 values"):
        registry.command("port (port_id) (start|stop)", "x")(lambda app, one: None)


def test_an_unknown_section_placeholder_or_option_form_is_refused() -> None:
    with pytest.raises(ValueError, match="no section"):
        registry.command("foo", "x", section="nowhere")
    with pytest.raises(ValueError, match="no type"):
        registry.command("foo (bar)", "x")(lambda app, bar: None)
    with pytest.raises(ValueError, match="an option is"):
        registry.option("burst", "x")


def test_a_command_may_give_a_placeholder_its_own_type() -> None:
    @registry.command("set cycles (value)", "x", value=UINT32)
    def cycles(app: Any, value: int) -> str:
        return str(value)

    match = registry.of([cycles]).parse("set cycles 100000")
    assert match is not None
    assert match.command.call(None, match.values) == "100000"


def test_every_module_of_the_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_commands"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text(
        "from pytestpmd.cli.registry import command\n@command('one', 'x')\ndef one(app): return 'one'\n"
    )
    (package / "second.py").write_text(
        "from some_commands.first import one\n"
        "from pytestpmd.cli.registry import command\n@command('two', 'x')\ndef two(app): return 'two'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.discover("some_commands")
    for name in [name for name in sys.modules if name.startswith("some_commands")]:
        del sys.modules[name]
    assert [command.syntax for command in found.commands] == ["one", "two"]


def may_take_one_line(one: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    def takes(step: Step) -> set[object]:
        return {option if isinstance(option, str) else option.type for option in step.options}

    return len(one) == len(other) and all(takes(a) & takes(b) for a, b in zip(one, other, strict=True))


def test_no_line_is_taken_by_two_commands_of_the_program() -> None:
    commands = registry.discover().commands
    both = [
        (one.syntax, other.syntax)
        for one, other in combinations(commands, 2)
        if any(may_take_one_line(a, b) for a in one.pattern.forms for b in other.pattern.forms)
    ]
    assert both == []


def test_every_command_and_option_of_the_program_has_help() -> None:
    program = registry.discover()
    assert [command.syntax for command in program.commands if not command.help.strip()] == []
    assert [option.name for option in program.options.values() if not option.help.strip()] == []


def test_a_command_about_the_console_gets_the_session() -> None:
    @registry.command("who (name)", "x")
    def who(app: Any, name: str, *, session: Any) -> str:
        return f"{app} {name} {session}"

    match = registry.of([who]).parse("who me")
    assert match is not None
    assert match.command.call("app", match.values, session="session") == "app me session"
