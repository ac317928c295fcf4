"""What the line editor offers comes from the same grammar that runs the line."""

import os
import time
from pathlib import Path

import pytest
from fakes.app import FakeApp, FakeQueue
from fakes.console import REGISTRY
from fakes.console_app import App, commands
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory

from pytestpmd.cli.console import Session, Stop
from pytestpmd.cli.console.history import history
from pytestpmd.cli.console.offers import Words, below
from pytestpmd.cli.console.plain import complete
from pytestpmd.cli.console.verdict import explain
from pytestpmd.errors import CommandError

SESSION = Session(App(), commands(), Stop())
PROGRAM = Session(FakeApp(), REGISTRY, Stop())


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
        ("", " Tab completes, ? lists what fits"),
        ("show port info ", " all  0  1"),
        ("set burst ", " (num): Set the packets per burst."),
        ("show port info 0 ", " Enter: Show what a port is and has counted."),
        ("help ", " Enter: List the sections of the help.  or: all  control  display  config  ports  filters"),
        ("nonsense ", " nothing fits here"),
    ],
)
def test_the_line_below_the_prompt_says_what_can_come_next(line: str, text: str) -> None:
    assert below(SESSION, line).startswith(text)


def meanings(session: Session, line: str) -> dict[str, str]:
    found = Words(session).get_completions(Document(line), CompleteEvent())
    return {one.text.rstrip(): one.display_meta_text for one in found}


def test_each_word_comes_with_its_meaning() -> None:
    assert meanings(SESSION, "set ") == {"burst": "Set the packets per burst."}
    assert meanings(SESSION, "show port stats ") == {
        "all": "Show what a port is and has counted.",
        "0": "net_null0",
        "1": "net_null1",
    }


def test_a_word_that_many_commands_have_means_what_could_follow_it() -> None:
    assert meanings(PROGRAM, "sho")["show"].startswith("port, ")
    assert "stats" in meanings(PROGRAM, "show ")["fwd"].split(", ")


def test_queues_are_offered_by_the_port_and_the_way_that_the_line_names() -> None:
    session = Session(FakeApp(), REGISTRY, Stop())
    queue = FakeQueue(None, None, None, memory=None)
    for port, queues in zip(session.app.ports, (3, 1), strict=True):
        port.rx_queues, port.tx_queues = [queue] * queues, [queue] * 2
    assert list(meanings(session, "port 0 rxq ")) == ["0", "1", "2"]
    assert list(meanings(session, "port 0 txq ")) == ["0", "1"]
    assert list(meanings(session, "show rxq info 0 ")) == ["0", "1", "2"]
    assert list(meanings(session, "show rxq info 1 ")) == ["0"]


def test_devices_and_lists_of_ports_are_those_there_are() -> None:
    names = [port.name for port in PROGRAM.app.ports]
    assert set(names) <= set(meanings(PROGRAM, "show device info "))
    assert "0,1" in meanings(PROGRAM, "set portlist ")


def test_files_are_offered_where_one_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "one.txt").touch()
    (tmp_path / "only").mkdir()
    (tmp_path / "other").touch()
    found = Words(PROGRAM).get_completions(Document(f"load {tmp_path}/on"), CompleteEvent())
    assert {one.text for one in found} == {f"{tmp_path}/one.txt ", f"{tmp_path}/only/"}
    assert not any(one.startswith("/") for one in meanings(PROGRAM, f"load {tmp_path}/nowhere/"))


def test_a_comment_is_left_alone() -> None:
    assert meanings(PROGRAM, "# sho") == meanings(PROGRAM, "show port #") == {}
    assert complete(PROGRAM, "# sho").add == ""


@pytest.mark.skipif("PYTESTPMD_SANITIZERS" in os.environ, reason="the sanitizer takes its time")
def test_completion_never_blocks_typing() -> None:
    """Each key costs less than 10 ms of this thread's time: offers, and the line below the prompt."""
    lines = {" ".join(command.syntax.split()[:n]) + " " for command in PROGRAM.registry.commands for n in range(3)}
    for line in sorted({*lines, "", "s", "show port stats 0 ", "no such words at all "}):
        assert any(thread_seconds(line) < 0.010 for _ in range(5)), line


def thread_seconds(line: str) -> float:
    began = time.thread_time()
    meanings(PROGRAM, line)
    below(PROGRAM, line)
    return time.thread_time() - began


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("show port foo", ["                   ^^^", "Bad arguments: expected info, stats"]),
        ("show port stts 0", ["                   ^^^^", "Bad arguments: expected info, stats", "Did you mean stats?"]),
        ("set burst", ["                  ^", "Bad arguments: expected (num)"]),
    ],
)
def test_a_verdict_points_at_the_word_and_names_what_was_expected(line: str, verdict: list[str]) -> None:
    assert explain(refusal(line), line, 80).splitlines() == verdict


def refusal(line: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        SESSION.run(line)
    return caught.value


def test_a_near_miss_is_guessed_at_and_others_are_not() -> None:
    assert "Did you mean show?" in explain(refusal("shwo port"), "shwo port", 80)
    assert "Did you mean" not in explain(refusal("xyzzy"), "xyzzy", 80)


def test_a_line_of_several_rows_is_quoted_where_it_is_wrong() -> None:
    line = f"{' ' * 90}show port foo 0"
    quoted, caret, _ = explain(refusal(line), line, 80).split("\n", 2)
    assert len(quoted) < 80
    assert quoted[caret.index("^") : caret.rindex("^") + 1] == "foo"


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
