"""The csum engine between two queues of the test's own."""

from typing import Any

from fakes.packets import content, free, packet

from pytestpmd._dataplane import ffi
from pytestpmd.config import CsumConfig, ForwardConfig
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd import csum

MACS = bytes.fromhex("02000000000a") + bytes.fromhex("02000000000b")


def after(data: bytes) -> bytes:
    """The frame as the engine sends it when it has nothing to mend."""
    return MACS + data[12:]


class Engine:
    """Mbufs in, mbufs out."""

    def __init__(self, make_wire: Any) -> None:
        self._wire = make_wire("csum")
        self.pool: Mempool = self._wire.pool
        self.stream = self._wire.stream
        self._in: list[Any] = []
        self._out: list[Any] = []

        @ffi.callback("rx_burst_t")
        def receive(queue: Any, pkts: Any, nb: int) -> int:
            taken, self._in[:nb] = self._in[:nb], []
            pkts[0 : len(taken)] = taken
            return len(taken)

        @ffi.callback("tx_burst_t")
        def send(queue: Any, pkts: Any, nb: int) -> int:
            self._out += list(pkts[0:nb])
            return nb

        self._callbacks = receive, send
        self.stream.rx_burst, self.stream.tx_burst = receive, send
        ports = ForwardConfig()
        self.stream.csum.vxlan_gpe_port, self.stream.csum.geneve_port = ports.vxlan_gpe_port, ports.geneve_port
        self.set()

    def set(self, offloads: int = 0, **config: Any) -> "Engine":
        """Give the transmit port these offloads and settings."""
        csum.fill(self.stream.csum, CsumConfig(**config), offloads)
        return self

    def forward_copies(self, *mbufs: Any) -> list[Any]:
        """What comes out, which the caller frees."""
        self._in += mbufs
        self._wire.turn()
        out, self._out = self._out, []
        assert len(out) == len(mbufs)
        return out

    def forward_mbufs(self, *mbufs: Any) -> list[Any]:
        """The same, where these very mbufs must come out."""
        assert self.forward_copies(*mbufs) == list(mbufs)
        return list(mbufs)

    def forward(self, data: bytes, *, split: tuple[int, ...] = ()) -> bytes:
        """What becomes of one frame, in segments of these lengths."""
        (mbuf,) = self.forward_mbufs(packet(self.pool, data, split=split))
        result = content(mbuf)
        self.flags = int(mbuf.ol_flags)
        self.lengths = mbuf.l2_len, mbuf.l3_len, mbuf.l4_len
        self.tso_segsz = mbuf.tso_segsz
        free(mbuf)
        return result
