"""What received packets are told to be: net headers of an honest device, and of one that lies; tags."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from fakes.internet import TCP, UDP, add_up, datagram, pseudo, tagged, whole_cksum
from fakes.layouts import PATHS, RxPath, every_path
from fakes.packets import content, frame, free
from fakes.queues import DriverQueue

from pytestpmd._dataplane import lib

MakeQueue = Callable[..., DriverQueue]
NEEDS_CSUM, DATA_VALID = 1, 2
NONE, TCPV4, UDP_GSO, TCPV6, ECN = 0, 1, 3, 4, 0x80
CSUM, LRO, HASH, STRIP = (
    lib.VIRTQUEUE_RX_CSUM,
    lib.VIRTQUEUE_RX_LRO,
    lib.VIRTQUEUE_RX_HASH,
    lib.VIRTQUEUE_RX_STRIP,
)
UDP_FIELD, TCP_FIELD = 6, 16
every_long_path = pytest.mark.parametrize("path", [path for path in PATHS if path.mergeable], ids=str)


def header(
    flags: int = 0, gso_type: int = 0, hdr_len: int = 0, gso_size: int = 0, start: int = 0, off: int = 0
) -> bytes:
    return struct.pack("<BBHHHH", flags, gso_type, hdr_len, gso_size, start, off)


@pytest.fixture
def get(make_virtqueue: MakeQueue) -> Callable[..., tuple[Any, DriverQueue]]:
    """Have a frame received behind a header: the mbuf, which the caller frees, and the queue."""

    def deliver(path: RxPath, offloads: int, data: bytes, says: bytes = bytes(10), **settings: Any) -> Any:
        queue = make_virtqueue(path=path, offloads=offloads, **settings)
        queue.refill()
        queue.device.says = says
        queue.device.deliver(data, mergeable=path.mergeable)
        (mbuf,) = queue.receive_mbufs()
        assert queue.vq.fault == lib.VRING_OK
        return mbuf, queue

    return deliver


Get = Callable[..., tuple[Any, DriverQueue]]


# Checksums.


@every_path
@pytest.mark.parametrize(("version", "proto"), [(4, UDP), (4, TCP), (6, UDP), (6, TCP)])
def test_a_partial_checksum_is_told_as_none(get: Get, path: RxPath, version: int, proto: int) -> None:
    data = datagram(version, proto, bytes(100))
    start = 34 if version == 4 else 54
    mbuf, queue = get(path, CSUM, data, header(NEEDS_CSUM, start=start, off=UDP_FIELD if proto == UDP else TCP_FIELD))
    assert mbuf.ol_flags == lib.MBUF_F_RX_L4_CKSUM_NONE
    assert content(mbuf) == data
    assert queue.vq.stats.errors == 0
    free(mbuf)


@every_path
def test_a_checksum_that_the_device_has_seen_to_be_right_is_told_as_good(get: Get, path: RxPath) -> None:
    mbuf, _ = get(path, CSUM, datagram(4, TCP, bytes(9)), header(DATA_VALID))
    assert mbuf.ol_flags == lib.MBUF_F_RX_L4_CKSUM_GOOD
    free(mbuf)


def test_what_has_no_checksum_known_to_us_is_not_told_as_good(get: Get) -> None:
    mbuf, _ = get(PATHS[0], CSUM, frame(), header(DATA_VALID))
    assert mbuf.ol_flags == 0
    free(mbuf)


@every_path
def test_headers_are_not_looked_at_when_nothing_was_agreed(get: Get, path: RxPath) -> None:
    says = header(NEEDS_CSUM, TCPV4, 65535, 1448, 34, 6)
    for offloads in (0, STRIP):
        mbuf, queue = get(path, offloads, datagram(), says)
        assert (mbuf.ol_flags, queue.vq.stats.errors) == (0, 0)
        free(mbuf)


@every_path
def test_places_of_a_checksum_that_is_not_asked_for_mean_nothing(get: Get, path: RxPath) -> None:
    """Virtio 1.2, 5.1.6.4.2: they are for NEEDS_CSUM."""
    data = datagram(4, UDP, bytes(20))
    mbuf, queue = get(path, CSUM, data, header(0, hdr_len=65535, start=65535, off=65535))
    assert (mbuf.ol_flags, queue.vq.stats.errors) == (0, 0)
    assert content(mbuf) == data
    free(mbuf)


@every_path
@pytest.mark.parametrize("inner", [18, 19, 1001])
def test_a_partial_checksum_of_something_unknown_is_completed(get: Get, path: RxPath, inner: int) -> None:
    """As of a tunnel's inner packet, which no application would find."""
    within = datagram(4, UDP, bytes(range(200)) * (inner // 200) + bytes(range(inner % 200)))
    partial = add_up(pseudo(4, UDP, 8 + inner))
    within = within[:40] + partial.to_bytes(2, "big") + within[42:]
    mbuf, queue = get(path, CSUM, frame(50) + within, header(NEEDS_CSUM, start=50 + 34, off=UDP_FIELD))
    assert (mbuf.ol_flags, queue.vq.stats.errors) == (0, 0)
    got = content(mbuf)
    assert whole_cksum(4, UDP, got[50 + 34 :]) == 0xFFFF
    assert got[: 50 + 40] == (frame(50) + within)[: 50 + 40]
    free(mbuf)


@every_long_path
def test_a_field_across_two_buffers_is_completed(get: Get, path: RxPath) -> None:
    room = 2176 - lib.VIRTQUEUE_RX_OFFSET - 12
    data = frame(room + 500)
    start = room - 1 - 6
    mbuf, _ = get(path, CSUM, data, header(NEEDS_CSUM, start=start, off=UDP_FIELD))
    assert mbuf.nb_segs == 2
    got = content(mbuf)
    assert got[room - 1 : room + 1] == (~add_up(data[start:]) & 0xFFFF).to_bytes(2, "big")
    assert got[: room - 1] + got[room + 1 :] == data[: room - 1] + data[room + 1 :]
    free(mbuf)


@every_path
@pytest.mark.parametrize(
    ("start", "off"),
    [(59, 0), (60, 0), (0, 59), (61, 0), (65535, 0), (0, 65535), (65535, 65535), (34, 25), (54, 5)],
)
def test_a_field_beyond_the_frame_is_counted_and_not_touched(get: Get, path: RxPath, start: int, off: int) -> None:
    """What CVE-2024-11614 was about."""
    data = frame(60)
    mbuf, queue = get(path, CSUM, data, header(NEEDS_CSUM, start=start, off=off))
    assert content(mbuf) == data
    assert (mbuf.ol_flags, queue.vq.stats.errors, queue.vq.stats.packets) == (0, 1, 1)
    free(mbuf)


@pytest.mark.parametrize("length", [14, 20, 33, 34, 41, 53])
def test_frames_cut_short_anywhere_are_looked_at_no_further(get: Get, length: int) -> None:
    for version in (4, 6):
        data = datagram(version, TCP)[:length]
        mbuf, _ = get(PATHS[0], CSUM, data, header(DATA_VALID))
        assert (mbuf.ol_flags, content(mbuf)) == (0, data)
        free(mbuf)


# Packets made of several.


@every_long_path
@pytest.mark.parametrize(("gso_type", "version"), [(TCPV4, 4), (TCPV6, 6)])
def test_a_packet_made_of_several_tells_their_size(get: Get, path: RxPath, gso_type: int, version: int) -> None:
    data = datagram(version, TCP, bytes(9000))
    start = 34 if version == 4 else 54
    says = header(NEEDS_CSUM, gso_type, start + 20, 1448, start, TCP_FIELD)
    mbuf, queue = get(path, CSUM | LRO, data, says)
    assert mbuf.ol_flags == lib.MBUF_F_RX_LRO | lib.MBUF_F_RX_L4_CKSUM_NONE
    assert (mbuf.tso_segsz, queue.vq.stats.errors, content(mbuf)) == (1448, 0, data)
    free(mbuf)


@every_path
@pytest.mark.parametrize(
    ("offloads", "gso_type", "size"),
    [(CSUM, TCPV4, 1448), (CSUM | LRO, TCPV4, 0), (CSUM | LRO, UDP_GSO, 1448), (CSUM | LRO, TCPV4 | ECN, 1448)],
)
def test_what_was_not_agreed_or_cannot_be_is_counted_and_not_told(
    get: Get, path: RxPath, offloads: int, gso_type: int, size: int
) -> None:
    mbuf, queue = get(path, offloads, datagram(4, TCP, bytes(200)), header(0, gso_type, 54, size))
    assert (mbuf.ol_flags, queue.vq.stats.errors) == (0, 1)
    free(mbuf)


# Hashes.


@pytest.mark.parametrize("path", [path for path in PATHS if path.vec is None], ids=str)
def test_a_hash_that_was_reported_is_in_the_mbuf(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = make_virtqueue(path=path, offloads=HASH, hdr_size=20)
    queue.refill()
    for report in (0, 3):
        queue.device.hash = struct.pack("<IHH", 0xDEADBEEF, report, 0)
        queue.device.deliver(frame(), mergeable=path.mergeable)
    without, with_hash = queue.receive_mbufs()
    assert without.ol_flags == 0
    assert (with_hash.ol_flags, with_hash.hash_rss) == (lib.MBUF_F_RX_RSS_HASH, 0xDEADBEEF)
    assert content(with_hash) == content(without) == frame()
    free(without, with_hash)


# Tags.


@every_path
@pytest.mark.parametrize("tci", [0, 10, 0xFFFF])
@pytest.mark.parametrize("length", [14, 60, 1514])
def test_a_tag_is_stripped_on_every_path(get: Get, path: RxPath, tci: int, length: int) -> None:
    mbuf, queue = get(path, STRIP, tagged(frame(length), tci))
    assert content(mbuf) == frame(length)
    assert mbuf.ol_flags == lib.MBUF_F_RX_VLAN | lib.MBUF_F_RX_VLAN_STRIPPED
    assert mbuf.vlan_tci == tci
    assert queue.vq.stats.bytes == length
    free(mbuf)


@every_path
@pytest.mark.parametrize(
    "data", [frame(60), tagged(frame(60), 1)[:17], frame(12) + b"\x88\xa8\0\1" + frame(46)[12:]], ids=str
)
def test_what_has_no_tag_is_left_alone(get: Get, path: RxPath, data: bytes) -> None:
    mbuf, _ = get(path, STRIP, data)
    assert (content(mbuf), mbuf.ol_flags) == (data, 0)
    free(mbuf)


@every_path
def test_only_the_outer_tag_goes(get: Get, path: RxPath) -> None:
    mbuf, _ = get(path, STRIP, tagged(tagged(frame(60), 7), 8))
    assert (content(mbuf), mbuf.vlan_tci) == (tagged(frame(60), 7), 8)
    free(mbuf)


@every_path
def test_stripping_begins_and_ends_while_frames_arrive(make_virtqueue: MakeQueue, path: RxPath) -> None:
    queue = make_virtqueue(path=path)
    queue.refill()
    data = tagged(frame(60), 5)
    for on in (False, True, False):
        queue.vq.offloads = STRIP if on else 0
        for _ in range(20):
            queue.device.deliver(data, mergeable=path.mergeable)
        assert queue.receive() == [frame(60) if on else data] * 20


@every_path
def test_a_tagged_frame_with_a_partial_checksum_is_both(get: Get, path: RxPath) -> None:
    data = datagram(4, UDP, bytes(30))
    mbuf, _ = get(path, STRIP | CSUM, tagged(data, 3), header(NEEDS_CSUM, start=38, off=UDP_FIELD))
    assert content(mbuf) == data
    assert mbuf.ol_flags == lib.MBUF_F_RX_VLAN | lib.MBUF_F_RX_VLAN_STRIPPED | lib.MBUF_F_RX_L4_CKSUM_NONE
    free(mbuf)
