"""What could stand at the cursor, for a person: words with a meaning each, and things that there are at the moment."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from pytestpmd.cli.console.session import Session
from pytestpmd.cli.grammar import Candidate, candidates, match_form, split_words

BELOW_MAX = 8  # candidates that the line below the prompt names
FILES_MAX = 1000  # of a folder that are looked at
FOLLOW_MAX = 6  # words that may follow one of many meanings
HINT = " Tab completes, ? lists what fits, up recalls, Ctrl-C stops forwarding"


class Words(Completer):
    """The words that could stand at the cursor, each with its meaning: the command's, or else what could follow it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        line = document.text_before_cursor
        partial = unfinished(line)
        for text, meaning in offers(self.session, line).items():
            whole = text if text.endswith("/") else f"{text} "
            yield Completion(whole, -len(partial), display=text, display_meta=meaning)


def unfinished(line: str) -> str:
    """The word that the cursor stands at the end of; "" after a space."""
    words = split_words(line)
    return words[-1].text if words and not line[-1:].isspace() else ""


def offers(session: Session, line: str) -> Mapping[str, str]:
    """Words by which the line could go on, and what each means; none in a comment."""
    if "#" in line:
        return {}
    offered: dict[str, str] = {}
    shared = set()
    for one in _live(session.app, line, candidates(session.registry.commands, line, session.app)):
        meaning = _port_name(session.app, one) or one.help
        if one.text in offered and offered[one.text] != meaning:
            shared.add(one.text)
        if one.text:
            offered.setdefault(one.text, meaning)
    return {**offered, **(_followers(session, line, shared) if shared else {})}


def _followers(session: Session, line: str, shared: Iterable[str]) -> Mapping[str, str]:
    """Of words that many commands have here: what could stand after them."""
    words = split_words(line)
    if unfinished(line):
        words.pop()
    found: dict[str, dict[str, None]] = {text: {} for text in shared}
    for command in session.registry.commands:
        for form in command.pattern.forms:
            if len(match_form(form, words)) == len(words) < len(form):
                after = form[len(words) + 1].expected() if len(form) > len(words) + 1 else ("Enter",)
                for option in form[len(words)].options:
                    if isinstance(option, str) and option in found:
                        found[option].update(dict.fromkeys(after))
    return {text: _listed(list(after), FOLLOW_MAX) for text, after in found.items() if after}


def _listed(words: Sequence[str], most: int) -> str:
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")


def below(session: Session, line: str) -> str:
    """The help line under the prompt: what can come next, or what the command does once it is whole."""
    if not line:
        return HINT
    found = list(_live(session.app, line, candidates(session.registry.commands, line, session.app)))
    if not found:
        return " nothing fits here"
    ends = next((one for one in found if one.kind == "RETURN"), None)
    if len(found) == 1:
        return f" {_name(found[0])}: {found[0].help}"
    names = list(dict.fromkeys(_name(one) for one in found if one is not ends))
    more = " ..." if len(names) > BELOW_MAX else ""
    return f" {f'Enter: {ends.help}  or: ' if ends else ''}{'  '.join(names[:BELOW_MAX])}{more}"


def _name(one: Candidate) -> str:
    return "Enter" if one.kind == "RETURN" else one.text or f"({one.kind})"


# What there is at the moment, by the name of the placeholder, from the app and the words, the unfinished one last.


def _live(app: Any, line: str, found: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates, those of some placeholders with the values that would be good now."""
    words, partial = [word.text for word in split_words(line)], unfinished(line)
    words = words if partial else [*words, ""]
    for one in found:
        values = LIVE[one.kind](app, words) if not one.text and one.kind in LIVE else ()
        fitting = [value for value in values if value.startswith(partial)]
        yield from (Candidate(value, one.kind, one.help) for value in fitting)
        if not fitting:
            yield one


def _port_name(app: Any, one: Candidate) -> str:
    """What a number that is a port's stands for; "" for other words."""
    if one.kind not in ("port_id", "portid"):
        return ""
    return next((port.name for port in app.ports if str(port.port_id) == one.text), "")


def _queue_ids(app: Any, words: Sequence[str]) -> Iterable[str]:
    """Queues of the port that the line names, or of all ports."""
    numbers = [int(word) for word in words if word.isdecimal() and len(word) < 6]
    named = [port for port in app.ports if port.port_id in numbers[:1]]
    ways = [name for name in ("rx_queues", "tx_queues") if any(word.startswith(name[:2]) for word in words)]
    counts = [len(getattr(port, way)) for port in named or app.ports for way in (ways or ("rx_queues", "tx_queues"))]
    return map(str, range(max(counts, default=0)))


def _files(app: Any, words: Sequence[str]) -> Iterable[str]:
    """What lies in the folder that the unfinished word names: the first so many, for a folder may be huge."""
    folder = words[-1][: words[-1].rfind("/") + 1]
    with suppress(OSError), os.scandir(folder or ".") as entries:
        return sorted(f"{folder}{entry.name}{'/' * entry.is_dir()}" for entry in islice(entries, FILES_MAX))
    return []


def _devices(app: Any, words: Sequence[str]) -> Iterable[str]:
    return [port.name for port in app.ports] if "attach" not in words else []


def _lists(app: Any, words: Sequence[str]) -> Iterable[str]:
    """All lcores that may forward, or all ports."""
    if "corelist" in words:
        return [",".join(map(str, app.worker_lcores))]
    return [",".join(str(port.port_id) for port in app.ports)] if "portlist" in words else []


LIVE: Mapping[str, Callable[[Any, Sequence[str]], Iterable[str]]] = {
    "queue_id": _queue_ids,
    "identifier": _devices,
    "file": _files,
    "x[,y]*": _lists,
}
