"""The frames of flowgen: pure, config to bytes; and where each lcore's flows go on."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytestpmd._dataplane import ffi, lib
from pytestpmd.config import ForwardConfig
from pytestpmd.eal.memory import CACHE_LINE, Arena
from pytestpmd.errors import ConfigError
from pytestpmd.fwd.frame import ETHERTYPE_IPV4, PROTOCOL_UDP, TTL, checksum
from pytestpmd.fwd.setup import Setup
from pytestpmd.fwd.streams import Streams

if TYPE_CHECKING:
    from pytestpmd.fwd.session import Owner

#: The original takes so much off the lengths of ``set txpkts``, for a frame check sequence.
FCS_LEN = 4
SRC_MAC, DST_MAC = bytes.fromhex("000102030400"), bytes.fromhex("000102030401")
SRC_IP, FIRST_DST_IP = 0x0AFE0000, 0x0AFD0000
SRC_UDP, DST_UDP = 1000, 1001


@dataclass(frozen=True)
class Flows:
    """Frames of ``length`` bytes and their headers, in which destination and IP checksum are left 0."""

    headers: bytes
    length: int
    nb_flows: int
    clones: int

    def fill(self, flowgen: Any) -> None:
        """Write it into a ``struct flowgen``."""
        flowgen.hdr = list(self.headers)
        flowgen.len, flowgen.clones = self.length, self.clones
        flowgen.ip_sum = ~checksum(self.headers[14:34]) & 0xFFFF
        flowgen.first_dst, flowgen.nb_flows = FIRST_DST_IP, self.nb_flows


def flows(forward: ForwardConfig) -> Flows:
    """Ethernet, IPv4 and UDP as the original's ``flowgen.c`` fills them; the same from whatever port."""
    length = sum(forward.txpkts) - FCS_LEN
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, (length - 14) & 0xFFFF, 0, 0, TTL, PROTOCOL_UDP, 0, SRC_IP, 0)
    udp = struct.pack("!HHHH", SRC_UDP, DST_UDP, (length - 34) & 0xFFFF, 0)
    headers = DST_MAC + SRC_MAC + struct.pack("!H", ETHERTYPE_IPV4) + ip + udp
    return Flows(headers, length, forward.flowgen_flows, min(forward.flowgen_clones, lib.MAX_PKT_BURST))


class Flowgen(Setup, engine="flowgen"):
    """Each lcore goes on with the flow that it came to before."""

    def __init__(self, app: "Owner") -> None:
        super().__init__(app)
        self._memory: Arena | None = None
        self._next_flow: dict[int, int] = {}

    def check(self) -> None:
        length, room = flows(self.app.config.forward).length, self.app.pools[0].data_room - lib.MBUF_HEADROOM
        if length > room:
            raise ConfigError(
                f"flowgen's packets are of one segment: {length} bytes > {room} (room of an mbuf behind its headroom)"
            )

    def begin(self, made: Streams) -> list[str]:
        forward = self.app.config.forward
        self._memory = Arena((len(made.jobs) + 1) * (ffi.sizeof("struct flowgen") + CACHE_LINE), name="flowgen")
        for job in made.jobs:
            flowgen = self._memory.struct("struct flowgen")
            flows(forward).fill(flowgen)
            flowgen.next_flow = self._next_flow.get(job.lcore_id, 0) % forward.flowgen_flows
            for stream in job.streams:
                stream.ptr.flowgen = flowgen
        ports = forward.portlist[: forward.nb_ports]
        return [f"  number of flows for port {port_id}: {forward.flowgen_flows}" for port_id in ports]

    def why_poll(self) -> str:
        return "flowgen does not wait for packets"

    def end(self, made: Streams) -> None:
        for job in made.jobs:
            self._next_flow[job.lcore_id] = job.streams[0].ptr.flowgen.next_flow
