"""Numbers, sparklines and bars keep to their width and to the truth."""

import pytest

from pytestpmd.cli.dashboard.marks import bar, human, sparkline


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (999.6, "1.00 k"),
        (1000, "1.00 k"),
        (12_345, "12.3 k"),
        (99_960, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (1_488_095, "1.49 M"),
        (10**10, "10.0 G"),
        (10**25, "10000000 E"),
    ],
)
def test_three_digits_matter(count: float, text: str) -> None:
    assert human(count) == text


def test_a_unit_follows_its_prefix() -> None:
    assert (human(1_490_000, "pps"), human(3, "pps")) == ("1.49 Mpps", "3 pps")


def test_a_sparkline_ends_with_the_newest_and_is_as_high_as_the_highest() -> None:
    assert sparkline([0, 1, 4, 8], 4) == " ▁▄█"
    assert sparkline([8, 1, 4, 8], 3) == "▁▄█"
    assert sparkline([8], 4) == "   █"
    assert sparkline([0, 0], 4) == "    "
    assert sparkline([], 2) == "  "
    assert sparkline([1, 2], 0) == ""


def test_the_least_is_seen_and_nothing_is_not() -> None:
    assert sparkline([0, 1, 10**9], 3) == " ▁█"
    assert (bar(0, 4), bar(0.001, 4), bar(1, 4), bar(2, 4)) == ("░░░░", "█░░░", "████", "████")


def test_any_terminal_can_show_them_plainly() -> None:
    assert sparkline([0, 1, 9], 3, plain=True) == " .@"
    assert bar(0.5, 4, plain=True) == "##.."
