"""Who sits there? A line editor with colours must never meet a script, so a person has to be proven.

The proof: a terminal emulator answers when asked for its device attributes (``ESC [ c``, ECMA-48 DA; xterm's
ctlseqs), a program at the other end of a pseudo-terminal does not. The question itself is an escape sequence, so it is
asked once, before the first line of output, and only where an answer could come: both ends are the same terminal, TERM
names one that knows the question, and we are in its foreground. A script on a pseudo-terminal that claims to be such a
one sees those three bytes ahead of everything, and never another.

Nothing typed ahead is lost: what is read while waiting and is no answer is handed on. An answer that comes too late is
an escape sequence among the keys, which ``keys.py`` swallows.
"""

import os
import re
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pytestpmd.cli.console.stop import Stop
from pytestpmd.cli.console.terminal import unbuffered_keys

QUESTION = b"\x1b[c"
PATIENCE_S = 0.1
MUTE = ("", "dumb", "unknown", "network", "emacs")
_ANSWER = re.compile(rb"\x1b\[\?[0-9;]*c")


@dataclass(frozen=True)
class Proof:
    """Whether a person's terminal answered, and what was typed meanwhile."""

    person: bool = False
    typed: bytes = b""


def look(stop: Stop, environ: Mapping[str, str] = os.environ, patience_s: float = PATIENCE_S) -> Proof:
    """Find out; asks only where :func:`may_ask`. StopRequested on a signal."""
    return ask(stop, 0, 1, patience_s) if may_ask(0, 1, environ) else Proof()


def may_ask(in_fd: int, out_fd: int, environ: Mapping[str, str]) -> bool:
    """Whether the question could be answered, by what can be known without asking."""
    if environ.get("TERM", "") in MUTE or "CI" in environ:
        return False
    if not (os.isatty(in_fd) and os.isatty(out_fd)):
        return False
    try:
        return os.fstat(in_fd).st_rdev == os.fstat(out_fd).st_rdev and os.tcgetpgrp(in_fd) == os.getpgrp()
    except OSError:
        return False


def ask(stop: Stop, in_fd: int, out_fd: int, patience_s: float) -> Proof:
    """Ask, and wait for the answer as long as ``patience_s``."""
    with unbuffered_keys(in_fd, stop):
        sys.stdout.flush()
        with suppress(OSError, termios.error):
            os.write(out_fd, QUESTION)
            return _listen(stop, in_fd, time.monotonic() + patience_s)
    return Proof()


def _listen(stop: Stop, fd: int, deadline: float) -> Proof:
    typed = b""
    while stop.wait(fd, max(0.0, deadline - time.monotonic())):
        got = os.read(fd, 1024)
        typed += got
        if answer := _ANSWER.search(typed):
            return Proof(True, typed[: answer.start()] + typed[answer.end() :])
        if not got:
            break
    return Proof(False, typed)
