"""Who refused what, and a ring as it is."""

from collections.abc import Callable, Iterator

import pytest

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio import VirtioUserPort, offloads, report
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.report import ANSWERED, DEVARGS, NOT_OFFERED, NOT_USED, OFFLOADS
from pytestpmd.drivers.virtio.virtqueue import Virtqueue, private_bytes, shared_bytes
from pytestpmd.drivers.virtio.vring import ring_layout
from pytestpmd.drivers.virtio.wanted import DEFAULT_FEATURES
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.memory import Arena
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.report import FeatureReport
from pytestpmd.vhost_user.wire import ProtocolFeature

F = Feature
MQ, CTRL_VQ = F.VIRTIO_NET_F_MQ, F.VIRTIO_NET_F_CTRL_VQ
SIZE = 64

Make = Callable[..., Virtqueue]


@pytest.fixture(params=[False, True], ids=["split", "packed"])
def packed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def make(packed: bool, pool: Mempool) -> Iterator[Make]:
    """Make reset virtqueues; drained at the end, before the pool is audited."""
    made: list[Virtqueue] = []

    def make_virtqueue(index: int) -> Virtqueue:
        layout = ring_layout(SIZE, packed=packed)
        virtqueue = Virtqueue(index, layout, Arena(shared_bytes(layout)), Arena(private_bytes(SIZE)))
        made.append(virtqueue)
        virtqueue.prepare(Agreement(F.VIRTIO_F_VERSION_1), pool, 0, 0)
        virtqueue.reset()
        return virtqueue

    yield make_virtqueue
    for virtqueue in made:
        virtqueue.drain()


def note(feature: int, *, offered: int = 0, usable: int = 0, wanted: int = 0, agreed: int = 0) -> str:
    """What is said of one feature."""
    (row,) = [row for row in report.features(offered, usable, wanted, agreed) if row.name == F(feature).name]
    return row.note


def test_what_is_agreed_needs_no_word() -> None:
    assert note(MQ, offered=MQ, usable=MQ, wanted=MQ, agreed=MQ) == ""


def test_what_the_back_end_does_not_offer_is_its_refusal() -> None:
    assert note(MQ, wanted=MQ) == NOT_OFFERED.format("back-end")


@pytest.mark.parametrize("feature", DEVARGS, ids=lambda feature: feature.name)
def test_what_a_devarg_asks_for_is_refused_by_it(feature: Feature) -> None:
    assert note(feature, offered=feature, usable=feature) == f"not wanted: devarg {DEVARGS[feature]} asks for it"


@pytest.mark.parametrize("feature", DEVARGS, ids=lambda feature: feature.name)
def test_the_devarg_that_is_named_asks_for_the_feature(feature: Feature) -> None:
    value = DEVARGS[feature].replace("ADDRESS", "02:00:00:00:00:01")
    named = VirtioUserPort.Args.parse(f"path=/s,{value}")
    assert feature in VirtioUserPort._wanted(named)


def test_every_feature_that_may_be_left_out_has_its_devarg() -> None:
    none = VirtioUserPort._wanted(VirtioUserPort.Args.parse("path=/s,mrg_rxbuf=0,in_order=0"))
    everything = "path=/s,mrg_rxbuf=1,in_order=1,packed_vq=1,queues=2,mac=02:00:00:00:00:01"
    wanted = VirtioUserPort._wanted(VirtioUserPort.Args.parse(everything))
    assert wanted & ~none == Feature(sum(DEVARGS))
    assert DEFAULT_FEATURES & ~none == F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_NET_F_MAC


@pytest.mark.parametrize("feature", OFFLOADS, ids=lambda feature: feature.name)
def test_the_offload_that_is_named_asks_for_the_feature(feature: Feature) -> None:
    direction, name = OFFLOADS[feature].split()
    assert note(feature, offered=feature, usable=feature) == f"not wanted: {direction} {name} asks for it"
    is_rx = direction == "rx_offload"
    bit = int((RxOffload if is_rx else TxOffload)[name.upper()])
    assert feature in offloads.asked(bit if is_rx else 0, 0 if is_rx else bit)


def test_what_the_driver_knows_nothing_of_is_not_wanted() -> None:
    (row,) = report.features(1 << 58, 1 << 58, 0, 0)
    assert row == FeatureReport("bit 58", True, False, False, NOT_USED)


def test_what_lacks_its_prerequisite_names_it() -> None:
    assert note(MQ, offered=MQ, usable=MQ, wanted=MQ | CTRL_VQ) == "needs VIRTIO_NET_F_CTRL_VQ"


def test_what_the_transport_cannot_use_is_not_the_back_end_s_refusal() -> None:
    mtu = F.VIRTIO_NET_F_MTU
    assert note(mtu, offered=mtu, wanted=mtu) == "offered, but the transport has no way to use it"


def test_what_the_front_end_answers_itself_is_agreed_without_an_offer() -> None:
    status = F.VIRTIO_NET_F_STATUS
    assert note(status, usable=status, wanted=status, agreed=status) == ANSWERED


def test_what_came_after_the_configuration_is_not_agreed() -> None:
    in_order = F.VIRTIO_F_IN_ORDER
    assert (
        note(in_order, offered=in_order, usable=in_order, wanted=in_order) == "not offered when the port was configured"
    )


def test_what_nobody_offers_and_nobody_wants_is_left_out() -> None:
    assert [row.name for row in report.features(int(MQ), MQ | CTRL_VQ, 0, 0)] == ["VIRTIO_NET_F_MQ"]


def test_protocol_features_are_those_that_both_sides_have() -> None:
    P = ProtocolFeature
    rows = report.protocol(P.MQ | P.RARP, P.MQ | P.STATUS, P.MQ)
    assert [(row.name.removeprefix("VHOST_USER_PROTOCOL_F_"), row.agreed, row.note) for row in rows] == [
        ("MQ", True, ""),
        ("RARP", False, NOT_USED),
        ("STATUS", False, NOT_OFFERED.format("back-end")),
    ]


def test_a_receive_ring_has_given_every_descriptor_away(make: Make, packed: bool) -> None:
    virtqueue = make(2)
    shown = report.ring(virtqueue, "live", True)
    assert (shown.index, shown.queue, shown.size, shown.state) == (2, "rxq 1", SIZE, "live")
    assert shown.layout == ("packed" if packed else "split")
    assert (shown.desc, shown.avail, shown.used) == (
        virtqueue.addresses.desc,
        virtqueue.addresses.avail,
        virtqueue.addresses.used,
    )
    assert shown.counters["outstanding"] == SIZE
    assert shown.fault == ""


def test_indices_of_a_packed_ring_come_with_their_laps(make: Make, packed: bool) -> None:
    shown = report.ring(make(0), "live", True)
    # a whole ring was posted: the next place is the first one, on the second lap
    there = (0, 0, 1) if packed else (SIZE, None, None)
    assert (shown.avail_idx, shown.avail_wrap, shown.used_wrap) == there
    assert shown.used_idx == 0


def test_a_transmit_ring_has_nothing_outstanding_and_has_kicked_nobody(make: Make) -> None:
    shown = report.ring(make(1), "live", True)
    assert (shown.queue, shown.counters) == ("txq 0", {"outstanding": 0, "kicks": 0, "kicks_suppressed": 0})


def test_a_ring_of_a_stopped_port_has_nothing_outstanding(make: Make) -> None:
    assert report.ring(make(0), "the port is stopped", False).counters["outstanding"] == 0


def test_a_fault_is_told_in_the_log_s_words_and_a_halt_is_none(make: Make) -> None:
    virtqueue = make(1)
    virtqueue.ptr.fault = lib.VRING_BAD_ID
    assert report.ring(virtqueue, "live", True).fault == "the device gave back a buffer that it does not have"
    virtqueue.halt()
    assert report.ring(virtqueue, "live", True).fault == ""


@pytest.mark.parametrize("head", [0, 5, 65530])
def test_outstanding_stays_within_the_ring_however_it_is_caught(head: int) -> None:
    layout = ring_layout(SIZE, packed=False)
    virtqueue = Virtqueue(1, layout, Arena(shared_bytes(layout)), Arena(private_bytes(SIZE)))
    virtqueue.ptr.free_head, virtqueue.ptr.free_tail = head, (head + SIZE + 3) & 0xFFFF
    assert virtqueue.outstanding == 0
    virtqueue.ptr.free_tail = (head + SIZE - 3) & 0xFFFF
    assert virtqueue.outstanding == 3
