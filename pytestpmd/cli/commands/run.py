"""How the program runs: with a prompt or without, and what it does first."""

from typing import TYPE_CHECKING

from pytestpmd.cli.params import INT32, SECONDS
from pytestpmd.cli.registry import option
from pytestpmd.config import MAX_CMDLINE_FILES
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "run"

_ALONE = "there are no secondary processes"
CONSOLES = ("auto", "plain", "rich")


@option("--interactive, -i", "give a prompt instead of forwarding at once")
def interactive(app: "TestPmd") -> str:
    app.config.run.interactive = True
    return "Interactive-mode selected"


@option(
    "--console=KIND",
    "how the prompt behaves: plain, rich, or auto (rich where a person is seen to sit)",
    words=CONSOLES,
    ours=True,
)
def console(app: "TestPmd", kind: str) -> None:
    if kind not in CONSOLES:
        raise ConfigError(f"console {kind} invalid - must be: {', '.join(CONSOLES[:-1])} or {CONSOLES[-1]}")
    app.config.run.console = kind


@option("--cmdline-file=FILE", "run the commands of a file before start-up is over, echoing each")
def cmdline_file(app: "TestPmd", path: str) -> str:
    return _add_file(app, path, True)


@option("--cmdline-file-noecho=FILE", "the same without echoing them")
def cmdline_file_noecho(app: "TestPmd", path: str) -> str:
    return _add_file(app, path, False)


def _add_file(app: "TestPmd", path: str, echo: bool) -> str:
    files = app.config.run.cmdline_files
    if len(files) == MAX_CMDLINE_FILES:
        raise ConfigError(f"Too many cmdline files specified (maximum {MAX_CMDLINE_FILES})")
    files.append((path, echo))
    return f"CLI commands to be read from {path}"


@option("--stats-period=PERIOD", "show port statistics every PERIOD seconds (not with --interactive)")
def stats_period(app: "TestPmd", text: str) -> None:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 0xFFFF):
        raise ConfigError("Invalid stats-period value")
    app.config.run.stats_period = int(text)


@option(
    "--duration=SECONDS",
    "forward for so long (2.5, say) and end; with -i, once the files of commands are over",
    ours=True,
)
def duration(app: "TestPmd", text: str) -> None:
    try:
        app.config.run.duration_s = SECONDS.read(text)
    except ValueError:
        raise ConfigError(f"Invalid duration {text}: seconds above 0, such as 2.5") from None


@option(
    "--packets=COUNT",
    "end once all ports together received COUNT packets (sent, where the engine only sends)",
    ours=True,
)
def packets(app: "TestPmd", text: str) -> None:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**64):
        raise ConfigError(f"Invalid packets {text}: a number of packets above 0")
    app.config.run.packets = int(text)


@option(
    "--json",
    "print JSON and nothing else, an object a line: the result at the end, with --stats-period every period, and what "
    "show ... json finds; text goes to standard error",
    ours=True,
)
def json_output(app: "TestPmd") -> None:
    app.config.run.json = True


@option("--fail-fast", "end the run, with status 5, at the first line of a file or pipe that fails", ours=True)
def fail_fast(app: "TestPmd") -> None:
    app.config.run.fail_fast = True


@option("--num-procs=N", "number of processes that share the ports", type=INT32, why_unused=_ALONE)
def num_procs(app: "TestPmd", num: int) -> None:
    app.config.run.num_procs = num


@option("--proc-id=N", "which of them this one is", type=INT32, why_unused=_ALONE)
def proc_id(app: "TestPmd", num: int) -> None:
    app.config.run.proc_id = num


@option("--flow-isolate-all", "ask for isolated flow mode on every port", group="ports")
def flow_isolate_all(app: "TestPmd") -> None:
    app.config.ports.flow_isolate_all = True


@option(
    "--disable-flow-flush", "keep flow rules when a port stops", group="ports", why_unused="no port here has flow rules"
)
def disable_flow_flush(app: "TestPmd") -> None:
    """Nothing to do."""
