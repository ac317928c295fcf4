"""net_null as a port: what it takes, what it says, what it does without."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.packets import free, packet, receive, receive_mbufs, transmit

from pytestpmd.drivers.null import NullPort
from pytestpmd.eal.memory import Arena, address_of
from pytestpmd.eal.mempool import Mempool
from pytestpmd.errors import ConfigError, NotSupported, PortError
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import PortConf

pytestmark = pytest.mark.usefixtures("no_leaks")

Make = Callable[..., NullPort]


@pytest.fixture
def make(pool: Mempool) -> Iterator[Make]:
    """Make ports, configured and started."""
    made: list[NullPort] = []

    def make_port(devargs: str = "", *, pool: Mempool = pool, **conf: Any) -> NullPort:
        port = NullPort("net_null0", devargs, NullPort.Args.parse(devargs))
        made.append(port)
        port.port_id = 4
        port.configure(PortConf(**conf), pool)
        port.start()
        return port

    yield make_port
    for port in made:
        port.close()


@pytest.mark.parametrize("size", [1, 14, 64, 1518, 2048])
def test_packets_have_the_size_that_was_asked_for(make: Make, size: int) -> None:
    port = make(f"size={size}")
    mbufs = receive_mbufs(port.rx_queues[0].burst, port.rx_queues[0].handle, 8)
    assert [(m.pkt_len, m.data_len, m.port) for m in mbufs] == [(size, size, 4)] * 8
    free(*mbufs)
    assert (port.stats().ipackets, port.stats().ibytes) == (8, 8 * size)


def test_a_packet_that_fits_no_mbuf_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"^size=2049 does not fit an mbuf of 2176 bytes$"):
        make("size=2049")


def test_what_is_sent_is_counted_and_gone(make: Make, pool: Mempool) -> None:
    port = make(nb_txq=2)
    for queue in port.tx_queues:
        assert transmit(queue.burst, queue.handle, [packet(pool, bytes(100), split=(40,)) for _ in range(3)]) == 3
    assert (port.stats().opackets, port.stats().obytes) == (6, 600)
    assert pool.in_use() == 0


def test_a_silent_port_receives_nothing_and_sends(make: Make, pool: Mempool) -> None:
    port = make("no-rx=1")
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, bytes(60))]) == 1


@pytest.mark.parametrize("copy", [1, 64, 100, 65535])
def test_copying_reads_no_more_than_there_is(make: Make, pool: Mempool, copy: int) -> None:
    port = make(f"size=64,copy={copy}")
    assert len(receive(port.rx_queues[0].burst, port.rx_queues[0].handle)) == 32
    assert transmit(port.tx_queues[0].burst, port.tx_queues[0].handle, [packet(pool, bytes(20))]) == 1


def test_a_pool_that_is_empty_is_counted(make: Make, make_pool: Callable[..., Mempool]) -> None:
    small = make_pool(4)
    port = make(pool=small)
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle, 8) == []
    assert port.stats().rx_nombuf == 8
    assert len(receive(port.rx_queues[0].burst, port.rx_queues[0].handle, 4)) == 4


@pytest.mark.parametrize(
    ("devargs", "line"),
    [
        ("size=0", "invalid value '0' for argument 'size': expected an integer from 1 to 65535"),
        ("size=65536", "invalid value '65536' for argument 'size'"),
        ("size=-1", "invalid value '-1' for argument 'size'"),
        ("copy=x", "invalid value 'x' for argument 'copy'"),
        ("no-rx=2", "invalid value '2' for argument 'no-rx'"),
        ("no_rx=1", "unknown argument 'no_rx'; known: size, copy, no-rx"),
        ("copy=1,no-rx=1", "copy and no-rx do not go together"),
        ("size=64,size=64", "argument 'size' is given more than once"),
    ],
)
def test_what_cannot_be_is_one_clear_line(make: Make, devargs: str, line: str) -> None:
    with pytest.raises(ConfigError, match=f"^{line}"):
        make(devargs)


def test_the_link_is_up_while_the_port_is_started(make: Make) -> None:
    port = make()
    assert (port.link().up, port.link().speed) == (True, 10_000)
    port.stop()
    assert not port.link().up


def test_every_port_has_an_address_of_its_own(make: Make) -> None:
    first, second = make().mac, make().mac
    assert first != second
    assert first[0] & 3 == 2, "local, and for one station"


def test_a_port_that_hears_everything_cannot_be_told_otherwise(make: Make) -> None:
    port = make()
    port.set_promiscuous(True)
    port.set_all_multicast(True)
    for switch in (port.set_promiscuous, port.set_all_multicast):
        with pytest.raises(NotSupported, match=r"^Operation not supported$"):
            switch(False)
    assert port.promiscuous
    assert port.all_multicast


def test_what_it_does_not_have_is_refused(make: Make) -> None:
    port = make()
    for refused in (port.reset, lambda: port.set_link(False)):
        with pytest.raises(NotSupported):
            refused()
    with pytest.raises(ConfigError, match="does not support Rx offloads VLAN_STRIP"):
        make(rx_offloads=RxOffload.VLAN_STRIP)
    make(tx_offloads=TxOffload.MULTI_SEGS)


@pytest.mark.parametrize(("nb_rxq", "nb_txq"), [(1, 1), (3, 0), (0, 5), (64, 64), (1024, 1)])
def test_there_are_as_many_queues_as_were_asked_for(make: Make, nb_rxq: int, nb_txq: int) -> None:
    port = make(nb_rxq=nb_rxq, nb_txq=nb_txq)
    assert (len(port.rx_queues), len(port.tx_queues)) == (nb_rxq, nb_txq)
    with pytest.raises(ConfigError, match="nb_rx_queues=1025 > 1024"):
        make(nb_rxq=1025)


def test_statistics_go_on_over_a_stop_and_begin_anew_when_cleared(make: Make) -> None:
    port = make()
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    port.stop()
    port.start()
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    assert port.stats().ipackets == 64
    port.clear_stats()
    assert port.stats().ipackets == 0
    assert dict(port.xstats())["rx_good_packets"] == 0
    assert port.lifetime_stats().ipackets == 64


def test_a_closed_port_is_closed(make: Make) -> None:
    port = make()
    port.close()
    port.close()
    assert port.rx_queues == port.tx_queues == []
    with pytest.raises(PortError):
        port.start()
    with pytest.raises(PortError):
        port.configure(PortConf(), None)


def test_whoever_reads_counters_may_go_on_when_the_port_is_closed(make: Make) -> None:
    port = make()
    (queue,) = port.rx_queues
    port.close()
    assert isinstance(queue.memory, Arena)
    assert 0 <= address_of(queue.handle) - queue.memory.address < queue.memory.size
    assert queue.lifetime().packets == 0
