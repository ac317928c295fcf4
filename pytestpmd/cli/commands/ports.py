"""``port start|stop|close|reset``, ``set promisc|allmulti|link-up|link-down``: the life and the modes of ports."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytestpmd.cli.params import UINT32
from pytestpmd.cli.preconditions import refuse_unless_stopped
from pytestpmd.cli.registry import command, option
from pytestpmd.config import EVENTS, LaunchError
from pytestpmd.errors import ConfigError, OperationError, TestpmdError
from pytestpmd.ethdev.port import MIN_FRAME, EthPort

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "ports"
#: What can be said of events.
SAID = (*EVENTS, "all")


@command("port (start|stop|close|reset) (port_id|all)", "Start, stop, close or reset ports.", "ports")
def port_operate(app: "TestPmd", operation: str, which: int | str) -> None:
    ids = [port.port_id for port in app.ports.chosen(which)]
    if operation == "start":
        app.start_ports(ids)
    elif operation == "stop":
        app.stop_ports(ids)
    elif operation == "close":
        app.close_ports(ids)
    else:
        app.reset_ports(ids)


@command("port attach (ident)", "Attach the port of a device: a PCI address or a virtual device's name.", "ports")
def port_attach(app: "TestPmd", device: str) -> None:
    app.hotplug.attach(device)


@command("port detach (port_id)", "Detach the device of a stopped port.", "ports")
def port_detach(app: "TestPmd", port_id: int) -> None:
    app.hotplug.detach_port(app.ports[port_id])


@command("device detach (identifier)", "Detach a device whose port is stopped, by the device's name.", "devices")
def device_detach(app: "TestPmd", device: str) -> None:
    app.hotplug.detach_device(device)


@command("set promisc (port_id|all) (on|off)", "Set whether ports receive every frame.", "config")
def set_promisc(app: "TestPmd", which: int | str, mode: str) -> str:
    on = mode == "on"

    def change(port: EthPort) -> None:
        if port.promiscuous != on:
            port.set_promiscuous(on)

    return _modes(app, which, change, f"{_doing(on)} promiscuous mode")


@command("set allmulti (port_id|all) (on|off)", "Set whether ports receive every multicast frame.", "config")
def set_allmulti(app: "TestPmd", which: int | str, mode: str) -> str:
    on = mode == "on"

    def change(port: EthPort) -> None:
        if port.all_multicast != on:
            port.set_all_multicast(on)

    return _modes(app, which, change, f"{_doing(on)} all-multicast mode")


def _doing(on: bool) -> str:
    return "enabling" if on else "disabling"


def _modes(app: "TestPmd", which: int | str, change: Callable[[EthPort], None], doing: str) -> str:
    """Change each port; silent where it worked."""
    if isinstance(which, int) and which not in app.ports:
        return f"ETHDEV: Invalid port_id={which}\nError during {doing} for port {which}: No such device"
    failed = []
    for port in app.ports.chosen(which):
        try:
            change(port)
        except TestpmdError as error:
            failed.append(f"Error during {doing} for port {port.port_id}: {error}")
    return "\n".join(failed)


@command("set (link-up|link-down) port (port_id)", "Set the link of a port up or down.", "config")
def set_link(app: "TestPmd", direction: str, port_id: int) -> str:
    failed = f"\nSet {direction.replace('-', ' ')} fail."
    if port_id not in app.ports:
        return f"ETHDEV: Invalid port_id={port_id}\n{failed}"
    try:
        app.ports[port_id].set_link(direction == "link-up")
    except TestpmdError:
        return failed
    return ""


@command("port config mtu (port_id) (value)", "Set the MTU of a port.", "ports")
def config_mtu(app: "TestPmd", port_id: int, mtu: int) -> None:
    try:
        app.ports[port_id].set_mtu(mtu)
    except OperationError as error:
        raise ConfigError(f"Set MTU failed. diag={-error.code}") from None
    except ConfigError as error:  # the original says it itself, before it asks ethdev
        raise ConfigError(str(error).removeprefix("ETHDEV: ")) from None
    app.config.ports.mtus[port_id] = mtu


@command(
    "port config all max-pkt-len (value)",
    "Set the length of the longest frame that every port receives, in bytes; MTUs follow.",
    "ports",
    value=UINT32,
)
def config_max_pkt_len(app: "TestPmd", length: int) -> str:
    refuse_unless_stopped(app)
    if length < MIN_FRAME:
        raise ConfigError(f"max-pkt-len can not be less than {MIN_FRAME}")
    said = []
    for port in app.ports:
        mtu = length - port.info().frame_overhead
        try:
            port.set_mtu(mtu)
        except TestpmdError as error:
            log = [] if isinstance(error, OperationError) else [str(error)]
            said += [*log, f"Failed to set MTU to {mtu} for port {port.port_id}"]
        else:
            app.config.ports.mtus[port.port_id] = mtu
    return "\n".join(said)


@command(
    "port config all max-lro-pkt-size (value)",
    "Set the length of the longest packet that devices may join, in bytes.",
    "ports",
    value=UINT32,
)
def config_max_lro_pkt_size(app: "TestPmd", length: int) -> None:
    refuse_unless_stopped(app)
    app.config.queues.max_lro_pkt_size = length


@command(
    "set port setup on (iterator|event)",
    "Set how new ports are found: by the name of the attached device, or as they come.",
    "ports",
)
def set_port_setup(app: "TestPmd", how: str) -> None:
    app.hotplug.finds_by_event = how == "event"


@command("set link_check (on|off)", "Set whether port start and stop wait for links.", "config")
def set_link_check(app: "TestPmd", mode: str) -> None:
    app.config.ports.no_link_check = mode == "off"


@option("--disable-link-check", "do not wait for links when ports start and stop")
def disable_link_check(app: "TestPmd") -> None:
    app.config.ports.no_link_check = True


@option("--disable-device-start", "do not start the ports at start-up")
def disable_device_start(app: "TestPmd") -> None:
    app.config.ports.disable_device_start = True


@option("--no-lsc-interrupt", "do not watch for link changes")
def no_lsc_interrupt(app: "TestPmd") -> None:
    app.config.ports.lsc_interrupt = False


@option(
    "--rmv-interrupt",
    "close a port whose device is removed, and detach the device (the default)",
    value=True,
    ours=True,
)
@option("--no-rmv-interrupt", "keep a port whose device is removed, its link down", value=False)
def rmv_interrupt(app: "TestPmd", watched: bool) -> None:
    app.config.ports.rmv_interrupt = watched


@option(
    "--hot-plug",
    "watch for devices that come and go",
    group="ports",
    why_unused="devices come by port attach, and one that goes is seen without it",
)
def hot_plug(app: "TestPmd") -> None:
    """Nothing to do."""


@option(
    "--print-event=EVENT",
    "print this event (or all) when it happens: intr_lsc, queue_state, ...",
    words=SAID,
)
def print_event(app: "TestPmd", event: str) -> None:
    app.config.ports.print_events |= _events(event, "print-event")


@option("--mask-event=EVENT", "do not print this event (or all)", words=SAID)
def mask_event(app: "TestPmd", event: str) -> None:
    app.config.ports.print_events -= _events(event, "mask-event")


def _events(event: str, name: str) -> set[str]:
    if event == "all":
        return set(EVENTS)
    if event not in EVENTS:
        raise LaunchError(f"invalid {name} argument", before=f"Invalid event: {event}")
    return {event}
