"""Routes: the built-in ones of DPDK's l3fwd-power and l3fwd, and files in l3fwd's format.

A line of such a file is empty, begins with ``#``, or with ``R``. For the longest prefix it goes on ``10.0.0.0/8 1``,
network and port; for the exact match ``10.0.0.2 10.0.0.1 53 9 0x11 1``: destination, source, their ports, protocol, and
the port that such packets leave by.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TypeVar

from pytestpmd.cli.params import parse_number
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.ports import MAX_PORTS
from pytestpmd.fwd.routes import FlowRoute, Route

TCP, UDP = 6, 17
#: As many rules as a file may have.
MAX_RULES = 65536

_NETWORKS: dict[int, Callable[[str], IPv4Network | IPv6Network]] = {
    4: lambda text: IPv4Network(text, strict=False),
    6: lambda text: IPv6Network(text, strict=False),
}
_ADDRESSES: dict[int, Callable[[str], IPv4Address | IPv6Address]] = {4: IPv4Address, 6: IPv6Address}
R = TypeVar("R", Route, FlowRoute)


def default_routes(version: int) -> list[Route]:
    """Of l3fwd-power for IPv4, of l3fwd for IPv6, which l3fwd-power has none for."""
    if version == 4:
        return [Route(IPv4Network(f"{port + 1}.1.1.0/24"), port) for port in range(8)]
    return [Route(IPv6Network(f"2001:200:0:{port:x}::/64"), port) for port in range(16)]


def default_flows(version: int) -> list[FlowRoute]:
    """Of l3fwd-power."""
    if version == 4:
        return [
            FlowRoute(IPv4Address(f"100.{n}0.0.{n}"), IPv4Address(f"200.{n}0.0.{n}"), 100 + n, 10 + n, TCP, n - 1)
            for n in range(1, 5)
        ]
    dst, src = IPv6Address("fe80::21b:21ff:fe91:3805"), IPv6Address("fe80::21e:67ff:fe0d:b60a")
    return [FlowRoute(dst, src, 1, 10, UDP, 4)]


def routes(version: int, path: str | None) -> list[Route]:
    """Of a file for the longest prefix, or the built-in ones; :class:`ConfigError` names the line that is no rule."""
    if path is None:
        return default_routes(version)
    return _read(path, lambda words: _route(words, version), lambda route: route.network)


def flows(version: int, path: str | None) -> list[FlowRoute]:
    """The same for the exact match."""
    if path is None:
        return default_flows(version)
    return _read(path, lambda words: _flow(words, version), lambda flow: replace(flow, port=0))


def _read(path: str, parse: Callable[[list[str]], R], key: Callable[[R], object]) -> list[R]:
    found: dict[object, R] = {}
    for number, text in _lines(path):
        where = f"{path} Line {number}"
        if not text.startswith("R"):
            raise ConfigError(f"{where}: should start with leading char R")
        try:
            rule = parse(text[1:].split())
        except ValueError as error:
            raise ConfigError(f"{where}: parse rules error: {error}") from None
        if key(rule) in found:
            raise ConfigError(f"{where}: there is a rule for the same above")
        if len(found) == MAX_RULES:
            raise ConfigError(f"{where}: more than {MAX_RULES} rules")
        found[key(rule)] = rule
    if not found:
        raise ConfigError(f"{path}: no rules")
    return list(found.values())


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Those that are neither empty nor comments, numbered."""
    try:
        with Path(path).open(encoding="ascii", errors="replace") as file:
            yield from _meant(file)
    except OSError as error:
        raise ConfigError(f"Cannot open {path}: {error.strerror}") from None


def _meant(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.rstrip()


def _route(words: list[str], version: int) -> Route:
    network, port = _take(words, 2)
    if "/" not in network:
        raise ValueError(f"{network} is not an address/length")
    return Route(_NETWORKS[version](network), _number(port, MAX_PORTS - 1))


def _flow(words: list[str], version: int) -> FlowRoute:
    dst, src, dst_port, src_port, proto, port = _take(words, 6)
    address = _ADDRESSES[version]
    return FlowRoute(
        address(dst),
        address(src),
        _number(dst_port, 0xFFFF),
        _number(src_port, 0xFFFF),
        _number(proto, 0xFF),
        _number(port, MAX_PORTS - 1),
    )


def _take(words: list[str], count: int) -> list[str]:
    if len(words) != count:
        raise ValueError(f"{len(words)} words, not {count}")
    return words


def _number(text: str, most: int) -> int:
    value = parse_number(text)
    if not 0 <= value <= most:
        raise ValueError(f"{text} is not between 0 and {most}")
    return value
