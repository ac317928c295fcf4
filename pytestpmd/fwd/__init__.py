"""Forwarding: engines in C, one file each; streams and lcores here.

``ENGINES`` is the table that the linker made of every ``FWD_ENGINE``: options, commands, completion and help read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytestpmd._dataplane import ffi, lib


@dataclass(frozen=True)
class Engine:
    """A forwarding engine as C announces it."""

    name: str
    help: str
    has_retry: bool
    receives: bool
    transmits: bool
    answers: bool
    packet_fwd: Any
    stream_end: Any


def _engines() -> dict[str, Engine]:
    found = [lib.fwd_engine_at(i) for i in range(lib.fwd_engine_count())]
    engines = [
        Engine(
            ffi.string(e.name).decode(),
            ffi.string(e.help).decode(),
            e.can_retry,
            e.receives,
            e.transmits,
            e.answers,
            e.packet_fwd,
            e.stream_end,
        )
        for e in found
    ]
    return {engine.name: engine for engine in sorted(engines, key=lambda engine: engine.name)}


ENGINES: Mapping[str, Engine] = _engines()
