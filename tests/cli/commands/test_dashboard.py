"""Who asks for the dashboard gets it at a terminal, and the statistics elsewhere."""

import json

import pytest
from fakes.app import FakeApp
from fakes.console import REGISTRY

from pytestpmd.cli.console import Session, Stop

LINES = ("dashboard", "show port stats all watch", "show port stats all --watch")


@pytest.mark.parametrize("line", LINES)
def test_without_a_person_it_is_the_statistics(line: str) -> None:
    shown = Session(FakeApp(), REGISTRY, Stop()).run(line)
    assert shown == Session(FakeApp(), REGISTRY, Stop()).run("show port stats all")
    assert "NIC statistics for port 1" in shown


@pytest.mark.parametrize("line", LINES)
def test_a_person_gets_it_once_the_line_is_done(line: str) -> None:
    session, asked = Session(FakeApp(), REGISTRY, Stop()), []
    session.ask_dashboard = lambda: asked.append(line)
    assert session.run(line) == ""
    assert asked == [line]


def test_data_are_data_for_a_person_too() -> None:
    session = Session(FakeApp(), REGISTRY, Stop())
    session.ask_dashboard = lambda: None
    assert [port["port_id"] for port in json.loads(session.run("show port stats all watch json"))["ports"]] == [0, 1]
