"""The options: those of DPDK's l3fwd-power that mean something here, and l3fwd's for routes.

Texts that the original prints when it reads an option are its own.
"""

from pytestpmd.cli.params import METAVARS, parse_mac
from pytestpmd.cli.registry import Program, option
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.ports import MAX_PORTS
from pytestpmd.programs.l3fwd_power.settings import QueueConfig, Settings
from pytestpmd.programs.tuples import parse_tuples

PROGRAM = Program("pytestpmd-l3fwd-power", "options", file_prefix="l3fwd-power")

MIN_PKT_LEN, MAX_PKT_LEN = 64, 9600

_POWER = "CPU frequencies and idle states are the kernel's business here; lcores sleep all the same"
_CORES = "lcores are not told apart by their frequency; --config names them"
#: Options of the original that are refused, and why.
REFUSED = {
    **dict.fromkeys(("-u", "-U", "-i"), _POWER),
    **dict.fromkeys(("--legacy", "--scale-freq-min", "--scale-freq-max", "--cpu-resume-latency"), _POWER),
    **dict.fromkeys(("--high-perf-cores", "--perf-config"), _CORES),
    "--telemetry": "there is no telemetry socket; --stats-period and --json tell more",
    "--pause-duration": "there is no --pmd-mgmt=pause",
    "--eth-link-speed": "these ports have no speed to set",
}


def check_refused(words: tuple[str, ...]) -> None:
    """Raise :class:`ConfigError` for an option of the original that cannot be had here."""
    for word in words:
        name = word.partition("=")[0]
        if name in REFUSED:
            raise ConfigError(f"{name} cannot be had: {REFUSED[name]}")


@option("--portmask=MASK, -p", "hexadecimal mask of the ports to use", invalid="invalid portmask")
def portmask(settings: Settings, mask: int) -> None:
    if mask == 0:
        raise ConfigError("invalid portmask")
    settings.portmask = mask


@option("--promiscuous, -P", "receive every frame that comes to the ports")
def promiscuous(settings: Settings) -> str:
    settings.promiscuous = True
    return "Promiscuous mode selected"


@option("--config=TEXT", "which lcore polls which receive queue: (port,queue,lcore)[,(port,queue,lcore)]")
def config(settings: Settings, text: str) -> None:
    try:
        groups = parse_tuples(text, 3)
    except ValueError:
        raise ConfigError(f"invalid config: {text} is not (port,queue,lcore)[,(port,queue,lcore)]") from None
    settings.config = tuple(QueueConfig(*group) for group in groups)


@option("--no-numa", "take memory from wherever it is")
def no_numa(settings: Settings) -> str:
    settings.numa = False
    return "numa is disabled"


@option("--parse-ptype", "look into packets for their type; this program does so anyhow")
def parse_ptype(settings: Settings) -> str:
    return "soft parse-ptype is enabled"


@option("--max-pkt-len=N", f"longest frame, in bytes: {MIN_PKT_LEN} to {MAX_PKT_LEN}")
def max_pkt_len(settings: Settings, length: int) -> str:
    if not MIN_PKT_LEN <= length <= MAX_PKT_LEN:
        raise ConfigError(f"Invalid max packet length: {length}: it is {MIN_PKT_LEN} to {MAX_PKT_LEN}")
    settings.max_pkt_len = length
    return "Custom frame size is configured"


@option("--lookup=METHOD", "lpm: by the longest prefix of the destination; em: exact match of whole flows")
def lookup(settings: Settings, method: str) -> None:
    if method not in ("lpm", "em"):
        raise ConfigError(f"Invalid lookup option: {method}: it is lpm or em")
    settings.lookup = "em" if method == "em" else "lpm"


@option(
    "--rule_ipv4=FILE", "IPv4 routes in the place of the built-in ones: lines R10.0.0.0/8 PORT, for em R with a flow"
)
def rule_ipv4(settings: Settings, path: str) -> None:
    settings.rule_ipv4 = path


@option("--rule_ipv6=FILE", "IPv6 routes in place of the built-in ones")
def rule_ipv6(settings: Settings, path: str) -> None:
    settings.rule_ipv6 = path


@option("--eth-dest=PORT,MAC", "address that packets leaving by a port are sent to; else 02:00:00:00:00:PORT")
def eth_dest(settings: Settings, text: str) -> None:
    port, _, address = text.partition(",")
    try:
        number, mac = int(port), parse_mac(address)
    except ValueError:
        raise ConfigError(f"Invalid eth-dest: {text} is not PORT,MAC") from None
    if not 0 <= number < MAX_PORTS:
        raise ConfigError(f"eth-dest: port {number} >= RTE_MAX_ETHPORTS({MAX_PORTS})")
    settings.eth_dest[number] = mac


@option("--no-route=WHAT", "back: packets without a route go back to where they came from, as in the original; drop")
def no_route(settings: Settings, what: str) -> None:
    if what not in ("back", "drop"):
        raise ConfigError(f"--no-route: {what} is neither back nor drop")
    settings.no_route = "drop" if what == "drop" else "back"


@option("--interrupt-only", "refuse ports without receive interrupts, where lcores would have to poll")
def interrupt_only(settings: Settings) -> str:
    if settings.mode:
        raise ConfigError("interrupt-only mode is mutually exclusive with other modes")
    settings.mode = "interrupt-only"
    return "interrupt-only mode is enabled"


@option("--pmd-mgmt=MODE", "baseline: poll always, to compare with; there is no other mode")
def pmd_mgmt(settings: Settings, mode: str) -> str:
    if settings.mode:
        raise ConfigError("power mgmt mode is mutually exclusive with other modes")
    if mode != "baseline":
        raise ConfigError(f"Invalid PMD power management mode: {mode}: only baseline is there")
    settings.mode = "baseline"
    return "PMD power mgmt mode is enabled"


@option("--max-empty-polls=N", "polls without a packet before an lcore sleeps (1000)", type=METAVARS["N"])
def max_empty_polls(settings: Settings, count: int) -> str:
    settings.max_empty_polls = count
    return "Maximum empty polls configured"


@option("--stats-period=PERIOD", "show what the lcores did every PERIOD seconds; at the end in any case")
def stats_period(settings: Settings, text: str) -> None:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 0xFFFF):
        raise ConfigError("Invalid stats-period value")
    settings.stats_period_s = int(text)


@option("--json", "show it as one JSON object a line")
def as_json(settings: Settings) -> None:
    settings.json = True
