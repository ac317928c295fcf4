"""Telemetry commands announce themselves: a decorator on a function, found by walking ``pytestpmd.telemetry.commands``.

    @telemetry("/ethdev/stats", "Returns the common stats for a port. Parameters: int port_id")
    def stats(app: TestPmd, params: str) -> Json:

``params`` is what follows the command's first comma, "" if nothing does. What the function returns becomes the answer;
a :class:`~pytestpmd.errors.TestpmdError` becomes ``null``. It runs on the telemetry thread, while commands and lcores
go on: it reads, changes nothing, and takes no lock that is held for long.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Json = Any
"""What ``json.dumps`` takes."""
Function = Callable[[Any, str], Json]
F = TypeVar("F", bound=Function)

#: A command's name is shorter than this (DPDK lib/telemetry).
MAX_COMMAND = 56
_NAME = re.compile(r"/[A-Za-z0-9_/]*")
_MARK = "__telemetry_endpoints__"


@dataclass(frozen=True)
class Endpoint:
    """One command, what ``/help`` says of it, and the function that answers."""

    name: str
    help: str
    function: Function


def telemetry(name: str, help: str) -> Callable[[F], F]:
    """Announce a telemetry command; ValueError for a name that clients could not send."""
    if not _NAME.fullmatch(name) or len(name) >= MAX_COMMAND:
        raise ValueError(f"{name}: a command is / and letters, digits and underscores, less than {MAX_COMMAND} in all")

    def mark(function: F) -> F:
        function.__dict__.setdefault(_MARK, []).append(Endpoint(name, help, function))
        return function

    return mark


def discover(package: str = "pytestpmd.telemetry.commands") -> Mapping[str, Endpoint]:
    """Every command by its name, in the alphabet's order; ValueError if a name is taken twice."""
    found: dict[str, Endpoint] = {}
    root = importlib.import_module(package)
    for _, name, _ in pkgutil.iter_modules(root.__path__, f"{package}."):
        module = importlib.import_module(name)
        for thing in vars(module).values():
            for endpoint in vars(thing).get(_MARK, ()) if inspect.isfunction(thing) else ():
                if found.setdefault(endpoint.name, endpoint) is not endpoint:
                    raise ValueError(f"{endpoint.name} is taken twice")
    return dict(sorted(found.items()))
