"""``pytestpmd-devbind``: which driver has which network device, after DPDK's ``dpdk-devbind.py``.

pytestpmd-devbind --status
pytestpmd-devbind -b uio_pci_generic 00:03.0
pytestpmd-devbind --bind=vfio-pci --noiommu-mode eth1
pytestpmd-devbind -u 0000:00:03.0
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from pytestpmd.eal.pci.bus import USER_SPACE_DRIVERS
from pytestpmd.programs.devbind.binding import Binder, Write, write_attribute
from pytestpmd.programs.devbind.machine import DevbindError, Machine
from pytestpmd.programs.devbind.status import status

PROGRAM = "pytestpmd-devbind"
NO_DRIVER = ("none", "None")
ROOT = Path("/")

EPILOG = """\
\b
Examples:
  pytestpmd-devbind --status
  pytestpmd-devbind -b uio_pci_generic 00:03.0
  pytestpmd-devbind --bind=vfio-pci eth1
  pytestpmd-devbind -b virtio-pci 00:03.0 00:04.0
  pytestpmd-devbind -u 0000:00:03.0
"""


@dataclass(frozen=True)
class World:
    """Where the machine's files are, and how they are written."""

    root: Path = ROOT
    write: Write = write_attribute


def _drivers(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For a shell: those that are there, of the ones that devices are bound to."""
    there = [name for name in (*USER_SPACE_DRIVERS, "virtio-pci") if Machine(ROOT).has_driver(name)]
    return [name for name in (*there, NO_DRIVER[0]) if name.startswith(incomplete)]


def _devices(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For a shell: the addresses of network devices."""
    return [str(nic.device.address) for nic in Machine(ROOT).nics() if str(nic.device.address).startswith(incomplete)]


@click.command(name=PROGRAM, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-s", "--status", "shows", is_flag=True, help="List the network devices and who has them.")
@click.option(
    "-b", "--bind", "driver", metavar="DRIVER", shell_complete=_drivers, help="Bind devices (none: to nobody)."
)
@click.option("-u", "--unbind", "unbinds", is_flag=True, help="Take devices from their driver.")
@click.option("--force", is_flag=True, help="Also a device whose interface routes go through.")
@click.option("--noiommu-mode", "no_iommu", is_flag=True, help="Let vfio-pci have devices behind no IOMMU.")
@click.argument("devices", nargs=-1, metavar="[DEVICE]...", shell_complete=_devices)
@click.pass_context
def command(
    context: click.Context,
    shows: bool,
    driver: str | None,
    unbinds: bool,
    force: bool,
    no_iommu: bool,
    devices: tuple[str, ...],
) -> None:
    """Show network devices, and bind them to drivers of the kernel.

    A DEVICE is a PCI address such as 0000:00:03.0 or 00:03.0, or an interface's name.
    """
    if driver is not None and unbinds:
        raise click.UsageError("Simultaneous bind and unbind are not possible.")
    changes = driver is not None or unbinds
    if not changes and not shows:
        raise click.UsageError("No action specified.")
    if bool(devices) != changes:
        raise click.UsageError("No devices specified." if changes else "Devices need -b or -u.")
    world: World = context.obj
    machine = Machine(world.root)
    failed = False
    if changes:
        binder = Binder(machine, _tell, world.write, force, no_iommu)
        failed = _change(binder, None if driver in NO_DRIVER else driver, devices)
    if shows:
        click.echo(status(machine))
    context.exit(1 if failed else 0)


def _change(binder: Binder, driver: str | None, devices: Sequence[str]) -> bool:
    """Bind the devices, or with no driver unbind them; whether any could not be, which has been said."""
    try:
        if driver is not None:
            _check_driver(binder.machine, driver)
        nics = [binder.machine.nic(name) for name in devices]
    except DevbindError as error:
        _tell(f"Error: {error}")
        return True
    failed = False
    for nic in nics:
        try:
            binder.unbind(nic) if driver is None else binder.bind(nic, driver)
        except DevbindError as error:
            _tell(f"Error: {error}")
            failed = True
    return failed


def _check_driver(machine: Machine, driver: str) -> None:
    if machine.has_driver(driver):
        return
    try:
        machine.nic(driver)
    except DevbindError:
        raise DevbindError(f"Driver '{driver}' is not loaded: modprobe {driver}") from None
    raise DevbindError(
        f"Driver '{driver}' does not look like a valid driver. Did you forget to specify the driver to bind devices to?"
    )


def _tell(text: str) -> None:
    click.echo(text, err=True)


def main(argv: Sequence[str] | None = None, world: World | None = None) -> int:
    """Run the program; its exit status: 0, 1 where a device could not be bound or unbound, 2 for a wrong line."""
    try:
        words = sys.argv[1:] if argv is None else list(argv)
        return int(command.main(words, prog_name=PROGRAM, obj=world or World(), standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
