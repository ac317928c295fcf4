"""The console for a person: history, completion with live values, help below the line, errors that point.

prompt_toolkit and rich are imported here alone, and this module only when ``probe.py`` has found a person: they cost
more start-up time than everything else. What a command prints is the same text as in the plain console.
"""

import os
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout

from pytestpmd.cli.console.history import history
from pytestpmd.cli.console.offers import Words, below, offers, unfinished
from pytestpmd.cli.console.plain import common_start
from pytestpmd.cli.console.session import PROMPT, Quit, Session, say
from pytestpmd.cli.console.stop import Keys, StopRequested
from pytestpmd.cli.console.terminal import unbuffered_keys
from pytestpmd.cli.console.verdict import explain
from pytestpmd.cli.dashboard.screen import Dashboard

GUIDANCE = "Two ports of its own, joined: try start tx_first, show port stats all, dashboard, help"
STOPPED = "Ctrl-C: forwarding is stopped, and Ctrl-C once more leaves"
NOTHING_RUNS = "Ctrl-C: nothing is forwarded, and Ctrl-C once more leaves"


def run_rich(session: Session, typed: bytes = b"") -> None:
    """Read lines with prompt_toolkit and run them until ``quit``, Ctrl-D, a second Ctrl-C or a signal.

    ``typed`` is what was typed before: whole lines of it run first, the rest stands at the first prompt.
    """
    person = Person(session)
    if session.app.has_own_pair:
        say(GUIDANCE)
    with suppress(Quit, EOFError, StopRequested):
        draft = person.run_typed(typed)
        while True:
            try:
                line = person.type(draft)
            except KeyboardInterrupt:
                draft = ""
                person.interrupt()
            else:
                draft = person.run(line)


class Person:
    """The line editor and the dashboard for one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.dashboard = Dashboard(session.app, session.stop)
        self._wants_dashboard = self._interrupted = False
        session.ask_dashboard = self._ask_dashboard
        self.prompt: PromptSession[str] = PromptSession(
            PROMPT,
            history=history(os.environ),
            completer=Words(session),
            auto_suggest=AutoSuggestFromHistory(),
            key_bindings=_keys(session),
            bottom_toolbar=lambda: below(session, self.prompt.default_buffer.document.text_before_cursor),
        )

    def _ask_dashboard(self) -> None:
        self._wants_dashboard = True

    def run_typed(self, typed: bytes) -> str:
        """Run the whole lines of what was typed with nobody listening; the rest."""
        *lines, draft = typed.decode("utf-8", "ignore").replace("\r", "\n").split("\n")
        for line in lines:
            say(PROMPT + line)
            draft = self.run(line) + draft
        return draft

    def run(self, line: str) -> str:
        """Run a line, print what becomes of it, and show the dashboard if it asked for that; what was typed since."""
        self._interrupted = False
        self.session.keys = keys = Keys(self.session.stop, 0)
        with unbuffered_keys(0, self.session.stop):
            say(text := self.session.execute(line, lambda error: explain(error, line)))
        if self._wants_dashboard and not text:  # which there is where data were asked for
            say(self.session.guarded(line, self._look_on))
        self._wants_dashboard = False
        return self.run_typed(bytes(keys.typed)) if keys.typed else ""

    def _look_on(self) -> str:
        self.dashboard.show()
        return ""

    def interrupt(self) -> None:
        """Ctrl-C at the prompt: drop what is typed there, or else stop forwarding, or else leave when repeated."""
        if self.prompt.default_buffer.text:
            return
        if self._interrupted:
            raise Quit
        if self.session.app.session.running:
            say(self.session.execute("stop"))
            say(STOPPED)
        else:
            say(NOTHING_RUNS)
        self._interrupted = True

    def type(self, draft: str) -> str:
        """The next line. EOFError on Ctrl-D, KeyboardInterrupt on Ctrl-C, StopRequested on a signal."""
        self.session.stop.on_request.append(self._leave)
        try:
            with patch_stdout(raw=True):
                return self.prompt.prompt(default=draft, handle_sigint=False, pre_run=self._check)
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


def _keys(session: Session) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("?")
    def show_choices(event: KeyPressEvent) -> None:
        event.current_buffer.start_completion(select_first=False)

    @keys.add("tab")
    def complete(event: KeyPressEvent) -> None:
        """Add what all words that fit have in common; where that is nothing, go through them."""
        buffer = event.current_buffer
        line = buffer.document.text_before_cursor
        selected = buffer.complete_state and buffer.complete_state.complete_index is not None
        partial = unfinished(line)
        more = "" if selected else common_start([f"{text} " for text in offers(session, line)])[len(partial) :]
        if more:
            buffer.insert_text(more)
        elif buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.start_completion(select_first=False)

    return keys
