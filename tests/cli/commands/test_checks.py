"""Waits and claims, on ports that count."""

import threading
import time
from collections.abc import Iterator

import pytest
from fakes.appliance import REGISTRY, Appliance
from fakes.leaks import eventually

from pytestpmd.cli.console import Outcome, Session, Stop
from pytestpmd.errors import CheckFailed
from pytestpmd.ethdev.ports import OPERATING

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def appliance() -> Iterator[Appliance]:
    with Appliance("net_null0", "net_null1") as made:
        yield made


@pytest.fixture
def session(appliance: Appliance) -> Iterator[Session]:
    with Stop() as stop:
        yield Session(appliance.app, REGISTRY, stop, Outcome())


def test_claims_about_real_ports(session: Session) -> None:
    session.execute("start")
    for line in (
        "wait packets rx all 1000",
        "wait packets tx 1 1000 timeout 5",
        "wait rate rx 0 >= 100 timeout 5",
        "wait link up all",
        "wait seconds 0.01",
        'assert port[0].link.status == "up" and port[1].driver == "net_null" and ports == 2',
        "assert port[0].rx_packets >= 500 and port[0].xstats.rx_good_packets > 0 and running",
        "assert total.drops == 0 and total.drops_by_reason.rx_nombuf == 0 and fwd.total.rx_packets > 0",
    ):
        assert session.execute(line) == "", line
    session.execute("stop")
    assert session.execute("assert not running and total.rx_packets > 0") == ""
    assert (session.outcome.status, session.outcome.errors) == (0, [])


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        ("assert ports == 3", "Assertion failed: ports == 3 (ports = 2)", 3),
        ("assert 1 > 2", "Assertion failed: 1 > 2", 3),
        ("assert nothing", "Bad expression: no nothing: there is port, total, fwd, running, ports", 3),
        ("assert", "Bad arguments", 3),
        ("wait link down all timeout 0.05", "Waited 0.05 s for link down: port 0 is up, port 1 is up", 4),
        ("wait packets rx 0 5 timeout .05", "Waited 0.05 s for packets rx 5: 0 so far", 4),
        ("wait rate tx all >= 1 timeout 0.05", "Waited 0.05 s for rate tx >= 1: 0 a second", 4),
        ("wait link up 9", "Invalid port 9", 3),
        ("wait link sideways all", "Bad arguments", 3),
        ("wait seconds 0", "Bad arguments", 3),
        ("wait seconds nan", "Bad arguments", 3),
    ],
)
def test_what_does_not_hold_is_a_line_and_the_status_of_the_run(
    session: Session, line: str, said: str, status: int
) -> None:
    assert session.execute(line) == said
    assert session.outcome.status == status
    session.execute("assert 1 > 2")
    assert session.outcome.status == status  # the first failure's
    assert len(session.outcome.errors) == 2


def test_a_wait_ends_as_soon_as_it_may(appliance: Appliance, session: Session) -> None:
    appliance.app.session.start()
    began = time.monotonic()
    assert session.execute("wait packets rx all 1 timeout 3600") == ""
    assert time.monotonic() - began < 60


def test_others_may_operate_ports_while_a_command_waits_even_in_a_file(
    session: Session, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("script") / "inner"
    path.write_text("wait packets rx 0 1 timeout 20\n", encoding="ascii")
    got = threading.Event()

    def operate() -> None:
        with OPERATING:
            got.set()
            session.app.session.start()

    other = threading.Timer(0.05, operate)
    other.start()
    session.execute(f"load {path}")
    assert eventually(got.is_set)
    other.join()
    assert session.outcome.status == 0
    assert session.app.ports[0].stats().ipackets > 0


def test_a_claim_that_fails_ends_its_file_and_the_file_around_it(
    session: Session, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("script")
    (folder / "inner").write_text("set burst 16\nassert false\nset burst 17\n", encoding="ascii")
    (folder / "outer").write_text(f"load {folder / 'inner'}\nset burst 18\n", encoding="ascii")
    session.run_file(str(folder / "outer"), echo=True)
    assert session.app.config.forward.burst == 16
    assert session.outcome.status == CheckFailed.exit_code
    assert session.execute("set burst 19") == "Number of packets per burst set to 19"
    session.run_file(str(folder / "outer"), echo=True)
    assert session.app.config.forward.burst == 16
