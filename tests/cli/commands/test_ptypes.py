from fakes.app import FakeApp
from fakes.console import answer


def test_no_device_here_tells_kinds_of_packets_apart() -> None:
    app = FakeApp()
    lines = answer(app, "show port 0 ptypes").splitlines()
    assert lines[0] == "L2 ptypes unsupported"
    assert lines[-1] == "Inner L4 ptypes unsupported"
    assert answer(app, "set port 0 ptype_mask 0xffffffff") == "Port 0 doesn't support any ptypes."


def test_a_port_that_is_not_there_has_none() -> None:
    app = FakeApp()
    assert answer(app, "show port 9 ptypes") == "ETHDEV: Invalid port_id=9"
    assert answer(app, "set port 9 ptype_mask 1") == "ETHDEV: Invalid port_id=9\nPort 9 doesn't support any ptypes."
    assert answer(app, "set port 0 ptype_mask 0x1ffffffff") == "Bad arguments"
