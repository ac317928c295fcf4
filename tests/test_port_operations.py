"""``port start`` where a device will not."""

from collections.abc import Iterator

import pytest

from pytestpmd.app import TestPmd
from pytestpmd.config import Config
from pytestpmd.eal.args import parse
from pytestpmd.errors import DeviceError
from pytestpmd.ethdev.port import PortState


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def app(said: list[str]) -> Iterator[TestPmd]:
    config = Config()
    config.pool.total_num_mbufs = 2048
    eal = parse(["--no-pci", "--vdev=net_null0", "--vdev=net_null1"], detected={0, 1}, affinity={0, 1})
    with TestPmd(config, eal, said.append) as app:
        app.probe()
        app.create_pools()
        yield app


def refuse() -> None:
    raise DeviceError("Cannot connect to SOCK: Connection refused")


def test_links_are_not_looked_at_when_no_port_started(app: TestPmd, said: list[str]) -> None:
    app.ports[0].bring_up = refuse  # type: ignore[method-assign]
    assert app.start_ports([0])
    assert said == [
        "Configuring Port 0 (socket 0)",
        "Fail to start port 0: Cannot connect to SOCK: Connection refused",
        "Done",
    ]
    assert app.ports[0].state is PortState.STOPPED


def test_a_port_that_does_not_start_does_not_hold_up_the_next(app: TestPmd, said: list[str]) -> None:
    app.ports[0].bring_up = refuse  # type: ignore[method-assign]
    assert app.start_ports([0, 1])
    assert said[-3].startswith("Port 1: ")
    assert said[-2:] == ["Checking link statuses...", "Done"]
    assert app.ports[1].state is PortState.STARTED
