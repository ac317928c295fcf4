"""Ports whose device sees physical memory: everything that it is told of must be found there, in one page each.

The far end has nothing but the pages, each somewhere else; what goes over the end of one, or is told of by an address
of ours, is outside of its memory.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.control import CommandDevice
from fakes.net_device import Chain, NetDevice
from fakes.packed_device import InOrderPackedDevice, PackedDevice
from fakes.packets import content, frame, frames, free, packet, receive, receive_mbufs, transmit
from fakes.physical import PhysicalMemory
from fakes.transport import FakeTransport
from fakes.virtio_device import InOrderSplitDevice, SplitDevice

from pytestpmd._dataplane import ffi
from pytestpmd.drivers.virtio import ctrl
from pytestpmd.drivers.virtio.ctrlq import CONTROL_RING_SIZE, ControlQueue
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio.rings import Rings
from pytestpmd.drivers.virtio.virtqueue import Virtqueue, private_bytes, shared_bytes
from pytestpmd.drivers.virtio.vring import ring_layout
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.hugepages import HUGE_PAGE
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import PortConf

F = Feature
BASIC = F.VIRTIO_NET_F_MAC | F.VIRTIO_NET_F_STATUS | F.VIRTIO_F_VERSION_1
MERGEABLE, INDIRECT, IN_ORDER = F.VIRTIO_NET_F_MRG_RXBUF, F.VIRTIO_RING_F_INDIRECT_DESC, F.VIRTIO_F_IN_ORDER
PACKED = F.VIRTIO_F_RING_PACKED
CHECKSUMS = F.VIRTIO_NET_F_CSUM
SIZE = 64
#: By name: what is agreed besides, whether vectors are wanted, and the functions that this leads to.
PATHS = {
    "mergeable": (MERGEABLE, None, "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "mergeable-inorder": (
        MERGEABLE | IN_ORDER,
        None,
        "virtio_recv_mergeable_pkts_inorder",
        "virtio_xmit_pkts_inorder",
    ),
    "plain": (F(0), False, "virtio_recv_pkts", "virtio_xmit_pkts"),
    "vectors": (F(0), None, "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
    "vectors-inorder": (IN_ORDER, None, "virtio_recv_pkts_vec", "virtio_xmit_pkts_inorder"),
    "packed": (PACKED, None, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    "packed-mergeable": (PACKED | MERGEABLE, None, "virtio_recv_mergeable_pkts_packed", "virtio_xmit_pkts_packed"),
    "packed-inorder": (PACKED | IN_ORDER, False, "virtio_recv_pkts_packed", "virtio_xmit_pkts_packed"),
    "packed-vectors": (PACKED | IN_ORDER, True, "virtio_recv_pkts_packed_vec", "virtio_xmit_pkts_packed_vec"),
}


class Port(VirtioPort):
    """A port of no bus at all."""

    driver_name = "net_virtio_test"
    transport: FakeTransport


class Bench:
    """A port and the device at its other end."""

    def __init__(self, port: Port, memory: PhysicalMemory, pool: Mempool) -> None:
        self.port, self.pool, self.memory = port, pool, memory
        self.rx, self.tx = self._far_end(0), self._far_end(1)

    def _far_end(self, index: int) -> NetDevice:
        agreed, ring = self.port.agreed, self.port.transport.rings[index]
        if agreed.packed:
            kind: type[Any] = InOrderPackedDevice if agreed.in_order else PackedDevice
        else:
            kind = InOrderSplitDevice if agreed.in_order else SplitDevice
        at = (ring.desc, ring.avail, ring.used, ring.size)
        made: NetDevice = kind(self.memory.seen(), *at, hdr_size=agreed.hdr_size, indirect=agreed.indirect)
        return made

    def send(self, *mbufs: Any) -> int:
        queue = self.port.tx_queues[0]
        return transmit(queue.burst, queue.handle, mbufs)

    def received(self) -> list[bytes]:
        queue = self.port.rx_queues[0]
        return receive(queue.burst, queue.handle)


Make = Callable[..., Bench]


@pytest.fixture
def pool(physical: PhysicalMemory, make_pool: Callable[..., Mempool]) -> Mempool:
    """More than one page holds, so that buffers come from several."""
    return make_pool(1200)


@pytest.fixture
def make(no_leaks: None, physical: PhysicalMemory, pool: Mempool) -> Iterator[Make]:
    made: list[Port] = []

    def make_bench(features: Feature, vectorized: bool | None = None, **conf: Any) -> Bench:
        wanted = BASIC | features
        transport = FakeTransport(wanted)
        transport.is_on_bus = transport.uses_iova = True
        made.append(Port("net_virtio_test0", "", transport, wanted, SIZE, vectorized=vectorized))
        made[-1].port_id = 0
        made[-1].configure(PortConf(**conf), pool)
        made[-1].start()
        return Bench(made[-1], physical, pool)

    yield make_bench
    for port in made:
        port.close()


@pytest.mark.parametrize("name", PATHS)
def test_packets_go_both_ways_for_many_laps(make: Make, name: str) -> None:
    features, vectorized, rx, tx = PATHS[name]
    bench = make(features, vectorized)
    assert [choice.callback for choice in bench.port.burst_choices()] == [rx, tx]
    for turn in range(12):
        for data in frames(20, first=turn):
            bench.rx.deliver(data)
        assert bench.received() == frames(20, first=turn)
        assert bench.send(*(packet(bench.pool, data) for data in frames(20, 200, turn))) == 20
        assert bench.tx.collect() == frames(20, 200, turn)


@pytest.mark.parametrize("name", [name for name, (features, *_) in PATHS.items() if MERGEABLE in features])
def test_a_frame_over_several_buffers_arrives(make: Make, name: str) -> None:
    features, vectorized, *_ = PATHS[name]
    bench = make(features, vectorized, mtu=9000, rx_offloads=RxOffload.SCATTER)
    for turn in range(3 * SIZE // 5):
        assert bench.rx.deliver(frame(9000, turn)) == 5
        (got,) = receive_mbufs(bench.port.rx_queues[0].burst, bench.port.rx_queues[0].handle)
        assert (got.nb_segs, content(got)) == (5, frame(9000, turn))
        free(got)


@pytest.mark.parametrize("indirect", [F(0), INDIRECT], ids=["chains", "tables"])
@pytest.mark.parametrize("kind", [F(0), IN_ORDER, PACKED, PACKED | IN_ORDER], ids=str)
def test_a_packet_of_several_segments_leaves(make: Make, kind: Feature, indirect: Feature) -> None:
    bench = make(MERGEABLE | kind | indirect, tx_offloads=TxOffload.MULTI_SEGS)
    for turn in range(2 * SIZE):
        data = frame(1000, turn)
        assert bench.send(packet(bench.pool, data, split=[100, 200, 300])) == 1
        (chain,) = bench.tx.take_all()
        assert (chain.is_indirect, len(chain.pieces)) == (bool(indirect), 4)
        assert bench.tx.gather(chain)[1] == data
        bench.tx.complete([chain])


@pytest.mark.parametrize("kind", [F(0), IN_ORDER, PACKED, PACKED | IN_ORDER], ids=str)
def test_a_header_that_has_no_room_in_the_packet_is_found(make: Make, kind: Feature) -> None:
    bench = make(kind | INDIRECT, tx_offloads=TxOffload.MULTI_SEGS)
    for turn in range(2 * SIZE):
        data = frame(300, turn)
        assert bench.send(packet(bench.pool, data, headroom=0)) == 1
        (chain,) = bench.tx.take_all()
        assert bench.tx.gather(chain) == (bytes(12), data)
        bench.tx.complete([chain])


def test_every_ring_lies_in_one_page_and_small_ones_share_it(make: Make, physical: PhysicalMemory) -> None:
    before = physical.nb_pages
    bench = make(MERGEABLE, nb_rxq=4, nb_txq=4)
    assert physical.nb_pages == before + 1
    for vq in bench.port._virtqueues:
        at = vq.addresses
        places = {at.desc, at.desc + 16 * SIZE - 1, at.avail + 2 * SIZE + 5, at.used + 8 * SIZE + 5}
        assert len({place // HUGE_PAGE for place in places}) == 1


def test_the_largest_ring_is_told_of_in_whole_pieces(physical: PhysicalMemory) -> None:
    """Rings of 32768 take several pages with all that goes with them."""
    layout = ring_layout(32768, packed=False, legacy=True)
    transport = FakeTransport(nb_pairs=0)
    transport.is_on_bus = transport.uses_iova = True
    (queue,) = Rings.make([layout], "rings", transport)
    at = queue.addresses
    assert at.desc % 4096 == 0
    assert (at.avail, at.used) == (at.desc + layout.avail, at.desc + layout.used)
    memory = physical.seen()
    memory.piece(at.desc, layout.total)
    map_, headers = queue.ptr.iova, int(ffi.cast("uintptr_t", queue._headers))
    for address in range(headers, headers + 32768 * 256, 256):
        delta = map_.deltas[(address - map_.base) // HUGE_PAGE]
        memory.piece((address + delta) % (1 << 64), 256)


@pytest.mark.parametrize("packed", [False, True])
def test_a_ring_that_devices_cannot_be_told_of_is_refused(physical: PhysicalMemory, packed: bool) -> None:
    layout = ring_layout(SIZE, packed=packed)
    private = Arena(private_bytes(SIZE))
    with pytest.raises(ConfigError, match=r"^Devices cannot be told of 0x\w+: it is in no hugepage$"):
        Virtqueue(0, layout, Arena(shared_bytes(layout), shared=True), private, uses_iova=True)
    astride = Arena(2 * HUGE_PAGE, shared=True, bus=True)
    astride.alloc(HUGE_PAGE - 256)
    with pytest.raises(ConfigError, match=r": they are in several hugepages$"):
        Virtqueue(0, layout, astride, Arena(private_bytes(SIZE)), uses_iova=True)


@pytest.mark.parametrize("packed", [False, True])
def test_commands_are_found_and_answered(physical: PhysicalMemory, packed: bool) -> None:
    devices: list[CommandDevice] = []

    def serve() -> None:
        devices[0].serve()

    layout = ring_layout(CONTROL_RING_SIZE, packed=packed)
    queue = ControlQueue(2, layout, serve, is_on_bus=True, uses_iova=True)
    queue.reset(Agreement(Feature(0)))
    kind = PackedDevice if packed else SplitDevice
    at = queue.virtqueue.addresses
    devices.append(CommandDevice(kind(physical.seen(), at.desc, at.avail, at.used, at.size)))
    for turn in range(2 * CONTROL_RING_SIZE):
        queue.exchange(ctrl.vlan(turn, True))
    assert [int.from_bytes(command[2:], "little") for command in devices[0].commands] == list(range(128))


def test_who_is_told_of_memory_by_its_file_is_told_our_addresses(physical: PhysicalMemory, pool: Mempool) -> None:
    """A back-end over vhost-user beside devices that see physical memory."""
    transport = FakeTransport(BASIC)
    port = Port("net_virtio_test0", "", transport, BASIC, SIZE)
    port.port_id = 0
    port.configure(PortConf(), pool)
    port.start()
    regions = [range(region.address, region.address + region.size) for region in transport.regions]
    assert all(region.fd >= 0 for region in transport.regions)
    for ring in transport.rings.values():
        assert any(ring.desc in region for region in regions)
    (vq, _) = port._virtqueues
    assert any(vq.ptr.desc[0].addr in region for region in regions)
    port.close()


def test_a_device_behind_an_iommu_is_told_our_addresses_in_memory_for_devices(
    physical: PhysicalMemory, pool: Mempool
) -> None:
    """It may know few bits of an address, so all of it is in the window, which is low."""
    transport = FakeTransport(BASIC)
    transport.is_on_bus = True
    port = Port("net_virtio_test0", "", transport, BASIC, SIZE)
    port.port_id = 0
    port.configure(PortConf(), pool)
    port.start()
    window = range(physical.window.base, physical.window.base + physical.window.size)
    for ring in transport.rings.values():
        assert {ring.desc in window, ring.avail in window, ring.used in window} == {True}
    assert all(region.address in window for region in transport.regions)
    assert port._virtqueues[0].ptr.desc[0].addr in window
    port.close()


def test_the_chains_of_a_test_tell_addresses_of_the_device_s(make: Make, physical: PhysicalMemory) -> None:
    """Nothing above would fail if both sides' addresses were the same."""
    bench = make(MERGEABLE)
    chain: Chain = bench.rx.take()
    assert chain.pieces[0].address not in range(physical.window.base, physical.window.base + physical.window.size)
