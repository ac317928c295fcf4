"""The map from rules and known attacks to the tests that hold them: ``tests/data/reliability.csv``.

Ids are those of virtio's rules for drivers (VD) and devices (VV), of vhost-user's (VU), and of published bugs of others
who speak it. A rule is held by tests, or does not apply here, and the map says why.
"""

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

from pytestpmd.drivers.vhost.features import offered

ROOT = Path(__file__).parent.parent


def rows() -> list[dict[str, str]]:
    with (ROOT / "tests/data/reliability.csv").open(newline="") as file:
        return list(csv.DictReader(file))


ROWS = rows()


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests in a file, which is there."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_a_rule_has_one_row() -> None:
    ids = [row["id"] for row in ROWS]
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_rule_is_held_by_tests_that_there_are_or_says_why_not(row: dict[str, str]) -> None:
    assert row["rule"]
    assert bool(row["tests"]) != bool(row["why_not"])
    for node in row["tests"].split():
        path, _, name = node.partition("::")
        assert name.startswith("test_")
        assert name in names_in(path), f"{row['id']}: {node}"


def test_every_feature_that_net_vhost_offers_has_a_row() -> None:
    """virtio 1.2, 2.2: a device offers what it supports."""
    ids = {row["id"] for row in ROWS if row["tests"]}
    assert {f"offer {feature.name}" for feature in offered(tso=True)} <= ids
