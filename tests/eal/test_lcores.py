"""Lcore lists, masks and maps."""

import os

import pytest

from pytestpmd.eal.lcores import (
    MAX_LCORES,
    LcoreConfig,
    detected_cpus,
    find_main,
    from_cpus,
    is_mapping,
    parse_list,
    parse_mapping,
    parse_mask,
    to_text,
)
from pytestpmd.errors import ConfigError

CPUS = frozenset(range(9))


def as_table(lcores: tuple[LcoreConfig, ...]) -> dict[int, set[int]]:
    return {lcore.lcore_id: set(lcore.cpus) for lcore in lcores}


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0", {0}),
        ("0-3", {0, 1, 2, 3}),
        ("3-0", {0, 1, 2, 3}),
        ("0,2-4,9", {0, 2, 3, 4, 9}),
        ("1,1,0-1", {0, 1}),
        (" 0, 1", {0, 1}),
    ],
)
def test_a_list_is_numbers_and_ranges(text: str, cpus: set[int]) -> None:
    assert parse_list(text) == cpus


@pytest.mark.parametrize("text", ["", "0,", ",0", "0-", "-1", "0-1-2", "a", "0;1", "0x1", "1.5", "٣", "999999999"])
def test_a_bad_list_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_list(text)
    assert str(error.value) == f"Error parsing lcore list: '{text}'"


@pytest.mark.parametrize(
    ("text", "cpus"), [("3", {0, 1}), ("0x5", {0, 2}), ("0XA0", {5, 7}), (" f ", {0, 1, 2, 3}), ("0001", {0})]
)
def test_a_mask_is_hexadecimal(text: str, cpus: set[int]) -> None:
    assert parse_mask(text) == cpus


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("zz", "invalid characters in coremask: [zz]"),
        ("0x", "No lcores in coremask: [0x]"),
        ("", "No lcores in coremask: []"),
        ("0x0", "No lcores in coremask: [0x0]"),
        ("-1", "invalid characters in coremask: [-1]"),
        ("f" * 300, "invalid characters in coremask"),
    ],
)
def test_a_bad_mask_is_named(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_mask(text)
    assert str(error.value).startswith(line)
    assert str(error.value).endswith("invalid coremask syntax")


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("0@0,1@1", {0: {0}, 1: {1}}),
        ("(0,2)@1", {0: {1}, 2: {1}}),
        ("0-3@2", {0: {2}, 1: {2}, 2: {2}, 3: {2}}),
        ("0@(1-3)", {0: {1, 2, 3}}),
        ("0@1-3", {0: {1, 2, 3}}),
        ("(0-1)", {0: {0, 1}, 1: {0, 1}}),
        ("0-1,5@(2)", {0: {0}, 1: {1}, 5: {2}}),
        ("3@0,1@1", {1: {1}, 3: {0}}),
        ("0@0,0@1", {0: {1}}),
        (" ( 0 , 2 - 3 ) @ 1 , 4", {0: {1}, 2: {1}, 3: {1}, 4: {4}}),
        ("100@0", {100: {0}}),
        (
            "1,2@(5-7),(3-5)@(0,2),(0,6),7-8",
            {0: {0, 6}, 1: {1}, 2: {5, 6, 7}, 3: {0, 2}, 4: {0, 2}, 5: {0, 2}, 6: {0, 6}, 7: {7}, 8: {8}},
        ),
    ],
)
def test_a_map_places_lcores_on_cpus(text: str, table: dict[int, set[int]]) -> None:
    assert as_table(parse_mapping(text, CPUS)) == table


@pytest.mark.parametrize(
    "text", ["", "0@", "@0", "0@0,", "(0@1", "0)@1", "()@1", "(0,)@1", "0@0@1", "0@a", "0@0 1", "((0))", "128@0", ","]
)
def test_a_bad_map_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_mapping(text, CPUS)
    assert str(error.value) == f"invalid lcore mapping list: '{text}'"


def test_a_map_to_a_cpu_that_is_not_there_says_which() -> None:
    with pytest.raises(ConfigError) as error:
        parse_mapping("0@0,1@(9-11)", CPUS)
    assert str(error.value) == "core 9 unavailable\ninvalid lcore mapping list: '0@0,1@(9-11)'"


@pytest.mark.parametrize(("text", "expected"), [("0-3,5", False), ("0@1", True), ("(0-1)", True)])
def test_a_list_with_places_or_groups_is_a_map(text: str, expected: bool) -> None:
    assert is_mapping(text) is expected


def test_an_lcore_has_its_cpu_s_number() -> None:
    assert as_table(from_cpus({4, 2}, CPUS)) == {2: {2}, 4: {4}}


def test_lcores_can_be_numbered_anew() -> None:
    assert as_table(from_cpus({4, 200}, frozenset({4, 200}), first_id=0)) == {0: {4}, 1: {200}}


def test_every_cpu_that_is_not_there_has_its_line_and_then_those_that_are() -> None:
    with pytest.raises(ConfigError) as error:
        from_cpus({0, 2, 3}, frozenset({0, 1}))
    assert str(error.value).splitlines() == [
        "lcore 2 unavailable",
        "lcore 3 unavailable",
        "invalid coremask or core-list parameter, please check specified cores are part of 0-1",
    ]


def test_a_thousand_missing_cpus_are_not_a_thousand_lines() -> None:
    with pytest.raises(ConfigError) as error:
        from_cpus(range(1000), frozenset({0, 1}))
    lines = str(error.value).splitlines()
    assert len(lines) == 18
    assert lines[-2] == "982 more lcores unavailable"


def test_lcore_ids_have_an_end() -> None:
    with pytest.raises(ConfigError, match=r"lcore 128 >= RTE_MAX_LCORE \(128\), cannot use\."):
        from_cpus({MAX_LCORES}, frozenset({MAX_LCORES}))


def test_no_cpu_is_no_lcore() -> None:
    with pytest.raises(ConfigError, match="No valid lcores in core list"):
        from_cpus(set(), CPUS)


LCORES = from_cpus({1, 3}, CPUS)


@pytest.mark.parametrize(("text", "main"), [(None, 1), ("3", 3), ("1", 1)])
def test_the_main_lcore_is_the_one_asked_for_or_the_first(text: str | None, main: int) -> None:
    assert find_main(text, LCORES) == main


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2", "Error: Main lcore is not enabled for DPDK"),
        ("x", "invalid main lcore: 'x'"),
        ("", "invalid main lcore: ''"),
        ("128", "invalid main lcore: '128'"),
    ],
)
def test_a_main_lcore_that_is_not_there_is_refused(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        find_main(text, LCORES)
    assert str(error.value) == line


@pytest.mark.parametrize(("cpus", "text"), [({0}, "0"), ({0, 1}, "0-1"), ({5, 0, 1, 7, 6}, "0-1,5-7"), (set(), "")])
def test_numbers_are_shown_as_a_list(cpus: set[int], text: str) -> None:
    assert to_text(cpus) == text


def test_the_cpus_that_this_process_may_use_are_among_those_detected() -> None:
    assert os.sched_getaffinity(0) <= detected_cpus()
