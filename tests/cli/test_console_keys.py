"""The plain line editor: what is drawn is what will be run, with no escape sequence ever."""

import random

import pytest

from pytestpmd.cli.console.keys import HISTORY_MAX, LINE_MAX, Completion, LineEditor

PROMPT = "testpmd> "
UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"


class Screen:
    """What a terminal shows of an editor's echo: characters, backspace and newline are all it may use."""

    def __init__(self, complete: Completion | None = None) -> None:
        self.editor = LineEditor(PROMPT, lambda line: complete or Completion())
        self.rows, self.column = [PROMPT], len(PROMPT)
        self.lines: list[str] = []

    def type(self, text: str) -> "Screen":
        for char in text:
            typed = self.editor.feed(char)
            self.draw(typed.echo)
            if typed.line is not None:
                self.lines.append(typed.line)
                self.draw(PROMPT)
        return self

    def draw(self, echo: str) -> None:
        for char in echo:
            if char == "\n":
                self.rows.append("")
                self.column = 0
            elif char == "\b":
                self.column -= 1
                assert self.column >= 0
            else:
                assert char.isprintable()
                row = self.rows[-1]
                self.rows[-1] = row[: self.column] + char + row[self.column + 1 :]
                self.column += 1

    @property
    def shown(self) -> str:
        return self.rows[-1].rstrip()


@pytest.mark.parametrize(
    ("keys", "line", "cursor"),
    [
        ("show", "show", 4),
        ("shwo" + LEFT * 2 + "\x7f" + "", "swo", 1),
        ("abc\b", "ab", 2),
        ("\b\x7f", "", 0),
        ("abc" + LEFT * 9 + "x", "xabc", 1),
        ("abc" + LEFT + RIGHT * 5, "abc", 3),
        ("abc\x01X\x05Y", "XabcY", 5),
        ("ac" + LEFT + "b", "abc", 2),
        ("abc" + LEFT * 2 + "\x1b[3~", "ac", 1),
        ("abc" + LEFT * 2 + "\x04", "ac", 1),
        ("abc\x04", "abc", 3),
        ("one two  \x17", "one ", 4),
        ("one two\x17\x17\x17", "", 0),
        ("one two\x1b\x7f", "one ", 4),
        ("one two\x01\x1bd", " two", 0),
        ("one two\x1bb\x1bb\x1bf", "one two", 3),
        ("one two\x1bb\x0b", "one ", 4),
        ("one two\x1bb\x0b\x01\x19", "twoone ", 3),
        ("abc\x03d", "d", 1),
        ("abc\x0c", "abc", 3),
        ("ab\x1b[5~c\x1b[200~d\x1bOPe", "abcdPe", 6),
        ("a\x1b[?62;22cb", "ab", 2),
        ("a\x00\x07\x1ab", "ab", 2),
        ("héß", "héß", 3),
    ],
)
def test_a_key_does_what_the_original_does(keys: str, line: str, cursor: int) -> None:
    screen = Screen().type(keys)
    assert (screen.editor.line, len(screen.editor.left)) == (line, cursor)
    assert screen.shown == f"{PROMPT}{line}".rstrip()
    assert screen.column == len(PROMPT) + cursor


@pytest.mark.parametrize(("end", "lines"), [("\n", ["help"]), ("\r", ["help"]), ("\r\n", ["help", ""])])
def test_line_feed_and_carriage_return_each_end_a_command(end: str, lines: list[str]) -> None:
    assert Screen().type(f"help{end}").lines == lines


def test_an_empty_line_gives_only_a_new_prompt() -> None:
    screen = Screen().type("\n")
    assert (screen.rows, screen.lines) == ([PROMPT, PROMPT], [""])


def test_a_long_line_is_echoed_unwrapped() -> None:
    text = "show port info 0 " + "x" * 300
    assert "".join(LineEditor(PROMPT, lambda line: Completion()).feed(char).echo for char in text) == text
    assert Screen().type(text + "\n").lines == [text]


def test_an_endless_line_is_bounded() -> None:
    editor = LineEditor(PROMPT, lambda line: Completion())
    for _ in range(LINE_MAX + 10):
        editor.feed("x")
    assert len(editor.line) == LINE_MAX
    assert editor.feed("x").echo == ""


def test_an_endless_escape_sequence_is_bounded() -> None:
    editor = LineEditor(PROMPT, lambda line: Completion())
    for char in "\x1b[" + "1;" * 10000:
        assert editor.feed(char).echo == ""
    assert len(editor.sequence) <= 16
    assert (editor.feed("c").echo, editor.feed("a").echo) == ("", "a")


def test_control_d_on_an_empty_line_is_the_end() -> None:
    with pytest.raises(EOFError):
        Screen().type("\x04")
    with pytest.raises(EOFError):
        Screen().type("a\b\x04")


def test_history_goes_back_and_forth_and_keeps_the_draft() -> None:
    screen = Screen().type("first\nsecond\nsecond\n\ndraft")
    shown = []
    for key in (UP, UP, UP, DOWN, DOWN, DOWN):
        screen.type(key)
        shown.append(screen.editor.line)
        assert screen.shown == f"{PROMPT}{screen.editor.line}"
    assert shown == ["second", "first", "first", "second", "draft", "draft"]


def test_a_recalled_line_can_be_changed_and_run() -> None:
    assert Screen().type(f"show port info 0\n{UP}\x7f1\n").lines == ["show port info 0", "show port info 1"]


def test_history_is_bounded() -> None:
    screen = Screen().type("".join(f"line {i}\n" for i in range(HISTORY_MAX + 5)))
    assert screen.editor.history == [f"line {i}" for i in range(5, HISTORY_MAX + 5)]


def test_tab_adds_what_is_certain() -> None:
    screen = Screen(Completion("ow ", ["show: x"])).type("sh\t")
    assert screen.shown == f"{PROMPT}show"
    assert screen.editor.line == "show "


def test_tab_inside_a_line_keeps_what_follows() -> None:
    screen = Screen(Completion("ow ")).type("shport" + LEFT * 4 + "\t")
    assert (screen.editor.left, screen.editor.right) == ("show ", "port")
    assert screen.shown == f"{PROMPT}show port"


@pytest.mark.parametrize("key", ["\t", "?"])
def test_tab_and_question_mark_list_the_choices_and_show_the_line_again(key: str) -> None:
    screen = Screen(Completion("", ["info: one", "stats: two"])).type(f"show port {key}")
    assert screen.rows == [f"{PROMPT}show port ", " info: one", " stats: two", f"{PROMPT}show port "]
    assert screen.editor.line == "show port "


def test_question_mark_never_adds_to_the_line() -> None:
    assert Screen(Completion("ow ", ["show: x"])).type("sh?").editor.line == "sh"


def test_nothing_to_complete_shows_nothing() -> None:
    assert Screen().type("zz\t?").rows == [f"{PROMPT}zz"]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_typed_the_screen_shows_the_line(seed: int) -> None:
    keys = ["a", "b", " ", " ", "\b", LEFT, RIGHT, UP, DOWN, "\x01", "\x05", "\x0b", "\x19", "\x17", "\x1bd", "\x1bb"]
    keys += ["\x1bf", "\x1b[3~", "\x03", "\n", "word", "\t", "\x1b[99x"]
    chosen = random.Random(seed)
    screen = Screen(Completion("", ["choice"]))
    for _ in range(400):
        screen.type(chosen.choice(keys))
        assert screen.rows[-1].rstrip() == f"{PROMPT}{screen.editor.line}".rstrip()
        assert screen.column == len(PROMPT) + len(screen.editor.left)
