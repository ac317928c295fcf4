"""What packets ask for on every transmit path: tags, checksums, segmentation; written only where the bytes are ours."""

import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fakes.internet import TCP, UDP, add_up, datagram, pseudo, tagged, whole_cksum
from fakes.layouts import KINDS, Kind, RxPath
from fakes.packets import content, frame, free, packet
from fakes.queues import DriverQueue

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.mempool import Mempool

MakeQueue = Callable[..., DriverQueue]
CSUM, TSO = lib.VIRTQUEUE_TX_CSUM, lib.VIRTQUEUE_TX_TSO
VLAN, TCP_SEG, IP_CKSUM = lib.MBUF_F_TX_VLAN, lib.MBUF_F_TX_TCP_SEG, lib.MBUF_F_TX_IP_CKSUM
TCI = 0x6123
NEEDS_CSUM = 1
L4 = {UDP: lib.MBUF_F_TX_UDP_CKSUM, TCP: lib.MBUF_F_TX_TCP_CKSUM}
IP = {4: lib.MBUF_F_TX_IPV4, 6: lib.MBUF_F_TX_IPV6}
FIELD = {UDP: 6, TCP: 16}
L3_LEN = {4: 20, 6: 40}


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of ring."""
    found: Kind = request.param
    return found


@pytest.fixture
def make(kind: Kind, make_virtqueue: MakeQueue) -> MakeQueue:
    """A queue of that kind."""
    return partial(make_virtqueue, path=RxPath(kind, mergeable=False))


def asking(m: Any, flags: int, *, version: int = 4, tci: int = TCI, segsz: int = 0) -> Any:
    """The mbuf, of an untagged frame of IP, with a request."""
    m.ol_flags, m.vlan_tci, m.tso_segsz = flags, tci, segsz
    m.l2_len, m.l3_len, m.l4_len = 14, L3_LEN[version], 20
    return m


def sent(queue: DriverQueue) -> list[tuple[tuple[int, ...], bytes]]:
    """Net headers and frames that the device got."""
    found = []
    for chain in queue.device.complete(queue.device.take_all()):
        header, data = queue.device.gather(chain)
        found.append((struct.unpack_from("<BBHHHH", header), data))
        assert not any(header[10:])  # num_buffers and hash mean nothing here, and are 0 (5.1.6.2)
    return found


NOTHING = (0, 0, 0, 0, 0, 0)


# Tags.


@pytest.mark.parametrize("hdr_size", [10, 12, 20])
@pytest.mark.parametrize("indirect", [False, True])
def test_a_tag_is_inserted_on_every_path(make: MakeQueue, pool: Mempool, hdr_size: int, indirect: bool) -> None:
    queue = make(hdr_size=hdr_size, indirect=indirect)
    data = [frame(length, length) for length in (14, 60, 64, 1514, 2048)]
    assert queue.xmit(*(asking(packet(pool, each), VLAN) for each in data)) == 5
    assert sent(queue) == [(NOTHING, tagged(each, TCI)) for each in data]
    assert queue.vq.stats.bytes == sum(len(each) + 4 for each in data)


def test_tagged_and_plain_packets_leave_in_order(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    mbufs = [asking(packet(pool, frame(60, i)), VLAN if i % 3 == 1 else 0) for i in range(32)]
    assert queue.xmit(*mbufs) == 32
    assert [data for _, data in sent(queue)] == [
        tagged(frame(60, i), TCI) if i % 3 == 1 else frame(60, i) for i in range(32)
    ]


@pytest.mark.parametrize("headroom", range(0, 33, 3))
@pytest.mark.parametrize("indirect", [False, True])
def test_a_tag_needs_no_headroom(make: MakeQueue, pool: Mempool, headroom: int, indirect: bool) -> None:
    queue = make(indirect=indirect)
    assert queue.xmit(asking(packet(pool, frame(100), headroom=headroom), VLAN)) == 1
    assert sent(queue) == [(NOTHING, tagged(frame(100), TCI))]


@pytest.mark.parametrize("split", [(60,), (5,), (12,), (1, 1, 30), (11, 2), (3, 3, 3, 3, 3)])
@pytest.mark.parametrize("indirect", [False, True])
def test_a_tag_goes_into_a_packet_of_any_segments(
    make: MakeQueue, pool: Mempool, split: tuple[int, ...], indirect: bool
) -> None:
    queue = make(indirect=indirect)
    assert queue.xmit(asking(packet(pool, frame(100), split=split), VLAN)) == 1
    assert sent(queue) == [(NOTHING, tagged(frame(100), TCI))]


def test_what_others_hold_is_not_written(make: MakeQueue, pool: Mempool) -> None:
    queue = make(offloads=CSUM)
    data = datagram(4, UDP, bytes(18))
    for flags in (VLAN, L4[UDP] | IP[4], VLAN | L4[UDP] | IP[4]):
        m = asking(packet(pool, data), flags)
        before = bytes(lib_bytes(m))
        m.refcnt = 3
        assert queue.xmit(m, m) == 2
        frames = [each for _, each in sent(queue)]
        assert bytes(lib_bytes(m)) == before
        assert frames[0] == frames[1] != data
        assert (content(m), m.ol_flags) == (data, flags)
        queue.device.publish()
        lib.virtqueue_drain(queue.vq)
        queue.reset()
        assert m.refcnt == 1
        free(m)


def lib_bytes(m: Any) -> Any:
    """The whole buffer."""
    return ffi.buffer(m.buf_addr, m.buf_len)


def test_a_packet_that_found_no_room_is_tagged_once(make: MakeQueue, pool: Mempool) -> None:
    queue = make(size=32)
    mbufs = [asking(packet(pool, frame(60, i)), VLAN) for i in range(40)]
    burst = queue.path.kind.xmit
    done = burst(queue.vq, ffi.new("struct mbuf *[]", mbufs), 40)
    assert done == 32
    out = [data for _, data in sent(queue)]
    assert burst(queue.vq, ffi.new("struct mbuf *[]", mbufs[32:]), 8) == 8
    out += [data for _, data in sent(queue)]
    assert out == [tagged(frame(60, i), TCI) for i in range(40)]


def test_a_frame_too_short_for_a_tag_goes_without(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    assert queue.xmit(asking(packet(pool, frame(13)), VLAN)) == 1
    assert sent(queue) == [(NOTHING, frame(13))]


# Checksums.


def request(version: int, proto: int, tag: bool) -> tuple[int, ...]:
    return (NEEDS_CSUM, 0, 0, 0, 14 + L3_LEN[version] + 4 * tag, FIELD[proto])


def finish(data: bytes, start: int, off: int) -> bytes:
    """What a device does for NEEDS_CSUM (5.1.6.2.1)."""
    total = ~add_up(data[start:]) & 0xFFFF
    return data[: start + off] + total.to_bytes(2, "big") + data[start + off + 2 :]


@pytest.mark.parametrize("tag", [False, True])
@pytest.mark.parametrize("split", [(), (20,), (14, 7)])
@pytest.mark.parametrize("headroom", [0, 128])
@pytest.mark.parametrize(("version", "proto"), [(4, UDP), (4, TCP), (6, UDP), (6, TCP)])
def test_the_device_can_finish_a_checksum(
    make: MakeQueue, pool: Mempool, version: int, proto: int, split: tuple[int, ...], headroom: int, tag: bool
) -> None:
    queue = make(offloads=CSUM)
    payload = bytes(range(101))
    data = datagram(version, proto, payload, cksum=0xBAD)
    m = packet(pool, data, split=split, headroom=headroom)
    assert queue.xmit(asking(m, L4[proto] | IP[version] | (VLAN if tag else 0), version=version)) == 1
    ((header, got),) = sent(queue)
    assert header == request(version, proto, tag)
    start, off = header[4], header[5]
    above = data[14 + L3_LEN[version] :]
    assert got[start + off :][:2] == add_up(pseudo(version, proto, len(above))).to_bytes(2, "big")
    whole = finish(got, start, off)
    assert whole_cksum(version, proto, whole[start:]) == 0xFFFF
    cleared = got[: start + off] + b"\x0b\xad" + got[start + off + 2 :]
    assert cleared == (tagged(data, TCI) if tag else data)
    assert queue.vq.stats.errors == 0


def test_padding_is_not_part_of_the_datagram(make: MakeQueue, pool: Mempool) -> None:
    queue = make(offloads=CSUM)
    assert queue.xmit(asking(packet(pool, datagram(4, UDP, b"x") + bytes(17)), L4[UDP] | IP[4])) == 1
    ((_, got),) = sent(queue)
    assert got[40:42] == add_up(pseudo(4, UDP, 9)).to_bytes(2, "big")


def test_nothing_is_asked_of_a_device_that_did_not_agree(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    data = datagram(4, TCP, bytes(3000), cksum=0xBAD)
    for flags in (L4[TCP] | IP[4], TCP_SEG | IP[4]):
        m = asking(packet(pool, data, split=(2000,)), flags, segsz=1000)
        assert queue.xmit(m) == 1
        assert sent(queue) == [(NOTHING, data)]
    assert queue.vq.stats.errors == 0


@pytest.mark.parametrize(
    ("l2_len", "l3_len", "length"),
    [(14, 19, 60), (14, 0, 60), (14, 60, 70), (14, 20, 41), (255, 60, 500), (14, 300, 500), (14, 65535, 500)],
)
def test_a_request_that_does_not_fit_is_counted_and_not_made(
    make: MakeQueue, pool: Mempool, l2_len: int, l3_len: int, length: int
) -> None:
    queue = make(offloads=CSUM)
    m = asking(packet(pool, frame(length)), L4[UDP] | IP[4])
    m.l2_len, m.l3_len = l2_len, l3_len
    assert queue.xmit(m) == 1
    assert sent(queue) == [(NOTHING, frame(length))]
    assert queue.vq.stats.errors == 1


@pytest.mark.parametrize("first", [0x40, 0x4F, 0x65, 0x00])
def test_headers_that_contradict_their_lengths_are_not_believed(make: MakeQueue, pool: Mempool, first: int) -> None:
    queue = make(offloads=CSUM | TSO)
    data = bytearray(datagram(4, TCP, bytes(200), cksum=0xBAD))
    data[14] = first
    m = asking(packet(pool, bytes(data)), TCP_SEG | IP[4], segsz=100)
    assert queue.xmit(m) == 1
    ((_, got),) = sent(queue)
    assert got[:24] == bytes(data[:24])


# Segmentation.


@pytest.mark.parametrize("tag", [False, True])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("split", [(), (54,), (100, 1000)])
def test_a_segment_size_is_handed_on(
    make: MakeQueue, pool: Mempool, version: int, tag: bool, split: tuple[int, ...]
) -> None:
    queue = make(offloads=CSUM | TSO)
    data = datagram(version, TCP, bytes(2000), cksum=0xBAD)
    m = packet(pool, data, split=split)
    assert queue.xmit(asking(m, TCP_SEG | IP[version] | (VLAN if tag else 0), version=version, segsz=536)) == 1
    ((header, got),) = sent(queue)
    start = 14 + L3_LEN[version] + 4 * tag
    assert header == (NEEDS_CSUM, 1 if version == 4 else 4, start + 20, 536, start, FIELD[TCP])
    assert got[start + 16 :][:2] == add_up(pseudo(version, TCP, 2020)).to_bytes(2, "big")
    if version == 4:
        assert add_up(got[start - 20 : start]) == 0xFFFF


def test_a_packet_longer_than_its_ip_header_can_say_has_the_sum_of_its_own_length(
    make: MakeQueue, pool: Mempool
) -> None:
    queue = make(offloads=CSUM | TSO)
    data = datagram(4, TCP, bytes(2000))
    short = data[:16] + b"\0\0" + data[18:]
    assert queue.xmit(asking(packet(pool, short), TCP_SEG | IP[4], segsz=536)) == 1
    ((_, got),) = sent(queue)
    assert got[50:52] == add_up(pseudo(4, TCP, 2020)).to_bytes(2, "big")


@pytest.mark.parametrize(("offloads", "segsz"), [(CSUM, 536), (CSUM | TSO, 0)])
def test_no_segmentation_is_asked_for_without_agreement_or_size(
    make: MakeQueue, pool: Mempool, offloads: int, segsz: int
) -> None:
    """Virtio 1.2, 5.1.6.2: gso_type says what was agreed, or none."""
    queue = make(offloads=offloads)
    m = asking(packet(pool, datagram(4, TCP, bytes(2000))), TCP_SEG | IP[4], segsz=segsz)
    assert queue.xmit(m) == 1
    ((header, _),) = sent(queue)
    assert header == request(4, TCP, False)


def test_an_ipv4_checksum_is_written_by_the_driver(make: MakeQueue, pool: Mempool) -> None:
    queue = make()
    assert queue.xmit(asking(packet(pool, datagram(4, UDP, bytes(9))), IP_CKSUM | IP[4])) == 1
    ((header, got),) = sent(queue)
    assert header == NOTHING
    assert add_up(got[14:34]) == 0xFFFF
