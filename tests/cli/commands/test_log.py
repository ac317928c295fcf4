from collections.abc import Iterator

import pytest
from fakes.app import FakeApp
from fakes.console import answer

from pytestpmd.log import REGISTRY, Level, log_type


@pytest.fixture(autouse=True)
def levels_as_before() -> Iterator[None]:
    before = REGISTRY.global_level, len(REGISTRY._rules), log_type("pmd.net.null", "NULL").level
    yield
    REGISTRY.global_level, log_type("pmd.net.null", "NULL").level = before[0], before[2]
    del REGISTRY._rules[before[1] :]


def test_the_global_level_is_set_silently() -> None:
    assert answer(FakeApp(), "set log global 4") == ""
    assert REGISTRY.global_level is Level.ERROR


def test_a_type_is_found_by_an_expression() -> None:
    assert answer(FakeApp(), "set log net.n.ll 8") == ""
    assert log_type("pmd.net.null", "NULL").level is Level.DEBUG


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("set log nosuch 3", ""),
        ("set log pmd 9", "Unable to set log level"),
        ("set log global 0", "Unable to set log level"),
        ("set log pmd debug", "Bad arguments"),
        ("set log ( 3", "Unable to set log level: '(' is no regular expression"),
    ],
)
def test_what_is_no_level_is_refused_and_changes_nothing(line: str, text: str) -> None:
    before = REGISTRY.dump()
    assert answer(FakeApp(), line).startswith(text)
    assert REGISTRY.dump() == before
