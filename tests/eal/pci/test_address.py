"""How a PCI address is spelt."""

import pytest

from pytestpmd.eal.pci.address import PciAddress
from pytestpmd.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0000:00:03.0", (0, 0, 3, 0)),
        ("00:03.0", (0, 0, 3, 0)),
        ("0:3.0", (0, 0, 3, 0)),
        ("10000:ff:1F.7", (0x10000, 0xFF, 0x1F, 7)),
    ],
)
def test_long_and_short_forms_are_understood(text: str, parts: tuple[int, ...]) -> None:
    address = PciAddress.parse(text)
    assert (address.domain, address.bus, address.device, address.function) == parts


@pytest.mark.parametrize(
    "text", ["", "03.0", "00:03", "00:03.8", "00:20.0", "00:03.0 ", "eth0", "00:03.0,a=1", "٠٠:03.0"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        PciAddress.parse(text)
    assert str(wrong.value) == f"'{text}' is no PCI address like 0000:00:03.0 or 00:03.0"


def test_it_is_written_in_full_and_sorts_as_the_bus_is_walked() -> None:
    assert [str(one) for one in sorted(map(PciAddress.parse, ("01:00.0", "00:1f.2", "00:03.1", "00:03.0")))] == [
        "0000:00:03.0",
        "0000:00:03.1",
        "0000:00:1f.2",
        "0000:01:00.0",
    ]
