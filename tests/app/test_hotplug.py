"""Devices that come and go while the program runs, in the original's words."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.sysfs import FakeSysfs

from pytestpmd.ethdev.port import EthPort, PortState

Make = Callable[..., Appliance]
Plug = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def make(sysfs: FakeSysfs) -> Iterator[Make]:
    """Programs with a bus of their own."""
    made: list[Appliance] = []

    def make_appliance(*vdevs: str, options: str = "") -> Appliance:
        made.append(Appliance(*vdevs, options=options))
        made[-1].app.bus = sysfs.bus
        return made[-1]

    yield make_appliance
    for appliance in made:
        appliance.__exit__(None, None, None)


@pytest.fixture
def pair(make: Make) -> Appliance:
    """Two ports of net_null, started."""
    return make("net_null0", "net_null1")


def remove(port: EthPort) -> None:
    """Tell as a driver does: on a thread of its own, which then ends."""
    driver = threading.Thread(target=port.on_removal, args=(port,))
    driver.start()
    driver.join()


# Attaching.


def test_a_port_that_is_attached_forwards_from_the_next_start_on(pair: Appliance) -> None:
    assert pair.run("port attach net_null2,size=100") == (
        "Attaching a new port...\nPort 2 is attached. Now total ports is 3\nDone"
    )
    assert pair.app.fwd_ports() == [0, 1, 2]
    pair.run("port attach net_null3", "port start all", "start")
    assert pair.flows()
    assert pair.app.session.uses(3)
    pair.run("stop")


@pytest.mark.parametrize("name", ["0000:00:05.0", "00:05.0", "pci:00:05.0"])
def test_a_device_on_the_bus_is_attached_by_its_address(pair: Appliance, plug: Plug, name: str) -> None:
    plug(5)
    assert "Port 2 is attached" in pair.run(f"port attach {name},broken=0")
    assert pair.app.ports[2].name == "0000:00:05.0"
    assert pair.app.ports[2].devargs == "broken=0"
    assert "Infos for device 0000:00:05.0 " in pair.run("show device info 00:05.0")
    assert "Bus name: pci\nBus information: vendor_id=1234, device_id=1\nDriver name: " in pair.run(
        "show device info all"
    )


@pytest.mark.parametrize(
    ("device", "written_out", "lines"),
    [
        ("net_nosuch0", "net_nosuch0", ['EAL: failed to parse device "net_nosuch0"'] * 2),
        ("00:09.0", "0000:00:09.0,", ["EAL: Cannot find device (0000:00:09.0)"]),
        (
            "00:05.0,broken=1",
            "0000:00:05.0,broken=1",
            ["EAL: 0000:00:05.0: its BAR 4 is not mapped", "EAL: Failed to probe device 0000:00:05.0"],
        ),
        ("00:05.0,vdpa=1", "0000:00:05.0,vdpa=1", ["EAL: Driver cannot attach the device (0000:00:05.0)"]),
    ],
)
def test_a_device_that_cannot_be_attached_changes_nothing(
    pair: Appliance, plug: Plug, device: str, written_out: str, lines: list[str], logged: Logged
) -> None:
    plug(5)
    logged.clear()
    assert pair.run(f"port attach {device}") == "Attaching a new port..."
    said = [line for line in logged.lines if not line.startswith("EAL: Probe")]
    failed = "EAL: Failed to attach device on primary process"
    assert said[:-1] == [*lines, failed]
    assert said[-1] == f"testpmd: Failed to attach port {written_out}"
    assert pair.app.ports.ids() == [0, 1]


def test_a_device_that_is_a_port_already_is_left_as_it_is(pair: Appliance, logged: Logged) -> None:
    assert pair.run("port attach net_null1") == "Attaching a new port..."
    assert "EAL: Device net_null1 is already probed" in logged
    assert pair.app.ports.ids() == [0, 1]


def test_coming_and_going_is_told_where_that_is_wanted(make: Make) -> None:
    appliance = make("net_null0", options="--print-event=dev_probed --print-event=dev_released")
    assert "\nPort 1: device probed event\n" in appliance.run("port attach net_null1")
    assert "\nPort 1: device released event\n" in appliance.run("port detach 1")


@pytest.mark.parametrize("how", ["event", "iterator"])
def test_ports_are_found_as_they_come_or_by_their_devices_name(pair: Appliance, plug: Plug, how: str) -> None:
    plug(5)
    assert pair.run(f"set port setup on {how}") == ""
    assert "Port 2 is attached. Now total ports is 3" in pair.run("port attach net_null2,size=100")
    assert "Port 3 is attached. Now total ports is 4" in pair.run("port attach pci:00:05.0")
    assert pair.app.fwd_ports() == [0, 1, 2, 3]
    assert pair.run("port attach net_nosuch0") == "Attaching a new port..."
    assert pair.run("set port setup on nothing") == "Bad arguments"


def test_a_port_that_came_another_way_is_no_attached_one(pair: Appliance) -> None:
    """Only what comes while a device is being attached is that device's."""
    pair.app.attach("net_null7")
    assert "Port 3 is attached" in pair.run("port attach net_null3")
    assert pair.app.fwd_ports() == [0, 1, 3]


# Detaching.


def test_a_stopped_port_is_detached_with_its_device(pair: Appliance) -> None:
    assert pair.run("port detach 1") == "Port not stopped"
    assert pair.run("port stop 1", "port detach 1") == (
        "Port was not closed\nRemoving a device...\nPort 1 is closed\nDevice is detached\nNow total ports is 1\nDone"
    )
    assert pair.app.ports.ids() == pair.app.fwd_ports() == [0]
    assert pair.run("port detach 1") == "Invalid port 1"


def test_a_device_is_detached_by_its_name(pair: Appliance, plug: Plug) -> None:
    plug(5)
    assert pair.run("device detach net_null0") == "Removing a device...\nPort 0 not stopped"
    pair.run("port stop 0", "port attach 00:05.0")
    ends = "is detached\nNow total ports is {}\nDone"
    assert pair.run("device detach net_null0") == (
        "Removing a device...\nPort 0 is closed\nDevice net_null0 " + ends.format(2)
    )
    assert pair.run("device detach 00:05.0") == "Removing a device...\nPort 2 is closed\nDevice 00:05.0 " + ends.format(
        1
    )


def test_a_device_without_a_port_is_named(pair: Appliance, logged: Logged) -> None:
    assert pair.run("device detach net_foo") == "Removing a device...\ncannot parse identifier"
    assert 'EAL: failed to parse device "net_foo"' in logged
    pair.run("device detach net_null7", "device detach 00:05.0")
    assert "EAL: Cannot find plugged device (net_null7)" in logged
    assert "testpmd: Failed to detach device 0000:00:05.0(pci)" in logged


# Removal.


def test_a_device_that_is_pulled_out_while_forwarding_takes_its_port_alone(pair: Appliance) -> None:
    pair.app.config.forward.topology = "loop"
    pair.run("start")
    remove(pair.app.ports[0])
    assert eventually(lambda: pair.app.ports.ids() == [1] and pair.app.session.running)
    said = "\n".join(pair.said)
    assert re.search(
        r"Port 0: device removal event\n\nStopping ports...\nDone\nClosing ports...\nPort 0 is closed\nDone\n"
        r"Removing a device...\nDevice is detached\nNow total ports is 1\nDone$",
        said,
    )
    assert pair.flows()
    assert not pair.app.session.uses(0)
    pair.app.session.stop()


def test_the_last_port_that_is_pulled_out_leaves_a_program_that_goes_on(make: Make) -> None:
    alone = make("net_null0")
    alone.run("start")
    remove(alone.app.ports[0])
    assert eventually(lambda: not alone.app.ports)
    assert not alone.app.session.running
    assert "Port 0 is attached" in alone.run("port attach net_null5")
    alone.run("port start 0", "start")
    assert alone.flows()
    alone.run("stop")


def test_a_port_that_stands_still_is_closed_too_and_forwarding_goes_on_without_a_break(pair: Appliance) -> None:
    pair.run("set portlist 1", "start")
    stopped: list[None] = []
    pair.app.stop_forwarding = lambda: stopped.append(None)
    remove(pair.app.ports[0])
    assert eventually(lambda: pair.app.ports.ids() == [1])
    assert not stopped
    assert pair.flows()
    pair.app.session.stop()


def test_without_the_interrupt_the_port_stays(make: Make, logged: Logged) -> None:
    pair = make("net_null0", "net_null1", options="--no-rmv-interrupt")
    pair.run("start")
    remove(pair.app.ports[0])
    assert "testpmd: Port 0: device net_null0 is gone; the port stays, with its link down" in logged
    assert not any("removal" in line for line in pair.said)
    assert pair.app.ports.ids() == [0, 1]
    assert pair.app.session.running
    pair.run("stop")


def test_the_event_can_be_masked_and_the_port_is_closed_all_the_same(make: Make) -> None:
    pair = make("net_null0", "net_null1", options="--mask-event=intr_rmv")
    remove(pair.app.ports[1])
    assert eventually(lambda: pair.app.ports.ids() == [0])
    assert not any("removal event" in line for line in pair.said)


def test_a_port_closed_by_hand_meanwhile_is_not_closed_again(pair: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytestpmd.app.hotplug.REMOVAL_DELAY_S", 0.05)
    port = pair.app.ports[1]
    remove(port)
    pair.run("port stop 1", "port close 1", "port attach net_null9")
    pair.app.hotplug._removals[0].join()
    assert port.state is PortState.CLOSED
    assert pair.app.ports[1].name == "net_null9"


def test_leaving_does_not_wait_for_a_removal_that_has_not_begun(pair: Appliance) -> None:
    remove(pair.app.ports[0])
    pair.app.release()
    assert not pair.app.ports
