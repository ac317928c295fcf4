"""What ``assert`` can compute, and what it refuses."""

from typing import Any

import pytest

from pytestpmd.cli.expression import LONGEST, Expression, ExpressionError

NAMES: dict[str, Any] = {
    "port": {0: {"rx_packets": 7, "link": {"status": "up"}, "xstats": {"rx_good_packets": 7}}, 3: {"rx_packets": 0}},
    "total": {"drops": 0, "speed": None},
    "lcores": [1, 2],
    "running": True,
}


@pytest.mark.parametrize(
    "text",
    [
        "port[0].rx_packets > 0 and total.drops == 0",
        'port[0].link.status == "up"',
        'port[0].xstats["rx_good_packets"] == 7',
        "0 < port[0].rx_packets <= 7 != 8",
        "not total.drops or false",
        "running",
        "total.speed == null",
        "7 in [port[0].rx_packets, 2] and 9 not in (1, 2)",
        '"u" in port[0].link.status',
        "port[0].rx_packets * 2 - 4 == 10 and 7 % 4 == 3 and 7 // 2 == 3 and 7 / 2 == 3.5",
        "-port[0].rx_packets < 0 and abs(-3) == 3 and min(1, 2) == 1 and max([1, 2]) == len(lcores)",
        "lcores[1] == 2",
    ],
)
def test_a_claim_that_holds(text: str) -> None:
    assert Expression(text).value(NAMES) is True


def test_what_was_found_is_told() -> None:
    expression = Expression("port[3].rx_packets > 0 or total.drops or total.speed == 1")
    assert not expression.value(NAMES)
    assert expression.values() == "port[3].rx_packets = 0, total.drops = 0, total.speed = null"


def test_what_decides_nothing_any_more_is_not_looked_up() -> None:
    assert Expression("running or nonsense").value(NAMES)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("port[0].foo", "no port[0].foo: port[0] has rx_packets, link, xstats"),
        ("port[1].rx_packets", "no port[1]: port has 0, 3"),
        ("foo > 1", "no foo: there is port, total, lcores, running"),
        ("lcores[2]", "no lcores[2]: lcores has 2 entries"),
        ("lcores[-1]", "no lcores[-1]: lcores has 2 entries"),
        ("total.drops.packets", "no total.drops.packets: total.drops has nothing in it but 0"),
        ('port["x"]', "no port['x']: port has 0, 3"),
        ("port[[1]]", "no port[[1]]: port has 0, 3"),
        ("total.drops +", "total.drops +: invalid syntax"),
        ("", ": invalid syntax"),
        ("drops = 3", "drops = 3: invalid syntax"),
        ("2 ** 9", "2 ** 9 is not allowed"),
        ("1 << 9", "1 << 9 is not allowed"),
        ("~1", "~1 is not allowed"),
        ("1 is 2", "1 is 2 is not allowed"),
        ("b'1'", "b'1' is not allowed"),
        ("__import__('os').system('id')", "__import__('os').system('id') is not allowed"),
        ("open('/etc/passwd')", "open('/etc/passwd') is not allowed"),
        ("port.__class__", "no port.__class__: port has 0, 3"),
        ("(lambda: 1)()", "(lambda: 1)() is not allowed"),
        ("[x for x in lcores]", "[x for x in lcores] is not allowed"),
        ("f'{port}'", "f'{port}' is not allowed"),
        ("min(1, key=abs)", "min(1, key=abs) is not allowed"),
        ("'a' * 1000000000", "'a' is \"a\", not a number"),
        ("running + 1", "running is true, not a number"),
        ("1 / total.drops", "1 / total.drops: division by zero"),
        ("port > 1", "port > 1: '>' not supported between instances of 'dict' and 'int'"),
        ("max(1)", "max(1): 'int' object is not iterable"),
        ("(" * 400 + "1", None),
        ("-" * 900 + "1", None),
        ("9" * LONGEST + " > 1", f"longer than {LONGEST} characters"),
        ("\0", None),
    ],
)
def test_what_cannot_be_computed_is_named(text: str, complaint: str | None) -> None:
    with pytest.raises(ExpressionError) as told:
        Expression(text).value(NAMES)
    assert "\n" not in str(told.value)
    if complaint is not None:
        assert str(told.value) == f"Bad expression: {complaint}"


def test_numbers_cannot_grow_without_end() -> None:
    with pytest.raises(ExpressionError, match="big \\* big is too large"):
        Expression("big * big").value({"big": 1 << 4000})
