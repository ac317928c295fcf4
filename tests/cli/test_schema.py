"""What is printed as JSON is as ``pytestpmd/schema.json`` says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import REGISTRY, Appliance
from schema import SCHEMA, complaints

DEFS = SCHEMA["$defs"]
LINES = (Path(__file__).parents[1] / "data/shown.txt").read_text(encoding="utf-8").splitlines()
SHOWING = [one for one in REGISTRY.commands if one.shows]


def kind(line: str) -> str:
    """The schema's name of a line: a number, or all, is N."""
    return re.sub(r"\b(\d+|all)\b", "N", line)


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """Two ends of a virtio device, and two of net_null."""
    path = tmp_path_factory.mktemp("schema") / "sock"
    with Appliance(f"net_vhost0,iface={path}", f"net_virtio_user0,path={path}", "net_null0", "net_null1") as made:
        yield made


def told(appliance: Appliance, line: str) -> Any:
    return json.loads(appliance.run(f"{line} json").splitlines()[-1])


def wrong(line: str, found: Any) -> list[str]:
    """Complaints about what a line was answered; an error has a form of its own."""
    return list(complaints(found, DEFS["error"] if "error" in found else DEFS["commands"][kind(line)]))


STATES = (
    (),
    ("set record-burst-stats on", "set record-core-cycles on", "set fwd mac retry", "start tx_first"),
    ("stop", "set interrupt on", "start"),
    ("stop", "port stop all"),
)


def test_every_answer_is_as_the_schema_says_in_every_state_and_of_every_port(appliance: Appliance) -> None:
    answered = set()
    for commands in STATES:
        appliance.run("set interrupt off", *commands)
        for line in (re.sub(r"\b1\b", str(i), line, count=1) for line in LINES for i in range(4)):
            found = told(appliance, line)
            assert wrong(line, found) == [], line
            answered |= set() if "error" in found else {kind(line)}
    assert answered == set(DEFS["commands"])


@pytest.mark.parametrize("command", SHOWING, ids=lambda one: one.syntax)
def test_a_command_has_a_line_here_unless_it_only_refuses(command: Any, appliance: Appliance) -> None:
    taken = {match.command.syntax for line in LINES if (match := REGISTRY.parse(line))}
    if command.syntax in taken:
        return
    words = [word.strip("()").split("|")[0] for word in command.syntax.split()]
    line = " ".join("0" if word.endswith("_id") else word for word in words)
    assert set(told(appliance, line)) == {"error"}, "data, but none in tests/data/shown.txt"


@pytest.mark.parametrize(
    ("spoilt", "complaint"),
    [
        ({"number": "1"}, "$.number is '1', no integer"),
        ({"number": True}, "$.number is True, no integer"),
        ({"besides": 1}, "$ has besides besides"),
        ({"type": "answer"}, "$.type is 'answer', not period"),
        ({"ports": [{}]}, "$.ports[0] lacks port_id"),
    ],
)
def test_a_period_that_is_spoilt_is_found_out(spoilt: dict[str, Any], complaint: str) -> None:
    counts = dict.fromkeys(DEFS["period"]["properties"]["total"]["properties"], 0)
    period = {"type": "period", "schema": 1, "number": 1, "duration_s": 1.0, "ports": [], "total": counts}
    assert list(complaints(period, DEFS["period"])) == []
    assert complaint in list(complaints({**period, **spoilt}, DEFS["period"]))
