import pytest
from fakes.app import FakeApp
from fakes.console import answer


@pytest.mark.parametrize(
    "line",
    ["set nbcore 1", "set corelist 1", "set coremask 0x2", "set portlist 0", "set portmask 0x1"],
)
def test_the_lists_stand_still_while_forwarding(line: str) -> None:
    app = FakeApp()
    answer(app, "start")
    assert answer(app, line) == "Please stop forwarding first"


def test_nbport_changes_the_next_start_only() -> None:
    app = FakeApp()
    answer(app, "start")
    running = app.session.plan
    assert answer(app, "set nbport 1") == "Number of forwarding ports set to 1"
    assert app.session.plan is running


def test_a_longer_list_of_cores_uses_them_all() -> None:
    app = FakeApp(workers=(1, 2, 3))
    assert answer(app, "set corelist 3,1") == (
        "previous number of forwarding cores 1 - changed to number of configured cores 2"
    )
    assert (app.config.forward.corelist, app.config.forward.nb_cores) == ([3, 1], 2)
    assert "Logical Core 3 (socket 0) forwards packets on 1 streams:" in answer(app, "show config fwd")
    assert answer(app, "set nbcore 0") == "nb fwd cores 0 < 1 - ignored"
    assert answer(app, "set nbcore 3") == "nb fwd cores 3 > 2 (max. number of configured lcores) - ignored"


def test_a_mask_names_its_cores_from_the_lowest() -> None:
    app = FakeApp(workers=(1, 2, 3))
    answer(app, "set coremask 0xc")
    assert app.config.forward.corelist == [2, 3]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("set coremask 0x0", "Invalid NULL mask of cores"),
        ("set portmask 0", "Invalid NULL mask of ports"),
        ("set portlist 0,0", "duplicated port 0 at index 0 and 1"),
        ("set portlist 0,,1", "No valid value before comma"),
        ("set portlist 0;1", "character ; is not a decimal digit"),
    ],
)
def test_lists_that_cannot_be_are_refused_and_change_nothing(line: str, text: str) -> None:
    app = FakeApp()
    assert answer(app, line) == text
    assert (app.config.forward.portlist, app.config.forward.corelist) == ([0, 1], [1])


def test_a_mask_passes_over_ports_that_are_not_there() -> None:
    app = FakeApp()
    assert answer(app, "set portmask 0xff") == ""
    assert app.config.forward.portlist == [0, 1]


def test_the_warning_of_an_odd_port_is_said_once() -> None:
    app = FakeApp()
    warning = "\nWarning! port-topology=paired and odd forward ports number, the last port will pair with itself.\n\n"
    assert answer(app, "set nbport 1") == f"Number of forwarding ports set to 1\n{warning}"
    assert answer(app, "set nbport 1") == "Number of forwarding ports set to 1"


def test_default_brings_back_lists_and_peers() -> None:
    app = FakeApp(workers=(1, 2))
    for line in ("set corelist 2,1", "set portlist 1", "set eth-peer 0 00:11:22:33:44:55", "set default"):
        answer(app, line)
    forward = app.config.forward
    assert (forward.corelist, forward.nb_cores, forward.portlist, forward.nb_ports) == ([1, 2], 1, [0, 1], 2)
    assert not forward.eth_peers
