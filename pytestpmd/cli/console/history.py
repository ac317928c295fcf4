"""The lines of earlier sessions."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


def history(environ: Mapping[str, str]) -> History:
    """The lines of earlier sessions, from ``$XDG_STATE_HOME/pytestpmd/history``; where that cannot be, of this one."""
    state = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '')}/.local/state"
    path = Path(state) / "pytestpmd" / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return _Kept(str(path))


class _Kept(FileHistory):
    """A file that may become unwritable, or be read by nobody any more, must not end the console."""

    def load_history_strings(self) -> list[str]:
        with suppress(OSError):
            return list(super().load_history_strings())
        return []

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
