"""``set port N gro|gso``: the original's words, and what the next ``start`` will do."""

import pytest
from fakes.app import FakeApp
from fakes.console import answer


def test_gro_is_set_and_shown() -> None:
    app = FakeApp()
    assert answer(app, "show port 0 gro") == "Port 0 doesn't enable GRO."
    assert answer(app, "set port 0 gro off") == "Port 0 has disabled GRO"
    assert answer(app, "set port 0 gro on") == ""
    assert answer(app, "set port 0 gro on") == "Port 0 has enabled GRO. Please disable GRO first"
    shown = "GRO type: TCP/IPv4\nMax number of packets to perform GRO: {}\nFlushing cycles: {}"
    assert answer(app, "show port 0 gro") == shown.format(128, 1)
    assert answer(app, "set gro flush 2") == ""
    assert answer(app, "show port 0 gro") == shown.format(2048, 2)
    reverted = "The flushing cycle be in the range of 1 to 4. Revert to the default value 1."
    assert answer(app, "set gro flush 5") == reverted
    assert app.config.forward.gro_flush_cycles == 1
    assert answer(app, "set port 0 gro off") == ""
    assert app.config.forward.gro_ports == set()


def test_gso_is_set_and_shown() -> None:
    app = FakeApp()
    assert answer(app, "show port 0 gso") == "GSO is not enabled on Port 0"
    assert answer(app, "set port 0 gso on") == ""
    assert answer(app, "set gso segsz 1400") == ""
    assert answer(app, "set gso segsz 10") == "gso_size should be larger than 55. Please input a legal value"
    types = "TCP/IPv4, UDP/IPv4, VxLAN with inner TCP/IPv4 packet, GRE with inner TCP/IPv4 packet"
    assert answer(app, "show port 0 gso") == f"Max GSO'd packet size: 1400B\nSupported GSO types: {types}"
    assert answer(app, "set port 0 gso off") == ""
    assert app.config.forward.gso_ports == set()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set port 9 gro on", "invalid port id 9"),
        ("set port 9 gso on", "invalid port id 9"),
        ("show port 9 gro", "Invalid port id 9."),
        ("show port 9 gso", "invalid port id 9"),
    ],
)
def test_a_port_that_is_not_there_is_refused(line: str, said: str) -> None:
    assert answer(FakeApp(), line) == said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set port 0 gro on", "Before enable/disable GRO, please stop forwarding first"),
        ("set gro flush 2", "Before change flush interval for GRO, please stop forwarding first."),
        ("set port 0 gso on", "before enabling GSO, please stop forwarding first"),
        ("set port 0 gso off", "before disabling GSO, please stop forwarding first"),
        ("set gso segsz 100", "Before setting GSO segsz, please first stop forwarding"),
    ],
)
def test_nothing_changes_while_forwarding(line: str, said: str) -> None:
    app = FakeApp()
    app.session.running = True
    before = repr(app.config)
    assert answer(app, line) == said
    assert repr(app.config) == before
