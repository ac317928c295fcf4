"""What an engine needs besides streams: memory of its own, lines of its own in the text of ``start``, an end.

An engine that needs such a thing has a module here by its name, with a subclass of :class:`Setup`; no list is edited.
"""

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pytestpmd.fwd.session import Owner
    from pytestpmd.fwd.streams import Streams


class Setup:
    """Of an engine that needs nothing, and the base of the others: one for each engine, over all starts."""

    _known: ClassVar[dict[str, type["Setup"]]] = {}
    #: What the engine does at the moment, as it stands behind its name; the original knows from the first start on.
    status: str = ""

    def __init_subclass__(cls, *, engine: str) -> None:
        Setup._known[engine] = cls

    def __init__(self, app: "Owner") -> None:
        self.app = app

    @staticmethod
    def of(engine: str, app: "Owner") -> "Setup":
        """The one that an engine has."""
        module = f"{__package__}.{engine}"
        if engine not in Setup._known and find_spec(module):
            importlib.import_module(module)
        return Setup._known.get(engine, Setup)(app)

    def check(self) -> None:
        """Raise :class:`~pytestpmd.errors.TestpmdError` for what keeps the engine from starting."""

    def begin(self, made: "Streams") -> list[str]:
        """Give streams what their lcores work with; lines that ``start`` says of it. May raise as :meth:`check`."""
        return []

    def why_poll(self) -> str:
        """Why lcores may not sleep until packets come; "" if they may."""
        return ""

    def end(self, made: "Streams") -> None:
        """Take back what streams hold; their lcores have stopped."""
