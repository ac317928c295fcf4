"""``set verbose``: a packet in two lines, as the original's ``util.c`` lays them out."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytestpmd._dataplane import lib
from pytestpmd.cli.render.flags import RX_FLAGS, TX_FLAGS, named
from pytestpmd.config import MarkConfig
from pytestpmd.eal.ether import mac_text
from pytestpmd.fwd.dump import DumpedPacket, Summed

ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x8100, 0x88A8, 0x0800, 0x86DD
IPV4_FRAGMENT = 0x3FFF
L4 = {6: "L4_TCP", 17: "L4_UDP", 132: "L4_SCTP"}
L4_LEN = {17: 8, 132: 12}


@dataclass
class Headers:
    """What the first bytes are: names of the layers, and their lengths in bytes."""

    names: list[str]
    lengths: list[tuple[str, int]]


def dump(packets: Iterable[DumpedPacket], lost: int, pool: str, marks: MarkConfig | None = None) -> str:
    """The lines of ``set verbose`` for packets in the order in which they passed."""
    lines = [line for packet in packets for line in _lines(packet, pool, marks or MarkConfig())]
    if lost:
        lines.append(f"{lost} packets passed too fast to be shown")
    return "\n".join(lines)


def _lines(packet: DumpedPacket, pool: str, marks: MarkConfig) -> Iterator[str]:
    if packet.nb_burst and not packet.summed:
        did = "sent" if packet.sent else "received"
        yield f"port {packet.port}/queue {packet.queue}: {did} {packet.nb_burst} packets"
    if packet.summed:
        yield from _summed(packet, packet.summed)
        return
    data = packet.data.ljust(14, b"\0")
    found = headers(packet.data)
    lengths = "".join(f" - {name}={length}" for name, length in found.lengths)
    queue = f"{'Send' if packet.sent else 'Receive'} queue=0x{packet.queue:x}"
    yield (
        f"  src={mac_text(data[6:12])} - dst={mac_text(data[:6])} - pool={pool} - type=0x{_u16(data, 12):04x} - "
        f"length={packet.pkt_len} - nb_segs={packet.nb_segs}{''.join((*_metadata(packet), *_marks(packet, marks)))} - "
        f"sw ptype: {' '.join(found.names)} {lengths} - {queue}"
    )
    yield f"  ol_flags: {named(packet.ol_flags, TX_FLAGS if packet.sent else RX_FLAGS)}"


def _metadata(packet: DumpedPacket) -> Iterator[str]:
    """What a driver told, or is to be told, besides the bytes."""
    if packet.ol_flags & lib.MBUF_F_RX_RSS_HASH:
        yield f" - RSS hash=0x{packet.hash_rss:x} - RSS queue=0x{packet.queue:x}"
    if packet.ol_flags & (lib.MBUF_F_TX_VLAN if packet.sent else lib.MBUF_F_RX_VLAN):
        yield f" - VLAN tci=0x{packet.vlan_tci:x}"


def _marks(packet: DumpedPacket, marks: MarkConfig) -> Iterator[str]:
    """What a port's packets are marked with as they are sent; those that are received are not."""
    value = marks.metadata.get(packet.port, 0) if packet.sent else 0
    if value:
        yield f" - Tx metadata: 0x{value:x}"
    flags = marks.flags.get(packet.port, set()) if packet.sent else set()
    for name in marks.names:
        yield f" - dynf {name}: {int(name in flags)}"


def _summed(packet: DumpedPacket, summed: Summed) -> Iterator[str]:
    """What the csum engine says of each packet (``csumonly.c``)."""
    ethertype, protocol = _types(packet.data, summed.l2_len)
    l3_len, l4_len = summed.l3_len, summed.l4_len
    yield "-----------------"
    yield (f"port={packet.port}, mbuf=0x{summed.address:x}, pkt_len={packet.pkt_len}, nb_segs={packet.nb_segs}:")
    yield (
        f"rx: l2_len={summed.l2_len} ethertype={ethertype:x} l3_len={l3_len} l4_proto={protocol} l4_len={l4_len} "
        f"flags={named(packet.ol_flags, RX_FLAGS)}"
    )
    if packet.ol_flags & lib.MBUF_F_RX_LRO:
        yield f"rx: m->lro_segsz={summed.lro_segsz}"
    if summed.asks:
        yield f"tx: m->l2_len={summed.l2_len} m->l3_len={l3_len} m->l4_len={l4_len}"
    if summed.tx_flags & lib.MBUF_F_TX_TCP_SEG:
        yield f"tx: m->tso_segsz={summed.tso_segsz}"
    yield f"tx: flags={named(summed.tx_flags, TX_FLAGS)}"


def _types(data: bytes, l2_len: int) -> tuple[int, int]:
    """What is behind the Ethernet header and its tags, and what the IP header says is behind itself."""
    ethertype = _u16(data, l2_len - 2) if l2_len <= len(data) else 0
    at = {ETHERTYPE_IPV4: 9, ETHERTYPE_IPV6: 6}.get(ethertype)
    return ethertype, data[l2_len + at] if at is not None and l2_len + at < len(data) else 0


def headers(data: bytes) -> Headers:
    """Ethernet, up to two tags, IPv4 or IPv6, and what is directly above (DPDK ``rte_net_get_ptype``)."""
    if len(data) < 14:
        return Headers([], [])
    l2_len, l2_name = 14, "L2_ETHER"
    ethertype = _u16(data, 12)
    for tag, name in ((ETHERTYPE_QINQ, "L2_ETHER_QINQ"), (ETHERTYPE_VLAN, "L2_ETHER_VLAN")):
        if ethertype == tag and len(data) >= l2_len + 4:
            ethertype, l2_len = _u16(data, l2_len + 2), l2_len + 4
            l2_name = l2_name if l2_name.endswith("QINQ") else name
    found = Headers([l2_name], [("l2_len", l2_len)])
    above = data[l2_len:]
    if ethertype == ETHERTYPE_IPV4 and len(above) >= 20:
        _ipv4(above, found)
    elif ethertype == ETHERTYPE_IPV6 and len(above) >= 40:
        found.names.append("L3_IPV6")
        found.lengths.append(("l3_len", 40))
        _l4(above[6], above[40:], found)
    return found


def _ipv4(data: bytes, found: Headers) -> None:
    length = (data[0] & 0xF) * 4
    found.names.append("L3_IPV4" if length == 20 else "L3_IPV4_EXT")
    found.lengths.append(("l3_len", length))
    if _u16(data, 6) & IPV4_FRAGMENT:
        found.names.append("L4_FRAG")
    else:
        _l4(data[9], data[length:], found)


def _l4(protocol: int, data: bytes, found: Headers) -> None:
    if protocol not in L4:
        return
    found.names.append(L4[protocol])
    is_whole_tcp = protocol == 6 and len(data) >= 13
    found.lengths.append(("l4_len", (data[12] >> 4) * 4 if is_whole_tcp else L4_LEN.get(protocol, 0)))


def _u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from("!H", data, at)[0])
