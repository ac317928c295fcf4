"""What a console needs whoever types: run a line, run a file, say things."""

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytestpmd.cli.answer import JSON_WORD, dumps
from pytestpmd.cli.console.outcome import Outcome
from pytestpmd.cli.console.stop import Keys, Stop, StopRequested
from pytestpmd.cli.grammar import split_words
from pytestpmd.cli.registry import Registry
from pytestpmd.errors import CommandError, ConfigError, TestpmdError
from pytestpmd.ethdev.ports import OPERATING
from pytestpmd.log import log_type

PROMPT = "testpmd> "
NESTED_MAX = 16  # files loading files

_LOG = log_type("lib.cmdline", "CMDLINE")


def _say_nothing(error: CommandError) -> str:
    return ""


def _asks_for_data(line: str) -> bool:
    """Whether a line, be it a command or not, is one that shows something and ends in ``json``."""
    words = [word.text for word in split_words(line)]
    return words[-1:] == [JSON_WORD] and "show" in words[:2]


class Quit(Exception):
    """The ``quit`` command: ends the console, or the file, that it was read from."""


def say(text: str) -> None:
    """Print text, whole lines unless it is empty, and flush it."""
    write(text if not text or text.endswith("\n") else f"{text}\n")


def write(text: str) -> None:
    """Print text as it is and flush it; where the reader has gone, go on without one."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        _abandon_stdout()


def _abandon_stdout() -> None:
    """Whoever read us is gone. Ports must still be closed, and the words on the way need somewhere to go."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


class Session:
    """The app, its commands, and the wish to end, for as long as one console runs."""

    def __init__(self, app: Any, registry: Registry, stop: Stop, outcome: Outcome | None = None) -> None:
        self.app, self.registry, self.stop = app, registry, stop
        self.outcome = outcome or Outcome()
        self.keys = Keys(stop)
        #: Asks for the dashboard, to come when the line is done; None where nobody sits who could see it.
        self.ask_dashboard: Callable[[], None] | None = None
        self._nested = 0
        self._running = 0

    def run(self, line: str) -> str:
        """Run a line; the text it returns. TestpmdError if it is wrong or fails, Quit from ``quit``."""
        match = self.registry.parse(line)
        if not match:
            return ""
        with OPERATING, self._one_more():
            return match.command.call(self.app, match.values, session=self)

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def pause(self, seconds: float) -> None:
        """For a command that waits: let others operate the ports meanwhile. StopRequested on a signal, WaitExpired on
        Ctrl-C."""
        held = self._running
        for _ in range(held):
            OPERATING.release()
        try:
            self.keys.pause(seconds)
        finally:
            for _ in range(held):
                OPERATING.acquire()

    def execute(self, line: str, explain: Callable[[CommandError], str] = str) -> str:
        """Run a line; the text to print, whatever becomes of it. Quit from ``quit``.

        ``explain`` makes the text for a line that is no command. A bug in one command must not take the ports down with
        it: it becomes one line here, and its traceback goes to the log.
        """
        return self.guarded(line, lambda: self.run(line), explain)

    def guarded(self, line: str, run: Callable[[], str], explain: Callable[[CommandError], str] = str) -> str:
        """The same for the work of a line, whatever runs it."""
        try:
            return run()
        except (Quit, StopRequested):
            raise
        except CommandError as error:
            self.outcome.add(line, error)
            return dumps({"error": str(error)}) if _asks_for_data(line) else explain(error)
        except TestpmdError as error:
            self.outcome.add(line, error)
            return str(error)
        except Exception as error:
            _LOG.debug("%s: %s", line, traceback.format_exc())
            text = f"Internal error: {type(error).__name__}: {error}"
            self.outcome.add(line, TestpmdError(text))
            return text

    def speak(self, line: str, explain: Callable[[CommandError], str] = str) -> None:
        """Run a line and print what becomes of it; data that it asks for go where a machine reads."""
        text = self.execute(line, explain)
        if self.outcome.json and text.startswith("{") and _asks_for_data(line):
            from pytestpmd.cli.facts.run import answer

            self.outcome.json.write(answer(line.strip(), json.loads(text)))
        else:
            say(text)

    def run_file(self, path: str, *, echo: bool) -> None:
        """Run the lines of a file, saying what each returns; ConfigError if the file cannot be read.

        With ``echo`` each line is shown, and what was wrong with it; without, a line that is no command is passed
        over, as the original does. A claim that does not hold ends it, and with ``fail_fast`` any error does.
        """
        lines = self._read(path, echo=echo)
        name = Path(path).name
        self.outcome.halted &= bool(self._nested) or self.outcome.fail_fast
        self._nested += 1
        try:
            for line in lines:
                if self.stop.requested or self.outcome.halted:
                    break
                if echo:
                    say(f"[{name}] {line}")
                self.speak(line, str if echo or self.outcome.fail_fast else _say_nothing)
        except (Quit, StopRequested):
            pass
        finally:
            self._nested -= 1
            self.outcome.halted &= bool(self._nested) or self.outcome.fail_fast
        say(f"[{name}] <End-Of-File>" if echo else f"Finished reading CLI commands from {path}")

    def _read(self, path: str, *, echo: bool) -> list[str]:
        if self._nested >= NESTED_MAX:
            raise ConfigError(f"Failed to open file {path}: more than {NESTED_MAX} files load one another")
        try:
            return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            if echo:
                raise ConfigError(f"Failed to open file {path}: {error.strerror}") from error
            raise ConfigError(f"Failed to create file based cmdline context: {path}") from error
