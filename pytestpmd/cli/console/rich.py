"""The console for a person: history, completion with live values, help below the line, errors that point.

prompt_toolkit and rich are imported here alone, and this module only when ``probe.py`` has found a person: they cost
more start-up time than everything else. What a command prints is the same text as in the plain console.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

from pytestpmd.cli.console.session import PROMPT, Quit, Session, say
from pytestpmd.cli.console.stop import StopRequested
from pytestpmd.cli.dashboard.screen import Dashboard
from pytestpmd.cli.grammar import Candidate, candidates, split_words
from pytestpmd.errors import CommandError

HELP_MAX = 8  # candidates that the line below the prompt names


def run_rich(session: Session, typed: bytes = b"") -> None:
    """Read lines with prompt_toolkit and run them until ``quit``, Ctrl-D or a signal.

    ``typed`` is what was typed before: whole lines of it run first, the rest stands at the first prompt.
    """
    *lines, draft = typed.decode("utf-8", "ignore").replace("\r", "\n").split("\n")
    person = Person(session)
    with suppress(Quit, EOFError, StopRequested):
        for line in lines:
            say(PROMPT + line)
            person.run(line)
        while True:
            line, draft = person.type(draft), ""
            person.run(line)


class Person:
    """The line editor and the dashboard for one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.dashboard = Dashboard(session.app, session.stop)
        self._wants_dashboard = False
        session.ask_dashboard = self._ask_dashboard
        self.prompt: PromptSession[str] = PromptSession(
            PROMPT,
            history=history(os.environ),
            completer=Words(session),
            auto_suggest=AutoSuggestFromHistory(),
            key_bindings=_keys(),
            bottom_toolbar=lambda: below(session, self.prompt.default_buffer.document.text_before_cursor),
        )

    def _ask_dashboard(self) -> None:
        self._wants_dashboard = True

    def run(self, line: str) -> None:
        """Run a line, print what becomes of it, and show the dashboard if it asked for that."""
        say(self.session.execute(line, explain))
        if self._wants_dashboard:
            self._wants_dashboard = False
            self.dashboard.show()

    def type(self, draft: str) -> str:
        """The next line; Ctrl-C drops it. EOFError on Ctrl-D, StopRequested on a signal."""
        self.session.stop.on_request.append(self._leave)
        try:
            with patch_stdout(raw=True):
                return self.prompt.prompt(default=draft, handle_sigint=False, pre_run=self._check)
        except KeyboardInterrupt:
            return ""
        finally:
            self.session.stop.on_request.remove(self._leave)

    def _check(self) -> None:
        if self.session.stop.requested:
            self._leave()

    def _leave(self) -> None:
        """Called by the signal handler: end the prompt from inside its own loop."""
        app = self.prompt.app
        if app.loop is not None:  # else _check will see
            with suppress(RuntimeError):  # the loop has just ended, and the prompt with it
                app.loop.call_soon_threadsafe(lambda: app.is_running and app.exit(exception=StopRequested()))


class Words(Completer):
    """The words that could stand at the cursor, each with the help of the command it is for."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        line = document.text_before_cursor
        partial = "" if line[-1:].isspace() or not line else split_words(line)[-1].text
        offered: dict[str, str] = {}
        for one in candidates(self.session.registry.commands, line, self.session.app):
            offered[one.text] = one.help if one.text not in offered else "..."
        for text, about in offered.items():
            if text:
                yield Completion(f"{text} ", -len(partial), display=text, display_meta=about)


def below(session: Session, line: str) -> str:
    """The help line under the prompt: what can come next, or what the command does once it is whole."""
    found = candidates(session.registry.commands, line, session.app)
    if not found:
        return " nothing fits here"
    ends = next((one for one in found if one.kind == "RETURN"), None)
    if len(found) == 1:
        return f" {_name(found[0])}: {found[0].help}"
    names = list(dict.fromkeys(_name(one) for one in found if one is not ends))
    more = " ..." if len(names) > HELP_MAX else ""
    return f" {f'Enter: {ends.help}  or: ' if ends else ''}{'  '.join(names[:HELP_MAX])}{more}"


def _name(one: Candidate) -> str:
    return "Enter" if one.kind == "RETURN" else one.text or f"({one.kind})"


def explain(error: CommandError) -> str:
    """A verdict for a person: a caret under the wrong word, and what would have been right there."""
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:
        console.print(Text(" " * (len(PROMPT) + error.position)).append("^", "bold red"))
        console.print(Text(str(error), "red").append(_expected(error), "default"))
    return captured.get()


def _expected(error: CommandError) -> str:
    if not error.expected:
        return ""
    shown = ", ".join(error.expected[:HELP_MAX])
    return f": expected {shown}{', ...' if len(error.expected) > HELP_MAX else ''}"


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("?")
    def show_choices(event: KeyPressEvent) -> None:
        event.current_buffer.start_completion(select_first=False)

    return keys


def history(environ: Mapping[str, str]) -> History:
    """The lines of earlier sessions, from ``$XDG_STATE_HOME/pytestpmd/history``; where that cannot be, of this one."""
    state = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '')}/.local/state"
    path = Path(state) / "pytestpmd" / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return _Kept(str(path))


class _Kept(FileHistory):
    """A file that may become unwritable must not end the console."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
