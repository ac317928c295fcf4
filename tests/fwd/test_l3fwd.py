"""What the routing engines do to packets, against a reading of the RFCs in Python."""

import random
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.internet import add_up
from fakes.packets import MakePool, content, free, packet
from fakes.router import Address, Flow, Sent, judge
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrRouting
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd.l3fwd import FLOW, LPM, LcoreCounts, Router, RouterConf, wake_percentile
from pytestpmd.fwd.routes import FlowRoute, Route, RouteTable

PORTS = (0, 1, 5)
MACS = {port: bytes([2, 0, 0, 0, 1, port]) for port in PORTS}
PEERS = {port: bytes([2, 0, 0, 0, 0, port]) for port in PORTS}
ROUTES = {
    "10.0.0.0/8": 0,
    "10.1.0.0/16": 1,
    "10.1.2.3/32": 5,
    "10.9.0.0/16": 7,
    "2001:db8::/32": 1,
    "2001:db8::1/128": 5,
}
TABLE = RouteTable(Route(ip_network(network), port) for network, port in ROUTES.items())
FLOWS = {
    Flow(ip_address("10.1.2.3"), ip_address("10.0.0.1"), 80, 9, 6): 1,
    Flow(ip_address("10.1.2.3"), ip_address("10.0.0.1"), 0, 0, 1): 5,
    Flow(ip_address("10.1.2.3"), ip_address("10.0.0.1"), 0, 0, 17): 0,
    Flow(ip_address("2001:db8::1"), ip_address("2001:db8::2"), 53, 9, 17): 1,
}
FLOW_TABLE = RouteTable(
    flows=[
        FlowRoute(flow.dst, flow.src, flow.dst_port, flow.src_port, flow.proto, port) for flow, port in FLOWS.items()
    ]
)


def route_of(address: Address) -> int | None:
    """By the longest prefix, to a port that there is."""
    networks = [(ip_network(text), port) for text, port in ROUTES.items()]
    found = [one for one in networks if one[0].version == address.version and address in one[0]]
    port = max(found, key=lambda one: one[0].prefixlen)[1] if found else None
    return port if port in PORTS else None


class Crossing:
    """A router whose ports' far ends are played here: what is received, and what leaves by which port."""

    def __init__(self, pool: Mempool, *, by_flow: bool = False, send_back: bool = False, lcores: int = 1) -> None:
        self.pool, self.room = pool, 1 << 16
        self.waiting: list[Any] = []
        self.sent: list[tuple[int, bytes]] = []
        self.settled: list[int] = []
        self._rx = ffi.callback("rx_burst_t", self._receive)
        self._tx = {port: ffi.callback("tx_burst_t", self._sender(port)) for port in PORTS}
        ports: list[Any] = [
            SimpleNamespace(
                port_id=port,
                mac=MACS[port],
                rx_queues=[SimpleNamespace(burst=self._rx, handle=ffi.NULL)] * 2,
                tx_queues=[SimpleNamespace(burst=self._tx[port], handle=ffi.NULL)],
            )
            for port in PORTS
        ]
        engine, table = (FLOW, FLOW_TABLE) if by_flow else (LPM, TABLE)
        queues = {2 + number: [(0, number)] for number in range(lcores)}
        self.router = Router(RouterConf(engine, table, queues, PEERS, send_back), ports, pool, lambda lcore: {0})
        for job in self.router.jobs:
            job.prepare(engine, turns=1)

    def _receive(self, queue: Any, pkts: Any, nb: int) -> int:
        count = min(nb, len(self.waiting))
        for i in range(count):
            pkts[i] = self.waiting.pop(0)
        return count

    def _sender(self, port: int) -> Any:
        def send(queue: Any, pkts: Any, nb: int) -> int:
            count = min(nb, self.room)
            if nb == 0:
                self.settled.append(port)
            for mbuf in pkts[0:count]:
                self.sent.append((port, content(mbuf)))
                free(mbuf)
            return count

        return send

    def turn(self, lcore: int = 0) -> None:
        self.router.jobs[lcore].run()

    def forward(self, *frames: bytes, split: Sequence[int] = (), ol_flags: int = 0) -> list[tuple[int, bytes]]:
        """What leaves when these come in, and by which port."""
        self.sent.clear()
        for frame in frames:
            mbuf = packet(self.pool, frame, split=split)
            mbuf.ol_flags = ol_flags
            self.waiting.append(mbuf)
        while self.waiting:
            self.turn()
        return list(self.sent)

    @property
    def counts(self) -> LcoreCounts:
        return self.router.counts()[0]

    def dropped(self) -> dict[str, int]:
        return {reason: count for reason, count in self.counts.dropped.items() if count}


@pytest.fixture
def crossing(make_pool: MakePool) -> Crossing:
    return Crossing(make_pool(256))


def ether(layers: Packet) -> bytes:
    return bytes(Ether(dst="02:00:00:00:00:aa", src="02:00:00:00:00:bb") / layers)


def udp(dst: str, **fields: Any) -> bytes:
    header = IPv6 if ":" in dst else IP
    src = "2001:db8::2" if ":" in dst else "10.0.0.1"
    return ether(header(dst=dst, src=src, **fields) / UDP(dport=53, sport=9) / Raw(b"payload"))


@pytest.mark.parametrize(
    ("dst", "port"),
    [("10.200.0.1", 0), ("10.1.9.9", 1), ("10.1.2.3", 5), ("10.1.2.4", 1), ("2001:db8::2", 1), ("2001:db8::1", 5)],
)
def test_a_packet_leaves_by_its_route_with_the_links_addresses_and_a_hop_less(
    crossing: Crossing, dst: str, port: int
) -> None:
    ((out, data),) = crossing.forward(udp(dst))
    assert out == port
    assert data[:12] == PEERS[port] + MACS[port]
    sent, came = Ether(data), Ether(udp(dst))
    if ":" in dst:
        assert sent[IPv6].hlim == came[IPv6].hlim - 1
    else:
        assert sent[IP].ttl == came[IP].ttl - 1
        assert add_up(bytes(sent[IP])[:20]) == 0xFFFF
    assert bytes(sent[UDP]) == bytes(came[UDP])
    assert crossing.counts.transmitted == 1
    assert crossing.dropped() == {}


def test_the_checksum_follows_every_time_to_live(crossing: Crossing) -> None:
    frames = [udp("10.1.9.9", ttl=ttl, id=number) for ttl in (2, 3, 128, 255) for number in range(0, 65536, 251)]
    frames += [udp("10.1.9.9", ttl=2, id=number) for number in (*range(0x100), *range(0xFF00, 0x10000))]
    for start in range(0, len(frames), 200):
        some = frames[start : start + 200]
        assert [data[12:] for _, data in crossing.forward(*some)] == [expected(one) for one in some]


def expected(frame: bytes) -> bytes:
    sent = judge(frame)
    assert isinstance(sent, Sent)
    return sent.data


def lie(frame: bytes, at: int, value: bytes) -> bytes:
    """A field that says something else; an IPv4 header's checksum is right all the same."""
    told = bytearray(frame)
    told[at : at + len(value)] = value
    if told[12:14] == b"\x08\0":
        length = max(20, told[14] % 16 * 4)
        told[24:26] = b"\0\0"
        told[24:26] = (0xFFFF - add_up(bytes(told[14 : 14 + length]))).to_bytes(2, "big")
    return bytes(told)


IPV4, IPV6 = udp("10.1.9.9"), udp("2001:db8::5")
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not IP"),
    "half an Ethernet header": (IPV4[:13], "not IP"),
    "ARP": (ether(ARP()), "not IP"),
    "a tag": (ether(Dot1Q(vlan=5) / IP(dst="10.1.9.9")), "not IP"),
    "an Ethernet header and no more": (IPV4[:14], "bad header"),
    "an IPv4 header cut short": (IPV4[:33], "bad header"),
    "IPv4 that says it is 6": (lie(IPV4, 14, b"\x65"), "bad header"),
    "IPv4 that says it is 0": (lie(IPV4, 14, b"\x05"), "bad header"),
    "IHL of 4": (lie(IPV4, 14, b"\x44"), "bad header"),
    "IHL of 0": (lie(IPV4, 14, b"\x40"), "bad header"),
    "IHL beyond the packet": (lie(udp("10.1.9.9")[:34], 14, b"\x4f"), "bad header"),
    "IHL beyond total_length": (lie(IPV4, 14, b"\x4a"), "bad header"),
    "total_length of 0": (lie(IPV4, 16, b"\0\0"), "bad header"),
    "total_length below the header": (lie(IPV4, 16, b"\0\x13"), "bad header"),
    "total_length beyond the packet": (lie(IPV4, 16, (len(IPV4) - 14 + 1).to_bytes(2, "big")), "bad header"),
    "total_length of 65535": (lie(IPV4, 16, b"\xff\xff"), "bad header"),
    "a wrong checksum": (IPV4[:24] + bytes([IPV4[24] ^ 1]) + IPV4[25:], "bad header"),
    "TTL 1": (udp("10.1.9.9", ttl=1), "TTL expired"),
    "TTL 0": (udp("10.1.9.9", ttl=0), "TTL expired"),
    "an IPv6 header cut short": (IPV6[:53], "bad header"),
    "an IPv6 header that is not there": (IPV6[:34], "bad header"),
    "IPv6 that says it is 4": (lie(IPV6, 14, b"\x40"), "bad header"),
    "an IPv6 payload cut short": (IPV6[:-1], "bad header"),
    "payload_len of 65535": (lie(IPV6, 18, b"\xff\xff"), "bad header"),
    "hop limit 1": (udp("2001:db8::5", hlim=1), "TTL expired"),
    "hop limit 0": (udp("2001:db8::5", hlim=0), "TTL expired"),
    "no route": (udp("11.0.0.1"), "no route"),
    "no IPv6 route": (udp("2001:db9::1"), "no route"),
    "a route to a port that is not there": (udp("10.9.0.1"), "no route"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("by_flow", [False, True])
def test_what_cannot_go_on_is_dropped_and_its_reason_counted(make_pool: MakePool, name: str, by_flow: bool) -> None:
    frame, reason = BAD[name]
    crossing = Crossing(make_pool(64), by_flow=by_flow)
    assert crossing.forward(frame) == []
    assert crossing.dropped() == {reason: 1}
    assert crossing.counts.received == {(0, 0): 1}


def test_what_has_no_route_goes_back_where_that_is_wished(make_pool: MakePool) -> None:
    crossing = Crossing(make_pool(64), send_back=True)
    frames = [udp("11.0.0.1"), udp("10.9.0.1"), udp("2001:db9::1"), udp("10.1.0.1"), udp("11.0.0.1", ttl=1)]
    assert [(port, data[:12]) for port, data in crossing.forward(*frames)] == [
        *[(0, PEERS[0] + MACS[0])] * 3,
        (1, PEERS[1] + MACS[1]),
    ]
    assert crossing.counts.unrouted == 3
    assert crossing.dropped() == {"TTL expired": 1}


def test_padding_and_options_pass(crossing: Crossing) -> None:
    padded = udp("10.1.9.9")[:42].ljust(60, b"\0")
    padded = lie(padded, 16, (28).to_bytes(2, "big"))
    optioned = ether(IP(dst="10.1.9.9", src="10.0.0.1", options=[b"\x94\x04\0\0"] * 10) / UDP())
    routed = ether(IPv6(dst="2001:db8::1") / IPv6ExtHdrRouting(addresses=["::1"]) / UDP())
    sent = crossing.forward(padded, optioned, routed)
    assert sorted(data[12:] for _, data in sent) == sorted(map(expected, (padded, optioned, routed)))


@pytest.mark.parametrize("where", [1, 12, 13, 14, 20, 33, 34, 40, 53, 54, 58])
@pytest.mark.parametrize("frame", [IPV4, IPV6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("by_flow", [False, True])
def test_headers_may_lie_across_segments(make_pool: MakePool, frame: bytes, where: int, by_flow: bool) -> None:
    frame = frame.ljust(80, b"\0")
    crossing, whole = (Crossing(make_pool(64), by_flow=by_flow, send_back=True) for _ in range(2))
    sent = crossing.forward(frame, split=[where])
    assert sent == whole.forward(frame)
    assert sent == crossing.forward(frame, split=[where, 1, 1])


def test_what_the_receiving_port_found_of_the_checksum_counts(crossing: Crossing) -> None:
    wrong = BAD["a wrong checksum"][0]
    assert len(crossing.forward(wrong, ol_flags=lib.MBUF_F_RX_IP_CKSUM_GOOD)) == 1
    assert crossing.forward(IPV4, ol_flags=lib.MBUF_F_RX_IP_CKSUM_BAD) == []
    assert crossing.dropped() == {"bad header": 1}


def test_flows_go_their_own_way_by_all_of_their_parts(make_pool: MakePool) -> None:
    crossing = Crossing(make_pool(64), by_flow=True)
    tcp = IP(dst="10.1.2.3", src="10.0.0.1")
    frames = {
        ether(tcp / TCP(dport=80, sport=9)): 1,
        ether(IP(dst="10.1.2.3", src="10.0.0.1", options=[b"\x94\x04\0\0"]) / TCP(dport=80, sport=9)): 1,
        ether(IP(dst="10.1.2.3", src="10.0.0.1", proto=1) / Raw(b"\0\x09\0\x50")): 5,
        udp("2001:db8::1"): 1,
        # of a fragment nobody knows the ports
        ether(IP(dst="10.1.2.3", src="10.0.0.1", frag=5) / UDP(dport=80, sport=9)): 0,
        ether(IP(dst="10.1.2.3", src="10.0.0.1", flags="MF") / UDP(dport=80, sport=9)): 0,
        ether(IP(dst="10.1.2.3", src="10.0.0.1", proto=17) / Raw(b"abc")): 0,
    }
    for frame, port in frames.items():
        ((out, data),) = crossing.forward(frame)
        assert (out, data[12:]) == (port, expected(frame))
    others = [
        ether(tcp / TCP(dport=80, sport=10)),
        ether(tcp / UDP(dport=80, sport=9)),
        ether(IP(dst="10.1.2.4", src="10.0.0.1") / TCP(dport=80, sport=9)),
        ether(IP(dst="10.1.2.3", src="10.0.0.2") / TCP(dport=80, sport=9)),
    ]
    assert crossing.forward(*others) == []
    assert crossing.dropped() == {"no route": 4}


def spoil(frame: bytes, dice: random.Random) -> bytes:
    """Some bytes of the headers are others, or the end is missing, or both; checksums are often right again."""
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        at = dice.randrange(12, min(60, len(frame))) if len(frame) > 12 else 0
        frame = frame[:at] + bytes([dice.getrandbits(8)]) + frame[at + 1 :]
    if dice.random() < 0.5 and len(frame) >= 34:
        frame = lie(frame, 12, frame[12:14])
    return frame[: dice.randint(0, len(frame))] if dice.random() < 0.3 else frame


@pytest.mark.parametrize("by_flow", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_the_rfcs_read_in_python_say_the_same(make_pool: MakePool, seed: int, by_flow: bool) -> None:
    dice = random.Random(seed)
    crossing = Crossing(make_pool(128), by_flow=by_flow)
    good = [udp(str(ip_network(text)[0])) for text in ROUTES]
    good += [ether(IP(dst="10.1.2.3", src="10.0.0.1") / TCP(dport=80, sport=9)), udp("10.1.2.3", options=[b"\1\1\1\0"])]
    for _ in range(1500):
        frame = spoil(dice.choice(good), dice)
        before = crossing.counts.dropped
        sent = crossing.forward(frame, split=sorted({dice.randrange(1, 9)}) if len(frame) > 9 else ())
        reasons = [reason for reason, count in crossing.counts.dropped.items() if count > before[reason]]
        assert (sent, reasons) == verdict(judge(frame), by_flow), frame.hex()


def verdict(sent: Sent | str, by_flow: bool) -> tuple[list[tuple[int, bytes]], list[str]]:
    if isinstance(sent, str):
        return [], [sent]
    port = FLOWS.get(sent.flow) if by_flow else route_of(sent.flow.dst)
    return ([], ["no route"]) if port is None else ([(port, PEERS[port] + MACS[port] + sent.data)], [])


def test_a_burst_for_many_ports_keeps_the_order_of_each(crossing: Crossing) -> None:
    names = {0: "10.200.0.1", 1: "10.1.9.9", 5: "10.1.2.3"}
    dice = random.Random(1)
    order = [(dice.choice(PORTS), number) for number in range(100)]
    sent = crossing.forward(*(udp(names[port], id=number) for port, number in order))
    assert len(sent) == 100
    for port in PORTS:
        came = [Ether(data)[IP].id for out, data in sent if out == port]
        assert came == [number for wanted, number in order if wanted == port]


def test_what_finds_no_room_is_dropped_and_counted(crossing: Crossing) -> None:
    crossing.room = 3
    assert len(crossing.forward(*[IPV4] * 32)) == 3
    assert crossing.dropped() == {"no room": 29}
    assert crossing.pool.in_use() == 0


def test_every_port_is_settled_at_the_end(crossing: Crossing) -> None:
    crossing.forward(IPV4)
    assert set(crossing.settled) == set(PORTS)


def test_lcores_without_queues_enough_share_one_under_a_lock(make_pool: MakePool) -> None:
    alone, shared = Crossing(make_pool(64)), Crossing(make_pool(64), lcores=2)
    assert alone.router.jobs[0].l3fwd.ports[1].lock == ffi.NULL
    locks = [job.l3fwd.ports[1].lock for job in shared.router.jobs]
    assert locks[0] == locks[1] != ffi.NULL
    assert locks[0] != shared.router.jobs[0].l3fwd.ports[0].lock
    assert len(shared.forward(IPV4)) == 1
    assert locks[0][0] == 0


def test_a_wakes_bin_is_within_an_eighth() -> None:
    for time_ns in (*range(1, 300), 1000, 12345, 10**6, 10**9, 8 * 10**9):
        bins = [0] * lib.WAKE_BINS
        bins[lib.fwd_wake_bin(time_ns)] = 1
        shown = wake_percentile(bins, 0.5)
        assert shown is not None
        assert time_ns < shown * 1000 <= max(time_ns * 1.13, time_ns + 1)
    assert lib.fwd_wake_bin(10**18) == lib.WAKE_BINS - 1


def test_percentiles_of_wakes() -> None:
    bins = [0] * lib.WAKE_BINS
    assert wake_percentile(bins, 0.5) is None
    for time_ns in range(1000, 101_000, 1000):
        bins[lib.fwd_wake_bin(time_ns)] += 1
    assert wake_percentile(bins, 0.5) == pytest.approx(50, rel=0.13)
    assert wake_percentile(bins, 0.99) == pytest.approx(99, rel=0.13)
