"""Telemetry version 1, which collectd speaks: a client has the program connect to a socket of its own, and asks there.

    {"action":1,"command":"clients","data":{"client_path":"/run/collectd.sock"}}     on ours, then on theirs:
    {"action":0,"command":"ports_all_stat_values","data":null}
    {"action":0,"command":"ports_stats_values_by_name","data":{"ports":[0],"stats":["rx_good_packets"]}}
    {"action":0,"command":"global_stat_values","data":null}

Bytes only, no socket. The answer's form is that of DPDK's lib/metrics, indented as there.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytestpmd.telemetry.registry import Json

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd
    from pytestpmd.ethdev.port import EthPort

MAX_REQUEST = 1023
#: No answer is longer, in bytes.
MAX_OUTPUT = 100_000
#: Of ``action``.
ASK, REGISTER, UNREGISTER = 0, 1, 2
#: The port of figures that are of no port.
GLOBAL = -1


@dataclass(frozen=True)
class CallBack:
    """The client wants to be connected to, at this path."""

    path: str


class Refused(Exception):
    """What is wrong with a request, in the original's words."""


class Legacy:
    """The protocol of one program, for all of its clients."""

    max_request = MAX_REQUEST

    def __init__(self, app: "TestPmd") -> None:
        self._app = app
        self._commands: dict[str, Callable[[Any], Json]] = {
            "ports_all_stat_values": self._all,
            "ports_stats_values_by_name": self._by_name,
            "global_stat_values": self._global,
        }

    def greeting(self) -> bytes:
        """There is none."""
        return b""

    def answer(self, request: bytes) -> bytes | CallBack:
        """The answer to one request, b"" for none."""
        try:
            return self._answer(request)
        except Refused as refusal:
            return _status(f"Status Error: {refusal}")
        except Exception:  # a port that was closed in the middle of it
            return _status("Status Error: Unknown")

    def _answer(self, request: bytes) -> bytes | CallBack:
        asked = _parse(request)
        action, command, data = (asked.get(name) for name in ("action", "command", "data"))
        if command == "clients" and action in (REGISTER, UNREGISTER):
            path = data.get("client_path") if isinstance(data, dict) else None
            if not isinstance(path, str) or not path:
                raise Refused("Unknown")
            return CallBack(path) if action == REGISTER else b""
        if action != ASK or not isinstance(command, str) or command not in self._commands:
            raise Refused("Invalid Argument 404")
        shown = {"status_code": "Status OK: 200", "data": self._commands[command](data)}
        answer = json.dumps(shown, indent=2).encode()
        if len(answer) > MAX_OUTPUT:
            raise Refused("Memory Allocation Error")
        return answer

    def _all(self, data: Any) -> Json:
        if data is not None:
            raise Refused("Invalid Argument 404")
        return [_port(port.port_id, port.xstats()) for port in self._app.ports]

    def _by_name(self, data: Any) -> Json:
        ports, wanted = (data.get("ports"), data.get("stats")) if isinstance(data, dict) else (None, None)
        if not isinstance(ports, list) or not isinstance(wanted, list) or not ports:
            raise Refused("Invalid Argument 404")
        return [_port(port.port_id, _chosen(port, wanted)) for port in map(self._port, ports)]

    def _port(self, port_id: Any) -> "EthPort":
        if not isinstance(port_id, int) or port_id not in self._app.ports:
            raise Refused("Invalid Argument 404")
        return self._app.ports[port_id]

    def _global(self, data: Any) -> Json:
        """Figures of no port, under the ports' names, as the original has them: 0 all of them."""
        if data is not None:
            raise Refused("Invalid Argument 404")
        names = dict.fromkeys(name for port in self._app.ports for name, _ in port.xstats())
        return [_port(GLOBAL, ((name, 0) for name in names))]


def _parse(request: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(request)
    except (ValueError, RecursionError):
        raise Refused("Unknown") from None
    if not isinstance(asked, dict):
        raise Refused("Unknown")
    return asked


def _chosen(port: "EthPort", wanted: list[Any]) -> list[tuple[str, int]]:
    held = dict(port.xstats())
    if any(not isinstance(name, str) or name not in held for name in wanted):
        raise Refused("Invalid Argument 404")
    return [(name, value) for name, value in held.items() if name in wanted or not wanted]


def _port(port_id: int, stats: Iterable[tuple[str, int]]) -> dict[str, Json]:
    return {"port": port_id, "stats": [{"name": name, "value": value} for name, value in stats] or None}


def _status(text: str) -> bytes:
    return json.dumps({"status_code": text, "data": None}).encode()
