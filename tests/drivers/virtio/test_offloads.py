"""Features that follow from offloads, and what a port does that is asked for them: negotiate anew, or refuse it all."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.transport import ALL_FEATURES, FakeTransport

from pytestpmd._dataplane import lib
from pytestpmd.drivers.virtio import offloads
from pytestpmd.drivers.virtio.features import Agreement
from pytestpmd.drivers.virtio.port import VirtioPort
from pytestpmd.drivers.virtio_net import Feature
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, NotSupported
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import PortConf

F = Feature
PLAIN = F.VIRTIO_NET_F_MRG_RXBUF | F.VIRTIO_F_VERSION_1
CONTROLLED = PLAIN | F.VIRTIO_NET_F_CTRL_VQ | F.VIRTIO_NET_F_CTRL_VLAN
GUEST_TSO = F.VIRTIO_NET_F_GUEST_TSO4 | F.VIRTIO_NET_F_GUEST_TSO6
HOST_TSO = F.VIRTIO_NET_F_HOST_TSO4 | F.VIRTIO_NET_F_HOST_TSO6
Rx, Tx = RxOffload, TxOffload


class Port(VirtioPort):
    """A virtio port of no bus at all."""

    driver_name = "net_virtio_test"
    transport: FakeTransport


Make = Callable[..., Port]


@pytest.fixture
def make(no_leaks: None, pool: Mempool) -> Iterator[Make]:
    """Make ports, configured; they are closed at the end."""
    made: list[Port] = []

    def make_port(offered: int = ALL_FEATURES, wanted: Feature = PLAIN, **conf: Any) -> Port:
        port = Port("net_virtio_test0", "", FakeTransport(offered), wanted, 64)
        made.append(port)
        port.port_id = 0
        port.configure(PortConf(**conf), pool)
        return port

    yield make_port
    for port in made:
        port.close()


@pytest.mark.parametrize(
    ("rx", "tx", "features"),
    [
        (0, 0, 0),
        (Rx.VLAN_STRIP | Rx.SCATTER, Tx.VLAN_INSERT | Tx.MULTI_SEGS, 0),
        (Rx.UDP_CKSUM, 0, F.VIRTIO_NET_F_GUEST_CSUM),
        (Rx.TCP_CKSUM, 0, F.VIRTIO_NET_F_GUEST_CSUM),
        (Rx.TCP_LRO, 0, GUEST_TSO | F.VIRTIO_NET_F_GUEST_CSUM),
        (Rx.VLAN_FILTER, 0, F.VIRTIO_NET_F_CTRL_VLAN),
        (Rx.RSS_HASH, 0, F.VIRTIO_NET_F_HASH_REPORT),
        (0, Tx.UDP_CKSUM, F.VIRTIO_NET_F_CSUM),
        (0, Tx.TCP_CKSUM, F.VIRTIO_NET_F_CSUM),
        (0, Tx.TCP_TSO, HOST_TSO | F.VIRTIO_NET_F_CSUM),
        (Rx.TCP_LRO, Tx.TCP_TSO, GUEST_TSO | HOST_TSO | F.VIRTIO_NET_F_CSUM | F.VIRTIO_NET_F_GUEST_CSUM),
    ],
)
def test_features_follow_from_offloads(rx: int, tx: int, features: int) -> None:
    assert offloads.asked(rx, tx) == features


@pytest.mark.parametrize(
    ("offered", "wanted", "rx", "tx"),
    [
        (ALL_FEATURES, CONTROLLED, 0x8221D, 0x802D),
        (ALL_FEATURES & ~F.VIRTIO_NET_F_HASH_REPORT, PLAIN, 0x201D, 0x802D),  # as the original shows it with net_vhost
        (PLAIN, PLAIN, 0x2001, 0x8001),
        (PLAIN, F.VIRTIO_F_VERSION_1, 0x1, 0x8001),
        (PLAIN | F.VIRTIO_NET_F_CSUM | F.VIRTIO_NET_F_HOST_TSO4, PLAIN, 0x2001, 0x800D),
        (PLAIN | GUEST_TSO | HOST_TSO, PLAIN, 0x2001, 0x8001),  # segments without checksums are nothing
        (CONTROLLED, PLAIN, 0x2001, 0x8001),  # no control queue, no filter
    ],
)
def test_capabilities_are_what_device_and_arguments_allow(offered: int, wanted: Feature, rx: int, tx: int) -> None:
    assert offloads.capabilities(Feature(offered), wanted) == (rx, tx)


def test_a_port_tells_them(make: Make) -> None:
    info = make(PLAIN | F.VIRTIO_NET_F_CSUM).info()
    assert (info.rx_offload_capa, info.tx_offload_capa) == (0x2001, 0x800D)


@pytest.mark.parametrize(
    ("rx", "tx", "refusal"),
    [
        (Rx.UDP_CKSUM, 0, "rx checksum not available on this host"),
        (Rx.TCP_LRO, 0, "Large Receive Offload not available on this host"),
        (Rx.VLAN_FILTER, 0, "vlan filtering not available on this host"),
        (Rx.RSS_HASH, 0, "receive hash not available on this host"),
        (0, Tx.TCP_CKSUM, "tx checksum not available on this host"),
        (0, Tx.TCP_TSO, "TCP segmentation not available on this host"),
    ],
)
def test_what_was_not_agreed_is_refused_in_dpdk_s_words(rx: int, tx: int, refusal: str) -> None:
    with pytest.raises(NotSupported, match=f"^{refusal}$"):
        offloads.check(rx, tx, Agreement(PLAIN))
    offloads.check(rx, tx, Agreement(PLAIN | offloads.asked(rx, tx)))


def test_a_device_that_no_longer_offers_it_leaves_the_port_as_it_was(make: Make, pool: Mempool) -> None:
    """The port's capabilities said yes; when it is configured the device has become another."""
    port = make()
    before = (port.conf, port.wanted, port.agreed, port.choice, port.rx_queues, port.mtu)
    info = port.info()
    port.transport.offered = PLAIN
    port.info = lambda: info  # type: ignore[method-assign]
    with pytest.raises(NotSupported, match="Large Receive Offload"):
        port.configure(PortConf(rx_offloads=Rx.TCP_LRO, mtu=1400), pool)
    assert (port.conf, port.wanted, port.agreed, port.choice, port.rx_queues, port.mtu) == before
    port.start()
    assert port.transport.steps("features") == [[PLAIN]]


@pytest.mark.parametrize("asked", [Rx.QINQ_STRIP | Rx.VLAN_EXTEND | Rx.VLAN_FILTER | Rx.VLAN_STRIP, Rx.IPV4_CKSUM])
def test_what_no_such_device_can_do_is_refused_by_name(make: Make, pool: Mempool, asked: Rx) -> None:
    """As of ``--enable-hw-vlan`` and ``--enable-rx-cksum``, which ask for more than there is."""
    port = make()
    names = ",".join(str(bit.name) for bit in RxOffload if bit & asked & ~RxOffload.VLAN_STRIP)
    with pytest.raises(ConfigError, match=f"port_id=0 does not support Rx offloads {names}"):
        port.configure(PortConf(rx_offloads=int(asked)), pool)


def test_changed_offloads_are_negotiated_anew(make: Make, pool: Mempool) -> None:
    port = make()
    port.start()
    port.stop()
    port.configure(PortConf(rx_offloads=Rx.TCP_LRO, tx_offloads=Tx.UDP_CKSUM), pool)
    port.start()
    port.stop()
    port.configure(PortConf(), pool)
    port.start()
    more = PLAIN | GUEST_TSO | F.VIRTIO_NET_F_GUEST_CSUM | F.VIRTIO_NET_F_CSUM
    assert port.transport.steps("features") == [[PLAIN], [more], [PLAIN]]
    steps = [step for step, *_ in port.transport.told]
    first, second, third = (i for i, step in enumerate(steps) if step == "features")
    for between in (steps[first:second], steps[second:third]):
        assert "stop" in between, "vhost-user: features change only while no ring runs"
    assert port.private_info().splitlines()[-1] == f"req_guest_features: 0x{int(PLAIN):x}"


def test_queues_are_told_what_was_agreed(make: Make) -> None:
    everything = make(rx_offloads=Rx.UDP_CKSUM | Rx.TCP_LRO | Rx.VLAN_STRIP, tx_offloads=Tx.UDP_CKSUM | Tx.TCP_TSO)
    rx, tx = (vq.ptr.offloads for vq in everything._virtqueues)
    assert rx == lib.VIRTQUEUE_RX_CSUM | lib.VIRTQUEUE_RX_LRO | lib.VIRTQUEUE_RX_STRIP
    assert tx == lib.VIRTQUEUE_TX_CSUM | lib.VIRTQUEUE_TX_TSO
    assert [vq.ptr.offloads for vq in make()._virtqueues] == [0, 0]


def test_a_hash_makes_the_header_longer(make: Make) -> None:
    port = make(wanted=CONTROLLED, rx_offloads=Rx.RSS_HASH)
    assert port.agreed.hdr_size == 20
    assert [vq.ptr.hdr_size for vq in port._virtqueues] == [20, 20]
    assert port._virtqueues[0].ptr.offloads == lib.VIRTQUEUE_RX_HASH


@pytest.mark.parametrize("started", [False, True])
def test_stripping_is_switched_at_once(make: Make, started: bool) -> None:
    port = make(nb_rxq=2, nb_txq=2)
    if started:
        port.start()
    port.set_vlan_offload(Rx.VLAN_STRIP, True)
    assert [vq.ptr.offloads for vq in port._virtqueues] == [lib.VIRTQUEUE_RX_STRIP, 0, lib.VIRTQUEUE_RX_STRIP, 0]
    port.set_vlan_offload(Rx.VLAN_STRIP, False)
    assert [vq.ptr.offloads for vq in port._virtqueues] == [0, 0, 0, 0]


def test_the_choice_is_made_anew_when_an_offload_goes(make: Make, pool: Mempool) -> None:
    """DPDK's driver never goes back to vectors; ours does."""
    port = make(wanted=F.VIRTIO_F_VERSION_1)
    assert port.burst_choices()[0].callback == "virtio_recv_pkts_vec"
    port.configure(PortConf(rx_offloads=Rx.VLAN_STRIP), pool)
    assert port.burst_choices()[0].callback == "virtio_recv_pkts"
    port.configure(PortConf(), pool)
    assert port.burst_choices()[0].callback == "virtio_recv_pkts_vec"
