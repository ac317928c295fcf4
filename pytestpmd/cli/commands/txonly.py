"""The packets that txonly (and flowgen) make: lengths, addresses, flows."""

from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.params import INT32, TEXT
from pytestpmd.cli.registry import command, option
from pytestpmd.cli.render import config as render
from pytestpmd.config import MAX_SEGMENTS, MIN_TX_LENGTH, TxSplit
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "engines"

MAX_TX_TIME = 2**32 - 1
SPLITS: dict[str, TxSplit] = {"off": "off", "on": "on", "rand": "rand"}


@command("set txpkts (x[,y]*)", "Set the length of each segment of the packets that txonly makes.", "config")
def set_txpkts(app: "TestPmd", lengths: tuple[int, ...]) -> None:
    if len(lengths) > MAX_SEGMENTS:
        raise ConfigError(f"Tx segment size({len(lengths)}) is bigger than max number of segment({MAX_SEGMENTS})")
    room = app.config.pool.mbuf_sizes[0]
    for place, length in enumerate(lengths):
        if length > room:
            raise ConfigError(f"length[{place}]={length} > mbuf_data_size={room} - give up")
    if sum(lengths) < MIN_TX_LENGTH:
        raise ConfigError(f"total packet length={sum(lengths)} < {MIN_TX_LENGTH} - give up")
    app.config.forward.txpkts = list(lengths)


@option("--txpkts=X[,Y]", "length of each segment of the packets that txonly makes", invalid="bad txpkts")
def txpkts(app: "TestPmd", lengths: tuple[int, ...]) -> str:
    # As in the original, lengths that cannot be are said and the program goes on with 64.
    try:
        set_txpkts(app, lengths)
    except ConfigError as error:
        return str(error)
    return ""


@command("set txsplit (value)", "Set how txonly and csum split packets: off, on or rand.", "config", value=TEXT)
def set_txsplit(app: "TestPmd", value: str) -> None:
    if value not in SPLITS:
        raise ConfigError(f'unknown value: "{value}"')
    app.config.forward.txsplit = SPLITS[value]


@command("show config txpkts", "Show the lengths of the packets that txonly makes.", "display")
def show_config_txpkts(app: "TestPmd") -> Answer:
    forward = app.config.forward
    return Answer(render.txpkts(forward), lambda: {"txpkts": forward.txpkts, "txsplit": forward.txsplit})


@command(
    "set txtimes (x[,y]*)",
    "Set the gaps between bursts and between packets that txonly asks for; of use on ports that send by a clock.",
    "config",
)
def set_txtimes(app: "TestPmd", times: tuple[int, ...]) -> None:
    if len(times) > 2:
        raise ConfigError(f"Number of tx times = {len(times)} > 2 (maximum items)")
    if len(times) < 2:
        raise ConfigError("txtimes are two: between bursts, and between packets")
    if max(times) > MAX_TX_TIME:
        raise ConfigError(f"tx time {max(times)} > {MAX_TX_TIME} - give up")
    app.config.forward.tx_times = (times[0], times[1])


@command("show config txtimes", "Show the gaps that txonly asks for.", "display")
def show_config_txtimes(app: "TestPmd") -> Answer:
    between_bursts, between_packets = app.config.forward.tx_times
    data = {"interburst_gap": between_bursts, "intraburst_gap": between_packets}
    return Answer(render.txtimes(app.config.forward), lambda: data)


@option("--tx-ip=SRC,DST", "IPv4 addresses of the packets that txonly makes")
def tx_ip(app: "TestPmd", text: str) -> None:
    source, comma, destination = text.partition(",")
    if not comma or not source:
        raise ConfigError(f"Invalid tx-ip: {text}")
    app.config.forward.tx_ip = (_address("source", source), _address("destination", destination))


def _address(which: str, text: str) -> int:
    try:
        return int(IPv4Address(text))
    except AddressValueError:
        raise ConfigError(f"Invalid {which} IP address: {text}") from None


@option("--tx-udp=SRC[,DST]", "UDP ports of the packets that txonly makes")
def tx_udp(app: "TestPmd", text: str) -> None:
    source, _, destination = text.partition(",")
    first = _udp_port(source, f"Invalid UDP port: {text}")
    second = _udp_port(destination, f"Invalid destination UDP port: {destination}") if "," in text else first
    app.config.forward.tx_udp = (first, second)


def _udp_port(text: str, complaint: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 0xFFFF):
        raise ConfigError(complaint)
    return int(text)


@option("--txonly-multi-flow", "vary the UDP source port of the packets that txonly makes")
def txonly_multi_flow(app: "TestPmd") -> None:
    app.config.forward.txonly_multi_flow = True


@option("--txonly-flows=N", "number of flows per lcore with --txonly-multi-flow", type=INT32)
@command(
    "set txonly-flows (value)", "Set the number of flows per lcore with --txonly-multi-flow.", "config", value=INT32
)
def txonly_flows(app: "TestPmd", num: int) -> None:
    if not 1 <= num <= 64:
        raise ConfigError("txonly-flows must be >= 1 and <= 64")
    app.config.forward.txonly_flows = num


@option("--flowgen-flows=N", "number of flows that flowgen makes", type=INT32)
def flowgen_flows(app: "TestPmd", num: int) -> None:
    if num < 1:
        raise ConfigError("flows must be >= 1")
    app.config.forward.flowgen_flows = num


@option("--flowgen-clones=N", "number of copies of each packet that flowgen makes", type=INT32)
def flowgen_clones(app: "TestPmd", num: int) -> None:
    if num < 0:
        raise ConfigError("clones must be >= 0 and <= current burst")
    app.config.forward.flowgen_clones = num
