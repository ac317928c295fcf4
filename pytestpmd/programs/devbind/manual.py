"""The page pytestpmd-devbind(1)."""

import click

from pytestpmd.cli import roff
from pytestpmd.programs.devbind import PROGRAM, command

NAME = PROGRAM

DESCRIPTION = """\
pytestpmd-devbind shows which driver of the kernel's has which network device of the PCI bus, and binds devices to other
drivers: to uio_pci_generic, igb_uio or vfio-pci, so that a program in user space can drive them, or back to the
kernel's own. It is used as dpdk-devbind.py is. A device is given by its address, 0000:00:03.0 or 00:03.0, or by the
name of its interface.

The driver's module must be loaded. A device that a driver refuses is given back to the one that had it. A device whose
interface routes go through is left alone unless --force is given.
"""

EXIT_STATUS = "0, 1 where a device could not be bound or unbound, 2 for a line that makes no sense."


def page() -> str:
    """Its text."""
    changed = rf".B {roff.text(NAME)}"
    return roff.page(
        NAME,
        1,
        "show and change which driver has a network device",
        [
            roff.section(
                "SYNOPSIS",
                [
                    changed,
                    r"\fB\-s\fR",
                    ".br",
                    changed,
                    r"[\fIoptions\fR] \fB\-b\fR \fIDRIVER DEVICE\fR...",
                    ".br",
                    changed,
                    r"[\fB\-\-force\fR] \fB\-u\fR \fIDEVICE\fR...",
                ],
            ),
            roff.section("DESCRIPTION", roff.paragraphs(DESCRIPTION)),
            roff.section("OPTIONS", roff.items(_options())),
            roff.section("EXIT STATUS", roff.paragraphs(EXIT_STATUS)),
            roff.section("SEE ALSO", [".BR pytestpmd (1)"]),
        ],
    )


def _options() -> list[tuple[str, str]]:
    options = [one for one in command.params if isinstance(one, click.Option)]
    return [(", ".join(one.opts) + (f" {one.metavar}" if one.metavar else ""), one.help or "") for one in options]
