import pytest
from fakes.app import FakeApp
from fakes.console import answer

from pytestpmd.cli.render.packet import dump
from pytestpmd.fwd.dump import DumpedPacket


def shown(app: FakeApp, *, port: int = 0, sent: bool) -> str:
    packet = DumpedPacket(port, 0, sent, 1, 1, 60, 0, bytes(60))
    return dump([packet], 0, "mb_pool_0", app.config.marks)


def test_what_is_sent_is_marked_with_a_number() -> None:
    app = FakeApp()
    assert answer(app, "show port 0 tx_metadata") == "Port 0 tx_metadata: 0"
    assert answer(app, "port config 0 tx_metadata 0x2a") == ""
    assert answer(app, "show port 0 tx_metadata") == "Port 0 tx_metadata: 42"
    assert answer(app, "show port 0 tx_metadata json") == '{"port_id":0,"tx_metadata":42}'
    assert " - Tx metadata: 0x2a - " in shown(app, sent=True)
    assert "metadata" not in shown(app, sent=False)
    assert "metadata" not in shown(app, port=1, sent=True)
    answer(app, "port config 0 tx_metadata 0")
    assert "metadata" not in shown(app, sent=True)


def test_a_flag_is_set_on_what_a_port_sends_and_known_to_all() -> None:
    app = FakeApp()
    answer(app, "port config 0 dynf foo set")
    answer(app, "port config 1 dynf bar clear")
    assert " - dynf foo: 1 - dynf bar: 0 - sw ptype" in shown(app, sent=True)
    assert " - dynf foo: 0 - dynf bar: 0 - sw ptype" in shown(app, sent=False)
    answer(app, "port config 0 dynf foo clear")
    assert " - dynf foo: 0" in shown(app, sent=True)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("show port 9 tx_metadata", "invalid port id 9"),
        ("port config 9 tx_metadata 1", "Invalid port 9"),
        ("port config 0 tx_metadata 0x100000000", "Bad arguments"),
        ("port config 9 dynf foo set", "Invalid port 9"),
        (f"port config 0 dynf {'x' * 64} set", "Flag name too long"),
        ("port config 0 dynf foo on", "Bad arguments"),
    ],
)
def test_what_cannot_be_marked_is_refused(line: str, text: str) -> None:
    app = FakeApp()
    assert answer(app, line) == text
    assert app.config.marks.names == []


def test_there_are_so_many_flags_and_no_more() -> None:
    app = FakeApp()
    for number in range(18):
        assert answer(app, f"port config 0 dynf flag{number} set") == ""
    assert answer(app, "port config 0 dynf another set") == "Can't register flag"
    assert answer(app, "port config 0 dynf flag3 clear") == ""


def test_a_port_that_is_gone_leaves_no_marks_to_the_next() -> None:
    marks = FakeApp().config.marks
    marks.metadata[1], marks.flags[1] = 5, {"foo"}
    marks.forget(1)
    assert not marks.metadata
    assert not marks.flags
