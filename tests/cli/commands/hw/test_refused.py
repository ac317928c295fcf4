"""What no port here carries out is read in full and refused in the original's words."""

import pytest
from fakes.app import FakeApp
from fakes.console import answer

from pytestpmd.cli.refusal import Refused
from pytestpmd.cli.registry import discover

REGISTRY = discover()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set vf mac addr 0 0 02:00:00:00:00:02", "function not implemented"),
        ("set vf mac addr 7 0 02:00:00:00:00:02", "Invalid port 7"),
        ("set vf mac addr 0 0 02:00:00", "Bad arguments"),
        ("set port 0 vf 256 rx on", "Bad arguments"),
        ("set port 0 vf 255 tx on", "VF Tx setting not supported for port 0"),
        ("show port 0 flow_ctrl", "Failed to get current flow ctrl information: err = -95"),
        ("show port 7 flow_ctrl", "Failed to get current flow ctrl information: err = -19"),
        ("show port 7 fec_mode", "Invalid port id 7"),
        ("set port 7 led on", "Error: Invalid port number 7"),
        ("set port 0 eeprom accept_risk magic 1 value 0g", "Bad Argument: 0g\nValue must be a hex string"),
        (
            "set port 0 eeprom accept_risk magic 1 value 000",
            "Bad Argument: 000\nHex string must be in multiples of 2 Bytes",
        ),
        ("set port 0 eeprom accept_risk magic 1 value 00 offset", "No offset specified"),
        ("create port meter 0 1 1 1 yes 0xffff 0 g 1", "cause unspecified: Function not implemented (error 1)"),
        ("create port meter 0 1 1 1 yes 0xffff 0 g 0 g y", " Meter input color params string parse error"),
        (
            "set port meter vlan table 0 1 outer_vlan" + " r" * 16,
            "cause unspecified: Function not implemented (error 1)",
        ),
        ("set port meter vlan table 0 1 outer_vlan r", " Multi token string parse error"),
        ("set dcb fwd_tc 0", "TC mask should not be zero!"),
        ("set dcb fwd_tc 5", "Enabled DCB forwarding TC list: 0 2"),
        ("set port cman config 0 0 default", "error in default initialization\nparams string parse error"),
        ("set vf tc tx min-bandwidth 0 0 40", "The bandwidth-list should be '(bw1, bw2, ...)'"),
        ("mlx5 port 0 txq 0 rate show", "invalid port_id 0"),
        ("mlx5 port 0 txq 0 rate", "Bad arguments"),
    ],
)
def test_the_answer_is_the_refusal_or_what_is_wrong_with_the_line(line: str, said: str) -> None:
    assert answer(FakeApp(), line) == said


def test_what_is_remembered_is_shown() -> None:
    app = FakeApp()
    answer(app, "set dcb fwd_tc 0x81")
    answer(app, "set dcb fwd_tc_cores 2")
    assert answer(app, "show config dcbfwdtc") == "DCB forwarding TC list: 0 7\nDCB forwarding cores per-TC: 2"


def test_dropping_is_remembered() -> None:
    app = FakeApp()
    assert answer(app, "port config all drop-en on") == "Please stop all ports first"
    app.stop_all()
    assert answer(app, "port config all drop-en on") == ""
    assert app.config.queues.rx_drop_en


def test_what_is_refused_is_an_error_for_machines_too() -> None:
    assert answer(FakeApp(), "show port tm cap 0 json") == (
        '{"error":"cause unspecified: Function not implemented (error 1)"}'
    )


def test_help_lists_them_where_they_belong() -> None:
    said = answer(FakeApp(), "help drivers")
    assert "mlx5 list tlv_options\n" in said
    assert "set vf mac addr" not in said


def test_every_answer_can_be_made() -> None:
    """Each with values for its places: a text, never a fault of its table."""
    for command in REGISTRY.commands:
        if isinstance(command, Refused):
            assert "Internal error" not in answer(FakeApp(), sample(command)), command.syntax


def sample(command: Refused) -> str:
    """A line that is this command."""
    words = []
    for step in command.pattern.forms[0]:
        option = step.options[0]
        words.append(option if isinstance(option, str) else SAMPLES.get(option.type.name, "1"))
    return " ".join(words).removesuffix(" json")


SAMPLES = {"MAC": "02:00:00:00:00:02", "IPADDR": "198.18.0.1", "PORT_ID": "0", "WORDS": "0 1", "FILE": "/nonexistent"}
