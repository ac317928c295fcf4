"""A stream between two virtio queues whose devices are played in Python."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.fwd import ENGINES

PEER_MAC = bytes.fromhex("02000000000a")
OWN_MAC = bytes.fromhex("02000000000b")


class Wire:
    """One engine on one stream: what the device at the left offers goes in, what comes out is at the right."""

    def __init__(self, pool: Mempool, engine: str, burst: int = 32) -> None:
        self.pool = pool
        self.left = DriverQueue(pool, size=256)
        self.right = DriverQueue(pool, size=256, free_thresh=256)
        lib.virtqueue_refill(self.left.vq)
        self.memory = Arena(64 << 10)
        self.frame = self.memory.struct("struct txonly_frame")
        self.stream = self.memory.struct("struct fwd_stream")
        stream = self.stream
        stream.rx_burst, stream.rx_queue = lib.virtio_recv_mergeable_pkts, self.left.vq
        stream.tx_burst, stream.tx_queue = lib.virtio_xmit_pkts, self.right.vq
        stream.pool, stream.txonly, stream.burst, stream.tx_port = pool.ptr, self.frame, burst, 7
        stream.peer_mac, stream.own_mac = list(PEER_MAC), list(OWN_MAC)
        self.lcore = self.memory.struct("struct fwd_lcore")
        self.lcore.streams = self.memory.struct("struct fwd_stream *", 4)
        self.lcore.streams[0] = stream
        self.lcore.nb_streams, self.lcore.lcore_id = 1, 2
        self.lcore.packet_fwd = ENGINES[engine].packet_fwd

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self.left.device.deliver(frame)

    def turn(self, count: int = 1) -> None:
        lib.fwd_run(self.lcore, count)

    def forward(self, *frames: bytes) -> list[bytes]:
        """What comes out when these go in."""
        self.send(*frames)
        self.turn()
        return self.right.device.collect()

    def close(self) -> None:
        self.left.close()
        self.right.close()


@pytest.fixture
def make_wire(make_pool: Callable[..., Mempool]) -> Iterator[Callable[..., Wire]]:
    wires: list[Wire] = []

    def make(engine: str, *, pool: Mempool | None = None, **settings: Any) -> Wire:
        wires.append(Wire(pool or make_pool(1024, cache_size=64), engine, **settings))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()
