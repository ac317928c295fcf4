import errno
from dataclasses import replace

import pytest
from fakes.app import FakeApp, FakePort
from fakes.console import answer

from pytestpmd.errors import NotSupported, OperationError


@pytest.mark.parametrize("operation", ["start", "stop", "close", "reset"])
@pytest.mark.parametrize(("which", "ids"), [("1", [1]), ("all", [0, 1])])
def test_operations_reach_the_ports_named(operation: str, which: str, ids: list[int]) -> None:
    app = FakeApp()
    assert answer(app, f"port {operation} {which}") == ""
    assert app.operated == [(operation, ids)]


@pytest.mark.parametrize("operation", ["start", "stop", "close", "reset"])
def test_an_operation_on_a_port_that_is_not_there_does_nothing(operation: str) -> None:
    app = FakeApp()
    assert answer(app, f"port {operation} 99") == "Invalid port 99"
    assert not app.operated


class MoodlessPort(FakePort):
    """Has no receive modes, as a virtio port without a control queue."""

    def set_promiscuous(self, on: bool) -> None:
        raise NotSupported("Operation not supported")


def moodless_app() -> FakeApp:
    app = FakeApp(0)
    port = MoodlessPort()
    port.promiscuous = False
    app.ports.attach(port)
    return app


def test_a_mode_that_cannot_be_is_told() -> None:
    assert answer(moodless_app(), "set promisc all on") == (
        "Error during enabling promiscuous mode for port 0: Operation not supported"
    )


def test_a_mode_that_is_as_wanted_is_left_alone() -> None:
    assert answer(moodless_app(), "set promisc all off") == ""


def test_a_mode_that_can_be_changes_silently() -> None:
    app = FakeApp()
    app.ports[0].all_multicast = False
    assert answer(app, "set allmulti 0 on") == ""
    assert app.ports[0].all_multicast


def test_a_link_that_can_be_set_is_set_silently() -> None:
    app = FakeApp(0)
    links: list[bool] = []

    class Settable(FakePort):
        def set_link(self, up: bool) -> None:
            links.append(up)

    app.ports.attach(Settable())
    assert answer(app, "set link-down port 0") == answer(app, "set link-up port 0") == ""
    assert links == [False, True]


class MtuPort(FakePort):
    """Has an MTU that can be set, to anything but 666."""

    def __init__(self) -> None:
        super().__init__()
        self.device = replace(self.device, max_mtu=9698, max_rx_pktlen=9716)

    def apply_mtu(self, mtu: int) -> None:
        if mtu == 666:
            raise OperationError(errno.EINVAL)


def test_an_mtu_is_set_at_once_and_kept_for_the_next_configuration() -> None:
    app = FakeApp(0)
    app.ports.attach(MtuPort())
    assert answer(app, "port config mtu 0 1400") == ""
    assert app.ports[0].mtu == app.config.ports.mtus[0] == 1400


def test_the_longest_frame_sets_every_mtu() -> None:
    app = FakeApp(0)
    for port in (MtuPort(), MtuPort()):
        app.ports.attach(port)
    app.stop_all()
    assert answer(app, "port config all max-pkt-len 1418") == ""
    assert app.config.ports.mtus == {0: 1400, 1: 1400}
    assert [port.mtu for port in app.ports] == [1400, 1400]
    assert answer(app, "port config all max-pkt-len 684") == (
        "Failed to set MTU to 666 for port 0\nFailed to set MTU to 666 for port 1"
    )
    assert answer(app, "port config all max-pkt-len 20000").splitlines()[:2] == [
        "ETHDEV: MTU (19982) > device max MTU (9698) for port_id 0",
        "Failed to set MTU to 19982 for port 0",
    ]
    assert app.config.ports.mtus == {0: 1400, 1: 1400}


@pytest.mark.parametrize("what", ["max-pkt-len", "max-lro-pkt-size"])
def test_lengths_change_only_while_every_port_is_stopped(what: str) -> None:
    app = FakeApp()
    assert answer(app, f"port config all {what} 1000") == "Please stop all ports first"
    app.stop_all()
    assert answer(app, f"port config all {what} x") == "Bad arguments"
    assert "stop" not in answer(app, f"port config all {what} 1000")


def test_a_frame_is_no_shorter_than_ethernets() -> None:
    app = FakeApp()
    app.stop_all()
    assert answer(app, "port config all max-pkt-len 63") == "max-pkt-len can not be less than 64"
    answer(app, "port config all max-lro-pkt-size 1000")
    assert app.config.queues.max_lro_pkt_size == 1000


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("port config mtu 0 45", "MTU (45) < device min MTU (46) for port_id 0"),
        ("port config mtu 0 9699", "MTU (9699) > device max MTU (9698) for port_id 0"),
        ("port config mtu 0 666", "Set MTU failed. diag=-22"),
        ("port config mtu 9 1500", "Invalid port 9"),
        ("port config mtu 0 65536", "Bad arguments"),
    ],
)
def test_an_mtu_that_cannot_be_changes_nothing(line: str, text: str) -> None:
    app = FakeApp(0)
    app.ports.attach(MtuPort())
    assert answer(app, line) == text
    assert app.ports[0].mtu == 1500
    assert not app.config.ports.mtus
