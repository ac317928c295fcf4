"""The testpmd part of the command line is read as getopt_long reads it, and refused in its words."""

from typing import Any

import pytest

from pytestpmd.cli import argv, help, registry
from pytestpmd.cli.params import INT_LIST
from pytestpmd.errors import ConfigError, TestpmdError


@registry.option("--burst=N", "packets per burst")
def burst(app: Any, num: int) -> str:
    return f"burst {num}"


@registry.option("--portmask=MASK", "ports that forward", invalid="Invalid fwd port mask {value}")
def portmask(app: Any, mask: int) -> str:
    return f"mask {mask}"


@registry.option("--portlist=PORTS", "ports that forward")
def portlist(app: Any, ports: tuple[int, ...]) -> str:
    return f"ports {ports}"


@registry.option("--port-topology=MODE", "paired, chained or loop")
def topology(app: Any, mode: str) -> str:
    return mode


@registry.option("--txpkts=LENGTHS", "lengths of the segments", type=INT_LIST)
def txpkts(app: Any, lengths: tuple[int, ...]) -> str:
    return f"lengths {lengths}"


@registry.option("--no-flush-rx", "do not drain", value="off")
def flush(app: Any, state: str) -> str:
    return f"flush {state}"


@registry.option("--interactive, -i", "give the prompt")
def interactive(app: Any) -> str:
    return "interactive"


@registry.option("--auto-start, -a", "start at once")
def auto_start(app: Any) -> None: ...


@registry.option("--mask_file=FILE, -p", "a letter that takes a value")
def mask_file(app: Any, path: str) -> str:
    return path


REGISTRY = registry.of([mask_file, burst, portmask, portlist, topology, txpkts, flush, interactive, auto_start])


def given(line: str) -> list[tuple[str, Any]]:
    return [(one.option.name, one.value) for one in argv.parse_options(REGISTRY, line.split()).given]


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", []),
        ("-i", [("interactive", None)]),
        ("-ia", [("interactive", None), ("auto-start", None)]),
        ("--interactive", [("interactive", None)]),
        ("--inter", [("interactive", None)]),
        ("--burst=64", [("burst", 64)]),
        ("--burst 64", [("burst", 64)]),
        ("--bur 0x40", [("burst", 64)]),
        ("--burst=1 --burst=2", [("burst", 1), ("burst", 2)]),
        ("--burst 7 -i", [("burst", 7), ("interactive", None)]),
        ("-i --burst 7", [("interactive", None), ("burst", 7)]),
        ("--portm=ff", [("portmask", 255)]),
        ("--portlist=0,2-3", [("portlist", (0, 2, 3))]),
        ("--port-topology -i", [("port-topology", "-i")]),
        ("--port-topology=", [("port-topology", "")]),
        ("--txpkts=64,128", [("txpkts", (64, 128))]),
        ("-p 1", [("mask_file", "1")]),
        ("-p1 -i", [("mask_file", "1"), ("interactive", None)]),
        ("-ip a -a", [("interactive", None), ("mask_file", "a"), ("auto-start", None)]),
        ("-pi", [("mask_file", "i")]),
        ("-p -i", [("mask_file", "-i")]),
        ("--mask_file=1", [("mask_file", "1")]),
        ("--no-flush-rx -i --", [("no-flush-rx", None), ("interactive", None)]),
    ],
)
def test_options_are_read_in_every_spelling_and_in_their_order(line: str, options: list[tuple[str, Any]]) -> None:
    assert given(line) == options


@pytest.mark.parametrize(
    ("line", "complaint", "invalid"),
    [
        ("--foo", "unrecognized option '--foo'", "Invalid option: --foo"),
        ("--burts=3", "unrecognized option '--burts' (did you mean --burst?)", "Invalid option: --burts=3"),
        (
            "--port=1",
            "option '--port' is ambiguous; possibilities: '--portmask' '--portlist' '--port-topology'",
            "Invalid option: --port=1",
        ),
        ("-i --burst", "option '--burst' requires an argument", "Invalid option: --burst"),
        ("--auto=1", "option '--auto-start' doesn't allow an argument", "Invalid option: --auto=1"),
        ("-ix", "invalid option -- 'x'", "Invalid option: -ix"),
        ("-ip", "option requires an argument -- 'p'", "Invalid option: -ip"),
        ("--=3", "unrecognized option '--'", "Invalid option: --=3"),
    ],
)
def test_a_word_that_is_no_option_is_refused_in_getopts_words(line: str, complaint: str, invalid: str) -> None:
    with pytest.raises(argv.UsageError) as caught:
        given(line)
    assert argv.exit_text(caught.value).splitlines() == [
        f"pytestpmd: {complaint}",
        "Usage: pytestpmd [EAL options] -- [testpmd options]",
        invalid,
        "EAL: Error - exiting with code: 1",
        "Command line is incomplete or incorrect",
    ]
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("line", ["-i foo", "foo -i", "-i -- foo", "-"])
def test_an_extra_argument_is_refused(line: str) -> None:
    with pytest.raises(argv.UsageError) as caught:
        given(line)
    assert str(caught.value).splitlines()[1:] == [
        f"Invalid parameter: {'-' if line == '-' else 'foo'}",
        "EAL: Error - exiting with code: 1",
        "Command line is incorrect",
    ]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("--burst=x", "--burst: x is not a number"),
        ("--burst=", "--burst:  is not a number"),
        ("--portmask=zz", "Invalid fwd port mask zz"),
        ("--portlist=3-1", "--portlist: 3-1 is not a range within 0-31"),
        ("--txpkts=a", "character a is not a decimal digit"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_with_one_sentence(line: str, cause: str) -> None:
    with pytest.raises(TestpmdError) as caught:
        given(line)
    assert isinstance(caught.value, ConfigError)
    assert argv.exit_text(caught.value) == f"EAL: Error - exiting with code: 1\n{cause}"


@pytest.mark.parametrize("line", ["--help", "-h", "-ih", "--burst=3 --he"])
def test_help_is_asked_for_in_every_spelling(line: str) -> None:
    assert argv.parse_options(REGISTRY, line.split()).wants_help


def test_each_program_is_called_by_its_own_name() -> None:
    other = registry.of([burst], registry.Program("other", "its options"))
    assert help.usage(other).startswith("Usage: other [EAL options] -- [its options]\n")
    with pytest.raises(argv.UsageError, match=r"^other: .*\nUsage: other "):
        argv.parse_options(other, ["--no"])


def test_applying_runs_each_function_and_says_what_it_returns() -> None:
    said: list[str] = []
    argv.parse_options(REGISTRY, ["--burst=3", "--no-flush-rx", "-ia"]).apply(None, said.append)
    assert said == ["burst 3", "flush off", "interactive"]
