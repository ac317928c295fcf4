"""What one port leaves to the other end of the wire: checksums, segments and tags, from our ports to our ports.

Four ports in one process, two on each of two sockets. The test is at the far ends, lcores forward between the near
ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.appliance import Appliance
from fakes.checksums import frame, ipv4, ipv6, partial, right_frames, spoiled, tcp
from fakes.layouts import PAIRS, every_layout
from fakes.leaks import eventually
from fakes.packets import content, free, packet, receive_mbufs, transmit

from pytestpmd._dataplane import lib
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import EthPort, PortState

pytestmark = pytest.mark.usefixtures("no_leaks")

L4 = TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM
TOLD = RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM
NONE, LRO = lib.MBUF_F_RX_L4_CKSUM_NONE, lib.MBUF_F_RX_LRO
SEGSZ = 700


@dataclass(frozen=True)
class Received:
    """A frame at the far end, and what its port said of it."""

    data: bytes
    flags: int
    tso_segsz: int
    vlan_tci: int


def told(mbuf: Any) -> Received:
    """The size of segments means something only where there are some; a reused mbuf keeps the last one's."""
    segsz = mbuf.tso_segsz if mbuf.ol_flags & LRO else 0
    return Received(content(mbuf), int(mbuf.ol_flags), segsz, mbuf.vlan_tci)


class Bench:
    """Frames go in at ``source``, which sends to ``entry``; lcores forward to ``exit``, which sends to ``sink``."""

    def __init__(self, appliance: Appliance, names: tuple[str, str, str, str]) -> None:
        self.appliance = appliance
        ports = {port.name: port for port in appliance.app.ports}
        self.source, self.entry, self.exit, self.sink = (ports[name] for name in names)

    def run(self, *lines: str) -> str:
        return self.appliance.run(*lines)

    def ask(self, port: EthPort, *, rx: int = 0, tx: int = 0) -> None:
        """Give a port these offloads, as commands would, and have both ends agree on what follows."""
        self.run(f"port stop {port.port_id}")
        for way, kind, offloads in (("rx", RxOffload, rx), ("tx", TxOffload, tx)):
            for offload in kind:
                if offloads & offload and offload.name:
                    self.run(f"port config {port.port_id} {way}_offload {offload.name.lower()} on")

    def start(self, engine: str) -> None:
        for port in self.appliance.app.ports:
            if port.state is PortState.STOPPED:
                self.run(f"port start {port.port_id}")
        assert all(port.state is PortState.STARTED for port in self.appliance.app.ports), self.appliance.said
        assert self.appliance.are_up()
        self.run(f"set portlist {self.entry.port_id},{self.exit.port_id}", f"set fwd {engine}", "set verbose 0")
        assert "packet forwarding" in self.run("start")

    def forward(self, *mbufs: Any) -> list[Received]:
        """What comes out for what goes in."""
        queue, came = self.sink.rx_queues[0], list[Received]()
        for mbuf in mbufs:
            assert transmit(self.source.tx_queues[0].burst, self.source.tx_queues[0].handle, [mbuf]) == 1

        def all_came() -> bool:
            received = receive_mbufs(queue.burst, queue.handle)
            came.extend(map(told, received))
            free(*received)
            return len(came) >= len(mbufs)

        assert eventually(all_came), f"{len(came)} of {len(mbufs)} came"
        self.run("stop")
        return came

    def frames(self, *frames: bytes) -> list[Any]:
        """Packets that hold these, in segments as long as can be."""
        pool = self.appliance.app.pools[0]
        return [packet(pool, data, split=[2000] * ((len(data) - 1) // 2000)) for data in frames]


Make = Callable[..., Bench]
BACK_ENDS_FORWARD = ("net_virtio_user0", "net_vhost0", "net_vhost1", "net_virtio_user1")
FRONT_ENDS_FORWARD = ("net_vhost0", "net_virtio_user0", "net_virtio_user1", "net_vhost1")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Appliance] = []

    def make_bench(names: tuple[str, str, str, str], layout: str = "", vhost: str = "", options: str = "") -> Bench:
        vdevs = []
        for i in range(2):
            vdevs.append(f"net_vhost{i},iface={tmp_path / f's{i}'}{vhost}")
            vdevs.append(f"net_virtio_user{i},path={tmp_path / f's{i}'}{layout}")
        made.append(Appliance(*vdevs, options=f"--no-flush-rx {options}"))
        return Bench(made[-1], names)

    yield make_bench
    for appliance in made:
        appliance.__exit__(None, None, None)


def after(bench: Bench, data: bytes) -> bytes:
    """The frame as the csum engine readdresses it."""
    return bytes([2, 0, 0, 0, 0, bench.exit.port_id]) + bench.exit.mac + data[12:]


RIGHT = [*right_frames(9).values(), *right_frames(1380).values()]


@every_layout
@pytest.mark.parametrize("names", [BACK_ENDS_FORWARD, FRONT_ENDS_FORWARD], ids=["back-ends", "front-ends"])
@pytest.mark.parametrize("is_told", [False, True], ids=["finished", "told of"])
def test_a_checksum_left_to_the_other_end_is_finished_there_or_told_of(
    make: Make, layout: str, names: tuple[str, str, str, str], is_told: bool
) -> None:
    bench = make(names, layout)
    bench.ask(bench.exit, tx=L4)
    if is_told:
        bench.ask(bench.sink, rx=TOLD)
    bench.start("csum")
    came = bench.forward(*bench.frames(*[spoiled(data) for data in RIGHT]))
    assert [frame.data for frame in came] == [after(bench, partial(data) if is_told else data) for data in RIGHT]
    assert all(bool(frame.flags & NONE == NONE) == is_told for frame in came)


# Segments.


LARGE = [
    frame(ip, tcp(), payload=payload, seed=payload)
    for ip in (ipv4(), ipv6())
    for payload in (SEGSZ - 1, SEGSZ, SEGSZ + 1, 1400, 9001, 64000)
]
MERGEABLE = {name: layout for name, layout in PAIRS.items() if "mrg_rxbuf=0" not in layout}
LONG = "--max-pkt-len=9018 --tx-offloads=0x8000"
SCATTER = RxOffload.SCATTER
each_mergeable = pytest.mark.parametrize("layout", MERGEABLE.values(), ids=MERGEABLE)


def is_cut_up(data: bytes) -> bool:
    return len(data) > (66 if data[12:14] == b"\x08\0" else 86) + SEGSZ


@each_mergeable
@pytest.mark.parametrize("split", ["off", "on"])
def test_segments_left_to_a_back_end_come_as_one_frame(make: Make, layout: str, split: str) -> None:
    bench = make(FRONT_ENDS_FORWARD, layout, ",tso=1", LONG)
    bench.ask(bench.entry, rx=SCATTER)
    bench.ask(bench.exit, rx=SCATTER, tx=L4)
    bench.run(f"tso set {SEGSZ} {bench.exit.port_id}", "set txpkts 20,30,2000" + ",2000" * 40, f"set txsplit {split}")
    bench.ask(bench.sink, rx=TOLD)
    bench.start("csum")
    came = bench.forward(*bench.frames(*[spoiled(data) for data in LARGE]))
    for sent, got in zip(LARGE, came, strict=True):
        assert got.data == after(bench, partial(sent))
        assert (got.flags, got.tso_segsz) == ((NONE | LRO, SEGSZ) if is_cut_up(sent) else (NONE, 0))


def asking_for_segments(mbuf: Any, data: bytes) -> Any:
    """As an engine asks."""
    is_ipv4 = data[12:14] == b"\x08\0"
    mbuf.ol_flags = lib.MBUF_F_TX_TCP_SEG
    mbuf.ol_flags |= lib.MBUF_F_TX_IPV4 | lib.MBUF_F_TX_IP_CKSUM if is_ipv4 else lib.MBUF_F_TX_IPV6
    mbuf.l2_len, mbuf.l3_len, mbuf.l4_len, mbuf.tso_segsz = 14, 20 if is_ipv4 else 40, 32, SEGSZ
    return mbuf


@each_mergeable
def test_segments_that_a_back_end_hands_on_come_to_a_front_end_as_one_frame(make: Make, layout: str) -> None:
    """With legacy flags, what one front-end leaves to its back-end is left to the other one."""
    bench = make(BACK_ENDS_FORWARD, layout, ",tso=1,legacy-ol-flags=1", LONG)
    bench.ask(bench.source, rx=SCATTER, tx=L4 | TxOffload.TCP_TSO)
    bench.ask(bench.sink, rx=SCATTER | TOLD | RxOffload.TCP_LRO)
    bench.start("io")
    large = [data for data in LARGE if is_cut_up(data)]
    mbufs = bench.frames(*map(spoiled, large))
    came = bench.forward(*(asking_for_segments(m, data) for m, data in zip(mbufs, large, strict=True)))
    for sent, got in zip(large, came, strict=True):
        assert got.data == partial(sent)
        assert (got.flags, got.tso_segsz) == (NONE | LRO, SEGSZ)


@each_mergeable
def test_what_came_as_one_frame_leaves_whole_where_nobody_is_to_cut_it_up(make: Make, layout: str) -> None:
    """With a checksum that the csum engine has made over all of it."""
    bench = make(BACK_ENDS_FORWARD, layout, ",tso=1", LONG)
    bench.ask(bench.source, rx=SCATTER, tx=L4 | TxOffload.TCP_TSO)
    bench.ask(bench.entry, rx=TOLD)
    bench.ask(bench.sink, rx=SCATTER)
    bench.start("csum")
    large = [data for data in LARGE if is_cut_up(data)]
    mbufs = bench.frames(*map(spoiled, large))
    came = bench.forward(*(asking_for_segments(m, data) for m, data in zip(mbufs, large, strict=True)))
    assert [frame.data for frame in came] == [after(bench, data) for data in large]
    assert not any(frame.flags & LRO for frame in came)
