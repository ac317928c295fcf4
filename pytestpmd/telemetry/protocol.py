"""Telemetry version 2: ``/command,params`` in, one compact JSON object out, whose only key is the command.

Bytes only, no socket. What is not quite JSON in the original's answers to words that are no command (a quote in the
key) is JSON here.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pytestpmd.errors import TestpmdError
from pytestpmd.log import log_type
from pytestpmd.telemetry.registry import MAX_COMMAND, Endpoint, Json

#: No answer is longer, in bytes; clients learn it from the greeting and make room for so much.
MAX_OUTPUT = 16384
#: What is longer is cut.
MAX_REQUEST = 1023

_log = log_type("lib.telemetry", "TELEMETRY")


def dumps(value: Json) -> str:
    """Compact JSON of ASCII alone, so that characters are bytes."""
    return json.dumps(value, separators=(",", ":"))


class V2:
    """The protocol of one program, for all of its clients."""

    max_request = MAX_REQUEST

    def __init__(self, version: str, pid: int, endpoints: Mapping[str, Endpoint], app: Any) -> None:
        self._info: dict[str, Json] = {"version": version, "pid": pid, "max_output_len": MAX_OUTPUT}
        own = (
            Endpoint("/", "Every command. No parameters", self._list),
            Endpoint("/info", "The program's version and process, and max_output_len. No parameters", self._tell),
            Endpoint("/help", "What a command is for. Parameters: string command", self._help),
        )
        self._endpoints = dict(sorted({**endpoints, **{one.name: one for one in own}}.items()))
        self._app = app

    def greeting(self) -> bytes:
        """What a client hears first."""
        return dumps(self._info).encode()

    def answer(self, request: bytes) -> bytes:
        """The answer to one request, whatever it is."""
        command, params = split(request)
        return encode(command[:MAX_COMMAND], self._ask(command, params))

    def _ask(self, command: str, params: str) -> Json:
        endpoint = self._endpoints.get(command)
        if endpoint is None:
            return None
        try:
            return endpoint.function(self._app, params)
        except TestpmdError:
            return None
        except Exception as error:
            # The port that was looked at may have been closed in the middle of it: we hold no lock of the console's.
            _log.debug("%s,%s: %s: %s", command, params, type(error).__name__, error)
            return None

    def _list(self, app: Any, params: str) -> Json:
        return list(self._endpoints)

    def _tell(self, app: Any, params: str) -> Json:
        return self._info

    def _help(self, app: Any, params: str) -> Json:
        if not params:
            return self._endpoints["/help"].help
        endpoint = self._endpoints.get(params)
        return {params: endpoint.help} if endpoint else None


def split(request: bytes) -> tuple[str, str]:
    """A request as command and parameters, as strtok_r() takes it apart; one without a command asks for "none"."""
    text = request[:MAX_REQUEST].partition(b"\0")[0].decode("utf-8", "replace")
    command, _, params = text.lstrip(",").partition(",")
    return command or "none", params


def encode(command: str, value: Json) -> bytes:
    """The answer; of a list or an object that is too long, the entries that there is room for."""
    whole = dumps({command: value})
    if len(whole) > MAX_OUTPUT:
        room = MAX_OUTPUT - len(dumps({command: ""}))
        whole = f"{{{dumps(command)}:{_cut(value, room)}}}"
    return whole.encode()


def _cut(value: Json, room: int) -> str:
    if isinstance(value, dict):
        entries: Iterable[str] = (f"{dumps(key)}:{dumps(entry)}" for key, entry in value.items())
        return f"{{{','.join(_fitting(entries, room))}}}"
    if isinstance(value, list):
        return f"[{','.join(_fitting(map(dumps, value), room))}]"
    return "null"


def _fitting(entries: Iterable[str], room: int) -> list[str]:
    fitting = []
    for entry in entries:
        if len(entry) < room:
            fitting.append(entry)
            room -= len(entry) + 1
    return fitting
