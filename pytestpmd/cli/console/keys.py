"""The plain console's line editor: characters in, echo out; no terminal, no escape sequence ever sent.

It knows the keys of lib/cmdline (DPDK lib/cmdline/cmdline_rdline.c, cmdline_vt100.c) and does what they do, but draws
with backspaces and spaces alone, so that whatever a script's terminal is, what it reads is text. A key that moves or
redraws is the only one answered with more than the character itself.

An escape sequence that means nothing here is swallowed whole, also when it comes in pieces: a terminal's late answer
to ``probe.py`` ends here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LINE_MAX = 16384  # characters; more are dropped, as the original drops them beyond 2048
HISTORY_MAX = 64  # RDLINE_HISTORY_MAX_LINE


@dataclass(frozen=True)
class Typed:
    """What one character led to: text to show, and the line if it is finished."""

    echo: str = ""
    line: str | None = None


@dataclass(frozen=True)
class Completion:
    """What Tab found: text to add, or else the choices to list, a line each."""

    add: str = ""
    choices: Sequence[str] = ()


class LineEditor:
    """One line being typed, and the lines before it. EOFError when Ctrl-D is typed on an empty line."""

    def __init__(self, prompt: str, complete: Callable[[str], Completion]) -> None:
        self.prompt = prompt
        self.complete = complete
        self.left, self.right = "", ""
        self.killed = ""
        self.sequence = ""
        self.history: list[str] = []
        self.recalled = 0  # how many lines back the shown one is
        self.draft = ""

    @property
    def line(self) -> str:
        return self.left + self.right

    def feed(self, char: str) -> Typed:
        """Take one typed character."""
        key = self._key(char)
        if key is None:
            return Typed()
        if key in ("\r", "\n"):
            return self._finish()
        if key in _KEYS:
            return Typed(_KEYS[key](self))
        if len(key) > 1 or not key.isprintable() or len(self.line) >= LINE_MAX:
            return Typed()
        self.left += key
        return Typed(key + self._draw_right())

    def _key(self, char: str) -> str | None:
        """The whole key once its last character is there."""
        sequence = self.sequence + char
        if char == "\x1b":
            self.sequence = char
            return None
        if sequence == "\x1b[" or (sequence.startswith("\x1b[") and not "@" <= char <= "~"):
            self.sequence = sequence[:16]  # long enough to tell it from every key there is
            return None
        self.sequence = ""
        return sequence

    def _finish(self) -> Typed:
        line = self.line
        if line and line != (self.history[-1] if self.history else None):
            self.history = [*self.history[1 - HISTORY_MAX :], line]
        self._set("")
        self.recalled = 0
        return Typed("\n", line)

    # Drawing: the cursor stands after ``left``.

    def _set(self, text: str) -> None:
        self.left, self.right = text, ""

    def _draw_right(self, blank: int = 0) -> str:
        """Write what is right of the cursor, ``blank`` spaces over what was there, and come back."""
        return self.right + " " * blank + "\b" * (len(self.right) + blank)

    def _replace(self, text: str) -> str:
        old = len(self.line)
        back = "\b" * len(self.left)
        self._set(text)
        blank = max(0, old - len(text))
        return back + text + " " * blank + "\b" * blank

    # Keys

    def move_left(self) -> str:
        return self._move(len(self.left) - 1) if self.left else ""

    def move_right(self) -> str:
        return self._move(len(self.left) + 1)

    def move_home(self) -> str:
        return self._move(0)

    def move_end(self) -> str:
        return self._move(len(self.line))

    def word_left(self) -> str:
        return self._move(self._word_start())

    def word_right(self) -> str:
        return self._move(self._word_end())

    def _move(self, column: int) -> str:
        """Go to a column: backspaces to the left, the characters themselves to the right."""
        line, here = self.line, len(self.left)
        self.left, self.right = line[:column], line[column:]
        return "\b" * (here - column) + line[here:column]

    def _word_start(self) -> int:
        return len(self.left.rstrip().rpartition(" ")[0]) + (1 if " " in self.left.rstrip() else 0)

    def _word_end(self) -> int:
        word = self.right.lstrip()
        spaces = len(self.right) - len(word)
        return len(self.left) + spaces + len(word.partition(" ")[0])

    def delete_left(self) -> str:
        return self._cut(len(self.left) - 1, len(self.left)) if self.left else ""

    def delete_right(self) -> str:
        return self._cut(len(self.left), len(self.left) + 1)

    def delete_word_left(self) -> str:
        return self._cut(self._word_start(), len(self.left))

    def delete_word_right(self) -> str:
        return self._cut(len(self.left), self._word_end())

    def _cut(self, start: int, end: int) -> str:
        line, back = self.line, len(self.left) - start
        self.left, self.right = line[:start], line[end:]
        return "\b" * back + self._draw_right(len(line) - len(self.line))

    def end_of_input(self) -> str:
        if not self.line:
            raise EOFError
        return self.delete_right()

    def kill(self) -> str:
        self.killed = self.right
        return self._cut(len(self.left), len(self.line))

    def yank(self) -> str:
        text = self.killed[: LINE_MAX - len(self.line)]
        self.left += text
        return text + self._draw_right()

    def cancel(self) -> str:
        self._set("")
        self.recalled = 0
        return "\n" + self.prompt

    def clear_screen(self) -> str:
        return "\n" + self.prompt + self.left + self._draw_right()

    def older(self) -> str:
        return self._recall(self.recalled + 1)

    def newer(self) -> str:
        return self._recall(self.recalled - 1)

    def _recall(self, back: int) -> str:
        if not 0 <= back <= len(self.history):
            return ""
        if self.recalled == 0:
            self.draft = self.line
        self.recalled = back
        return self._replace(self.history[-back] if back else self.draft)

    def tab(self) -> str:
        return self._show(self.complete(self.left))

    def help(self) -> str:
        """Like Tab at the end of a word, but never adds to the line."""
        found = self.complete(self.left)
        return self._show(Completion(choices=found.choices))

    def _show(self, found: Completion) -> str:
        if found.add:
            self.left += found.add
            return found.add + self._draw_right()
        if not found.choices:
            return ""
        listed = "".join(f" {choice}\n" for choice in found.choices)
        return f"\n{listed}{self.prompt}{self.left}{self._draw_right()}"


_KEYS: dict[str, Callable[[LineEditor], str]] = {
    "\x1b[A": LineEditor.older,
    "\x10": LineEditor.older,
    "\x1b[B": LineEditor.newer,
    "\x0e": LineEditor.newer,
    "\x1b[C": LineEditor.move_right,
    "\x06": LineEditor.move_right,
    "\x1b[D": LineEditor.move_left,
    "\x02": LineEditor.move_left,
    "\x01": LineEditor.move_home,
    "\x1b[H": LineEditor.move_home,
    "\x05": LineEditor.move_end,
    "\x1b[F": LineEditor.move_end,
    "\x1bb": LineEditor.word_left,
    "\x1bf": LineEditor.word_right,
    "\x7f": LineEditor.delete_left,
    "\b": LineEditor.delete_left,
    "\x1b[3~": LineEditor.delete_right,
    "\x04": LineEditor.end_of_input,
    "\x17": LineEditor.delete_word_left,
    "\x1b\x7f": LineEditor.delete_word_left,
    "\x1bd": LineEditor.delete_word_right,
    "\x0b": LineEditor.kill,
    "\x19": LineEditor.yank,
    "\x03": LineEditor.cancel,
    "\x0c": LineEditor.clear_screen,
    "\t": LineEditor.tab,
    "?": LineEditor.help,
}
