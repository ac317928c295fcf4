"""Version 1 of the protocol, without its sockets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.appliance import Appliance

from pytestpmd.telemetry.legacy import CallBack, Legacy

REFUSED, UNKNOWN = "Status Error: Invalid Argument 404", "Status Error: Unknown"


@pytest.fixture(scope="module")
def appliance() -> Iterator[Appliance]:
    with Appliance("net_null0", "net_null1") as appliance:
        yield appliance


@pytest.fixture
def legacy(appliance: Appliance) -> Legacy:
    return Legacy(appliance.app)


def ask(legacy: Legacy, request: Any) -> Any:
    answer = legacy.answer(json.dumps(request).encode() if not isinstance(request, bytes) else request)
    assert isinstance(answer, bytes)
    return json.loads(answer)


def test_every_port_tells_its_extended_statistics(legacy: Legacy, appliance: Appliance) -> None:
    answer = ask(legacy, {"action": 0, "command": "ports_all_stat_values", "data": None})
    assert answer["status_code"] == "Status OK: 200"
    assert [port["port"] for port in answer["data"]] == [0, 1]
    told = {stat["name"]: stat["value"] for stat in answer["data"][1]["stats"]}
    assert told == dict(appliance.app.ports[1].xstats())


def test_a_port_tells_what_it_is_asked_by_name(legacy: Legacy) -> None:
    data = {"ports": [1], "stats": ["tx_errors", "rx_good_packets"]}
    (port,) = ask(legacy, {"action": 0, "command": "ports_stats_values_by_name", "data": data})["data"]
    assert port["port"] == 1
    assert [stat["name"] for stat in port["stats"]] == ["rx_good_packets", "tx_errors"]


def test_figures_of_no_port_have_the_number_of_none(legacy: Legacy) -> None:
    (port,) = ask(legacy, {"action": 0, "command": "global_stat_values", "data": None})["data"]
    assert port["port"] == -1
    assert {stat["value"] for stat in port["stats"]} == {0}


def test_a_client_is_called_back_and_goes_without_a_word(legacy: Legacy) -> None:
    client = {"action": 1, "command": "clients", "data": {"client_path": "/run/c.sock"}}
    assert legacy.answer(json.dumps(client).encode()) == CallBack("/run/c.sock")
    assert legacy.answer(json.dumps(client | {"action": 2}).encode()) == b""
    assert legacy.greeting() == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"", UNKNOWN),
        (b"junk", UNKNOWN),
        (b"\xff", UNKNOWN),
        (b"[" * 1000, UNKNOWN),
        (b"[]", UNKNOWN),
        (b"{}", REFUSED),
        ({"action": 7, "command": "ports_all_stat_values", "data": None}, REFUSED),
        ({"action": 0, "command": ["ports_all_stat_values"], "data": None}, REFUSED),
        ({"action": 0, "command": "nope", "data": None}, REFUSED),
        ({"action": 0, "command": "ports_all_stat_values", "data": {}}, REFUSED),
        ({"action": 0, "command": "ports_stats_values_by_name", "data": None}, REFUSED),
        ({"action": 0, "command": "ports_stats_values_by_name", "data": {"ports": [], "stats": []}}, REFUSED),
        ({"action": 0, "command": "ports_stats_values_by_name", "data": {"ports": ["0"], "stats": []}}, REFUSED),
        ({"action": 0, "command": "ports_stats_values_by_name", "data": {"ports": [9], "stats": []}}, REFUSED),
        ({"action": 0, "command": "ports_stats_values_by_name", "data": {"ports": [0], "stats": ["x"]}}, REFUSED),
        ({"action": 1, "command": "clients", "data": {}}, UNKNOWN),
        ({"action": 1, "command": "clients", "data": {"client_path": 5}}, UNKNOWN),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_originals_words(legacy: Legacy, request_: Any, status: str) -> None:
    assert ask(legacy, request_) == {"status_code": status, "data": None}
