"""Placeholders read what the original's words read."""

import click
import pytest

from pytestpmd.cli import params
from pytestpmd.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("10", 10), ("0x10", 16), ("0xFf", 255), ("010", 8), ("0b101", 5), ("-3", -3)],
)
def test_numbers_are_read_as_the_original_command_line_reads_them(text: str, value: int) -> None:
    assert params.parse_number(text) == value


@pytest.mark.parametrize("text", ["", "x", "1a", "0x", "0b2", "08", "0X10", "--1", "1_0", "１", "1.0", "+1"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        params.parse_number(text)


@pytest.mark.parametrize(
    ("kind", "high"),
    [(params.UINT8, 2**8 - 1), (params.UINT16, 2**16 - 1), (params.UINT32, 2**32 - 1), (params.UINT64, 2**64 - 1)],
)
def test_a_number_fits_its_width_or_is_refused(kind: params.Number, high: int) -> None:
    assert kind.convert(str(high), None, None) == high
    for text in (str(high + 1), "-1"):
        with pytest.raises(click.BadParameter):
            kind.convert(text, None, None)


@pytest.mark.parametrize(
    "text",
    ["02:11:22:33:44:56", "02-11-22-33-44-56", "0211:2233:4456", "2:11:22:33:44:56", "02:11:22:33:44:56".upper()],
)
def test_an_ethernet_address_is_read_in_each_of_its_forms(text: str) -> None:
    assert params.MAC.read(text) == bytes.fromhex("021122334456")


@pytest.mark.parametrize(
    "text", ["zz", "", "02:11:22:33:44", "02:11-22:33:44:55", "02:11:22:33:44:55:66", "021122334455"]
)
def test_what_is_no_ethernet_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an Ethernet address"):
        params.parse_mac(text)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("ff", 255), ("0x3", 3), ("0XF", 15)])
def test_an_options_mask_is_hexadecimal_with_or_without_0x(text: str, value: int) -> None:
    assert params.HEX_MASK.read(text) == value


@pytest.mark.parametrize("text", ["zz", "", "0x", "-1", "1" * 17])
def test_a_bad_mask_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a hexadecimal mask"):
        params.HEX_MASK.read(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,a", "character a is not a decimal digit"),
        ("1-2", "character - is not a decimal digit"),
        ("1,,2", "No valid value before comma"),
        (",".join(["1"] * 129), "Number of LIST = 129 > 128 (maximum items)"),
    ],
)
def test_a_bad_list_gets_the_originals_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        params.INT_LIST.read(text)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("text", "value"), [("0", (0,)), ("0,2-4", (0, 2, 3, 4)), ("3,1,3", (3, 1)), ("1-1", (1,))])
def test_ranges_are_read_in_order_and_once(text: str, value: tuple[int, ...]) -> None:
    assert params.parse_ranges(text, 10) == value


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "11", "0-99999999", "1,,2"])
def test_bad_ranges_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        params.parse_ranges(text, 10)


def test_a_run_time_choice_is_asked_for_each_time() -> None:
    names = ["io"]
    kind = params.OneOf("ENGINE", lambda: names)
    with pytest.raises(ValueError, match="none of io"):
        kind.read("mac")
    names.append("mac")
    assert kind.read("mac") == "mac"
    assert list(kind.candidates(None)) == ["io", "mac"]
