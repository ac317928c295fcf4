"""The verdict on a line is lib/cmdline's, and a wrong line says where it went wrong."""

from dataclasses import dataclass
from functools import cached_property

import pytest

from pytestpmd.cli.grammar import Pattern, candidates, compile_syntax, parse, split_words
from pytestpmd.cli.params import PLACEHOLDERS, UINT32, Rest, Unexpected
from pytestpmd.errors import CommandError, ConfigError


@dataclass(frozen=True)
class Line:
    syntax: str
    help: str = "what it does"

    @cached_property
    def pattern(self) -> Pattern:
        return compile_syntax(self.syntax, PLACEHOLDERS)


@dataclass(frozen=True)
class Port:
    port_id: int


class App:
    ports = (Port(0), Port(1), Port(12))


LINES = [
    Line("help"),
    Line("help (all|control|display)"),
    Line("start"),
    Line("start tx_first [(num)]"),
    Line("show port (info|stats) (port_id|all)"),
    Line("show config (rxtx|fwd)"),
    Line("set burst (num)"),
    Line("set burst tx delay (microseconds) retry (num)"),
    Line("set corelist (x[,y]*)"),
    Line("set fwd (io|mac) [retry]"),
    Line("mac_addr add (port_id) (mac_addr)"),
    Line("port config all (rxq|txq|rxd|txd) (value)"),
    Line("port config (port_id) (rxq|txq) (queue_id) ring_size (size)"),
    Line("port (port_id) rxq|txq (queue_id) start|stop"),
    Line("load (file)"),
]


def verdict(line: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        parse(LINES, line)
    return caught.value


@pytest.mark.parametrize(
    ("line", "syntax", "values"),
    [
        ("help", "help", {}),
        ("help all", "help (all|control|display)", {0: "all"}),
        ("start", "start", {}),
        ("start tx_first", "start tx_first [(num)]", {}),
        ("start tx_first 3", "start tx_first [(num)]", {0: 3}),
        ("show port info 0", "show port (info|stats) (port_id|all)", {0: "info", 1: 0}),
        ("show port stats all", "show port (info|stats) (port_id|all)", {0: "stats", 1: "all"}),
        (" show   port\tstats  all  ", "show port (info|stats) (port_id|all)", {0: "stats", 1: "all"}),
        ("show port info 0x1 # one", "show port (info|stats) (port_id|all)", {0: "info", 1: 1}),
        ("set fwd mac", "set fwd (io|mac) [retry]", {0: "mac"}),
        ("set fwd mac retry", "set fwd (io|mac) [retry]", {0: "mac", 1: "retry"}),
        ("set fwd io#mac", "set fwd (io|mac) [retry]", {0: "io"}),
        ("set burst tx delay 10 retry 20", "set burst tx delay (microseconds) retry (num)", {0: 10, 1: 20}),
        ("set corelist 1,3", "set corelist (x[,y]*)", {0: (1, 3)}),
        ("port 0 txq 5 stop", "port (port_id) rxq|txq (queue_id) start|stop", {0: 0, 1: "txq", 2: 5, 3: "stop"}),
        (
            "mac_addr add 0 02:11:22:33:44:56",
            "mac_addr add (port_id) (mac_addr)",
            {0: 0, 1: bytes.fromhex("021122334456")},
        ),
        ("load /tmp/a-b.txt\r\n", "load (file)", {0: "/tmp/a-b.txt"}),
    ],
)
def test_a_line_finds_its_command_and_values(line: str, syntax: str, values: dict[int, object]) -> None:
    match = parse(LINES, line)
    assert match is not None
    assert (match.command.syntax, match.values) == (syntax, values)


@pytest.mark.parametrize("line", ["", "   ", "\t", "# comment", "  # show port info 0", "\r\n"])
def test_an_empty_line_or_comment_is_no_command(line: str) -> None:
    assert parse(LINES, line) is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("foo", "Command not found"),
        ("SHOW port info 0", "Command not found"),
        ("sho port info 0", "Command not found"),
        ("showport", "Command not found"),
        ("show", "Bad arguments"),
        ("show port", "Bad arguments"),
        ("show port info", "Bad arguments"),
        ("show port info abc", "Bad arguments"),
        ("show port inf 0", "Bad arguments"),
        ("show port info 0 extra", "Bad arguments"),
        ("show port info -1", "Bad arguments"),
        ("show config foo", "Bad arguments"),
        ("set", "Bad arguments"),
        ("set burst", "Bad arguments"),
        ("port", "Bad arguments"),
        ("port config all foo 1", "Bad arguments"),
        ("port config all rxd 70000", "Bad arguments"),
        ("start foo", "Bad arguments"),
        ("help foo", "Bad arguments"),
        ("mac_addr add 0 zz", "Bad arguments"),
    ],
)
def test_a_wrong_line_gets_the_originals_verdict(line: str, text: str) -> None:
    assert str(verdict(line)) == text


def test_a_line_that_two_commands_take_is_ambiguous() -> None:
    lines = [Line("dump (name)"), Line("dump ring")]
    with pytest.raises(CommandError, match=r"^Ambiguous command$") as caught:
        parse(lines, "dump ring")
    assert caught.value.expected == ("dump (name)", "dump ring")


@pytest.mark.parametrize(
    ("line", "position", "expected"),
    [
        ("show port foo 0", 10, ("info", "stats")),
        ("show port info", 14, ("all", "(port_id)")),
        ("show port info 0 x", 17, ("end of line",)),
        ("start foo", 6, ("end of line", "tx_first")),
        ("set corelist 1 2", 15, ("end of line",)),
        ("  show  foo", 8, ("port", "config")),
        ("port config 0 rxq 0 ring_size", 29, ("(size)",)),
    ],
)
def test_a_wrong_line_says_where_and_what_was_expected(line: str, position: int, expected: tuple[str, ...]) -> None:
    error = verdict(line)
    assert (error.position, set(error.expected)) == (position, set(expected))


def test_a_word_that_fits_but_is_refused_gets_its_own_sentence() -> None:
    with pytest.raises(ConfigError, match=r"^character a is not a decimal digit$"):
        parse(LINES, "set corelist 1,a")


def test_that_sentence_waits_until_the_whole_line_fits() -> None:
    assert str(verdict("set corelist 1,a foo")) == "Bad arguments"


@pytest.mark.parametrize("syntax", ["show (nothing)", "set fwd [retry", "set fwd ]", "a [b] c]"])
def test_a_syntax_line_that_makes_no_sense_is_refused(syntax: str) -> None:
    with pytest.raises(ValueError, match=r"no type|not closed|unexpected"):
        compile_syntax(syntax, PLACEHOLDERS)


def test_optional_parts_nest_and_bind_in_order() -> None:
    pattern = compile_syntax("start [tx_first [(num)]] [(value)]", {**PLACEHOLDERS, "value": UINT32})
    assert pattern.values == 3
    assert sorted([step.binds for step in form] for form in pattern.forms) == [
        [None],
        [None, 0],
        [None, 0, 1],
        [None, 0, 1, 2],
        [None, 0, 2],
        [None, 2],
    ]


def test_words_know_where_they_begin() -> None:
    assert [(word.text, word.start) for word in split_words(" a\tbc  d#e")] == [("a", 1), ("bc", 3), ("d", 7)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sh", ["show"]),
        ("show ", ["port", "config"]),
        ("show port info ", ["all", "0", "1", "12"]),
        ("show port info 1", ["1", "12"]),
        ("set fwd mac ", ["", "retry"]),
        ("set burst ", ["", "tx"]),
        ("show port info 0 ", [""]),
        ("show port info 0", ["0"]),
        ("nonsense ", []),
    ],
)
def test_candidates_are_the_words_that_could_stand_next(line: str, words: list[str]) -> None:
    assert sorted({candidate.text for candidate in candidates(LINES, line, App)}) == sorted(words)


def test_a_candidate_that_is_no_word_names_its_kind() -> None:
    kinds = {candidate.kind for candidate in candidates(LINES, "set burst ", App) if not candidate.text}
    assert kinds == {"num"}
    assert [candidate.kind for candidate in candidates(LINES, "show port info 0 ", App)] == ["RETURN"]


class Sum(Rest):
    """Digits with plus signs between them."""

    def read(self, text: str) -> int:
        words = text.split(" ")
        for index, word in enumerate(words):
            if index % 2 and word != "+":
                raise Unexpected(index, ("+",))
            if not index % 2 and not word.isdigit():
                raise Unexpected(index, ("<digit>",))
        return sum(map(int, words[::2]))


@dataclass(frozen=True)
class SumLine(Line):
    @cached_property
    def pattern(self) -> Pattern:
        return compile_syntax(self.syntax, {**PLACEHOLDERS, "sum": Sum("sum")})


ADDING = [SumLine("add (port_id) (sum)"), Line("add nothing")]


def test_a_last_step_may_take_all_the_words_that_are_left() -> None:
    match = parse(ADDING, "add 1 2 + 3 + 4 # and no more")
    assert match is not None
    assert match.values == {0: 1, 1: 9}


@pytest.mark.parametrize(
    ("line", "position", "expected"),
    [("add 1", 5, "(sum)"), ("add 1 2 - 3", 8, "+"), ("add 1 2 + x", 10, "<digit>"), ("add x", 4, "nothing")],
)
def test_a_wrong_word_among_those_is_named_by_its_place(line: str, position: int, expected: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(ADDING, line)
    assert str(caught.value) == "Bad arguments"
    assert caught.value.position == position
    assert expected in caught.value.expected


def test_what_follows_those_words_is_a_candidate() -> None:
    assert [one.label for one in candidates(ADDING, "add 1 ", App())] == ["[sum]"]
    assert {one.label for one in candidates(ADDING, "add 1 2 ", App())} == {"[sum]", "[RETURN]"}
