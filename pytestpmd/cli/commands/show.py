"""``show port ...``, ``show fwd stats``, ``show config ...``: what there is and what it has counted."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.commands.forwarding import forwarding, rxtx
from pytestpmd.cli.facts import forward as forward_facts
from pytestpmd.cli.facts import port as facts
from pytestpmd.cli.registry import command, option
from pytestpmd.cli.render import config as render_config
from pytestpmd.cli.render import port as render_port
from pytestpmd.cli.render import stats as render_stats
from pytestpmd.cli.render import virtio as render_virtio
from pytestpmd.cli.render.forward import forward_stats
from pytestpmd.config import offloads_of
from pytestpmd.drivers import bus_of, device_name
from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.stats import RateMeter

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

# The rates of `show port stats` are those since it was last asked, by whoever asked.
_meters: WeakKeyDictionary[EthPort, RateMeter] = WeakKeyDictionary()
_watched: WeakKeyDictionary[EthPort, RateMeter] = WeakKeyDictionary()


@command("show port (info|stats|xstats) (port_id|all)", "Show what a port is and what it has counted.", "display")
def show_port(app: "TestPmd", what: str, which: int | str) -> Answer | str:
    show = SHOW[what]
    return shown_of_each(app, which, lambda port: show(app, port))


def shown_of_each(app: "TestPmd", which: int | str, show: Callable[[EthPort], Answer]) -> Answer | str:
    """What ``show`` says of a port or of all; for one that is not there, which ones there are."""
    if not isinstance(which, str) and which not in app.ports:
        return render_port.invalid_port(which, app.ports.ids())
    ports = app.ports.chosen(which)
    answers = {port.port_id: show(port) for port in ports}
    text = "\n".join(answer.text for answer in answers.values())
    return Answer(text, lambda: facts.of_ports(ports, lambda port: answers[port.port_id].data()))


def each_port(app: "TestPmd", which: int | str, do: Callable[[EthPort], str]) -> str:
    """Do something with a port or with all: what there is to say of it."""
    if isinstance(which, str):
        return "\n".join(text for port in app.ports if (text := do(port)))
    if which not in app.ports:
        return render_port.invalid_port(which, app.ports.ids())
    return do(app.ports[which])


@command("show port (port_id) rxtx", "Show which functions receive and transmit, and why.", "display")
def show_port_rxtx(app: "TestPmd", port_id: int) -> Answer | str:
    return shown_of_each(app, port_id, lambda port: Answer(render_port.rxtx(port), lambda: facts.rxtx(port)))


@command("show port (port_id) virtio", "Show what a virtio port and its other end agreed on and exchanged.", "display")
def show_port_virtio(app: "TestPmd", port_id: int) -> Answer | str:
    return shown_of_each(app, port_id, lambda port: Answer(render_virtio.device(port), lambda: facts.virtio(port)))


def _info(app: "TestPmd", port: EthPort) -> Answer:
    return Answer(render_port.info(port), lambda: facts.info(port))


def nic_stats(app: "TestPmd", port: EthPort) -> Answer:
    """A port's statistics, and the rates since they were last shown."""
    stats = port.stats()
    rates = _meters.setdefault(port, RateMeter()).sample_port(stats, time.monotonic_ns())
    text = render_stats.nic_stats(port.port_id, stats, rates, _watched_xstats(app, port))
    return Answer(text, lambda: facts.stats(stats, rates))


def _watched_xstats(app: "TestPmd", port: EthPort) -> list[render_stats.WatchedXstat]:
    if not app.config.ports.xstats_display:
        return []
    held = dict(port.xstats())
    names = [name for name in app.config.ports.xstats_display if name in held]
    values = tuple(held[name] for name in names)
    rates = _watched.setdefault(port, RateMeter()).sample(values, time.monotonic_ns())
    return [render_stats.WatchedXstat(*row) for row in zip(names, values, rates, strict=True)]


def _xstats(app: "TestPmd", port: EthPort) -> Answer:
    shown = app.config.ports
    text = render_stats.xstats(
        port.port_id, port.xstats(), hide_zero=shown.xstats_hide_zero, show_state=shown.xstats_show_state
    )
    return Answer(text, lambda: facts.xstats(port))


SHOW: dict[str, Callable[["TestPmd", EthPort], Answer]] = {"info": _info, "stats": nic_stats, "xstats": _xstats}


@option("--display-xstats=NAME[,NAME]", "extended statistics to show with the port statistics", group="ports")
def display_xstats(app: "TestPmd", names: str) -> None:
    app.config.ports.xstats_display = [name for name in names.split(",") if name]


@command("set xstats-hide-zero (on|off)", "Set whether extended statistics that are 0 are left out.", "config")
def set_xstats_hide_zero(app: "TestPmd", mode: str) -> None:
    app.config.ports.xstats_hide_zero = mode == "on"


@command(
    "set xstats-hide-disabled (on|off)",
    "Set whether extended statistics that are switched off are left out; here none can be.",
    "config",
)
def set_xstats_hide_disabled(app: "TestPmd", mode: str) -> None:
    """No driver of ours has a counter that can be switched off, so there is nothing to leave out."""


@command(
    "set xstats-show-state (on|off)", "Set whether extended statistics come with whether they are counted.", "config"
)
def set_xstats_show_state(app: "TestPmd", mode: str) -> None:
    app.config.ports.xstats_show_state = mode == "on"


@command("show port summary (port_id|all)", "Show the ports, a line each.", "display")
def show_port_summary(app: "TestPmd", which: int | str) -> Answer | str:
    available = len(app.ports)
    if not isinstance(which, str) and which not in app.ports:
        heading = render_port.summary([], available)
        return f"{heading}\n{render_port.invalid_port(which, app.ports.ids())}"
    ports = app.ports.chosen(which)
    return Answer(render_port.summary(ports, available), lambda: facts.of_ports(ports, facts.summary))


@command("show port (port_id) (macs|mcast_macs)", "Show the MAC addresses of a port, or its groups.", "display")
def show_port_macs(app: "TestPmd", port_id: int, what: str) -> Answer | str:
    if what == "mcast_macs":
        return of_device(
            app,
            port_id,
            lambda port: Answer(render_port.mcast_macs(port.mcast_addrs), lambda: facts.macs(port.mcast_addrs)),
        )
    return of_device(app, port_id, lambda port: _macs([port.mac, *port.macs]))


def _macs(addresses: list[bytes]) -> Answer:
    return Answer(render_port.macs(addresses), lambda: facts.macs(addresses))


@command("show port (port_id) (rx_offload|tx_offload) capabilities", "Show the offloads a port can do.", "display")
def show_offload_capabilities(app: "TestPmd", port_id: int, direction: str) -> Answer | str:
    kind = direction[:2].capitalize()

    def show(port: EthPort) -> Answer:
        return Answer(render_port.offload_capabilities(port, kind), lambda: facts.capabilities(port, kind))

    return of_device(app, port_id, show)


@command("show port (port_id) (rx_offload|tx_offload) configuration", "Show the offloads a port does.", "display")
def show_offload_configuration(app: "TestPmd", port_id: int, direction: str) -> Answer | str:
    kind = direction[:2].capitalize()

    def show(port: EthPort) -> Answer:
        wished = _wished(app, port, kind)
        text = render_port.offload_configuration(port, kind, wished)
        return Answer(text, lambda: facts.configuration(port, kind, wished))

    missing = f"Error during getting device configuration (port {port_id}): No such device"
    return of_device(app, port_id, show, missing)


def _wished(app: "TestPmd", port: EthPort, kind: str) -> int:
    asked = offloads_of(app.config.queues, port.port_id).of_port(port.info().tx_offload_capa)
    return asked.rx if kind == "Rx" else asked.tx


def of_device(app: "TestPmd", port_id: int, show: Callable[[EthPort], Answer], missing: str = "") -> Answer | str:
    """What ``show`` says of a port; for one that is not there, what lib/ethdev says and the console after it."""
    if port_id in app.ports:
        return shown_of_each(app, port_id, show)
    missing = missing or f"Error during getting device (port {port_id}) info: No such device"
    return f"ETHDEV: Invalid port_id={port_id}\n{missing}"


@command("show device info (identifier|all)", "Show the devices and their ports.", "display")
def show_device_info(app: "TestPmd", identifier: str) -> Answer | str:
    name = device_name(identifier)
    devices = [port for port in app.ports if name in ("all", port.name)]
    if not devices and name != "all" and bus_of(name) is None:
        return f'EAL: failed to parse device "{identifier}"\ncannot parse identifier'
    text = "\n".join(render_port.device_info(port) for port in devices)
    return Answer(text, lambda: facts.of_ports(devices, facts.device))


@command("show fwd stats all", "Show what was forwarded since start.", "display")
def show_fwd_stats(app: "TestPmd") -> Answer:
    stats = app.session.stats()
    return Answer(forward_stats(stats), lambda: forward_facts.stats(stats))


@command("show config (rxtx|cores|fwd)", "Show how forwarding is set.", "display")
def show_config(app: "TestPmd", what: str) -> Answer:
    corelist, ports = app.config.forward.corelist, list(app.ports)
    if what == "cores":
        return Answer(render_config.cores(corelist), lambda: forward_facts.cores(corelist))
    if what == "rxtx":
        return Answer(rxtx(app), lambda: forward_facts.rxtx(app.config, ports))
    plan = app.session.plan or app.session.make_plan()
    return Answer(forwarding(app, plan), lambda: forward_facts.config(app.config, plan))
