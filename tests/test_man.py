"""The manual is what the registry says."""

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pytestpmd import drivers
from pytestpmd.cli import man, registry
from pytestpmd.programs.man import pages as program_pages

MAN = Path(__file__).parent.parent / "man"


@registry.option("--burst=N", "packets per burst \\ at most 512")
@registry.command("set burst (num)", ".the packets per burst", section="config")
def set_burst(app: Any, num: int) -> None: ...


@registry.option("--interactive, -i", "give the prompt")
def interactive(app: Any) -> None: ...


@pytest.mark.parametrize("name", ["pytestpmd.1", "pytestpmd.7"])
def test_the_pages_are_what_the_registry_says(name: str) -> None:
    made = man.pages(registry.discover())[name]
    assert (MAN / name).read_text(encoding="utf-8") == made, "run: make man"


@pytest.mark.parametrize("name", program_pages())
def test_the_pages_of_the_programs_are_what_they_say(name: str) -> None:
    assert (MAN / name).read_text(encoding="utf-8") == program_pages()[name], "run: make man"


def test_every_page_is_installed() -> None:
    installed = tomllib.loads((MAN.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    pages = {page for folder, files in installed.items() for page in files if folder.startswith("share/man/")}
    assert {f"man/{page.name}" for page in MAN.iterdir()} == pages


def test_a_page_names_each_option_and_command_with_its_help() -> None:
    made = man.pages(registry.of([set_burst, interactive]))
    assert "\\fB\\-\\-burst=N\\fR\npackets per burst \\e at most 512\n" in made["pytestpmd.1"]
    assert "\\fB\\-\\-interactive, \\-i\\fR\ngive the prompt\n" in made["pytestpmd.1"]
    assert "\\fBset burst (num)\\fR\n\\&.the packets per burst\n" in made["pytestpmd.7"]


def test_each_driver_has_a_section_and_each_of_its_arguments_a_line() -> None:
    page = man.options_page(registry.of([]))
    drivers.discover()
    for cls in set(drivers.DRIVERS.values()):
        names = [name for name, known in drivers.DRIVERS.items() if known is cls]
        assert sum(f".SH DEVICE: {name.upper()}\n" in page for name in names) == 1
        assert all(about for _, about in cls.Args.manual()), names
    assert "\\fBqueue_size=256\\fR\ndescriptors in each ring" in page
    assert "\\fBiface=VALUE\\fR\nthe vhost\\-user socket; mandatory\n" in page


def test_a_section_without_commands_is_left_out() -> None:
    page = man.console_page(registry.of([set_burst]))
    assert ".SH COMMANDS: CONFIG\n" in page
    assert "COMMANDS: FILTERS" not in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("text", [*man.pages(registry.discover()).values(), *program_pages().values()])
def test_groff_finds_nothing_wrong_with_a_page(text: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
