"""The console for scripts, pipes and bare terminals: byte for byte what clients of the original know.

The prompt is nine bytes and nothing after it, a line is echoed as it is typed and never wrapped, and no escape sequence
is sent. A terminal gets ICANON, ECHO and ISIG cleared at once (TCSANOW) and nothing flushed, so what was typed ahead is
read like the rest. Input is read a byte at a time: what follows ``quit`` belongs to whoever reads next.
"""

import codecs
import os
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import suppress

from pytestpmd.cli.console.keys import Completion, LineEditor
from pytestpmd.cli.console.session import PROMPT, Quit, Session, write
from pytestpmd.cli.console.stop import Keys, Stop, StopRequested
from pytestpmd.cli.console.terminal import unbuffered_keys
from pytestpmd.cli.grammar import candidates, split_words


def run_plain(session: Session, typed: bytes = b"", fd: int = 0) -> None:
    """Read lines from ``fd`` and run them until ``quit``, Ctrl-D, the end of input or a signal.

    ``typed`` is what was read from it before, while finding out who sits there.
    """
    editor = LineEditor(PROMPT, lambda line: complete(session, line))
    session.keys = Keys(session.stop, fd if os.isatty(fd) else None)
    session.keys.typed.extend(typed)
    with unbuffered_keys(fd, session.stop), suppress(Quit, StopRequested):
        for line in _lines(editor, _Characters(fd, session.stop, session.keys.typed)):
            session.speak(line)
            if session.outcome.fail_fast and session.outcome.halted:
                return


def _lines(editor: LineEditor, characters: "_Characters") -> Iterator[str]:
    """Each finished line, after its echo; the last one of a pipe or file needs no newline."""
    shown = PROMPT
    while True:
        if not characters.are_waiting():
            write(shown)
            shown = ""
        char = characters.next()
        if not char and editor.line and not os.isatty(characters.fd):
            char = "\n"
        try:
            key = editor.feed(char) if char else None
        except EOFError:
            key = None
        if key is None:
            write(shown)
            return
        shown += key.echo
        if key.line is not None:
            write(shown)
            yield key.line
            shown = PROMPT


class _Characters:
    """What is typed, decoded, one character at a time."""

    def __init__(self, fd: int, stop: Stop, typed: deque[int]) -> None:
        self.fd, self.stop, self.typed = fd, stop, typed
        self.decode = codecs.getincrementaldecoder("utf-8")("ignore").decode

    def are_waiting(self) -> bool:
        return bool(self.typed) or self.stop.wait(self.fd, 0)

    def next(self) -> str:
        """The next character; "" at the end of input, which a terminal that is gone is too."""
        while byte := self._byte():
            if char := self.decode(byte):
                return char
        return ""

    def _byte(self) -> bytes:
        if self.typed:
            return bytes([self.typed.popleft()])
        while True:
            self.stop.wait(self.fd)
            try:
                return os.read(self.fd, 1)
            except BlockingIOError:  # someone else who reads here was quicker
                continue
            except OSError:
                return b""


def complete(session: Session, line: str) -> Completion:
    """What Tab does at the end of ``line``: add what all words that fit have in common, or list them."""
    found = candidates(session.registry.commands, line, session.app)
    typed = split_words(line)
    partial = typed[-1].text if typed and not line[-1:].isspace() else ""
    words = {f"{one.text} " for one in found if one.text}
    common = common_start(words)[len(partial) :] if partial else ""
    return Completion(common, [f"{one.label}: {one.help}" for one in found])


def common_start(words: Collection[str]) -> str:
    """The longest text that every word begins with."""
    first, last = min(words, default=""), max(words, default="")
    return next((first[:i] for i, char in enumerate(first) if not last.startswith(char, i)), first)
