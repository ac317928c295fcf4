"""The frame that txonly sends: pure, config to bytes."""

import struct
from dataclasses import dataclass
from typing import Any

from pytestpmd.config import ForwardConfig
from pytestpmd.errors import ConfigError

HEADERS_LEN = 14 + 20 + 8
ETHERTYPE_IPV4 = 0x0800
TTL = 64
PROTOCOL_UDP = 17


@dataclass(frozen=True)
class Frame:
    """Headers, and the lengths of the segments; the first one begins with the headers."""

    headers: bytes
    segments: tuple[int, ...]
    nb_flows: int = 0
    split_random: bool = False

    def fill(self, frame: Any) -> None:
        """Write it into a ``struct txonly_frame``."""
        frame.hdr = list(self.headers)
        frame.nb_segs = len(self.segments)
        frame.seg_len[0 : len(self.segments)] = list(self.segments)
        frame.pkt_len = sum(self.segments)
        frame.nb_flows, frame.split_random = self.nb_flows, self.split_random


def check_segments(forward: ForwardConfig, room: int) -> None:
    """Segments, and the headers, must fit ``room`` bytes; headers that vary must lie in the first segment whole."""
    longest = max(HEADERS_LEN, *forward.txpkts)
    if longest > room:
        raise ConfigError(f"Tx segment of {longest} bytes > {room} (room of an mbuf behind its headroom)")
    varying = forward.txonly_multi_flow or forward.txsplit == "rand"
    if varying and forward.txpkts[0] < HEADERS_LEN:
        raise ConfigError(
            "Random segment number or multiple flow is enabled, but tx_pkt_seg_lengths[0] "
            f"{forward.txpkts[0]} < {HEADERS_LEN} (needed)"
        )


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def txonly_frame(forward: ForwardConfig, own_mac: bytes, peer_mac: bytes) -> Frame:
    """Ethernet, IPv4 and UDP as the original's ``txonly.c`` fills them: id 0, no options, no UDP checksum."""
    source, destination = forward.tx_ip
    ip_length = (sum(forward.txpkts) - 14) & 0xFFFF  # what the field holds of a longer packet, as in the original
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, ip_length, 0, 0, TTL, PROTOCOL_UDP, 0, source, destination)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", *forward.tx_udp, (ip_length - 20) & 0xFFFF, 0)
    return Frame(
        peer_mac + own_mac + struct.pack("!H", ETHERTYPE_IPV4) + ip + udp,
        tuple(forward.txpkts),
        forward.txonly_flows if forward.txonly_multi_flow else 0,
        forward.txsplit == "rand",
    )
