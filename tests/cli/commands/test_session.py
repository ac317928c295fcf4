"""The console about itself: what help lists, and how a session ends."""

from pathlib import Path

import pytest
from fakes.console_app import App, commands

from pytestpmd.cli.console import Quit, Session, Stop, execute, run_file
from pytestpmd.errors import ConfigError

SECTIONS = """
Help is available for the following sections:

    help control                    : Start and stop forwarding.
    help display                    : Displaying port, stats and config information.
    help config                     : Configuration information.
    help ports                      : Configuring ports.
    help filters                    : Filters configuration help.
    help traffic_management         : Traffic Management commands.
    help devices                    : Device related commands.
    help drivers                    : Driver specific commands.
    help all                        : All of the above sections.

"""


def run(line: str) -> str:
    return execute(App(), commands(), line)


def test_help_lists_the_originals_sections() -> None:
    assert run("help") == SECTIONS


@pytest.mark.parametrize(
    ("section", "title", "lines"),
    [
        ("control", "Control forwarding:", ["quit", "load (file)"]),
        ("display", "Display:", ["show port (info|stats) (port_id|all)"]),
        ("config", "Configuration:", ["set burst (num)"]),
    ],
)
def test_help_of_a_section_shows_its_commands(section: str, title: str, lines: list[str]) -> None:
    text = run(f"help {section}")
    assert text.startswith(f"\n{title}\n{'-' * len(title)}\n\n")
    for line in lines:
        assert f"\n{line}\n    " in text
    assert text.endswith(".\n\n")


def test_help_of_an_empty_section_is_its_title() -> None:
    assert run("help drivers") == "\nDriver specific:\n----------------\n"


def test_help_all_is_every_section() -> None:
    assert run("help all").count("\n---") == 8
    for section in ("control", "display", "config"):
        assert run(f"help {section}") in run("help all")


def test_an_unknown_section_is_a_bad_argument() -> None:
    assert run("help foo") == "Bad arguments"


def test_quit_ends_the_console() -> None:
    with pytest.raises(Quit):
        run("quit")


def test_a_file_stops_where_the_program_was_asked_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f").write_text("say one\n")
    stop = Stop()
    stop.requested = True
    run_file(App(), commands(), str(tmp_path / "f"), echo=True, stop=stop)
    assert capsys.readouterr().out == "[f] <End-Of-File>\n"


@pytest.mark.parametrize(
    ("echo", "text"),
    [
        (True, "Failed to open file /none: No such file or directory"),
        (False, "Failed to create file based cmdline context: /none"),
    ],
)
def test_a_file_that_is_not_there_gets_the_originals_sentence(echo: bool, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Session(App(), commands(), Stop()).run_file("/none", echo=echo)
    assert str(caught.value) == text


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        Session(App(), commands(), Stop()).run_file(str(tmp_path), echo=True)
