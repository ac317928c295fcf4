"""Checksums and segments that ports on the kernel's interfaces leave to others, or finish (virtio 1.2, 5.1.6)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.inet import FRAMES, Unfinished, tcp
from fakes.netns import station, wire
from fakes.packets import content, free, packet
from fakes.ports import received, received_mbufs, send

from pytestpmd._dataplane import lib
from pytestpmd.drivers import probe
from pytestpmd.eal.mempool import Mempool
from pytestpmd.ethdev.offloads import RxOffload, TxOffload
from pytestpmd.ethdev.port import EthPort, PortConf

pytestmark = pytest.mark.usefixtures("own_network", "no_leaks")

SHORT = ["udp4", "udp4 odd", "tcp4", "udp6", "tcp6"]
RX_CKSUM = RxOffload.UDP_CKSUM | RxOffload.TCP_CKSUM
Make = Callable[..., EthPort]


@pytest.fixture
def make(own_network: None, pool: Mempool) -> Iterator[Make]:
    made: list[EthPort] = []

    def make_port(device: str, **conf: Any) -> EthPort:
        made.append(probe(device))
        made[-1].port_id = 6
        made[-1].configure(PortConf(**conf), pool)
        made[-1].start()
        return made[-1]

    yield make_port
    for port in made:
        port.close()


def asked(pool: Mempool, frame: Unfinished) -> Any:
    """A packet whose checksum is for the port to finish."""
    mbuf = packet(pool, frame.partial)
    mbuf.l2_len, mbuf.l3_len, mbuf.l4_len = frame.l2_len, frame.l3_len, frame.l4_len
    mbuf.ol_flags = lib.MBUF_F_TX_TCP_CKSUM if frame.csum_offset == 16 else lib.MBUF_F_TX_UDP_CKSUM
    mbuf.ol_flags |= lib.MBUF_F_TX_IPV6 if frame.is_ipv6 else lib.MBUF_F_TX_IPV4
    return mbuf


@pytest.mark.parametrize("name", SHORT)
def test_an_unfinished_checksum_is_finished_where_nobody_asked_for_it_unfinished(make: Make, name: str) -> None:
    with wire("w0", vnet_hdr=True) as cable:
        port = make("net_af_packet0,iface=w0")
        cable.send(FRAMES[name].header() + FRAMES[name].partial)
        assert received(port, 1) == [FRAMES[name].whole]


@pytest.mark.parametrize("name", SHORT)
def test_an_unfinished_checksum_is_told_where_that_was_asked_for(make: Make, name: str) -> None:
    with wire("w0", vnet_hdr=True) as cable:
        port = make("net_af_packet0,iface=w0", rx_offloads=RX_CKSUM)
        cable.send(FRAMES[name].header() + FRAMES[name].partial)
        (mbuf,) = received_mbufs(port, 1)
        assert mbuf.ol_flags & lib.MBUF_F_RX_L4_CKSUM_NONE == lib.MBUF_F_RX_L4_CKSUM_NONE
        assert content(mbuf) == FRAMES[name].partial
        free(mbuf)


@pytest.mark.parametrize("name", SHORT)
def test_a_checksum_left_to_the_interface_is_right_on_the_wire(make: Make, pool: Mempool, name: str) -> None:
    with wire("w0") as cable:
        port = make("net_af_packet0,iface=w0", tx_offloads=TxOffload.UDP_CKSUM | TxOffload.TCP_CKSUM)
        assert send(port, asked(pool, FRAMES[name])) == 1
        assert cable.receive() == [FRAMES[name].whole]


@pytest.mark.parametrize("is_ipv6", [False, True])
def test_segments_left_to_a_tap_are_the_kernels_in_one_piece(make: Make, pool: Mempool, is_ipv6: bool) -> None:
    frame = tcp(1900, is_ipv6=is_ipv6)
    port = make("net_tap0,iface=t0", tx_offloads=TxOffload.TCP_TSO)
    mbuf = asked(pool, frame)
    mbuf.ol_flags |= lib.MBUF_F_TX_TCP_SEG
    mbuf.tso_segsz = 700
    with station("t0") as kernel:
        assert send(port, mbuf) == 1
        (came,) = kernel.receive()
    # the field holds the pseudo header's sum, over which length is for who cuts it to say
    assert len(came) == len(frame.partial)
    assert came[frame.hdr_len :] == frame.partial[frame.hdr_len :]
    assert port.stats().opackets == 1


@pytest.mark.parametrize("device", ["net_tap0,iface=t0", "net_af_packet0,iface=w0"])
def test_what_asks_for_the_impossible_is_counted_and_not_sent(make: Make, pool: Mempool, device: str) -> None:
    with wire("w0"):
        port = make(device, tx_offloads=TxOffload.UDP_CKSUM)
        mbuf = packet(pool, bytes(20))
        mbuf.ol_flags = lib.MBUF_F_TX_UDP_CKSUM | lib.MBUF_F_TX_IPV4
        mbuf.l2_len, mbuf.l3_len = 14, 20
        assert send(port, mbuf) == 1
        assert (port.stats().opackets, port.stats().oerrors) == (0, 1)
