"""Version 2 of the protocol: what is a request, and how long an answer may be."""

import json
from typing import Any

import pytest

from pytestpmd.errors import ConfigError
from pytestpmd.telemetry.protocol import MAX_OUTPUT, V2, encode, split
from pytestpmd.telemetry.registry import Endpoint, Json, discover, telemetry


def echo(app: Any, params: str) -> Json:
    return [app, params]


def refuse(app: Any, params: str) -> Json:
    raise ConfigError("no")


def fall(app: Any, params: str) -> Json:
    raise IndexError("the port was closed under us")


@pytest.fixture
def v2() -> V2:
    functions = {"/echo": echo, "/refuse": refuse, "/fall": fall}
    return V2("pytestpmd 1.2", 77, {name: Endpoint(name, f"help of {name}", f) for name, f in functions.items()}, "app")


def test_a_client_is_told_who_answers_and_how_much_room_an_answer_needs(v2: V2) -> None:
    assert v2.greeting() == b'{"version":"pytestpmd 1.2","pid":77,"max_output_len":16384}'
    assert json.loads(v2.answer(b"/info")) == {"/info": json.loads(v2.greeting())}


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"/echo", {"/echo": ["app", ""]}),
        (b"/echo,1", {"/echo": ["app", "1"]}),
        (b"/echo,1,2", {"/echo": ["app", "1,2"]}),
        (b"/echo,", {"/echo": ["app", ""]}),
        (b",/echo,x", {"/echo": ["app", "x"]}),
        (b"/echo\0,1", {"/echo": ["app", ""]}),
        (b"/refuse,0", {"/refuse": None}),
        (b"/fall,0", {"/fall": None}),
        (b"/nope", {"/nope": None}),
        (b"/", {"/": ["/", "/echo", "/fall", "/help", "/info", "/refuse"]}),
        (b"/help", {"/help": "What a command is for. Parameters: string command"}),
        (b"/help,/echo", {"/help": {"/echo": "help of /echo"}}),
        (b"/help,/nope", {"/help": None}),
        (b",", {"none": None}),
        (b"\0", {"none": None}),
        (b'{"a":1}', {'{"a":1}': None}),
        (b'"', {'"': None}),
        (b"\xff\xfe", {"\ufffd\ufffd": None}),
        (b"/echo" + b"o" * 5000, {"/echo" + "o" * 51: None}),
    ],
)
def test_each_request_has_an_answer_under_its_own_name(v2: V2, request_: bytes, answer: Json) -> None:
    assert json.loads(v2.answer(request_)) == answer


def test_a_request_is_cut_where_the_original_cuts_it() -> None:
    assert split(b"/a," + b"x" * 5000) == ("/a", "x" * 1020)


@pytest.mark.parametrize("value", [dict.fromkeys(map(str, range(5000)), 1), list(range(100000)), "x" * 20000])
def test_an_answer_is_never_longer_than_was_promised(value: Json) -> None:
    answer = encode("/a", value)
    assert len(answer) <= MAX_OUTPUT
    (found,) = json.loads(answer).values()
    assert found is None if isinstance(value, str) else MAX_OUTPUT - len(answer) < 20


def test_entries_that_do_not_fit_are_left_out_of_an_answer() -> None:
    assert json.loads(encode("/a", {"one": 1, "long": "x" * MAX_OUTPUT, "two": 2})) == {"/a": {"one": 1, "two": 2}}


def test_every_command_tells_what_it_is_for_and_its_parameters() -> None:
    for endpoint in discover().values():
        assert endpoint.help.endswith((". No parameters", ")")) or ". Parameters: " in endpoint.help, endpoint.name


@pytest.mark.parametrize("name", ["ethdev/list", "/a b", "/a,b", "/" + "a" * 56])
def test_a_name_that_clients_could_not_send_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="a command is /"):
        telemetry(name, "x")
