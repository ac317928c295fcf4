"""``port config ... rss``, ``show port ... rss``: how a port spreads packets over its receive queues."""

import errno
import re
from typing import TYPE_CHECKING

from pytestpmd.cli.answer import Answer
from pytestpmd.cli.facts import port as facts
from pytestpmd.cli.params import TEXT, parse_number
from pytestpmd.cli.registry import command
from pytestpmd.cli.render import rss as render
from pytestpmd.errors import ConfigError, OperationError
from pytestpmd.ethdev.port import EthPort
from pytestpmd.ethdev.rss import RSS_TYPES, RssDisabled, parse_key, rss_functions, rss_names

if TYPE_CHECKING:
    from pytestpmd.app import TestPmd

NO_KEY_SIZE = "dev_info did not provide a valid hash key size"
MAX_RETA_SIZE = 512
#: As DPDK numbers them.
RSS_ALGORITHMS = ("default", "simple_xor", "toeplitz", "symmetric_toeplitz", "symmetric_toeplitz_sort")
MASK_BITS = 64


@command(
    "port config all rss (value)", "Set what every port hashes: ip, tcp, udp, all, none, default.", "ports", value=TEXT
)
def config_rss(app: "TestPmd", what: str) -> str:
    """``default`` is all that each port can."""
    asked = None if what == "default" else _functions(what)
    lines, failed = [], False
    for port in app.ports:
        able = rss_functions(port.info().flow_types)
        wanted = able if asked is None else asked
        if wanted & ~able:
            lines.append(
                f"Port {port.port_id} modified RSS hash function based on hardware support,"
                f"requested:{render.number(wanted)} configured:{render.number(wanted & able)}"
            )
        refusal = _set_hash(port, wanted & able)
        failed |= bool(refusal)
        lines += refusal
    if asked is not None and not failed:
        app.config.queues.rss_functions = set(rss_names(asked))
        lines.append(f"rss_hf {render.number(asked)}")
    return "\n".join(lines)


def _functions(what: str) -> int:
    if what[0].isdecimal():
        bit = int(re.match(r"\d+", what)[0])  # type: ignore[index]
        if not 0 < bit < 64:
            raise ConfigError("flowtype_id should be greater than 0 and less than 64.")
        return 1 << bit
    if what != "none" and what not in RSS_TYPES:
        raise ConfigError("Unknown parameter")
    return RSS_TYPES.get(what, 0)


def _set_hash(port: EthPort, functions: int) -> list[str]:
    """What went wrong."""
    try:
        port.set_rss_hash(functions)
    except OperationError as error:
        failed = f"Configuration of RSS hash at ethernet port {port.port_id} failed with error ({error.code}): {error}."
        return [*_disabled(error), failed]
    return []


def _disabled(error: OperationError) -> list[str]:
    return [error.said] if isinstance(error, RssDisabled) else []


@command("port config (port_id) rss-hash-key (type) (key)", "Set the key of a port's hash.", "ports", key=TEXT)
def config_rss_key(app: "TestPmd", port_id: int, kind: str, text: str) -> str:
    port = app.ports[port_id]
    key = parse_key(text, _key_size(port))
    try:
        port.set_rss_hash(RSS_TYPES.get(kind, 0) & rss_functions(port.info().flow_types), key)
    except OperationError as error:
        return "\n".join([*_disabled(error), _diagnosis(error)])
    return ""


@command(
    "port config (port_id) rss-hash-algo (default|simple_xor|toeplitz|symmetric_toeplitz|symmetric_toeplitz_sort)",
    "Set the algorithm of a port's hash; the devices here have their default alone.",
    "ports",
)
def config_rss_algorithm(app: "TestPmd", port_id: int, name: str) -> str:
    failed = f"failed to get port {port_id} RSS configuration"
    if port_id not in app.ports:
        raise ConfigError(f"ETHDEV: Invalid port_id={port_id}\n{failed}")
    port = app.ports[port_id]
    if not port.info().hash_key_size:
        raise ConfigError(failed)
    failed = f"failed to set port {port_id} RSS hash algorithm"
    if not port.rss.functions:
        raise ConfigError(f"{RssDisabled.said}\n{failed}")
    if name != RSS_ALGORITHMS[0]:
        raise ConfigError(
            f"ETHDEV: Ethdev port_id={port_id} configured RSS hash algorithm ({RSS_ALGORITHMS.index(name)})"
            f"is not in the algorithm capability (0x1)\n{failed}"
        )
    return ""


def _diagnosis(error: OperationError) -> str:
    if error.code == errno.ENOTSUP:
        return "operation not supported by device"
    return f"operation failed - diag={-error.code}"


def _key_size(port: EthPort) -> int:
    size = port.info().hash_key_size
    if not size:
        raise ConfigError(NO_KEY_SIZE)
    return size


@command(
    "port config (port_id) rss reta (entries)",
    "Lead hashes to queues: (hash,queue)[(hash,queue)...].",
    "ports",
    entries=TEXT,
)
def config_rss_reta(app: "TestPmd", port_id: int, text: str) -> str:
    port = app.ports[port_id]
    size = port.info().reta_size
    if not size:
        raise ConfigError("Redirection table size is 0 which is invalid for RSS")
    lines = [f"The reta size of port {port_id} is {size}"]
    try:
        port.set_rss_reta(_entries(text, size), len(port.rx_queues))
    except ConfigError as error:
        lines.append(str(error))
    except OperationError as error:
        lines += [*_disabled(error), f"Bad redirection table parameter, return code = {-error.code}"]
    return "\n".join(lines)


def _entries(text: str, size: int) -> dict[int, int]:
    bad = "Invalid RSS Redirection Table config entered"
    entries = {}
    for pair in re.findall(r"\(([^)]*)(\)?)", text):
        fields = pair[0].split(",")
        try:
            index, queue = map(parse_number, fields)
        except ValueError:
            raise ConfigError(bad) from None
        if not pair[1] or not 0 <= index <= 0xFFFF or not 0 <= queue <= 0xFFFF:
            raise ConfigError(bad)
        if index >= size:
            raise ConfigError(f"Invalid RETA hash index={index}\n{bad}")
        entries[index] = queue
    return entries


@command(
    "show port (port_id) rss reta (size) (masks)",
    "Show entries of the redirection table: (mask[,mask]).",
    "display",
    masks=TEXT,
)
def show_rss_reta(app: "TestPmd", port_id: int, size: int, text: str) -> Answer:
    port = app.ports[port_id]
    most = min(port.info().reta_size, MAX_RETA_SIZE)
    if not 0 < size <= most:
        raise ConfigError(f"Invalid redirection table size: {size} (1-{most})")
    masks = _masks(text, size)
    table, shown = port.rss.reta, [i for i in range(size) if masks[i // MASK_BITS] >> i % MASK_BITS & 1]
    return Answer(render.reta(table, shown), lambda: facts.of_ports([port], lambda _: facts.reta(table, shown)))


def _masks(text: str, size: int) -> list[int]:
    """One of 64 bits for every 64 entries."""
    needed = -(-size // MASK_BITS)
    invalid = f"Invalid string: {text} for reta masks"
    inside = re.search(r"\(([^)]*)\)", text)
    if inside is None:
        raise ConfigError(invalid)
    words = inside[1].split(",")
    if len(words) != needed:
        raise ConfigError(f"The bits of masks do not match the number of reta entries: {needed}\n{invalid}")
    try:
        return [parse_number(word) for word in words]
    except ValueError:
        raise ConfigError(invalid) from None


@command("show port (port_id) rss-hash [key|algorithm]", "Show what a port hashes.", "display")
def show_rss_hash(app: "TestPmd", port_id: int, what: str | None = None) -> Answer:
    port = app.ports[port_id]
    _key_size(port)
    return Answer(render.rss_hash(port.rss, what), lambda: facts.of_ports([port], lambda _: facts.rss(port.rss)))
