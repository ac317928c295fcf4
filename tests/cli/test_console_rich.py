"""What the line editor offers comes from the same grammar that runs the line."""

from pathlib import Path

import pytest
from fakes.console_app import App, commands
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory

from pytestpmd.cli.console import Session, Stop
from pytestpmd.cli.console.rich import Words, below, explain, history
from pytestpmd.errors import CommandError

SESSION = Session(App(), commands(), Stop())


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sh", {"show": -2}),
        ("show port ", {"info": 0, "stats": 0}),
        ("show port s", {"stats": -1}),
        ("show port info ", {"all": 0, "0": 0, "1": 0}),
        ("set burst ", {}),
        ("nonsense ", {}),
    ],
)
def test_completion_offers_words_and_live_port_ids(line: str, offered: dict[str, int]) -> None:
    found = Words(SESSION).get_completions(Document(line), CompleteEvent())
    assert {one.text.rstrip(): one.start_position for one in found} == offered


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("show port info ", " all  0  1"),
        ("set burst ", " (num): Set the packets per burst."),
        ("show port info 0 ", " Enter: Show what a port is and has counted."),
        ("help ", " Enter: List the sections of the help.  or: all  control  display  config  ports  filters"),
        ("nonsense ", " nothing fits here"),
    ],
)
def test_the_line_below_the_prompt_says_what_can_come_next(line: str, text: str) -> None:
    assert below(SESSION, line).startswith(text)


def test_a_verdict_points_at_the_word_and_names_what_was_expected() -> None:
    lines = explain(CommandError("Bad arguments", 10, ("info", "stats"))).splitlines()
    assert [line.rstrip() for line in lines] == [" " * 19 + "^", "Bad arguments: expected info, stats"]


def test_history_is_kept_between_sessions(tmp_path: Path) -> None:
    history({"XDG_STATE_HOME": str(tmp_path)}).append_string("show port info 0")
    again = history({"HOME": "/nowhere", "XDG_STATE_HOME": str(tmp_path)})
    assert list(again.load_history_strings()) == ["show port info 0"]
    assert (tmp_path / "pytestpmd" / "history").stat().st_mode & 0o077 == 0


def test_history_that_cannot_be_kept_is_this_sessions_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(history({"XDG_STATE_HOME": str(tmp_path / "file")}), InMemoryHistory)


def test_history_that_became_unwritable_does_not_end_the_console(tmp_path: Path) -> None:
    kept = history({"XDG_STATE_HOME": str(tmp_path)})
    file = tmp_path / "pytestpmd" / "history"
    file.unlink()
    file.mkdir()
    kept.append_string("show port info 0")
    assert kept.get_strings() == ["show port info 0"]
