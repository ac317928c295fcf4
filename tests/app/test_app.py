"""The program without its console: devices, ports and what is said of them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance, lcores
from fakes.log import Logged

from pytestpmd import app as app_module
from pytestpmd.app import TestPmd
from pytestpmd.config import Config
from pytestpmd.drivers import NoSuchDriver
from pytestpmd.drivers.null import NullPort
from pytestpmd.eal import args
from pytestpmd.errors import ConfigError, DeviceError, NotSupported
from pytestpmd.ethdev.offloads import Offloads, TxOffload
from pytestpmd.ethdev.port import PortState

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., Appliance]
MAC = r"[0-9A-F]{2}(?::[0-9A-F]{2}){5}"


@pytest.fixture
def make() -> Iterator[Make]:
    """Make programs; each is released at the end, and its pools must then be whole."""
    made: list[Appliance] = []

    def make_appliance(*vdevs: str, **settings: Any) -> Appliance:
        made.append(Appliance(*vdevs, **settings))
        return made[-1]

    yield make_appliance
    for appliance in made:
        appliance.__exit__(None, None, None)


@pytest.fixture
def pair(make: Make) -> Appliance:
    """Two ports of net_null, started."""
    return make("net_null0", "net_null1")


def shown(text: str) -> str:
    """What was printed, without what differs from run to run."""
    return re.sub(MAC, "MAC", text)


def names(appliance: Appliance) -> list[str]:
    return [port.name for port in appliance.app.ports]


# Devices.


def test_devices_become_ports_in_the_order_in_which_they_were_asked_for(make: Make) -> None:
    appliance = make("net_null7", "net_null3", "eth_null1")
    assert names(appliance) == ["net_null7", "net_null3", "eth_null1"]
    assert appliance.app.ports.ids() == [0, 1, 2]


@pytest.mark.parametrize(
    "bad",
    [
        "net_null1,foo=1",
        "net_null1,size=0",
        "net_virtio_user1",
        "net_virtio_user1,path=/nonexistent/s",
        "net_virtio_user1,path=/nonexistent/s,speed=12345",
        "net_virtio_user1,path=/nonexistent/s,queue_size=100",
        "net_vhost1,queues=1",
        "net_vhost1,iface=/nonexistent/s",
    ],
)
def test_a_device_that_cannot_be_is_lost_alone(make: Make, bad: str, logged: Logged) -> None:
    appliance = make("net_null0", bad, "net_null2")
    assert names(appliance) == ["net_null0", "net_null2"]
    lines = [line for line in logged.lines if line.startswith("EAL: ") and "IOVA" not in line]
    name = bad.partition(",")[0]
    assert lines[0].startswith(f"EAL: {name}: ")
    assert lines[1:] == [f"EAL: Failed to probe device {name}", "EAL: Bus (vdev) probe failed."]
    assert appliance.forward(0.01).total.rx_packets > 0


def test_a_second_device_of_the_same_name_is_lost_alone(make: Make) -> None:
    assert names(make("net_null0", "net_null0,size=128")) == ["net_null0"]


def test_a_driver_that_nobody_knows_ends_the_program() -> None:
    app = bare("--vdev=net_null0", "--vdev=net_foo0")
    with pytest.raises(NoSuchDriver, match=r'^failed to parse device "net_foo0"$'):
        app.probe()
    app.release()


def test_more_ports_than_there_can_be_are_refused_and_given_back(make: Make, tmp_path: Path, logged: Logged) -> None:
    appliance = make(*(f"net_null{i}" for i in range(32)), f"net_vhost0,iface={tmp_path / 's'}")
    assert len(appliance.app.ports) == 32
    assert "EAL: net_vhost0: Cannot attach net_vhost0: 32 ports are in use" in logged
    assert "EAL: Failed to probe device net_vhost0" in logged
    assert not (tmp_path / "s").exists()


def test_without_any_port_the_program_says_so_and_goes_on(make: Make, logged: Logged) -> None:
    appliance = make("net_null0,foo=1")
    assert "testpmd: No probed ethernet devices" in logged
    assert appliance.forward(0).ports == ()
    assert appliance.run("port start all") == "Done"


def bare(*words: str, workers: int = 1) -> TestPmd:
    """A program that has not probed yet, and talks to nobody."""
    return TestPmd(Config(), args.parse([f"--lcores={lcores(workers)}", *words, "--"]), lambda text: None)


def test_no_ports_asked_for_make_the_built_in_pair_in_a_folder_of_its_own() -> None:
    app, said = bare(), list[str]()
    app.say = said.append
    app.probe()
    assert [port.name for port in app.ports] == ["net_vhost0", "net_virtio_user0"]
    assert said == ["No ports asked for: net_vhost0 and net_virtio_user0 make a pair on one vhost-user socket"]
    assert app._pair
    folder = app._pair.folder
    assert folder.stat().st_mode & 0o077 == 0, "nobody else gets at the socket"
    app.release()
    assert not folder.exists()


def test_whoever_wants_no_ports_gets_none() -> None:
    app = bare("--no-pci")
    app.probe()
    assert len(app.ports) == 0
    app.release()


def test_a_port_that_was_closed_gives_its_name_and_its_number_back(pair: Appliance) -> None:
    pair.run("port stop 0", "port close 0")
    assert pair.app.ports.ids() == [1]
    assert pair.app.attach("net_null0,size=100").port_id == 0
    assert pair.run("port start 0").startswith("Configuring Port 0 (socket 0)\n")


# Pools.


def test_there_is_a_pool_for_each_mbuf_size(make: Make, logged: Logged) -> None:
    appliance = make("net_null0", options="--mbuf-size=2048,4096 --rx-offloads=0x0")
    assert [(pool.name, pool.data_room, pool.size) for pool in appliance.app.pools] == [
        ("mb_pool_0", 2048, 4096),
        ("mb_pool_0_1", 4096, 4096),
    ]
    assert "testpmd: create a new mbuf pool <mb_pool_0>: n=4096, size=2048, socket=0" in logged
    assert "testpmd: preferred mempool ops selected: ring_mp_mc" in logged


# `port start|stop|close|reset`, in the original's words.


def test_port_stop_and_start(pair: Appliance) -> None:
    stopped = "Stopping ports...\nChecking link statuses...\nDone"
    assert pair.run("port stop 0") == stopped
    assert pair.run("port stop 0") == "Stopping ports...\nDone"
    assert shown(pair.run("port start 0")) == "Port 0: MAC\nChecking link statuses...\nDone"
    assert pair.run("port start 0") == "Port 0 is now not stopped\nPlease stop the ports first\nDone"
    assert pair.run("port stop all") == stopped
    assert shown(pair.run("port start all")) == "Port 0: MAC\nPort 1: MAC\nChecking link statuses...\nDone"


def test_ports_are_configured_anew_only_when_something_has_changed(pair: Appliance) -> None:
    pair.run("port stop all", "port config all rxq 2")
    assert shown(pair.run("port start all")) == (
        "Configuring Port 0 (socket 0)\nPort 0: MAC\nConfiguring Port 1 (socket 0)\nPort 1: MAC\n"
        "Checking link statuses...\nDone"
    )
    assert [len(port.rx_queues) for port in pair.app.ports] == [2, 2]
    pair.run("port stop all")
    assert "Configuring" not in pair.run("port start all")


def test_one_started_port_among_stopped_ones_is_named(pair: Appliance) -> None:
    pair.run("port stop 1")
    assert shown(pair.run("port start all")) == (
        "Port 0 is now not stopped\nPort 1: MAC\nChecking link statuses...\nDone"
    )


def test_port_close(pair: Appliance) -> None:
    assert pair.run("port close 0") == "Closing ports...\nETHDEV: Cannot close started device (port 0)\nDone"
    assert pair.app.ports.ids() == [0, 1]
    pair.run("port stop all")
    assert pair.run("port close 0") == "Closing ports...\nPort 0 is closed\nDone"
    assert pair.run("port close 0") == "Invalid port 0"
    assert pair.run("port start 0") == "Invalid port 0"
    assert pair.run("port close all") == "Closing ports...\nPort 1 is closed\nDone"
    assert pair.app.fwd_ports() == []


def test_port_reset(pair: Appliance) -> None:
    assert pair.run("port reset 0") == "Can not reset port(s), please stop port(s) first."
    pair.run("port stop 0")
    assert pair.run("port reset 0") == "Resetting ports...\nFailed to reset port 0. diag=-95\nDone"
    assert pair.run("port reset all") == "Can not reset port(s), please stop port(s) first."


def test_ports_that_forward_are_left_alone(pair: Appliance) -> None:
    pair.run("start")
    removed = "Please remove port 0 from forwarding configuration."
    assert pair.run("port stop 0") == f"Stopping ports...\n{removed}\nDone"
    assert pair.run("port close 0") == f"Closing ports...\n{removed}\nDone"
    assert pair.flows()
    pair.app.session.stop()


def test_a_configuration_that_cannot_be_is_said_and_stops_the_rest(
    pair: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ConfigError("no such thing")

    pair.run("port stop all", "port config all rxq 2")
    monkeypatch.setattr(pair.app.ports[0], "setup", refuse)
    assert pair.run("port start all") == ("Configuring Port 0 (socket 0)\nno such thing\nFail to configure port 0")
    assert [port.state for port in pair.app.ports] == [PortState.STOPPED] * 2
    monkeypatch.undo()
    pair.run("port start all")
    assert pair.forward(0.01).total.rx_packets > 0


def test_a_port_that_does_not_start_is_said_and_the_others_do(pair: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DeviceError("the device is asleep")

    pair.run("port stop all")
    monkeypatch.setattr(pair.app.ports[0], "bring_up", refuse)
    assert shown(pair.run("port start all")) == (
        "Fail to start port 0: the device is asleep\nPort 1: MAC\nChecking link statuses...\nDone"
    )
    assert [port.state for port in pair.app.ports] == [PortState.STOPPED, PortState.STARTED]
    assert pair.run("start") == "Not all ports were started"


def test_offloads_that_a_port_does_not_have_are_refused_and_fast_free_is_let_go(make: Make) -> None:
    appliance = make("net_null0", options="--tx-offloads=0x10000")
    port = appliance.app.ports[0]
    assert port.conf
    assert port.conf.tx_offloads == 0
    appliance.app.config.queues.tx_offloads = 0x1
    appliance.run("port stop 0")
    assert "does not support Tx offloads VLAN_INSERT" in appliance.run("port start 0")


def test_what_one_port_is_asked_for_is_its_own_and_goes_with_it(pair: Appliance) -> None:
    offloads = pair.app.config.queues.port_offloads
    offloads[1] = Offloads(0, int(TxOffload.MULTI_SEGS))
    pair.run("port stop all", "port start all")
    assert [port.conf.tx_offloads for port in pair.app.ports if port.conf] == [0, TxOffload.MULTI_SEGS]
    pair.run("port stop all", "port close 1")
    assert not offloads


# Links.


def test_without_link_interrupts_links_are_waited_for_and_told(make: Make) -> None:
    appliance = make("net_null0", "net_null1", options="--no-lsc-interrupt")
    start = appliance.said.index("Checking link statuses...")
    assert appliance.said[start : start + 4] == [
        "Checking link statuses...",
        "Port 0 Link up at 10 Gbps FDX Fixed None",
        "Port 1 Link up at 10 Gbps FDX Fixed None",
        "Done",
    ]


def test_a_link_that_stays_down_is_not_waited_for_without_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "LINK_CHECK_S", 0.02)
    monkeypatch.setattr(app_module, "LINK_CHECK_STEP_S", 0.005)
    appliance = make("net_null0", "net_null1", options="--no-lsc-interrupt")
    answer = appliance.run("port stop 1")
    assert "Port 0 Link up" in answer
    assert "Port 1 Link down" in answer


def test_links_are_not_looked_at_where_that_is_not_wanted(make: Make) -> None:
    appliance = make("net_null0", options="--disable-link-check")
    assert shown(appliance.run("port stop 0", "port start 0")) == "Port 0: MAC\nDone"


@pytest.mark.parametrize(
    ("options", "told"),
    [("", True), ("--mask-event=intr_lsc", False), ("--no-lsc-interrupt --disable-link-check", False)],
)
def test_a_change_of_a_link_is_told_unless_that_is_not_wanted(make: Make, options: str, told: bool) -> None:
    appliance = make("net_null0", options=options)
    port = appliance.app.ports[0]
    port.on_link_change(port)
    assert ("\nPort 0: link state change event\n" in appliance.said) == told


def test_a_change_of_a_queue_s_state_is_told_where_that_is_wanted(make: Make) -> None:
    appliance = make("net_null0")
    port = appliance.app.ports[0]
    port.on_queue_state(port)
    assert "\nPort 0: queue state event\n" in appliance.said


def test_ports_that_cannot_be_promiscuous_are_said_and_go_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise NotSupported("Operation not supported")

    monkeypatch.setattr(NullPort, "promiscuous", False, raising=False)
    monkeypatch.setattr(NullPort, "set_promiscuous", refuse)
    appliance = make("net_null0")
    appliance.app.ports[0].promiscuous = False
    appliance.app.enable_promiscuous()
    assert appliance.said[-1] == ("Error during enabling promiscuous mode for port 0: Operation not supported - ignore")


# Leaving.


def test_release_gives_back_whatever_state_things_are_in(make: Make, tmp_path: Path) -> None:
    appliance = make("net_null0", f"net_vhost0,iface={tmp_path / 's'}", "net_null1")
    appliance.run("start")
    appliance.app.release()
    appliance.app.release()
    assert len(appliance.app.ports) == 0
    assert not appliance.app.session.running
    assert not (tmp_path / "s").exists()


def test_leaving_it_as_a_context_releases(tmp_path: Path) -> None:
    with bare(f"--vdev=net_vhost0,iface={tmp_path / 's'}") as app:
        app.probe()
        assert (tmp_path / "s").exists()
    assert not (tmp_path / "s").exists()
