"""Looking routes up, against searching all of them."""

import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from pytestpmd._dataplane import lib
from pytestpmd.errors import ConfigError
from pytestpmd.fwd import routes
from pytestpmd.fwd.routes import FlowRoute, Prefixes, Route, RouteTable

Address = IPv4Address | IPv6Address
KINDS: dict[int, tuple[Any, Any, int]] = {4: (IPv4Address, IPv4Network, 32), 6: (IPv6Address, IPv6Network, 128)}


def route(network: str, port: int) -> Route:
    return Route(ip_network(network), port)


def search(known: list[Route], address: Address) -> int | None:
    """The longest of those that hold the address."""
    found = [one for one in known if address.version == one.network.version and address in one.network]
    return max(found, key=lambda one: one.network.prefixlen).port if found else None


def neighbours(network: IPv4Network | IPv6Network, dice: random.Random) -> list[Address]:
    """Its first and last address, those just outside, and one within."""
    kind = KINDS[network.version][0]
    first, last = int(network.network_address), int(network.broadcast_address)
    top = (1 << network.max_prefixlen) - 1
    return [kind(min(max(n, 0), top)) for n in (first, last, first - 1, last + 1, dice.randint(first, last))]


def random_routes(version: int, count: int, dice: random.Random) -> list[Route]:
    """Networks of every length, many within each other: they share the beginnings of a few addresses."""
    _, kind, bits = KINDS[version]
    seeds = [dice.getrandbits(bits) for _ in range(5)]
    found = {}
    for _ in range(count):
        length = dice.randint(0, bits)
        kept = dice.randint(0, bits)
        address = dice.choice(seeds) >> (bits - kept) << (bits - kept) | dice.getrandbits(bits - kept or 1)
        network = kind(((address % (1 << bits)) >> (bits - length) << (bits - length), length))
        found[network] = Route(network, dice.randrange(32))
    return list(found.values())


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_the_longest_prefix_is_found_among_many(version: int, seed: int) -> None:
    dice = random.Random(seed)
    known = random_routes(version, 200, dice)
    table = RouteTable(dice.sample(known, len(known)))
    asked = [address for one in known for address in neighbours(one.network, dice)]
    asked += [KINDS[version][0](dice.getrandbits(KINDS[version][2])) for _ in range(200)]
    assert {address: table.find(address) for address in asked} == {address: search(known, address) for address in asked}


@pytest.mark.parametrize(
    ("networks", "address", "port"),
    [
        ([], "1.2.3.4", None),
        ([], "::1", None),
        (["0.0.0.0/0"], "255.255.255.255", 0),
        (["0.0.0.0/0"], "::", None),
        (["::/0"], "ffff::", 0),
        (["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32"], "10.1.2.3", 3),
        (["10.1.2.3/32", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"], "10.1.2.4", 1),
        (["10.1.2.3/32", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"], "10.1.3.4", 2),
        (["10.1.2.3/32", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"], "10.2.0.0", 3),
        (["10.1.2.0/23"], "10.1.3.255", 0),
        (["10.1.2.0/23"], "10.1.4.0", None),
        (["2001:db8::/32", "2001:db8::1/128"], "2001:db8::1", 1),
        (["2001:db8::/32", "2001:db8::1/128"], "2001:db8::2", 0),
        (["2001:db8::/127"], "2001:db8::2", None),
    ],
)
def test_a_route_covers_its_network_and_no_more(networks: list[str], address: str, port: int | None) -> None:
    table = RouteTable(route(network, number) for number, network in enumerate(networks))
    assert table.find(ip_address(address)) == port


def test_short_prefixes_take_no_more_than_the_root() -> None:
    assert len(Prefixes([route("0.0.0.0/0", 1), route("10.0.0.0/8", 2), route("10.1.0.0/16", 3)]).nodes) == 0
    assert len(Prefixes([route("10.1.2.3/32", 3), route("10.1.2.4/32", 3)]).nodes) == 512


def test_routes_beyond_all_measure_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_NODES", 3)
    with pytest.raises(ConfigError, match="take more than 3 KB"):
        RouteTable([route("1.2.3.4/32", 0), route("1.3.3.4/32", 0)])


def random_flow(dice: random.Random, port: int) -> FlowRoute:
    """One out of few for each part, so that flows differ in little."""
    kind, _, bits = KINDS[dice.choice((4, 6))]
    dst, src = (kind((1 << (bits - 2)) + dice.randrange(3)) for _ in range(2))
    return FlowRoute(dst, src, dice.choice((0, 1, 256)), dice.choice((0, 1, 256)), dice.choice((6, 17, 1)), port)


def key(flow: FlowRoute) -> tuple[object, ...]:
    return (flow.dst, flow.src, flow.dst_port, flow.src_port, flow.proto)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 300])
def test_a_flow_is_found_by_all_of_its_parts_and_no_other(count: int) -> None:
    dice = random.Random(count)
    known = {key(flow): flow for flow in (random_flow(dice, port % 32) for port in range(count))}
    table = RouteTable(flows=known.values())
    asked = [random_flow(dice, 0) for _ in range(1000)] + list(known.values())
    for flow in asked:
        expected = known.get(key(flow))
        assert table.find_flow(flow) == (expected.port if expected else None)


def test_a_search_for_a_flow_is_as_long_as_it_must_be_and_no_longer() -> None:
    dice = random.Random(5)
    known = {key(flow): flow for flow in (random_flow(dice, port % 32) for port in range(400))}
    table = RouteTable(flows=known.values())
    assert table.ptr.flows.mask + 1 >= 2 * len(known)
    assert table.ptr.flows.most_probes <= 20
    assert RouteTable().ptr.flows.most_probes == 0
    assert lib.ROUTE_NONE > 255
