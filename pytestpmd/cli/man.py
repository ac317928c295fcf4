"""The manual pages from the registry: ``python -m pytestpmd.cli.man DIR`` writes pytestpmd.1 and pytestpmd.7.

The pages are checked in, and a test holds them equal to what is made here.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytestpmd.cli import roff
from pytestpmd.cli.argv import HELP
from pytestpmd.cli.help import option_groups
from pytestpmd.cli.refusal import Refused
from pytestpmd.cli.registry import SECTIONS, Command, Option, Registry, discover
from pytestpmd.drivers import DRIVERS, PCI_DRIVERS, DriverClass, PciDriverClass
from pytestpmd.drivers import discover as discover_drivers
from pytestpmd.eal.options import GROUPS, EalOption

SUMMARY = "a forwarding appliance in the shape of DPDK's testpmd"

DESCRIPTION = """\
pytestpmd forwards packets between ports with one polling thread on each lcore, as DPDK's testpmd does, and speaks to
virtio devices through its own poll-mode driver. Ports come from --vdev and from the PCI bus, where pytestpmd-devbind
binds devices for user space and -a and -b choose among them; with none asked for and none found it makes a pair of its
own, net_vhost0 and net_virtio_user0, joined by a vhost-user socket within the process.

With --interactive it gives the console of pytestpmd(7). Without, it forwards at once and ends on Enter, on the end of
its input, on SIGINT or on SIGTERM, printing what was forwarded.
"""

CONSOLE = """\
The console reads commands from a terminal, from a pipe, or from a file (load, --cmdline-file). Words are written
whole and with their case. In the lines below a word stands for itself, (a|b) for one of several, (name) for a value,
[...] for what may be left out. Numbers are decimal, or hexadecimal after 0x, octal after 0, binary after 0b. What
follows a # is not read.

A line that no command begins like is answered "Command not found"; one that begins like a command and does not go on
like it, "Bad arguments".

On a terminal, Tab completes a word or lists what could follow, ? lists it, the arrow keys move in the line and in the
history, Ctrl-C drops the line, Ctrl-D on an empty line is quit. Where a person's terminal is found at the other end
(--console) the line editor colours, completes as one types, keeps its history in $XDG_STATE_HOME/pytestpmd/history
(~/.local/state without it), and points at a wrong word; Ctrl-C on an empty line stops forwarding, and leaves when
repeated.
"""

FILES = """\
In the runtime directory of the --file-prefix, $RUNTIME_DIRECTORY/dpdk/rte or /var/run/dpdk/rte for root,
$XDG_RUNTIME_DIR or /tmp in place of /var/run for others; all of it goes with the program:
"""
RUNTIME_FILES = (
    ("config", "by its lock a second program on one prefix is known"),
    (
        "dpdk_telemetry.v2",
        "telemetry, for dpdk-telemetry.py and others; a second program --in-memory has :1 behind it",
    ),
    ("telemetry", "the older telemetry, for collectd"),
)

DIFFERENCES = """\
Lines and answers are those of DPDK's testpmd 26.07. Where that ends by a fault, or ends although it could go on, this
program does not:

set nbcore 0 is refused, where the original dies of a division by zero.

start with no receive or no transmit queues, for an engine that needs both, is refused in the original's words, and the
prompt stays.

A noisy engine with settings that cannot be, and any engine whose packets do not fit their mbufs, is refused at start;
what it holds is sent or given back at stop, where the original loses it.

show config rxoffs shows the last offset as well as the others.

port N txq Q setup without a number of descriptors takes the device's, where the original has too few for any packet.

On virtio ports, show rxq|txq info tells the pool and the free threshold, show port N rxq|txq Q desc tells whose a
descriptor is and how many are in use, and port cleanup gives back what was sent; the original's driver leaves these
out, or refuses them.

dump physmem and dump memzone have a line for each stretch of memory that devices see in one piece, not for each page.
"""

COMPLETION = """\
The package installs scripts by which bash (with bash-completion), zsh and fish complete options, names of devices and
their arguments, and other values. Where it is installed for one user or in a virtual environment, the program prints
them: eval "$(_PYTESTPMD_COMPLETE=bash_source pytestpmd)" in ~/.bashrc, the same with zsh_source in ~/.zshrc, and
_PYTESTPMD_COMPLETE=fish_source pytestpmd | source in ~/.config/fish/config.fish.
"""

REFUSED = """\
These are for hardware that virtio is not, or for drivers that are not here. They are read in full, so that a wrong word
is told, and answered as DPDK's testpmd answers them on a virtio port: with its refusal, or with nothing where it says
nothing.
"""

EXIT_STATUS = """\
0 after quit, Enter, the end of input, SIGINT, SIGTERM, or what --duration and --packets ask for. 1 when the program
could not begin. 3 when an assert of a file or a pipe did not hold, 4 when a wait there, or --packets within --duration,
took too long, 5 when a line there failed and --fail-fast was given. 234 for an EAL option that does not exist or misses
its value.
"""


def options_page(registry: Registry) -> str:
    """The text of pytestpmd.1."""
    return roff.page(
        "pytestpmd",
        1,
        SUMMARY,
        [
            roff.section("SYNOPSIS", [r".B pytestpmd", r"[\fIEAL options\fR] [\fB\-\-\fR [\fIoptions\fR]]"]),
            roff.section("DESCRIPTION", roff.paragraphs(DESCRIPTION)),
            roff.section(
                "EAL OPTIONS",
                [line for title, group in GROUPS.items() for line in _eal_group(title, group)],
            ),
            own_options(registry),
            *(roff.section(f"DEVICE: {name}", _device(cls)) for name, cls in _drivers()),
            roff.section("SHELL COMPLETION", roff.paragraphs(COMPLETION)),
            roff.section("FILES", [*roff.paragraphs(FILES), *roff.items(RUNTIME_FILES)]),
            roff.section("EXIT STATUS", roff.paragraphs(EXIT_STATUS)),
            roff.section("SEE ALSO", [".BR pytestpmd (7)"]),
        ],
    )


def own_options(registry: Registry) -> list[str]:
    """The section about a program's own options."""
    lines = roff.paragraphs("A unique beginning of a name will do; a value may stand in a word of its own.")
    for title, options in option_groups(registry.options.values()).items():
        lines += roff.subsection(title, roff.items(_option(one) for one in options))
    return roff.section("OPTIONS", [*lines, *roff.items([(HELP.names, HELP.help)])])


def console_page(registry: Registry) -> str:
    """The text of pytestpmd.7."""
    sections = [roff.section("DESCRIPTION", roff.paragraphs(CONSOLE))]
    for name, about in SECTIONS.items():
        commands = [one for one in registry.commands if one.section == name and not isinstance(one, Refused)]
        if commands:
            sections.append(
                roff.section(f"COMMANDS: {name}", [*roff.paragraphs(about), *roff.items(map(_command, commands))])
            )
    refused = sorted(one.syntax for one in registry.commands if isinstance(one, Refused))
    if refused:
        sections.append(
            roff.section("COMMANDS THAT NO PORT CARRIES OUT", [*roff.paragraphs(REFUSED), *roff.lines(refused)])
        )
    return roff.page(
        "pytestpmd",
        7,
        f"the console of {SUMMARY}",
        [
            *sections,
            roff.section("DIFFERENCES", roff.paragraphs(DIFFERENCES)),
            roff.section("SEE ALSO", [".BR pytestpmd (1)"]),
        ],
    )


def _drivers() -> Iterator[tuple[str, DriverClass | PciDriverClass]]:
    """Each driver under its first name."""
    discover_drivers()
    named: list[tuple[str, DriverClass | PciDriverClass]] = list(DRIVERS.items())
    named += [(driver.name, driver.cls) for driver in PCI_DRIVERS.values()]
    seen: list[DriverClass | PciDriverClass] = []
    for name, cls in sorted(named, key=lambda item: (not item[0].startswith("net_"), item[0])):
        if cls not in seen:
            seen.append(cls)
            yield name, cls


def _device(cls: DriverClass | PciDriverClass) -> list[str]:
    """What the driver is, and its arguments with their defaults."""
    about = (cls.__doc__ or "").strip().partition("\n")[0]
    return [*roff.paragraphs(about), *roff.items(cls.Args.manual())]


def _option(option: Option) -> tuple[str, str]:
    return option.names, f"{option.help}: {option.why_unused}" if option.why_unused else option.help


def _eal_group(title: str, options: Iterable[EalOption]) -> list[str]:
    return roff.subsection(title, roff.items((one.names, one.help) for one in options))


def _command(command: Command) -> tuple[str, str]:
    return command.syntax, command.help


def pages(registry: Registry) -> dict[str, str]:
    """Every page by its file's name."""
    return {"pytestpmd.1": options_page(registry), "pytestpmd.7": console_page(registry)}


def main(directory: str) -> None:
    """Write the pages of the whole program."""
    for name, text in pages(discover()).items():
        (Path(directory) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
