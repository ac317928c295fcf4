"""Commands for hardware that no port here is: read in full, then refused as the original refuses them.

A module of ``cli/commands/hw`` is a table of them, ``COMMANDS = [no(syntax, help, answer), ...]``, or
``of_driver(...)``. A placeholder says its type after a colon, ``(vf_id:u8)``. An answer is a text with ``{port}``, the
values of the line as ``{0}``, ``{1}``, and the error that the port gives: ``{code}``, -95, or -19 where there is no
such port; ``{why}``, the system's text for it; or, as the flow library answers, ``{flow_why}``. It may be a function
that makes the text. An empty one says nothing, where the original has the command do nothing.
"""

import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytestpmd.cli.params import INT32, MAC, TEXT, UINT8, UINT16, UINT32, UINT64, IpAddress, Param, Rest
from pytestpmd.cli.preconditions import refuse_unless_stopped, stopped_port
from pytestpmd.cli.registry import SECTIONS, Command
from pytestpmd.errors import ConfigError, PortError

#: What the values of a line are, by the letters after a placeholder's colon.
TYPES: dict[str, Param] = {
    "u8": UINT8,
    "u16": UINT16,
    "u32": UINT32,
    "u64": UINT64,
    "i32": INT32,
    "mac": MAC,
    "ip": IpAddress("IPADDR"),
    "text": TEXT,
    "words": Rest("WORDS"),
}

Check = Callable[[Any, int | None], None]
Answer = str | Callable[[Any, "Refused", list[Any]], str]


def any_port(app: Any, port_id: int | None) -> None:
    """The original asks the driver at once, whatever the port."""


def known(app: Any, port_id: int | None) -> None:
    """``Invalid port 9``."""
    if port_id is not None:
        app.ports[port_id]


def known_id(app: Any, port_id: int | None) -> None:
    """``Invalid port id 9``."""
    if port_id is not None and port_id not in app.ports:
        raise PortError(f"Invalid port id {port_id}")


def stopped(app: Any, port_id: int | None) -> None:
    """``Please stop port 0 first``."""
    if port_id is not None:
        stopped_port(app, port_id)


def all_stopped(app: Any, port_id: int | None) -> None:
    """``Please stop all ports first``."""
    refuse_unless_stopped(app)


@dataclass(frozen=True)
class Refused(Command):
    """A command that no port here carries out."""

    answer: Answer = ""
    check: Check = known

    def _call(self, app: Any, values: dict[int, Any], session: Any) -> str:
        """Check the port, then refuse; what is refused is an error, what does nothing says nothing."""
        given = [values.get(number) for number in range(self.pattern.values)]
        port_id = self._port_of(given)
        self.check(app, port_id)
        text = self.answer(app, self, given) if callable(self.answer) else self.answer
        if not text:
            return ""
        code, flow_code = errno.ENOTSUP, errno.ENOSYS
        if port_id is not None and port_id not in app.ports:
            code = flow_code = errno.ENODEV
        why, flow_why = os.strerror(code), os.strerror(flow_code)
        raise ConfigError(text.format(*given, port=port_id, code=-code, why=why, flow_why=flow_why))

    def _port_of(self, given: list[Any]) -> int | None:
        """The line's port."""
        for step in self.pattern.forms[0]:
            if step.binds is not None and step.expected() == ("(port_id)",):
                return int(given[step.binds])
        return None


def colours(words: list[str]) -> bool:
    """Whether these are colours of a meter: G, Y or R."""
    return all(word.upper() in ("G", "Y", "R") for word in words)


def bandwidths(text: str) -> str:
    """Why a list of shares of a link, (40,30,30), is none; "" if it is one."""
    return "" if re.search(r"\(.+\)", text) else "The bandwidth-list should be '(bw1, bw2, ...)'"


_TYPED = re.compile(r"\((\w+):(\w+)\)")


def no(syntax: str, help: str, answer: Answer, *, section: str = "", check: Check = known) -> Refused:
    """A command to refuse; its section follows from its first word if not given."""
    where = section or ("display" if syntax.startswith("show ") else "config")
    if where not in SECTIONS:
        raise ValueError(f"{syntax}: no section {where}")
    types = {name: TYPES[kind] for name, kind in _TYPED.findall(syntax)}
    return Refused(_TYPED.sub(r"(\1)", syntax), help, where, _nothing, types, answer, check)


#: The same, of a command that the original has for one driver alone.
of_driver = partial(no, section="drivers")


def _nothing(app: Any) -> None:
    """Stands where other commands have the function that does them."""
