"""How hardware would split received packets into segments: checked, remembered and shown.

No device here splits packets, so ports refuse to start with it, in the original's words (``app/hardware.py``).
"""

from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.params import IntList
from pytestpmd.cli.registry import command, option
from pytestpmd.config import MAX_RX_SEGMENTS
from pytestpmd.errors import ConfigError

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

OPTION_GROUP = "hardware"

_IP = [f"ipv{version}{l4}" for version in "46" for l4 in ("", "-tcp", "-udp", "-sctp")]
HEADERS = ("eth", *_IP, "grenat", "inner-eth", *(f"inner-{name}" for name in _IP))
OFFSETS, LENGTHS = IntList("rxpkt offsets"), IntList("rxpkt segments")


def _complaint(kind: str, values: tuple[int, ...]) -> str:
    """Why these are not taken, "" if they are; the program goes on either way."""
    if len(values) >= MAX_RX_SEGMENTS:
        return f"nb segments per RX packets={len(values)} >= MAX_SEGS_BUFFER_SPLIT - ignored"
    too_high = (f"{kind}[{i}]={value} > UINT16_MAX - give up" for i, value in enumerate(values) if value >= 0xFFFF)
    return next(too_high, "")


@option(
    "--rxoffs=X[,Y]",
    "offsets of the segments that a NIC splits received packets into",
    type=OFFSETS,
    invalid="bad rxoffs",
)
@command("set rxoffs (offsets)", "Set the offsets of the segments of received packets.", "config", offsets=OFFSETS)
def set_rxoffs(app: "TestPmd", offsets: tuple[int, ...]) -> str:
    complaint = _complaint("offset", offsets)
    if not complaint:
        app.config.rx_split.offsets = list(offsets)
    return complaint


@option(
    "--rxpkts=X[,Y]",
    "lengths of those segments; ports do not start with more than one",
    type=LENGTHS,
    invalid="bad rxpkts",
)
@command("set rxpkts (lengths)", "Set the lengths of the segments of received packets.", "config", lengths=LENGTHS)
def set_rxpkts(app: "TestPmd", lengths: tuple[int, ...]) -> str:
    complaint, split = _complaint("length", lengths), app.config.rx_split
    if not complaint:
        split.lengths, split.segments = list(lengths), len(lengths)
    return complaint


@option("--rxhdrs=HEADER[,HEADER]", "headers after which packets are split: eth, ipv4-udp, ...; as --rxpkts")
@command("set rxhdrs (name)", "Set the headers after which received packets are split.", "config")
def set_rxhdrs(app: "TestPmd", text: str) -> str:
    headers = [word for word in text.split(",") if word]
    for word in headers:
        if word not in HEADERS:
            raise ConfigError(f"Unsupported protocol: {word}")
    if not headers:
        raise ConfigError("bad rxpkts")
    if len(headers) >= MAX_RX_SEGMENTS:
        return f"nb segments per RX packets={len(headers) + 1} > MAX_SEGS_BUFFER_SPLIT - ignored"
    split = app.config.rx_split
    split.headers, split.segments = headers, len(headers) + 1
    return ""


@option("--multi-rx-mempool", "several pools for a receive queue; ports do not start with it")
def multi_rx_mempool(app: "TestPmd") -> None:
    app.config.rx_split.multi_rx_mempool = True


@command("show config rxoffs", "Show the offsets of the segments of received packets.", "display")
def show_rxoffs(app: "TestPmd") -> Answer:
    offsets = app.config.rx_split.offsets
    text = _listed("Number of offsets", "Segment offsets", len(offsets), ",".join(map(str, offsets)))
    return Answer(text, lambda: {"rxoffs": offsets})


@command("show config rxpkts", "Show the lengths of the segments of received packets.", "display")
def show_rxpkts(app: "TestPmd") -> Answer:
    split = app.config.rx_split
    lengths = (split.lengths + [0] * split.segments)[: split.segments]
    text = _listed("Number of segments", "Segment sizes", split.segments, ",".join(map(str, lengths)))
    return Answer(text, lambda: {"rxpkts": lengths})


@command("show config rxhdrs", "Show the headers after which received packets are split.", "display")
def show_rxhdrs(app: "TestPmd") -> Answer:
    split = app.config.rx_split
    headers = (split.headers + ["none"] * split.segments)[: max(0, split.segments - 1)]
    text = _listed("Number of segments", "Packet segs", split.segments, ", ".join([*headers, "payload"]))
    return Answer(text, lambda: {"rxhdrs": [*headers, "payload"] if split.segments else []})


def _listed(count_name: str, list_name: str, count: int, listed: str) -> str:
    return f"{count_name}: {count}\n{list_name}: {listed}" if count else f"{count_name}: 0"
