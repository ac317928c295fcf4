"""Lists of numbers in parentheses."""

import pytest

from pytestpmd.programs.tuples import parse_tuples


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("(0,0,1)", [(0, 0, 1)]),
        ("(0,0,1),(1,0,2)", [(0, 0, 1), (1, 0, 2)]),
        ("(0,0,1)(1,0,2)", [(0, 0, 1), (1, 0, 2)]),
        (" ( 0 , 0x1f ,010 ) , (1,2,3) ", [(0, 31, 8), (1, 2, 3)]),
        ("(1,2,3,4),(1,2,3)", [(1, 2, 3, 4), (1, 2, 3)]),
    ],
)
def test_groups_are_read(text: str, groups: list[tuple[int, ...]]) -> None:
    assert parse_tuples(text, 3, 4) == groups


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0,0,1",
        "()",
        "(0,0)",
        "(0,0,1",
        "(0,0,1),",
        "(0,0,1)x",
        "(0,0,-1)",
        "(0,0,a)",
        "(0,0,08)",
        "(,,)",
        "(0,0,1,2,3)",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_tuples(text, 3, 4)
