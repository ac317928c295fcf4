"""The port against a device that offers what the test says and remembers what it was told."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from fakes.guest import GuestMemory, view_of
from fakes.log import Logged
from fakes.packets import frame, packet, receive, transmit
from fakes.transport import ALL_FEATURES, FakeTransport
from fakes.virtio_device import SplitDevice

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio import controlled
from pytestpmd.drivers.virtio import rings as rings_module
from pytestpmd.drivers.virtio.limits import MIN_RING_SIZE
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.eal.memory import address_of
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, DeviceError, NotSupported, PortError, TestpmdError
from pytestpmd.ethdev.offloads import RxOffload
from pytestpmd.ethdev.port import SPEED_UNKNOWN, PortConf, PortState
from pytestpmd.log import Level

F = Feature
WANTED = (
    F.VIRTIO_NET_F_MAC
    | F.VIRTIO_NET_F_MTU
    | F.VIRTIO_NET_F_STATUS
    | F.VIRTIO_NET_F_MRG_RXBUF
    | F.VIRTIO_RING_F_INDIRECT_DESC
    | F.VIRTIO_F_VERSION_1
)
ACKNOWLEDGED = Status.ACKNOWLEDGE
DRIVER = ACKNOWLEDGED | Status.DRIVER
FEATURES_OK = DRIVER | Status.FEATURES_OK
DRIVER_OK = FEATURES_OK | Status.DRIVER_OK
SIZE = 64


class Port(VirtioPort):
    """A virtio port of no bus at all."""

    driver_name = "net_virtio_test"
    transport: FakeTransport


Make = Callable[..., Port]


@pytest.fixture
def make(no_leaks: None, pool: Mempool) -> Iterator[Make]:
    """Make ports, configured; they are closed at the end, and the pool must then be whole."""
    made: list[Port] = []

    def make_port(transport: FakeTransport | None = None, *, wanted: Feature = WANTED, **conf: Any) -> Port:
        port = Port("net_virtio_test0", "", transport or FakeTransport(), wanted, SIZE)
        made.append(port)
        port.port_id = 0
        port.configure(PortConf(**conf), pool)
        return port

    yield make_port
    for port in made:
        port.close()


def far_end(port: Port, pool: Mempool, index: int) -> SplitDevice:
    """A device on a ring, with nothing but what it was told of it and of the memory."""
    ring = port.transport.rings[index]
    memory = GuestMemory([*map(view_of, port._virtqueues.memory), view_of(pool.arena)])
    start = port.transport.bases[index]
    return SplitDevice(memory, ring.desc, ring.avail, ring.used, ring.size, event_idx=False, start=start)


# Bringing up.


def test_bring_up_follows_the_specification_s_order(make: Make) -> None:
    port = make()
    port.start()
    assert port.transport.told == [
        ("reconnect",),
        ("status", Status.RESET),
        ("status", ACKNOWLEDGED),
        ("status", DRIVER),
        ("features", WANTED),
        ("status", FEATURES_OK),
        ("mtu", 1500),
        ("memory",),
        ("setup", 0),
        ("setup", 1),
        ("enable", 0, True),
        ("enable", 1, True),
        ("status", DRIVER_OK),
    ]


def test_no_status_bit_is_taken_back_but_by_a_reset(make: Make) -> None:
    port = make()
    for _ in range(2):
        port.start()
        port.stop()
    told = [status for (status,) in port.transport.steps("status")]
    assert all(not now or now & before == before for before, now in pairwise(told))


def test_no_kick_comes_before_driver_ok_and_one_with_it(make: Make) -> None:
    port = make()
    early: list[int] = []
    for step in ("memory", "setup", "enable"):
        port.transport.hooks[step] = lambda: early.extend(port.transport.notifications(i) for i in range(2))
    port.start()
    assert early
    assert not any(early)
    assert port.transport.notifications(0) == 1, "the device is told of the receive buffers"


def test_receive_queues_are_full_and_transmit_queues_empty_when_the_device_begins(make: Make, pool: Mempool) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    port.start()
    assert [far_end(port, pool, i).waiting() for i in range(4)] == [SIZE, 0, SIZE, 0]
    assert pool.in_use() == 2 * SIZE


@pytest.mark.parametrize(("nb_rxq", "nb_txq"), [(1, 3), (3, 1), (0, 2)])
def test_queues_that_nobody_polls_get_no_buffers_and_are_not_enabled(
    make: Make, pool: Mempool, nb_rxq: int, nb_txq: int
) -> None:
    """A frame that came into one would be lost. Back-ends want the first pair enabled all the same."""
    port = make(nb_rxq=nb_rxq, nb_txq=nb_txq)
    port.start()
    nb_rings = 2 * max(nb_rxq, nb_txq)
    waiting = [far_end(port, pool, i).waiting() for i in range(nb_rings)]
    assert waiting == [SIZE if i % 2 == 0 and i // 2 < nb_rxq else 0 for i in range(nb_rings)]
    enabled = [index for index, on in port.transport.steps("enable")]
    assert enabled == [i for i in range(nb_rings) if i < 2 or i // 2 < (nb_txq if i % 2 else nb_rxq)]
    port.transport.go()
    port.transport.come()
    assert pool.in_use() == SIZE * nb_rxq


def test_rings_are_handed_over_with_nothing_used_and_no_flag(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    for index in range(2):
        device = far_end(port, pool, index)
        assert device.memory.read(device.used, 4) == bytes(4), "virtio 1.2, 2.7.10.1"
        assert port.transport.bases[index] == 0


def test_rings_and_buffers_lie_in_the_shared_memory_and_what_is_private_does_not(make: Make, pool: Mempool) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    port.start()
    regions = [(region.address, region.address + region.size) for region in port.transport.regions]

    def inside(address: int) -> bool:
        return any(start <= address < end for start, end in regions)

    for ring in port.transport.rings.values():
        assert inside(ring.desc)
        assert inside(ring.avail)
        assert inside(ring.used + 8 * SIZE + 5)
    assert inside(address_of(pool.ptr.mbufs[0].buf_addr))
    for vq in port._virtqueues:
        for secret in (vq.ptr, vq.ptr.slots, vq.ptr.free_ids, pool.ptr, pool.ptr.mbufs):
            assert not inside(address_of(secret))


def test_no_two_rings_share_a_byte(make: Make) -> None:
    port = make(nb_rxq=4, nb_txq=4)
    port.start()
    spans = []
    for ring in port.transport.rings.values():
        spans += [
            (ring.desc, 16 * ring.size),
            (ring.avail, 6 + 2 * ring.size),
            (ring.used, 6 + 8 * ring.size),
        ]
    spans.sort()
    assert len(spans) == 24
    assert all(start + length <= after for (start, length), (after, _) in pairwise(spans))


def test_packets_go_both_ways_through_what_the_device_was_told(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    rx, tx = far_end(port, pool, 0), far_end(port, pool, 1)
    rx.deliver(frame(100))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100)]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(200))]) == 1
    assert tx.collect() == [frame(200)]
    assert (port.stats().ipackets, port.stats().obytes) == (1, 200)


@pytest.mark.parametrize("step", ["reconnect", "status", "features", "mtu", "memory", "setup", "enable"])
def test_a_step_that_fails_leaves_the_port_stopped_and_every_mbuf_free(make: Make, pool: Mempool, step: str) -> None:
    port = make()
    port.transport.refuse[step] = DeviceError("no, thank you")
    for _ in range(2):
        with pytest.raises(DeviceError, match="no, thank you"):
            port.start()
        assert port.state is PortState.STOPPED
        assert pool.in_use() == 0
        assert not port.link().up
        port.transport.is_there = True
    del port.transport.refuse[step]
    port.start()
    assert pool.in_use() == SIZE


def test_a_device_that_failed_at_the_start_is_let_go(make: Make) -> None:
    port = make()
    port.transport.refuse["setup"] = DeviceError("no ring today")
    with pytest.raises(DeviceError):
        port.start()
    assert port.transport.steps("drop") == [["the back-end is of no use: no ring today"]]


def test_without_a_device_the_port_starts_with_its_link_down(make: Make, pool: Mempool) -> None:
    port = make()
    port.transport.is_there = False
    port.start()
    assert port.transport.told == [("reconnect",)]
    assert not port.link().up
    assert pool.in_use() == SIZE, "the rings wait for a device"


@pytest.mark.parametrize(
    "missing",
    [F(0), F.VIRTIO_F_VERSION_1, F.VIRTIO_NET_F_MRG_RXBUF, F.VIRTIO_RING_F_INDIRECT_DESC, ALL_FEATURES],
    ids=hex,
)
def test_a_device_that_lacks_a_feature_is_used_without_it(make: Make, pool: Mempool, missing: Feature) -> None:
    port = make(FakeTransport(ALL_FEATURES & ~missing))
    port.start()
    assert not port.agreed.features & missing
    rx, tx = far_end(port, pool, 0), far_end(port, pool, 1)
    rx.hdr_size = tx.hdr_size = port.agreed.hdr_size
    rx.deliver(frame(100))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100)]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(200))]) == 1
    assert tx.collect() == [frame(200)]


def test_a_device_that_offers_every_bit_there_is_gets_those_that_are_known(make: Make) -> None:
    port = make(FakeTransport(((1 << 64) - 1) & ~F.VIRTIO_F_RING_PACKED))
    port.start()
    assert port.transport.steps("features") == [[WANTED]]
    assert port.link().up


# Stopping.


def test_stop_disables_every_queue_then_stops_each_then_resets(make: Make) -> None:
    port = make()
    port.start()
    port.transport.told.clear()
    port.stop()
    assert port.transport.told == [
        ("enable", 0, False),
        ("enable", 1, False),
        ("stop", 0),
        ("stop", 1),
        ("status", Status.RESET),
    ]


def test_buffers_are_freed_only_when_the_device_has_let_go_of_them(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    held: list[int] = []
    for step in ("enable", "stop", "status"):
        port.transport.hooks[step] = lambda: held.append(pool.in_use())
    port.stop()
    assert set(held) == {SIZE}
    assert pool.in_use() == 0


@pytest.mark.parametrize("step", ["enable", "stop", "status"])
def test_a_device_that_does_not_stop_is_let_go_and_the_port_stops(make: Make, pool: Mempool, step: str) -> None:
    port = make()
    port.start()
    port.transport.refuse[step] = DeviceError("busy")
    port.stop()
    assert port.state is PortState.STOPPED
    assert port.transport.steps("drop") == [["the back-end did not stop: busy"]]
    assert pool.in_use() == 0


def test_a_device_that_is_gone_is_not_kicked(make: Make) -> None:
    port = make()
    port.start()
    assert port._virtqueues[0].ptr.doorbell.kind == lib.DOORBELL_EVENTFD
    port.transport.go()
    assert {vq.ptr.doorbell.kind for vq in port._virtqueues} == {lib.DOORBELL_NONE}


def test_a_device_that_is_gone_is_not_spoken_to(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    port.transport.go()
    port.transport.told.clear()
    port.stop()
    assert port.transport.told == []
    assert pool.in_use() == 0


def test_packets_that_were_under_way_are_freed_at_stop(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame()) for _ in range(10)])
    far_end(port, pool, 0).deliver(frame())
    port.stop()
    assert pool.in_use() == 0


def test_a_port_can_be_started_and_stopped_many_times(make: Make, pool: Mempool) -> None:
    port = make()
    for _ in range(20):
        port.start()
        far_end(port, pool, 0).deliver(frame())
        assert len(receive(port.rx_queues[0].burst, port.rx_queues[0].handle)) == 1
        port.stop()
    assert port.stats().ipackets == 20


def test_close_gives_the_transport_back_once(make: Make) -> None:
    port = make()
    port.start()
    port.close()
    port.close()
    assert port.transport.is_closed
    assert port.state is PortState.CLOSED
    with pytest.raises(PortError):
        port.start()


# The device goes, and one comes.


def test_a_device_that_a_start_has_found_already_is_not_begun_with_twice(make: Make) -> None:
    """A server's thread has greeted it, and tells of it when the console's thread has started the port with it."""
    port = make()
    transport = port.transport
    changes: list[object] = []
    port.on_link_change = changes.append
    port.start()
    told = len(transport.told)
    transport.on_change()
    assert len(transport.told) == told
    assert changes == []
    transport.go()
    transport.come()
    assert len(transport.told) > told, "but the next one is"
    assert len(changes) == 2


def test_a_device_that_goes_takes_the_link_down_and_tells_of_it_once(make: Make) -> None:
    port = make()
    port.start()
    seen: list[bool] = []
    port.on_link_change = lambda changed: seen.append(changed.link().up)
    assert port.link().up
    port.transport.go()
    port.transport.come()
    assert seen == [False, True]


def test_a_device_that_comes_goes_on_where_the_last_one_was(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    first = far_end(port, pool, 0)
    for number in range(5):
        first.deliver(frame(number=number))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(number=i) for i in range(5)]
    port.transport.go()
    port.transport.told.clear()
    port.transport.come()
    assert port.transport.bases == {0: 5, 1: 0}
    assert port.transport.told[-1] == ("status", DRIVER_OK)
    second = far_end(port, pool, 0)
    second.deliver(frame(number=9))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(number=9)]


def test_a_device_that_lacks_what_was_agreed_is_refused_by_name(make: Make) -> None:
    """The rings' layout, and what packets may ask for, are fixed when the port is configured."""
    port = make()
    port.start()
    seen: list[bool] = []
    port.transport.go()
    port.on_link_change = lambda changed: seen.append(changed.link().up)
    port.transport.come(ALL_FEATURES & ~F.VIRTIO_F_VERSION_1)
    assert port.transport.steps("drop") == [["the back-end is of no use: the device does not offer VIRTIO_F_VERSION_1"]]
    assert seen == []
    assert not port.link().up
    port.transport.come(ALL_FEATURES)
    assert seen == [True]


#: Ways of using the rings that a back-end may have or lack, each with the callbacks of its own.
USES = {
    "all": (WANTED | F.VIRTIO_F_IN_ORDER, "virtio_recv_mergeable_pkts_inorder", "virtio_xmit_pkts_inorder"),
    "not in order": (WANTED, "virtio_recv_mergeable_pkts", "virtio_xmit_pkts"),
    "one buffer": (WANTED & ~F.VIRTIO_NET_F_MRG_RXBUF, "virtio_recv_pkts_vec", "virtio_xmit_pkts_simple"),
    "modern": (F.VIRTIO_F_VERSION_1 | F.VIRTIO_F_IN_ORDER, "virtio_recv_pkts_vec_inorder", "virtio_xmit_pkts_inorder"),
}
#: But for what cannot change any more.
FIXED = F.VIRTIO_NET_F_MAC | F.VIRTIO_NET_F_STATUS | F.VIRTIO_NET_F_MTU


@pytest.mark.parametrize("now", USES)
@pytest.mark.parametrize("before", USES)
def test_rings_are_used_as_each_device_can(make: Make, pool: Mempool, logged: Logged, before: str, now: str) -> None:
    """What the last one had, or what was presumed, may be more or less; packets flow on the same queues."""
    port = make(FakeTransport(USES[before][0] | FIXED), wanted=WANTED | F.VIRTIO_F_IN_ORDER)
    bound: list[object] = []
    port.on_bursts_change = lambda changed: bound.append(changed.rx_queues[0].burst)
    port.start()
    queues = port.rx_queues[0], port.tx_queues[0]
    handles = [queue.handle for queue in queues]
    port.transport.go()
    port.transport.come(USES[now][0] | FIXED)
    assert port.link().up
    assert port.agreed.features == port.transport.steps("features")[-1][0]
    assert port.agreed.features & ~FIXED == USES[now][0] & ~FIXED
    assert (port.choice.rx.callback, port.choice.tx.callback) == USES[now][1:]
    assert [queue.handle for queue in queues] == handles
    assert len(bound) == (before != now)
    assert before == now or "port 0: the back-end " in logged
    device = far_end(port, pool, 0)
    device.deliver(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())]) == 1
    assert far_end(port, pool, 1).collect() == [frame()]


def test_a_device_whose_buffers_would_be_too_small_is_refused(make: Make) -> None:
    port = make(mtu=4000, rx_offloads=RxOffload.SCATTER)
    port.start()
    port.transport.go()
    port.transport.come(ALL_FEATURES & ~F.VIRTIO_NET_F_MRG_RXBUF)
    ((why,),) = port.transport.steps("drop")
    assert str(why).startswith(
        "the back-end is of no use: it lacks VIRTIO_NET_F_MRG_RXBUF: RxQ 0 Rx scatter check failed"
    )
    port.transport.come(ALL_FEATURES)
    assert port.link().up


def test_a_device_that_fails_when_it_comes_is_dropped_and_the_next_one_works(make: Make) -> None:
    port = make()
    port.start()
    port.transport.go()
    port.transport.refuse["memory"] = DeviceError("out of maps")
    port.transport.come()
    assert not port.link().up
    port.transport.refuse.clear()
    port.transport.come()
    assert port.link().up


def test_a_device_that_comes_to_a_stopped_port_is_told_nothing(make: Make) -> None:
    port = make()
    port.transport.go()
    port.transport.come()
    port.start()
    port.stop()
    port.transport.told.clear()
    port.transport.go()
    port.transport.come()
    assert port.transport.told == []


# A device that lies.


def lie(port: Port, pool: Mempool) -> None:
    """Use more than was offered."""
    far_end(port, pool, 0).publish(1000)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []


def test_a_fault_is_told_once(make: Make, pool: Mempool, capsys: pytest.CaptureFixture[str]) -> None:
    port = make()
    port.start()
    lie(port, pool)
    for _ in range(5):
        port.transport.on_tick()
    line = "VIRTIO_DRIVER: port 0 rxq 0 is stopped: the device moved used.idx further than there are buffers"
    assert capsys.readouterr().err.splitlines().count(line) == 1


def test_a_fault_is_over_when_the_port_starts_again_and_is_told_again(
    make: Make, pool: Mempool, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make()
    for _ in range(2):
        port.start()
        lie(port, pool)
        port.transport.on_tick()
        port.stop()
        assert pool.in_use() == 0
    assert capsys.readouterr().err.count("is stopped") == 2


def test_a_fault_is_over_when_the_next_device_comes(
    make: Make, pool: Mempool, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    port.start()
    far_end(port, pool, 2).deliver(frame())
    lie(port, pool)
    port.transport.on_tick()
    port.transport.go()
    port.transport.come()
    assert port.transport.bases == {0: 0, 1: 0, 2: 1, 3: 0}, "the sound rings go on, the broken one begins anew"
    far_end(port, pool, 0).deliver(frame(number=3))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(number=3)]
    assert receive(port.rx_queues[1].burst, port.rx_queues[1].handle) == [frame()]
    assert pool.in_use() == 2 * SIZE - 2, "what was received, and there is no need to refill yet"
    lie(port, pool)
    port.transport.on_tick()
    assert capsys.readouterr().err.count("rxq 0 is stopped") == 2


def test_a_fault_of_one_queue_leaves_the_others_at_work(make: Make, pool: Mempool) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    port.start()
    lie(port, pool)
    far_end(port, pool, 2).deliver(frame())
    assert receive(port.rx_queues[1].burst, port.rx_queues[1].handle) == [frame()]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame())]) == 1


# A device that cannot go on.


def test_a_device_that_needs_a_reset_gets_one_and_the_port_goes_on(
    make: Make, pool: Mempool, capsys: pytest.CaptureFixture[str]
) -> None:
    """virtio 1.2, 2.1.2: what it had is lost, and counted."""
    port = make(nb_rxq=2, nb_txq=2)
    port.start()
    seen: list[bool] = []
    port.on_link_change = lambda changed: seen.append(changed.link().up)
    transmit(port.tx_queues[1].burst, port.tx_queues[1].handle, [packet(pool, frame()) for _ in range(10)])
    far_end(port, pool, 0).deliver(frame())
    first_start = port.transport.told[1:]
    port.transport.told.clear()
    port.transport.break_down()
    assert seen == [False, True]
    assert port.transport.told == [
        ("needs_reset",),
        *[("enable", i, False) for i in range(4)],
        *[("stop", i) for i in range(4)],
        ("status", Status.RESET),
        *first_start,
    ]
    line = "VIRTIO_DRIVER: port 0: the device needs a reset; packets under way that are lost: 10"
    assert capsys.readouterr().err.splitlines() == [line]
    assert port.stats().oerrors == 10
    assert pool.in_use() == 2 * SIZE
    far_end(port, pool, 0).deliver(frame(100))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100)]
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, frame(200))]) == 1
    assert far_end(port, pool, 1).collect() == [frame(200)]


def test_a_device_that_tells_of_an_error_and_needs_no_reset_is_left_alone(make: Make) -> None:
    port = make()
    port.start()
    port.transport.told.clear()
    port.transport.on_error()
    assert port.transport.told == [("needs_reset",)]
    assert port.link().up


def test_a_stopped_port_s_device_is_not_asked(make: Make) -> None:
    port = make()
    port.transport.break_down()
    assert port.transport.told == []


@pytest.mark.parametrize("step", ["needs_reset", "stop", "features", "memory"])
def test_a_device_that_fails_at_its_reset_is_let_go_with_the_link_down(make: Make, pool: Mempool, step: str) -> None:
    port = make()
    port.start()
    seen: list[bool] = []
    port.on_link_change = lambda changed: seen.append(changed.link().up)
    port.transport.refuse[step] = DeviceError("no, thank you")
    port.transport.break_down()
    assert port.transport.steps("drop")
    assert seen == [False]
    port.transport.refuse.clear()
    port.transport.come()
    assert seen == [False, True]
    far_end(port, pool, 0).deliver(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]


@pytest.mark.parametrize("step", ["features", "mtu", "memory", "setup", "enable"])
def test_a_device_that_is_given_up_hears_of_it_and_a_reset_comes_before_the_next_try(make: Make, step: str) -> None:
    """virtio 1.2, 2.1.1 and 3.1.1."""
    port = make()
    port.transport.refuse[step] = DeviceError("no, thank you")
    with pytest.raises(DeviceError):
        port.start()
    *before, (last,) = port.transport.steps("status")
    assert last == (before[-1][0] | Status.FAILED)
    port.transport.is_there = True
    port.transport.told.clear()
    del port.transport.refuse[step]
    port.start()
    assert port.transport.steps("status")[0] == [Status.RESET]


# Configuring.


@pytest.mark.parametrize(("kind", "conf"), [("Rx", {"nb_rxd": 128}), ("Tx", {"nb_txd": 512})])
def test_a_ring_of_another_size_than_the_device_s_is_warned_of(
    make: Make, capsys: pytest.CaptureFixture[str], kind: str, conf: dict[str, int]
) -> None:
    make(**conf)
    line = f"VIRTIO_INIT: {kind} queue size {next(iter(conf.values()))} differs from the device's, falling back to 64"
    assert capsys.readouterr().err.splitlines() == [line]


@pytest.mark.parametrize("conf", [{}, {"nb_rxd": SIZE, "nb_txd": SIZE}])
def test_the_device_s_own_ring_size_is_no_cause_for_a_warning(
    make: Make, capsys: pytest.CaptureFixture[str], conf: dict[str, int]
) -> None:
    make(**conf)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("nb_rxd", [MIN_RING_SIZE - 1, 32769])
def test_a_ring_size_out_of_bounds_is_refused(make: Make, nb_rxd: int) -> None:
    with pytest.raises(ConfigError, match=rf"Invalid value for nb_rx_desc\(={nb_rxd}\)"):
        make(nb_rxd=nb_rxd)


@pytest.mark.parametrize("conf", [{"nb_rxq": 5}, {"nb_txq": 5}])
def test_more_queues_than_the_device_has_are_refused(make: Make, conf: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"nb_.x_queues=5 > 4"):
        make(**conf)


SCATTER = r"^RxQ 0 Rx scatter check failed: Rx scatter is disabled and RxQ mbuf pool object size is too small$"


def test_a_frame_longer_than_a_buffer_needs_scatter(make: Make) -> None:
    with pytest.raises(ConfigError, match=SCATTER):
        make(mtu=9000)
    make(mtu=9000, rx_offloads=RxOffload.SCATTER)


def test_scatter_is_not_to_be_had_without_mergeable_buffers(make: Make) -> None:
    with pytest.raises(ConfigError, match="does not support Rx offloads SCATTER"):
        make(wanted=WANTED & ~F.VIRTIO_NET_F_MRG_RXBUF, mtu=9000, rx_offloads=RxOffload.SCATTER)


def test_the_largest_frame_that_fits_a_buffer_needs_no_scatter(make: Make) -> None:
    room = 2176 - lib.VIRTQUEUE_RX_OFFSET - 12 - 14 - 4
    make(mtu=room)
    with pytest.raises(ConfigError, match=SCATTER):
        make(mtu=room + 1)


SIZES_FIXED = {0: 256, 1: 64, 2: 128, 3: 64}


def test_rings_are_as_long_as_the_device_has_them(make: Make, pool: Mempool) -> None:
    transport = FakeTransport()
    transport.ring_sizes = SIZES_FIXED
    port = make(transport, nb_rxq=2, nb_txq=2)
    port.start()
    assert {index: ring.size for index, ring in transport.rings.items()} == SIZES_FIXED
    assert [far_end(port, pool, i).waiting() for i in range(4)] == [256, 0, 128, 0]
    info = port.info()
    assert (info.rx_ring_size, info.tx_ring_size) == (256, 64)


def test_who_asks_for_other_sizes_is_told_what_the_device_has(make: Make, logged: Logged) -> None:
    transport = FakeTransport()
    transport.ring_sizes = SIZES_FIXED
    make(transport, nb_rxq=2, nb_txq=2, nb_rxd=128, nb_txd=64)
    make(transport, nb_rxq=2, nb_txq=2, nb_txd=128)
    assert [line for line in logged.lines if "queue size" in line] == [
        "VIRTIO_INIT: Rx queue size 128 differs from the device's, falling back to 256",
        "VIRTIO_INIT: Tx queue size 128 differs from the device's, falling back to 64",
    ]


@pytest.mark.parametrize("index", range(4))
def test_a_size_that_no_split_ring_can_have_is_refused(make: Make, index: int) -> None:
    transport = FakeTransport()
    transport.ring_sizes = {index: 100}
    with pytest.raises(ConfigError, match=r"^split virtqueue size is not power of 2$"):
        make(transport, nb_rxq=2, nb_txq=2)
    transport.close()


def test_a_legacy_device_gets_one_aligned_block_for_each_ring(make: Make, pool: Mempool) -> None:
    transport = FakeTransport()
    transport.has_legacy_rings = True
    port = make(transport, nb_rxq=2, nb_txq=2)
    port.start()
    for ring in transport.rings.values():
        assert ring.desc % 4096 == 0
        assert ring.avail == ring.desc + 16 * SIZE
        assert ring.used == ring.desc + 4096
    assert [far_end(port, pool, i).waiting() for i in range(4)] == [SIZE, 0, SIZE, 0]


def test_rings_of_a_device_that_forgets_them_begin_anew_with_it(make: Make, pool: Mempool) -> None:
    transport = FakeTransport()
    transport.resumes = False
    port = make(transport)
    port.start()
    far_end(port, pool, 0).deliver(frame(100))
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame(100)]
    transport.go()
    transport.come()
    assert transport.bases == {0: 0, 1: 0}
    assert [far_end(port, pool, i).waiting() for i in range(2)] == [SIZE, 0]
    assert pool.in_use() == SIZE


def test_what_is_refused_changes_nothing(make: Make, pool: Mempool, monkeypatch: pytest.MonkeyPatch) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    before = (port.conf, port.rx_queues, port.tx_queues, port._virtqueues)
    for conf in (PortConf(mtu=9000), PortConf(nb_rxq=9), PortConf(rx_offloads=RxOffload.QINQ_STRIP)):
        with pytest.raises(ConfigError):
            port.configure(conf, pool)

    def no_memory(*_: Any, **__: Any) -> Any:
        raise TestpmdError("no memory")

    monkeypatch.setattr(rings_module, "Arena", no_memory)
    with pytest.raises(TestpmdError, match="no memory"):
        port.configure(PortConf(), pool)
    assert (port.conf, port.rx_queues, port.tx_queues, port._virtqueues) == before
    port.start()


def test_a_started_port_cannot_be_configured(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    with pytest.raises(PortError, match="Port 0 must be stopped to allow configuration"):
        port.configure(PortConf(), pool)


def test_a_new_configuration_takes_up_what_the_device_offers_by_now(make: Make, pool: Mempool) -> None:
    port = make(FakeTransport(F.VIRTIO_F_VERSION_1))
    assert port.choice.rx.callback == "virtio_recv_pkts_vec"
    port.transport.come(ALL_FEATURES)
    port.configure(PortConf(nb_rxq=3, nb_txq=1), pool)
    port.start()
    assert port.choice.rx.callback == "virtio_recv_mergeable_pkts"
    assert (len(port.rx_queues), len(port.tx_queues), len(port.transport.rings)) == (3, 1, 6)


@pytest.mark.parametrize(("asked", "thresholds"), [((0, 0), (16, 16)), ((8, 20), (8, 20))])
def test_a_threshold_is_what_was_asked_for_or_a_quarter_of_the_ring(
    make: Make, asked: tuple[int, int], thresholds: tuple[int, int]
) -> None:
    port = make(rx_free_thresh=asked[0], tx_free_thresh=asked[1])
    assert tuple(queue.handle.free_thresh for queue in (port.rx_queues[0], port.tx_queues[0])) == thresholds


@pytest.mark.parametrize("data_room", [32, 64, 127, 128, 191])
@pytest.mark.parametrize("rx_offloads", [0, RxOffload.SCATTER])
def test_buffers_too_small_for_anything_are_refused(
    make: Make, make_pool: Callable[..., Mempool], data_room: int, rx_offloads: int
) -> None:
    port, small = make(), make_pool(64, data_room)
    with pytest.raises(ConfigError, match=rf"^{small.name} mbuf_data_room_size {data_room} < 192 \(128 \+ 64\)$"):
        port.configure(PortConf(rx_offloads=rx_offloads), small)


# What it says of itself.


@pytest.fixture
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of level INFO too."""
    monkeypatch.setattr(controlled.log, "level", Level.INFO)


def test_promiscuous_and_all_multicast_need_a_control_queue(
    make: Make, every_line: None, capsys: pytest.CaptureFixture[str]
) -> None:
    port = make()
    for switch in (port.set_promiscuous, port.set_all_multicast):
        for on in (True, False):
            with pytest.raises(NotSupported, match="Operation not supported"):
                switch(on)
    assert capsys.readouterr().err.splitlines() == ["VIRTIO_INIT: host does not support rx control"] * 4


def test_speed_is_told_while_the_link_is_up(make: Make) -> None:
    port = make()
    assert (port.link().up, port.link().speed) == (False, 0)
    port.start()
    assert (port.link().up, port.link().speed) == (True, SPEED_UNKNOWN)


def test_private_info_tells_what_was_agreed(make: Make) -> None:
    lines = dict(line.split(": ") for line in make(nb_rxq=2, nb_txq=2).private_info().splitlines())
    assert lines["guest_features"] == f"0x{int(WANTED):x}"
    assert lines["vtnet_hdr_size"] == "12"
    assert lines["max_queue_pairs"] == "4"
    assert lines["req_guest_features"] == f"0x{int(WANTED):x}"


def test_the_paths_are_logged_at_every_start(make: Make, every_line: None, capsys: pytest.CaptureFixture[str]) -> None:
    port = make()
    port.start()
    assert capsys.readouterr().err.splitlines() == [f"VIRTIO_INIT: {line}" for line in port.choice.log_lines(0)]
