"""The screen as text, for terminals of several sizes."""

from io import StringIO
from pathlib import Path

import pytest
from fakes.moments import a_history, a_look
from rich.console import Console

from pytestpmd.cli.dashboard.frame import Size, frame
from pytestpmd.cli.dashboard.history import History
from pytestpmd.cli.dashboard.state import VIEWS, State
from pytestpmd.ethdev.link import Link

RISING = [0, 0, 1_000, 3_000, 7_000, 15_000]


def steady(**kinds: object) -> History:
    return a_history([a_look(at, RISING[at], **kinds) for at in range(len(RISING))])  # type: ignore[arg-type]


def shown(history: History, state: State | None = None, width: int = 80, height: int = 24, message: str = "") -> str:
    """What stands on the screen, without the spaces at the ends of its lines."""
    console = Console(file=StringIO(), width=width, height=height, color_system=None, force_terminal=True)
    console.print(frame(history, state or State(), Size(width, height), message=message), end="")
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().removesuffix("\n").split("\n"))


def test_the_first_view_shows_ports_drops_and_lcores() -> None:
    history = a_history(
        [
            a_look(at, packets, missed=packets // 10, cycles=(packets * 40, at * 1_000_000))
            for at, packets in enumerate(RISING)
        ]
    )
    lines = shown(history).split("\n")
    assert lines[:15] == [
        " pytestpmd  macswap, forwarding   rx 16.0 kpps  tx 16.0 kpps          live, 1 s",
        "Ports",
        "Port  Link       Rx pps   Rx bps   Tx pps   Tx bps  Drops/s  Rx and Tx",
        "0     10 Gbps    8.00 k   4.10 M   8.00 k   4.10 M      800                 ▁▂▄█",
        "1     10 Gbps    8.00 k   4.10 M   8.00 k   4.10 M      800                 ▁▂▄█",
        "",
        "Drops",
        "Port  Reason     Drops/s   In all  Packets that",
        "0     missed         800   1.50 k  came while the ring had no buffer for them",
        "1     missed         800   1.50 k  came while the ring had no buffer for them",
        "",
        "Lcores",
        "Lcore  Streams      pps  Cycles/packet  Busy %  Busy",
        "1            2   16.0 k           20.0    32.0  ██████████░░░░░░░░░░░░░░░░░░░░",
        "",
    ]
    assert lines[-1].startswith(" 1 ports  2 queues  3 streams  4 lcores   p pause")


def test_queues_are_shown_with_what_waits_in_their_rings() -> None:
    text = shown(steady(waiting=192), State(view="queues"))
    assert "port 0 rx 0    8.00 k   4.10 M        0  ████████░░    192/256" in text
    assert "port 0 tx 0    8.00 k   4.10 M        0  -" in text


def test_streams_are_shown_with_their_bursts_where_these_are_recorded() -> None:
    history = a_history([a_look(0, 0, bursts={}), a_look(1, 640, bursts={32: 15, 1: 5, 0: 60})])
    text = shown(history, State(view="streams"))
    assert "port 0 rx 0    port 1 tx 0       1      640      640        0" in text
    assert [line.split()[:2] for line in text.split("\n")[8:11]] == [["0", "60"], ["1", "5"], ["32-63", "15"]]
    assert "set record-burst-stats on" in shown(steady(), State(view="streams"))


def test_what_is_not_recorded_names_the_command_that_does() -> None:
    assert "set record-core-cycles on" in shown(steady(), State(view="lcores"))


def test_lcores_that_sleep_tell_how_often() -> None:
    state = State(view="lcores")
    assert "Sleeps/s" not in shown(steady(), state)
    assert "Sleeps/s" in shown(steady(sleeps=7), state)


def test_a_link_that_is_down_is_seen() -> None:
    assert "0     down " in shown(steady(link=Link(False)))


def test_looking_back_says_how_far() -> None:
    history = steady()
    text = shown(history, State(at=history.newest - 2))
    assert "paused, 2 s ago" in text
    assert "2.00 k" in text.split("\n")[3]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (40, 10), (20, 5), (10, 3), (1, 1)])
def test_every_size_is_kept_to(view: str, width: int, height: int) -> None:
    for ports in (1, 2, 32):
        for state in (State(view=view), State(view=view, help=True), State(view=view, at=1)):
            lines = shown(steady(ports=ports, bursts={}), state, width, height).split("\n")
            assert len(lines) <= max(height, 3)
            assert max(map(len, lines)) <= width


def test_rows_that_do_not_fit_are_scrolled_to() -> None:
    history = steady(ports=32)
    assert "1-20 of 32" in shown(history)
    text = shown(history, State(top=5))
    assert "6-25 of 32" in text
    assert text.split("\n")[3].startswith("5 ")
    assert "13-32 of 32" in shown(history, State(top=1000))


def test_narrow_screens_keep_the_figures_that_matter() -> None:
    heading = shown(steady(), width=40).split("\n")[2]
    assert heading.split() == ["Port", "Rx", "pps", "Tx", "pps", "Drops/s"]


def test_what_the_program_says_meanwhile_is_seen() -> None:
    assert shown(steady(), message="Port 0: link state change event").endswith("Port 0: link state change event")


def test_before_anything_was_counted_it_says_so() -> None:
    assert shown(a_history([])) == "pytestpmd   counting ..."
    assert "there are no ports" in shown(a_history([a_look(0, 0, ports=0), a_look(1, 0, ports=0)]))


def test_help_names_the_keys() -> None:
    assert "look back a period" in shown(steady(), State(help=True))


@pytest.mark.parametrize("title", ["Ports", "Bursts", "Lcores"])
def test_the_screen_in_the_readme_has_the_headings_of_today(title: str) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text().split("\n")
    today = shown(a_history([a_look(at, at, cycles=(at, at), bursts={32: at}) for at in range(3)])).split("\n")
    at = next(number for number, line in enumerate(today) if line.startswith(title))
    assert today[at] in readme
    assert today[at + 1] in readme
