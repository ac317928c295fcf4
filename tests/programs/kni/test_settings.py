"""pytestpmd-kni's command line, as a table."""

import pytest

from pytestpmd.errors import ConfigError
from pytestpmd.programs.kni.settings import PortLcores, Settings, check, parse_config


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("(0,1,3)", [(0, 1, 3)]),
        ("(0,1,3),(1,2,4)", [(0, 1, 3), (1, 2, 4)]),
        (" ( 0 , 1 , 3 ) , (1,2,4) ", [(0, 1, 3), (1, 2, 4)]),
        ("(0,4,6,8),(1,5,7,9,10)", [(0, 4, 6), (1, 5, 7)]),
    ],
)
def test_config_is_a_list_of_ports_with_their_lcores(text: str, entries: list[tuple[int, int, int]]) -> None:
    assert list(parse_config(text)) == [PortLcores(*entry) for entry in entries]


@pytest.mark.parametrize(
    "text", ["", "0,1,3", "(0,1)", "(0,1,3", "(0,1,3),", "(0,1,3)(1,2,4)", "(0,1,x)", "(0,-1,3)", "(0,1,3),,(1,2,4)"]
)
def test_any_other_form_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert str(caught.value) == (
        f"Invalid config parameters: '{text}' is not (port,lcore_rx,lcore_tx[,lcore_kthread,...])[,(...)]"
    )


@pytest.mark.parametrize(
    ("mask", "config", "line"),
    [
        (0, "(0,1,3)", "No port is asked for: -p PORTMASK names them, as in -p 0x1"),
        (4, "(2,1,3)", "The port mask asks for port 2, but there are 2 ports"),
        (3, "(0,1,3)", 'No lcores for port 1: --config="(1,lcore_rx,lcore_tx)" gives them'),
        (1, "(0,1,3),(1,0,2)", "--config names port 1, which is not in the port mask 0x1"),
        (1, "(0,1,3),(0,0,2)", "Port 0 is in --config twice"),
        (1, "(0,1,7)", "Lcore 7, for tx of port 0, is none of those that -l gives"),
        (1, "(0,1,1)", "Lcore 1 is asked for twice: for rx of port 0 and for tx of port 0"),
        (3, "(0,1,2),(1,3,2)", "Lcore 2 is asked for twice: for tx of port 0 and for tx of port 1"),
    ],
)
def test_what_cannot_be_is_one_line(mask: int, config: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(Settings(port_mask=mask, config=parse_config(config)), [0, 1], [0, 1, 2, 3])
    assert str(caught.value) == line


def test_the_guides_line_can_be() -> None:
    settings = Settings(port_mask=1, config=parse_config("(0,1,3)"))
    check(settings, [0], [0, 1, 2, 3])
    assert settings.port_ids == [0]
    assert settings.lcores_of(0) == PortLcores(0, 1, 3)
