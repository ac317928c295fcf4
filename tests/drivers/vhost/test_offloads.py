"""Who does what to a packet: from what was agreed and what the port was asked for."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from fakes.inet import FRAMES, NEEDS_CSUM, net_header, tcp
from fakes.log import Logged
from fakes.packets import frame, receive
from fakes.vhost_frontend import FEATURES, FakeFrontend
from fakes.virtio_driver import Desc

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.drivers.vhost.features import offered
from pytestpmd.drivers.vhost.offloads import (
    HEADER_MASK,
    Wishes,
    has_rx_sw_csum,
    has_tx_sw_csum,
    ring_fields,
    rx_capabilities,
    tx_capabilities,
)
from pytestpmd.drivers.virtio_net import Feature as F
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import PortConf

CSUM, GUEST_CSUM = F.VIRTIO_NET_F_CSUM, F.VIRTIO_NET_F_GUEST_CSUM
HOST_TSO4, HOST_TSO6 = F.VIRTIO_NET_F_HOST_TSO4, F.VIRTIO_NET_F_HOST_TSO6
GUEST_TSO4, GUEST_TSO6 = F.VIRTIO_NET_F_GUEST_TSO4, F.VIRTIO_NET_F_GUEST_TSO6
RX, TX = 1, 0
ASKS_RX = Wishes(rx_offloads=RxOffload.TCP_CKSUM)
ASKS_TX = Wishes(tx_offloads=TxOffload.UDP_CKSUM)
#: Each case: ring, what was agreed, what the port wants, and the fields that are not 0.
CASES: list[tuple[int, F, Wishes, dict[str, int]]] = [
    (RX, F(0), Wishes(), {}),
    (TX, F(0), Wishes(), {}),
    (RX, CSUM, Wishes(), {"csum": 1, "header_mask": HEADER_MASK, "sw_csum": 1}),
    (RX, CSUM, ASKS_RX, {"csum": 1, "header_mask": HEADER_MASK}),
    (RX, CSUM | HOST_TSO4, ASKS_RX, {"csum": 1, "header_mask": HEADER_MASK, "tso4": 1}),
    (RX, CSUM | HOST_TSO6, ASKS_RX, {"csum": 1, "header_mask": HEADER_MASK, "tso6": 1}),
    (RX, HOST_TSO4 | HOST_TSO6, Wishes(), {}),
    (RX, GUEST_CSUM | GUEST_TSO4, Wishes(), {}),
    (RX, CSUM, Wishes(legacy=True), {"csum": 1, "header_mask": HEADER_MASK, "legacy": 1}),
    (RX, F(0), Wishes(rx_offloads=RxOffload.VLAN_STRIP), {"vlan_strip": 1}),
    (RX, F(0), Wishes(linear=True), {"linear": 1}),
    (TX, GUEST_CSUM, Wishes(), {"csum": 1}),
    (TX, GUEST_CSUM | GUEST_TSO4, Wishes(), {"csum": 1, "tso4": 1}),
    (TX, GUEST_CSUM | GUEST_TSO6, Wishes(), {"csum": 1, "tso6": 1}),
    (TX, GUEST_TSO4 | GUEST_TSO6, Wishes(), {}),
    (TX, CSUM | HOST_TSO4 | HOST_TSO6, Wishes(RxOffload.VLAN_STRIP, 0, True, True), {}),
]


@pytest.mark.parametrize(("ring", "features", "wishes", "expected"), CASES)
def test_a_ring_is_told_what_to_do(ring: int, features: F, wishes: Wishes, expected: dict[str, int]) -> None:
    fields = ring_fields(ring, features, wishes)
    assert {name: int(value) for name, value in fields.items() if value} == expected


@pytest.mark.parametrize("legacy", [False, True])
def test_checksums_are_done_in_software_as_dpdk_decides(legacy: bool) -> None:
    """vhost_dev_csum_configure()."""
    for features in (F(0), CSUM, GUEST_CSUM, CSUM | GUEST_CSUM):
        for rx in (0, RxOffload.UDP_CKSUM, RxOffload.TCP_CKSUM, RxOffload.VLAN_STRIP):
            for tx in (0, TxOffload.UDP_CKSUM, TxOffload.TCP_CKSUM, TxOffload.VLAN_INSERT):
                wishes = Wishes(rx, tx, legacy)
                rx_asked = rx in (RxOffload.UDP_CKSUM, RxOffload.TCP_CKSUM)
                tx_asked = tx in (TxOffload.UDP_CKSUM, TxOffload.TCP_CKSUM)
                assert has_rx_sw_csum(features, wishes) == (not legacy and CSUM in features and not rx_asked)
                assert has_tx_sw_csum(features, wishes) == (not legacy and GUEST_CSUM not in features and tx_asked)


def test_capabilities_are_dpdks() -> None:
    """``show port 0 rx_offload capabilities`` of DPDK 26.07."""
    assert rx_capabilities(False) == RxOffload.VLAN_STRIP | RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM
    assert tx_capabilities(False) == (
        TxOffload.VLAN_INSERT | TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM | TxOffload.MULTI_SEGS
    )
    assert rx_capabilities(True) == RxOffload.VLAN_STRIP
    assert tx_capabilities(True) == TxOffload.VLAN_INSERT | TxOffload.MULTI_SEGS


def test_segmentation_is_offered_when_it_is_asked_for() -> None:
    assert offered(tso=True) & ~offered() == HOST_TSO4 | HOST_TSO6
    assert offered() & ~offered(tso=True) == 0


# The port.


@pytest.fixture
def private(make_port: Callable[..., VhostPort]) -> Callable[..., dict[str, str]]:
    """The driver's own lines of ``show port info``, without a front-end."""

    def make(more: str = "", **conf: int) -> dict[str, str]:
        lines = make_port(more, start=False, **conf).private_info().splitlines()
        return dict(line.split(": ", 1) for line in lines)

    return make


@pytest.mark.parametrize(
    ("devargs", "flags", "disable_flags"),
    [
        ("", "0x300", "0x1800"),
        (",tso=1", "0x300", "0x0"),
        (",tso=0", "0x300", "0x1800"),
        (",linear-buffer=1", "0x340", "0x1800"),
        (",legacy-ol-flags=1", "0x200", "0x1800"),
        (",ext-buffer=0", "0x300", "0x1800"),
        (",ext-buffer=1", "0x320", "0x1800"),
        (",linear-buffer=1,ext-buffer=1", "0x360", "0x1800"),
    ],
)
def test_device_arguments_are_told_in_dpdks_numbers(
    private: Callable[..., dict[str, str]], devargs: str, flags: str, disable_flags: str
) -> None:
    lines = private(devargs)
    assert (lines["flags"], lines["disable_flags"]) == (flags, disable_flags)


def test_who_strips_and_who_sums_is_told(private: Callable[..., dict[str, str]]) -> None:
    lines = private()
    assert [lines[name] for name in ("vlan_strip", "rx_sw_csum", "tx_sw_csum")] == ["0", "0", "0"]


def test_offloads_that_are_asked_for_are_told(private: Callable[..., dict[str, str]]) -> None:
    lines = private(rx_offloads=RxOffload.VLAN_STRIP, tx_offloads=TxOffload.TCP_CKSUM)
    assert (lines["vlan_strip"], lines["tx_sw_csum"]) == ("1", "1")


@pytest.mark.parametrize(
    ("way", "offload"),
    [("rx", RxOffload.TCP_LRO), ("rx", RxOffload.TCP_CKSUM), ("tx", TxOffload.TCP_TSO), ("tx", TxOffload.UDP_CKSUM)],
)
def test_offloads_that_cannot_be_had_are_refused(
    make_port: Callable[..., VhostPort], way: str, offload: RxOffload | TxOffload
) -> None:
    """With legacy flags nobody is told of checksums, so nobody may ask for them."""
    with pytest.raises(ConfigError, match=f"does not support {way.title()} offloads {offload.name}"):
        make_port(",legacy-ol-flags=1", start=False, **{f"{way}_offloads": offload})


# With a front-end.

Start = Callable[..., AbstractContextManager[tuple[VhostPort, FakeFrontend]]]


@pytest.fixture
def start(make_port: Callable[..., VhostPort], sock: Path) -> Start:
    """A port and a front-end that has agreed to these features besides the usual ones."""

    @contextmanager
    def make(features: int, devargs: str = ",tso=1", **conf: int) -> Iterator[tuple[VhostPort, FakeFrontend]]:
        port = make_port(devargs, **conf)
        with FakeFrontend(sock, features=FEATURES | features) as front:
            front.start_as_dpdk()
            yield port, front

    return make


def offer(front: FakeFrontend, header: bytes, data: bytes) -> None:
    driver = front.rings[1].driver
    address = front.alloc(12 + len(data))
    front.memory.write(address, header + bytes(2) + data)
    driver.offer(driver.chain([Desc(address, 12 + len(data))]))


def come(port: VhostPort) -> list[bytes]:
    return receive(port.rx_queues[0].burst, port.rx_queues[0].handle)


RX_ASKED = {"rx_offloads": RxOffload.TCP_CKSUM}


@pytest.mark.parametrize(
    ("features", "conf", "finished"),
    [(CSUM, {}, True), (CSUM, RX_ASKED, False), (F(0), {}, False), (CSUM | HOST_TSO4, {}, True)],
)
def test_a_checksum_is_finished_by_whom_it_was_agreed(
    start: Start, features: F, conf: dict[str, int], finished: bool
) -> None:
    sent = tcp(500)
    with start(features, **conf) as (port, front):
        offer(front, sent.header(), sent.partial)
        assert come(port) == [sent.whole if finished else sent.partial]


def test_a_port_that_is_configured_anew_does_what_it_is_then_asked_for(start: Start, pool: Mempool) -> None:
    tagged = FRAMES["tagged"]
    with start(CSUM) as (port, front):
        for conf, data in (
            (PortConf(), tagged.whole),
            (PortConf(rx_offloads=RxOffload.UDP_CKSUM), tagged.partial),
            (PortConf(rx_offloads=RxOffload.VLAN_STRIP), tagged.whole[:12] + tagged.whole[16:]),
            (PortConf(), tagged.whole),
        ):
            port.stop()
            port.configure(conf, pool)
            port.start()
            offer(front, tagged.header(), tagged.partial)
            assert come(port) == [data]


BOTH = {"tx_offloads": TxOffload.TCP_CKSUM, "rx_offloads": RxOffload.TCP_CKSUM}


@pytest.mark.parametrize(
    ("features", "conf", "ways"),
    [
        (CSUM | GUEST_CSUM, BOTH, []),
        (F(0), BOTH, ["Tx"]),
        (CSUM, {}, ["Rx"]),
        (CSUM, {**BOTH, "rx_offloads": 0}, ["Rx", "Tx"]),
    ],
)
def test_what_costs_speed_is_told_in_dpdks_words(
    start: Start, logged: Logged, features: F, conf: dict[str, int], ways: list[str]
) -> None:
    with start(features, **conf):
        assert "ready for processing" in logged
        for way in ways:
            assert f"VHOST: {way} csum will be done in SW, may impact performance." in logged
        assert sum("done in SW" in line for line in logged.lines) == len(ways)


def test_headers_that_lie_are_told_of_once(start: Start, logged: Logged, sock: Path) -> None:
    line = f"VHOST_CONFIG: ({sock}) port 0 rxq 0: net headers that ask for what cannot be, not heeded: 3"
    with start(CSUM) as (port, front):
        for _ in range(3):
            offer(front, net_header(NEEDS_CSUM, 0, 0, 0, 65535, 6), frame(60))
        assert come(port) == [frame(60)] * 3
        assert line in logged
        assert port.device_report().rings[1].counters["bad_headers"] == 3
    assert logged.lines.count(line) == 1
