"""``--help`` of both parts of the command line."""

import click
import pytest
from fakes.console import REGISTRY

from pytestpmd.cli import help
from pytestpmd.cli.registry import OPTION_GROUPS
from pytestpmd.eal.options import GROUPS, OPTIONS
from pytestpmd.programs.kni.main import registry as kni
from pytestpmd.programs.l3fwd_power.main import registry as l3fwd_power


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_every_option_is_there_with_what_it_is_for() -> None:
    text = unwrapped(help.whole(REGISTRY))
    for option in OPTIONS:
        assert f" {option.names} {option.help} " in text
    for own in REGISTRY.options.values():
        assert f" {own.names} {own.help} " in text


def test_options_stand_in_groups_in_their_order() -> None:
    text = help.whole(REGISTRY)
    titles = [*(f"{title} (EAL):" for title in GROUPS), *(f"{title}:" for title in OPTION_GROUPS.values())]
    shown = [line for line in text.splitlines() if line in titles]
    assert shown == [title for title in titles if title in shown]
    assert len(shown) >= len(GROUPS) + 8


def test_it_begins_with_how_to_begin() -> None:
    head = help.whole(REGISTRY).partition("Lcores (EAL):")[0]
    assert head.startswith("usage: pytestpmd <EAL options> -- <App options>\n")
    assert head.count("\n  pytestpmd ") == 3


def test_the_examples_are_command_lines_of_the_program() -> None:
    from pytestpmd.cli.argv import parse_options
    from pytestpmd.eal.args import collate

    for arguments, _ in REGISTRY.program.examples:
        assert parse_options(REGISTRY, collate(arguments.split()).app_argv).given


def test_the_width_is_that_of_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = help.whole(REGISTRY)
    monkeypatch.setenv("COLUMNS", "30")
    assert help.whole(REGISTRY) == text
    assert max(len(line) for line in help.usage(REGISTRY).splitlines()) <= help.WIDTH
    assert click.unstyle(text) == text


@pytest.mark.parametrize("make", [kni, l3fwd_power])
def test_other_programs_have_one_group(make) -> None:  # type: ignore[no-untyped-def]
    registry = make()
    text = help.usage(registry)
    assert text.startswith(f"Usage: {registry.program.name} [EAL options] -- [")
    assert "\nOptions:\n  --help, -h" in text
    assert all(option.names in text for option in registry.options.values())
