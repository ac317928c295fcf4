"""icmpecho: what is answered, with what, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.packets import frame
from scapy.layers.inet import ICMP, IP, UDP, IPOption_RR
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from pytestpmd.fwd import ENGINES
from pytestpmd.fwd.topology import plan

MakeWire = Callable[..., Any]
BROADCAST, OWN, THEIRS, OTHER = "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:0b", "02:00:00:00:00:01", "02:00:00:00:00:02"
US, THEM = "10.9.0.2", "10.9.0.1"


def arp(**changes: Any) -> Packet:
    return ARP(op="who-has", hwsrc=THEIRS, psrc=THEM, hwdst="00:00:00:00:00:00", pdst=US, **changes)


def ping(ip: Packet | None = None, payload: bytes = bytes(range(56)), **changes: Any) -> Packet:
    return (ip or IP(src=THEM, dst=US)) / ICMP(id=7, seq=3, **changes) / Raw(payload)


def request(above: Packet, dst: str = OTHER, tag: Packet | None = None) -> bytes:
    ether = Ether(src=THEIRS, dst=dst)
    return bytes(ether / tag / above if tag else ether / above)


def test_it_answers_where_it_heard() -> None:
    assert ENGINES["icmpecho"].answers
    assert not any(engine.answers for name, engine in ENGINES.items() if name != "icmpecho")
    dealt = plan([0, 1, 2], 1, 1, [1], "paired", same_port=True)
    assert [(stream.rx_port, stream.tx_port) for stream in dealt.streams] == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("tag", [None, Dot1Q(vlan=5)], ids=["plain", "tagged"])
def test_an_arp_request_is_answered_with_the_ports_address(make_wire: MakeWire, tag: Packet | None) -> None:
    (answer,) = make_wire("icmpecho").forward(request(arp(), BROADCAST, tag))
    above = ARP(op="is-at", hwsrc=OWN, psrc=US, hwdst=THEIRS, pdst=THEM)
    ether = Ether(src=OWN, dst=THEIRS)
    assert answer == bytes(ether / tag / above if tag else ether / above)


@pytest.mark.parametrize("tag", [None, Dot1Q(vlan=5)], ids=["plain", "tagged"])
@pytest.mark.parametrize("length", [0, 1, 56, 57, 1400, 8000])
def test_an_echo_request_comes_back_as_its_reply(make_wire: MakeWire, tag: Packet | None, length: int) -> None:
    payload = frame(length + 64)[64:]
    (answer,) = make_wire("icmpecho").forward(request(ping(payload=payload), tag=tag))
    above = ping(IP(src=US, dst=THEM), payload, type="echo-reply")
    ether = Ether(src=OTHER, dst=THEIRS)
    assert answer == bytes(ether / tag / above if tag else ether / above)


@pytest.mark.parametrize("number", range(0, 65536, 4099))
def test_the_checksum_stays_right(make_wire: MakeWire, number: int) -> None:
    sent = request(IP(src=THEM, dst=US) / ICMP(id=number, seq=65535 - number))
    (answer,) = make_wire("icmpecho").forward(sent)
    reply = Ether(answer)[IP]
    said = reply[ICMP].chksum, reply.chksum
    del reply[ICMP].chksum, reply.chksum
    assert said == (IP(bytes(reply))[ICMP].chksum, IP(bytes(reply)).chksum)


def test_the_header_may_have_options(make_wire: MakeWire) -> None:
    ip = IP(src=THEM, dst=US, options=[IPOption_RR(routers=["0.0.0.0"] * 3)])
    (answer,) = make_wire("icmpecho").forward(request(ping(ip)))
    assert Ether(answer)[ICMP].type == 0
    assert answer[34:50] == request(ping(ip))[34:50]


@pytest.mark.parametrize(
    ("asker", "answers"), [("10.9.0.1", "10.9.0.2"), ("10.9.0.2", "10.9.0.1"), ("10.9.0.7", "10.9.0.5")]
)
def test_a_group_is_answered_for_by_a_neighbour(make_wire: MakeWire, asker: str, answers: str) -> None:
    ip = IP(src=asker, dst="224.0.0.1")
    (answer,) = make_wire("icmpecho").forward(request(ping(ip), "01:00:5e:00:00:01"))
    assert answer == bytes(Ether(src=OWN, dst=THEIRS) / ping(IP(src=answers, dst=asker), type="echo-reply"))


OTHERS = {
    "no-ip": frame(60),
    "arp-reply": request(ARP(op="is-at", psrc=THEM, pdst=US)),
    "arp-of-another-hardware": request(arp(hwtype=6)),
    "arp-of-another-protocol": request(arp(ptype=0x86DD)),
    "arp-cut": request(arp())[:41],
    "udp": request(IP(src=THEM, dst=US) / UDP(sport=7, dport=7)),
    "echo-reply": request(ping(type="echo-reply")),
    "code-1": request(ping(code=1)),
    "later-fragment": request(ping(IP(src=THEM, dst=US, frag=1))),
    "ihl-4": request(ping(IP(src=THEM, dst=US, ihl=4))),
    "version-6": request(ping(IP(src=THEM, dst=US, version=6))),
    "ip-cut": request(ping())[:33],
    "icmp-cut": request(ping())[:37],
    "two-tags": request(Dot1Q(vlan=6) / ping(), tag=Dot1Q(vlan=5)),
    "service-tag": request(ping(), tag=Dot1AD(vlan=5)),
    "tag-cut": request(ping(), tag=Dot1Q(vlan=5))[:17],
    "ipv6": request(IPv6(src="fe80::1", dst="fe80::2") / ICMPv6EchoRequest()),
    "ethernet-alone": request(ping())[:14],
}


def test_all_else_is_freed_and_not_counted_as_dropped(make_wire: MakeWire) -> None:
    wire = make_wire("icmpecho")
    assert wire.forward(*OTHERS.values()) == []
    assert (wire.stream.rx_packets, wire.stream.tx_packets, wire.stream.fwd_dropped) == (len(OTHERS), 0, 0)
    assert wire.pool.in_use() == 256


def test_each_of_them_alone_is_no_reason_to_answer(make_wire: MakeWire) -> None:
    wire = make_wire("icmpecho")
    assert {name for name, data in OTHERS.items() if wire.forward(data)} == set()


def test_answers_of_a_burst_leave_in_order_and_without_the_others(make_wire: MakeWire) -> None:
    wire = make_wire("icmpecho")
    pings = [request(IP(src=THEM, dst=US) / ICMP(id=1, seq=number)) for number in range(10)]
    mixed = [data for one in pings for data in (one, OTHERS["udp"], request(arp()))]
    answers = [Ether(data) for data in wire.forward(*mixed)]
    assert [answer[ICMP].seq for answer in answers if ICMP in answer] == list(range(10))
    assert [ARP in answer for answer in answers] == [False, True] * 10


def test_what_finds_no_room_is_dropped_and_counted(make_wire: MakeWire) -> None:
    wire = make_wire("icmpecho")
    for _ in range(10):
        wire.send(*[request(ping())] * 32)
        wire.turn()
    assert (wire.stream.rx_packets, wire.stream.tx_packets, wire.stream.fwd_dropped) == (320, 256, 64)
