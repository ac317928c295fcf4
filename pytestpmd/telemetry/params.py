"""Parameters of telemetry commands, as the original reads them: a number first, and the rest as far as it is wanted."""

import re
from typing import TYPE_CHECKING

from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.port import EthPort, Queue

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})(.*)", re.DOTALL)


def number(params: str) -> tuple[int, str]:
    """The number that parameters begin with, and what follows it; raises :class:`ConfigError`."""
    found = _NUMBER.fullmatch(params)
    if found is None:
        raise ConfigError(f"no number: {params}")
    return int(found[1], 16 if found[1][1:2] in ("x", "X") else 10), found[2]


def port(app: "TestPmd", params: str) -> EthPort:
    """The port that parameters begin with; raises :class:`TestpmdError`. More is ignored, as in the original."""
    return app.ports[number(params)[0]]


def queue(app: "TestPmd", params: str, queues: str) -> tuple[EthPort, int, Queue]:
    """A port's queue of that list, ``rx_queues`` or ``tx_queues``; its id may be left out where there is one only."""
    port_id, rest = number(params)
    which = app.ports[port_id]
    held: list[Queue] = getattr(which, queues)
    queue_id = 0 if len(held) == 1 and not rest else number(rest.removeprefix(","))[0]
    if queue_id >= len(held):
        raise ConfigError(f"no queue: {params}")
    return which, queue_id, held[queue_id]


def flag(params: str, name: str) -> bool:
    """Whether ``name=true`` is among the words that follow a number."""
    return f"{name}=true" in params.split(",")[1:]
