"""What keys do."""

import pytest

from pytestpmd.cli.dashboard.screen import keys
from pytestpmd.cli.dashboard.state import PERIODS_S, VIEWS, Span, State, press

SPAN = Span(100, 200)


def typed(*names: str, state: State | None = None) -> State:
    made = state or State()
    for name in names:
        made = press(made, name, SPAN)
    return made


@pytest.mark.parametrize(
    ("names", "at"),
    [
        (["p"], 200),
        (["p", "p"], None),
        (["left"], 199),
        (["left", "left", "right"], 199),
        (["left", "right"], None),
        (["page-up"], 190),
        (["home"], 100),
        (["home", "left"], 100),
        (["home", "end"], None),
        (["right"], None),
        ([" ", "x"], 200),
    ],
)
def test_pausing_and_looking_back(names: list[str], at: int | None) -> None:
    assert typed(*names).at == at


def test_views_are_chosen_by_number_and_in_turn() -> None:
    assert [typed(number).view for number in "1234"] == list(VIEWS)
    assert typed(*["tab"] * 4).view == VIEWS[0]
    assert typed("back-tab").view == VIEWS[-1]


def test_another_view_begins_at_its_top() -> None:
    assert typed("down", "down", "up").top == 1
    assert typed("down", "tab").top == typed("up").top == 0


def test_periods_have_a_shortest_and_a_longest() -> None:
    assert typed("+").period_s == 2.0
    assert typed(*["-"] * 9).period_s == PERIODS_S[0]
    assert typed(*["+"] * 9).period_s == PERIODS_S[-1]


def test_any_key_ends_the_help_and_does_no_more() -> None:
    assert typed("?").help
    assert typed("?", "p") == State()


@pytest.mark.parametrize("name", ["q", "ctrl-c", "ctrl-d"])
def test_leaving(name: str) -> None:
    assert typed(name).left
    assert typed("?", name).left


@pytest.mark.parametrize(
    ("characters", "names"),
    [
        ("p1", ["p", "1"]),
        ("\x1b[D\x1bOC\x1b[5~", ["left", "right", "page-up"]),
        ("\x1b[1;5A", ["\x1b[1;5A"]),
        ("\t\x1b[Z", ["tab", "back-tab"]),
        ("\x1b", ["\x1b"]),
        ("\x03", ["ctrl-c"]),
        ("\n", ["\n"]),
    ],
)
def test_characters_are_keys(characters: str, names: list[str]) -> None:
    assert keys(characters) == names
