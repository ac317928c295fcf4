"""Routes made into the tables that C looks up (``fwd/route.h``): longest prefixes, and flows that match exactly."""

import socket
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.memory import Arena
from pytestpmd.errors import ConfigError

ROOT_BITS = 16
NODE_BITS = 8
#: A table of prefixes may not be larger, in nodes of 1 KB.
MAX_NODES = 1 << 18


@dataclass(frozen=True)
class Route:
    """Packets to a network leave by a port."""

    network: IPv4Network | IPv6Network
    port: int

    def __str__(self) -> str:
        return f"{self.network} ({self.port})"


@dataclass(frozen=True)
class FlowRoute:
    """Packets of one flow leave by a port. Of protocols other than TCP and UDP, the ports are 0."""

    dst: IPv4Address | IPv6Address
    src: IPv4Address | IPv6Address
    dst_port: int
    src_port: int
    proto: int
    port: int

    def __str__(self) -> str:
        return f"{self.src} {self.src_port} to {self.dst} {self.dst_port}, protocol {self.proto} ({self.port})"


class Prefixes:
    """A ``struct route_lpm`` being made: the root, and nodes behind it.

    Leaves are pushed down: a node begins with what was known above it. So routes are taken in from the shortest prefix
    to the longest, and none has to look below where it ends.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.root = array("I", [lib.ROUTE_NONE]) * (1 << ROOT_BITS)
        self.nodes = array("I")
        for route in sorted(routes, key=lambda route: route.network.prefixlen):
            self._add(route)

    def _add(self, route: Route) -> None:
        bits, length = route.network.max_prefixlen, route.network.prefixlen
        address = int(route.network.network_address)
        table, start, top, mask = self.root, 0, ROOT_BITS, (1 << ROOT_BITS) - 1
        while length > top:
            start = self._node(table, start + (address >> (bits - top) & mask))
            table, top, mask = self.nodes, top + NODE_BITS, (1 << NODE_BITS) - 1
        first, count = start + (address >> (bits - top) & mask), 1 << (top - length)
        table[first : first + count] = array("I", [route.port]) * count

    def _node(self, table: "array[int]", at: int) -> int:
        """Where the node behind an entry begins; it is made where there was none."""
        if not table[at] & lib.ROUTE_NODE:
            number, known = len(self.nodes) >> NODE_BITS, table[at]
            if number == MAX_NODES:
                raise ConfigError(f"these routes take more than {MAX_NODES} KB of tables")
            self.nodes.extend([known] * (1 << NODE_BITS))
            table[at] = lib.ROUTE_NODE | number
        return int(table[at] & ~lib.ROUTE_NODE) << NODE_BITS

    @property
    def nbytes(self) -> int:
        return (len(self.root) + len(self.nodes)) * self.root.itemsize

    def fill(self, lpm: Any, memory: Arena) -> None:
        """Copy the table into C's memory."""
        lpm.root, lpm.nodes = (_copy(table, memory) for table in (self.root, self.nodes))


def _copy(table: "array[int]", memory: Arena) -> Any:
    block = memory.struct("uint32_t", len(table))
    ffi.memmove(block, table, len(table) * table.itemsize)
    return block


def flow_key(route: FlowRoute) -> Any:
    """A ``struct route_flow``."""
    flow = ffi.new("struct route_flow *")
    ffi.memmove(flow.dst, route.dst.packed, len(route.dst.packed))
    ffi.memmove(flow.src, route.src.packed, len(route.src.packed))
    flow.dst_port, flow.src_port = socket.htons(route.dst_port), socket.htons(route.src_port)
    flow.proto, flow.is_ipv6 = route.proto, route.dst.version == 6
    return flow


def _slots(nb_flows: int) -> int:
    """At least half of the places stay empty, and one at least: there searches end."""
    return 1 << nb_flows.bit_length() + 1


def _fill_flows(flows: Any, routes: Sequence[FlowRoute], memory: Arena) -> None:
    entries = memory.struct("struct route_flow_entry", _slots(len(routes)))
    mask = _slots(len(routes)) - 1
    for i in range(mask + 1):
        entries[i].hop = lib.ROUTE_NONE
    for route in routes:
        flow = flow_key(route)
        at, probes = lib.route_hash(flow), 1
        while entries[at & mask].hop != lib.ROUTE_NONE:
            at, probes = at + 1, probes + 1
        entries[at & mask].flow, entries[at & mask].hop = flow[0], route.port
        flows.most_probes = max(flows.most_probes, probes)
    flows.entries, flows.mask = entries, mask


class RouteTable:
    """Routes where C can look them up, to be shared by all lcores; it owns the memory."""

    def __init__(self, routes: Iterable[Route] = (), flows: Iterable[FlowRoute] = ()) -> None:
        routes, flows = list(routes), list(flows)
        tables = [Prefixes(route for route in routes if route.network.version == version) for version in (4, 6)]
        entries = _slots(len(flows)) * ffi.sizeof("struct route_flow_entry")
        self._memory = memory = Arena(sum(table.nbytes for table in tables) + entries + 4096, name="routes")
        self.ptr = memory.struct("struct route_table")
        for table, lpm in zip(tables, (self.ptr.ipv4, self.ptr.ipv6), strict=True):
            table.fill(lpm, memory)
        _fill_flows(self.ptr.flows, flows, memory)

    def find(self, address: IPv4Address | IPv6Address) -> int | None:
        """The port for an address, by its longest prefix."""
        hop = lib.route_find(self.ptr, address.packed, address.version == 6)
        return hop if hop < lib.ROUTE_NONE else None

    def find_flow(self, flow: FlowRoute) -> int | None:
        """The port for a flow, whose own ``port`` does not matter."""
        hop = lib.route_find_flow(self.ptr, flow_key(flow))
        return hop if hop < lib.ROUTE_NONE else None
