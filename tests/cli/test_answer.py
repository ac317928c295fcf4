"""``json`` at the end of whatever shows something: one object on one line, and errors in the same form."""

import json
from typing import Any

import pytest
from fakes.app import FakeApp
from fakes.console import REGISTRY, answer

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.refusal import Refused
from pytestpmd.cli.registry import Command, command, of

SHOWING = [each for each in REGISTRY.commands if each.shows and not isinstance(each, Refused)]


def data(line: str, app: Any = None) -> Any:
    return json.loads(answer(app or FakeApp(), line))


@pytest.mark.parametrize("each", SHOWING, ids=lambda each: each.syntax)
def test_what_shows_something_has_data(each: Command) -> None:
    """By its annotation: an Answer, or text that says why there is none."""
    returned = each.function.__annotations__["return"]
    assert "Answer" in str(returned), f"{each.syntax} returns {returned}"


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("show port info all json", {"ports"}),
        ("show port stats 0 json", {"ports"}),
        ("show port xstats 0 json", {"ports"}),
        ("show port summary all json", {"ports"}),
        ("show port 0 macs json", {"ports"}),
        ("show port 0 rx_offload capabilities json", {"ports"}),
        ("show port 0 tx_offload configuration json", {"ports"}),
        ("show device info all json", {"ports"}),
        ("show config cores json", {"lcores"}),
        ("show config txpkts json", {"txpkts", "txsplit"}),
        ("show port 0 gro json", {"port_id", "gro", "max_packets", "flush_cycles"}),
    ],
)
def test_keys_are_stable(line: str, keys: set[str]) -> None:
    assert set(data(line)) == keys


def test_one_port_and_all_have_the_same_shape() -> None:
    one, both = data("show port stats 1 json")["ports"], data("show port stats all json")["ports"]
    assert [port["port_id"] for port in one] == [1]
    assert [port["port_id"] for port in both] == [0, 1]
    assert one[0].keys() == both[0].keys()
    assert all(isinstance(value, int) for name, value in one[0].items() if name not in ("name", "driver"))


@pytest.mark.parametrize("line", ["show port info 9 json", "show port 9 macs json", "show port 9 rss-hash json"])
def test_errors_are_objects_too(line: str) -> None:
    assert set(data(line)) == {"error"}
    assert "9" in data(line)["error"]


def test_the_word_binds_no_parameter_and_stands_last() -> None:
    @command("show thing [(num)]", "A thing.", "display")
    def show_thing(app: Any, num: int = 7) -> Answer:
        return Answer(f"thing {num}", lambda: {"thing": num})

    registry = of([show_thing])

    def say(line: str) -> str:
        match = registry.parse(line)
        assert match
        return match.command.call(None, match.values)

    assert [say("show thing"), say("show thing 3")] == ["thing 7", "thing 3"]
    assert [say("show thing json"), say("show thing 3 json")] == ['{"thing":7}', '{"thing":3}']
