"""Checksums, against sums added up word by word, and against headers of others."""

import random
from itertools import product

import pytest
from fakes.internet import TCP, UDP, add_up, ipv4, ipv6, l4, pseudo
from fakes.packets import free, packet

from pytestpmd._dataplane import ffi, lib
from pytestpmd.eal.mempool import Mempool


def as_word(stored: int) -> int:
    """A sum as it stands in memory, read as the packet is."""
    return int.from_bytes(stored.to_bytes(2, "little"), "big")


def raw(data: bytes) -> int:
    return as_word(lib.net_cksum_raw(ffi.from_buffer(data), len(data)))


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 19, 20, 63, 64, 65, 1499, 1500, 65535])
def test_a_sum_of_any_length_is_right(length: int) -> None:
    data = random.Random(length).randbytes(length)
    assert raw(data) == add_up(data)


def test_carries_are_added_back() -> None:
    assert raw(b"\xff" * 65534) == 0xFFFF
    assert raw(b"\xff\xff\x00\x01") == 1


@pytest.mark.parametrize("split", [(), (1,), (1, 1, 1), (7, 0, 20), (64, 3, 5, 100), (99,)])
@pytest.mark.parametrize(("off", "length"), [(0, 200), (0, 199), (1, 199), (8, 100), (150, 50), (200, 0), (99, 1)])
def test_segments_of_odd_lengths_sum_as_one(pool: Mempool, split: tuple[int, ...], off: int, length: int) -> None:
    data = random.Random(1).randbytes(200)
    m = packet(pool, data, split=split)
    total = ffi.new("uint16_t *")
    assert lib.net_cksum_raw_mbuf(m, off, length, total)
    assert as_word(total[0]) == add_up(data[off : off + length])
    free(m)


@pytest.mark.parametrize(("off", "length"), [(0, 61), (60, 1), (61, 1), (59, 2), (4_000_000_000, 4_000_000_000)])
def test_bytes_behind_the_packet_are_not_summed(pool: Mempool, off: int, length: int) -> None:
    m = packet(pool, bytes(60), split=(20, 20))
    assert not lib.net_cksum_raw_mbuf(m, off, length, ffi.new("uint16_t *"))
    free(m)


@pytest.mark.parametrize("options", [b"", b"\x94\x04\0\0", bytes(range(40))])
@pytest.mark.parametrize("before", [0, 0xFFFF, 0xBEEF])
def test_an_ipv4_header_gets_its_checksum_whatever_it_has(options: bytes, before: int) -> None:
    header = ipv4(100, UDP, options, before)
    cksum = as_word(lib.net_cksum_ipv4(ffi.from_buffer(header)))
    assert cksum == ~add_up(ipv4(100, UDP, options)) & 0xFFFF
    assert add_up(ipv4(100, UDP, options, cksum)) == 0xFFFF


def test_the_header_of_rfc_1071s_time_sums_as_it_is_known_to() -> None:
    header = bytes.fromhex("45000073000040004011 0000 c0a80001c0a800c7")
    assert as_word(lib.net_cksum_ipv4(ffi.from_buffer(header))) == 0xB861


@pytest.mark.parametrize(("version", "proto", "length"), list(product((4, 6), (UDP, TCP), (8, 1480, 65535))))
def test_a_pseudo_header_is_summed_with_the_length_it_is_told(version: int, proto: int, length: int) -> None:
    header = ipv4(0, proto) if version == 4 else ipv6(0, proto)
    stored = lib.net_cksum_pseudo(ffi.from_buffer(header), proto, length)
    assert as_word(stored) == add_up(pseudo(version, proto, length))


@pytest.mark.parametrize("split", [(), (34,), (55, 7)])
@pytest.mark.parametrize(("version", "proto", "size"), list(product((4, 6), (UDP, TCP), (0, 1, 18, 1001))))
def test_the_whole_checksum_makes_the_packet_right(
    pool: Mempool, split: tuple[int, ...], version: int, proto: int, size: int
) -> None:
    payload = random.Random(size).randbytes(size)
    above = l4(proto, payload)
    header = ipv4(len(above), proto) if version == 4 else ipv6(len(above), proto)
    fits = split if version == 4 else tuple(n + 20 for n in split)
    padding = bytes(80)
    m = packet(pool, bytes(14) + header + above + padding, split=fits)
    cksum = ffi.new("uint16_t *")
    assert lib.net_cksum_l4(m, 14, 14 + len(header), proto, cksum)
    stored = as_word(cksum[0])
    assert add_up(pseudo(version, proto, len(above)) + l4(proto, payload, stored)) == 0xFFFF
    free(m)


def test_udp_has_no_checksum_of_zero(pool: Mempool) -> None:
    length = 10
    rest = ~add_up(pseudo(4, UDP, length) + l4(UDP, b"\0\0")) & 0xFFFF
    above = l4(UDP, rest.to_bytes(2, "big"))
    assert add_up(pseudo(4, UDP, length) + above) == 0xFFFF
    m = packet(pool, ipv4(length, UDP) + above)
    cksum = ffi.new("uint16_t *")
    assert lib.net_cksum_l4(m, 0, 20, UDP, cksum)
    assert cksum[0] == 0xFFFF
    free(m)


@pytest.mark.parametrize(
    ("data", "l4_off"),
    [
        (ipv4(100, UDP) + bytes(99), 20),  # shorter than it says
        (ipv4(8, UDP)[:19], 20),  # a part of a header
        (ipv6(8, UDP)[:39] + bytes(0), 40),
        (ipv4(8, UDP) + bytes(8), 40),  # the header says that it ends before UDP begins
    ],
)
def test_a_packet_shorter_than_it_says_has_no_checksum(pool: Mempool, data: bytes, l4_off: int) -> None:
    m = packet(pool, data)
    assert not lib.net_cksum_l4(m, 0, l4_off, UDP, ffi.new("uint16_t *"))
    free(m)
