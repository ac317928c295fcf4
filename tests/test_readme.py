"""What README.md says of the tree is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CODE = dict(re.findall(r"```(c|python)\n(.*?)```", README, re.DOTALL))


def test_the_engine_shown_is_the_engine() -> None:
    assert CODE["c"] == (ROOT / "pytestpmd/fwd/macswap.c").read_text()


def test_the_command_shown_is_one() -> None:
    assert CODE["python"] in (ROOT / "pytestpmd/cli/commands/forwarding.py").read_text()


@pytest.mark.parametrize("path", re.findall(r"`((?:pytestpmd|tests|bench|man|docs)/[\w./]*|\.\w{2,}[\w/]*)`", README))
def test_a_path_that_is_named_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("word", sorted(set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))))
def test_make_knows_the_word(word: str) -> None:
    assert re.search(rf"^{word}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
