"""What a test reads of the log."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fakes.leaks import eventually

from pytestpmd.log import REGISTRY


class Logged:
    """Lines of the log, which other threads write: a line that is asked for is waited for."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    @property
    def lines(self) -> list[str]:
        """All that there are by now."""
        self._text += self._capsys.readouterr().err
        return self._text.splitlines()

    def __contains__(self, part: str) -> bool:
        """Whether a line with this in it comes in time."""
        return eventually(lambda: any(part in line for line in self.lines))

    def clear(self) -> None:
        """Forget what was said so far."""
        self._capsys.readouterr()
        self._text = ""


@contextmanager
def levels_kept() -> Iterator[None]:
    """Whatever is set in here, afterwards the log's types have the levels that they had."""
    before = REGISTRY.global_level, list(REGISTRY._rules), {known: known.level for known in REGISTRY._types.values()}
    try:
        yield
    finally:
        REGISTRY.global_level, REGISTRY._rules, levels = before
        for known, level in levels.items():
            known.level = level
