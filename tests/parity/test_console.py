"""Every line of the original's sessions is answered as there, in a session of ours that went the same way."""

from functools import cache
from pathlib import Path

import pytest
from parity.compare import masked
from parity.rows import CommandRow, commands
from parity.sessions import REGISTRY, Line, load_all, play
from parity.verdicts import differences

SESSIONS = {session.name: session for session in load_all()}
LINES = [line for session in SESSIONS.values() for line in session.lines if line.original is not None]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Sessions, each played when the first of its lines is asked for."""

    @cache
    def answers(name: str) -> dict[str, str]:
        return play(SESSIONS[name], Path(tmp_path_factory.mktemp(name)))

    return answers


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.key)
def test_the_answer_is_the_originals(line: Line, played: object) -> None:
    ours = masked(played(line.session)[line.key])  # type: ignore[operator]
    original = masked(line.original or "")
    if line.key in differences():
        assert ours != original, "no difference any more: out with it from differences.txt"
        original = differences()[line.key]
    assert ours == original


def test_what_is_known_is_of_lines_that_there_are() -> None:
    assert set(differences()) <= {line.key for line in LINES}


@pytest.mark.parametrize("row", commands(), ids=lambda row: row.syntax)
def test_every_command_of_the_original_is_one_here(row: CommandRow) -> None:
    assert REGISTRY.parse(row.example)
