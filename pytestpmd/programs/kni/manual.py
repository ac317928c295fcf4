"""The page pytestpmd-kni(1)."""

from pytestpmd.cli import roff
from pytestpmd.cli.man import own_options
from pytestpmd.programs.kni.main import PROGRAM, registry

NAME = PROGRAM.name

DESCRIPTION = """\
pytestpmd-kni gives each port of its mask a network interface of the kernel's, vEth followed by the port's number, in
the role of DPDK's kernel NIC interface and its example. For each port two lcores poll: one moves what the port
receives to the interface, one moves what the kernel sends out of the interface to the port. The interface is a tap,
so no kernel module of its own is needed; to make it takes CAP_NET_ADMIN, and to face it in sock mode CAP_NET_RAW.

The interface begins with its port's address and MTU. What its user then changes is done to the port: down stops it, up
starts it; MTU, address, promiscuous and all-multicast mode are passed on. An MTU that the port does not take is undone,
with a line that says why.
"""

SOCK = """\
In place of a raw socket's descriptor from sysfs, a program such as QEMU gets the tap's own: pytestpmd-kni sock vEth0
COMMAND asks the pytestpmd-kni that runs in the same network namespace for it, and becomes COMMAND, in whose arguments
{fd} stands for the descriptor. Frames that the port receives then go to that program, and those that it sends go to
the port. When it ends, the interface is the kernel's again. Only the program's own user and root are given it.

Frames on this descriptor have no net header, so a guest is offered neither checksum nor segmentation offload, and every
frame is whole when it reaches the port. While another program has it the interface needs no address: the kernel hears
what that program sends as well.
"""

EXIT_STATUS = (
    "0 after SIGINT, SIGTERM or SIGHUP; above 0 when the program could not begin. sock has its command's, 1 where "
    "there is no descriptor to be had, and 127 where the command cannot be run."
)


def page() -> str:
    """Its text."""
    own = r"[\fIEAL options\fR] \fB\-\-\fR [\fIoptions\fR]"
    sock = r"\fBsock\fR \fIINTERFACE COMMAND\fR [\fIARGUMENT\fR...]"
    return roff.page(
        NAME,
        1,
        "a network interface of the kernel's for each port, in the role of DPDK's KNI",
        [
            roff.section("SYNOPSIS", [rf".B {roff.text(NAME)}", own, ".br", rf".B {roff.text(NAME)}", sock]),
            roff.section("DESCRIPTION", roff.paragraphs(DESCRIPTION)),
            roff.section("EAL OPTIONS", roff.paragraphs("Those of pytestpmd(1), and the devices are the same.")),
            own_options(registry()),
            roff.section("SOCK MODE", roff.paragraphs(SOCK)),
            roff.section("SIGNALS", roff.items(_signals())),
            roff.section("EXAMPLE", _example()),
            roff.section("EXIT STATUS", roff.paragraphs(EXIT_STATUS)),
            roff.section("SEE ALSO", [".BR pytestpmd (1)"]),
        ],
    )


def _signals() -> list[tuple[str, str]]:
    return [
        ("SIGUSR1", "print what was moved, and what found no room, at each port; so does the end of the program"),
        ("SIGUSR2", "count from zero"),
    ]


def _example() -> list[str]:
    """The guide's walk."""
    walk = (
        f'{NAME} -l 0-3 -n 4 -- -p 0x1 -P --config="(0,1,3)" &',
        f"exec {NAME} sock vEth0 qemu-system-x86_64 ... \\",
        "  -netdev tap,fd={fd},id=mynet_kni -device virtio-net-pci,netdev=mynet_kni",
    )
    return [
        *roff.paragraphs("Port 0, received on lcore 1 and sent to by lcore 3, and a guest that has its interface:"),
        ".nf",
        *map(roff.text, walk),
        ".fi",
    ]
