"""Which lcores and which ports forward: ``set nbcore|corelist|coremask|nbport|portlist|portmask``."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytestpmd.cli.params import INT32
from pytestpmd.cli.preconditions import refuse_while_forwarding
from pytestpmd.cli.registry import command, option
from pytestpmd.config import check_lcores, cores_changed, ports_changed
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "members"


def bits(mask: int) -> list[int]:
    """The numbers of the bits set in a mask, ascending."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def refuse_duplicates(kind: str, items: tuple[int, ...]) -> None:
    """The original names the first value that stands twice, and where."""
    for first, item in enumerate(items):
        if item in items[first + 1 :]:
            second = items.index(item, first + 1)
            raise ConfigError(f"duplicated {kind} {item} at index {first} and {second}")


_warned: WeakKeyDictionary["TestPmd", set[str]] = WeakKeyDictionary()


def replan(app: "TestPmd", *lines: str) -> str:
    """Deal the streams anew, unless lcores run; ``lines``, and then the warnings that come of it, each said once."""
    if not app.session.running:
        app.session.plan = app.session.make_plan()
    said = _warned.setdefault(app, set())
    warnings = [warning for warning in app.session.plan.warnings if warning not in said] if app.session.plan else []
    said.update(warnings)
    return "\n".join([*(line for line in lines if line), *(f"\n{warning}\n\n" for warning in warnings)])


@command("set nbcore (num)", "Set the number of forwarding cores.", "config")
def set_nbcore(app: "TestPmd", num: int) -> str:
    refuse_while_forwarding(app)
    most = len(app.config.forward.corelist)
    if num > most:
        raise ConfigError(f"nb fwd cores {num} > {most} (max. number of configured lcores) - ignored")
    if not num:
        raise ConfigError("nb fwd cores 0 < 1 - ignored")
    app.config.forward.nb_cores = num
    return replan(app, f"Number of forwarding cores set to {num}")


@command("set corelist (x[,y]*)", "Set the list of forwarding cores.", "config")
def set_corelist(app: "TestPmd", cores: tuple[int, ...]) -> str:
    refuse_while_forwarding(app)
    refuse_duplicates("core", cores)
    return use_cores(app, list(cores))


@command("set coremask (mask)", "Set the mask of forwarding cores, in hexadecimal.", "config")
def set_coremask(app: "TestPmd", mask: int) -> str:
    refuse_while_forwarding(app)
    if not mask:
        raise ConfigError("Invalid NULL mask of cores")
    return use_cores(app, bits(mask))


def use_cores(app: "TestPmd", cores: list[int]) -> str:
    """Forward with these lcores, all of them."""
    check_lcores(cores, app.main_lcore, app.worker_lcores)
    forward = app.config.forward
    before, forward.corelist, forward.nb_cores = forward.nb_cores, cores, len(cores)
    return replan(app, cores_changed(before, len(cores)) if before != len(cores) else "")


@command("set nbport (num)", "Set the number of forwarding ports.", "config")
def set_nbport(app: "TestPmd", num: int) -> str:
    most = len(app.config.forward.portlist)
    if num > most:
        raise ConfigError(f"nb fwd ports {num} > {most} (number of configured ports) - ignored")
    app.config.forward.nb_ports = num
    return replan(app, f"Number of forwarding ports set to {num}")


@command("set portlist (x[,y]*)", "Set the list of forwarding ports.", "config")
def set_portlist(app: "TestPmd", ports: tuple[int, ...]) -> str:
    refuse_while_forwarding(app)
    refuse_duplicates("port", ports)
    return use_ports(app, list(ports))


@command("set portmask (mask)", "Set the mask of forwarding ports, in hexadecimal.", "config")
def set_portmask(app: "TestPmd", mask: int) -> str:
    refuse_while_forwarding(app)
    if not mask:
        raise ConfigError("Invalid NULL mask of ports")
    return use_ports(app, [port_id for port_id in bits(mask) if port_id in app.ports])


def use_ports(app: "TestPmd", ports: list[int]) -> str:
    """Forward with these ports, all of them; raises :class:`NoSuchPort` for one that is not there."""
    for port_id in ports:
        app.ports[port_id]
    forward = app.config.forward
    before, forward.portlist, forward.nb_ports = forward.nb_ports, ports, len(ports)
    return replan(app, ports_changed(before, len(ports)) if before != len(ports) else "")


@command("set default", "Set the forwarding lcores, ports and peers back to what they were at start-up.", "config")
def set_default(app: "TestPmd") -> str:
    forward = app.config.forward
    forward.corelist, forward.nb_cores = list(app.worker_lcores), 1
    forward.portlist, forward.nb_ports = app.ports.ids(), len(app.ports)
    forward.eth_peers.clear()
    return "Reset to default forwarding configuration..."


@option("--nb-cores=N", "number of forwarding cores", type=INT32)
def nb_cores(app: "TestPmd", num: int) -> None:
    app.config.asked.nb_cores = num


@option("--nb-ports=N", "number of forwarding ports", type=INT32)
def nb_ports(app: "TestPmd", num: int) -> None:
    app.config.asked.nb_ports = num


@option("--coremask=MASK", "hexadecimal mask of the forwarding cores", invalid="Invalid fwd core mask")
def coremask(app: "TestPmd", mask: int) -> None:
    app.config.asked.cores = bits(mask)


@option("--portmask=MASK", "hexadecimal mask of the forwarding ports", invalid="Invalid fwd port mask")
def portmask(app: "TestPmd", mask: int) -> str:
    if not mask:
        return "Invalid NULL mask of ports"
    app.config.asked.ports = bits(mask)
    return ""


@option("--portlist=PORTS", "list of the forwarding ports, with ranges: 0,2-3", invalid="Invalid fwd port list")
def portlist(app: "TestPmd", ports: tuple[int, ...]) -> None:
    app.config.asked.ports = list(ports)
