"""Tags taken out of frames and put into them."""

import pytest
from fakes.packets import content, frame, free, packet

from pytestpmd._dataplane import lib
from pytestpmd.eal.mempool import Mempool

TAG = bytes.fromhex("8100a07b")
FLAGS = lib.MBUF_F_RX_VLAN | lib.MBUF_F_RX_VLAN_STRIPPED


def tagged(data: bytes, tag: bytes = TAG) -> bytes:
    return data[:12] + tag + data[12:]


def test_a_tag_is_taken_out_and_told(pool: Mempool) -> None:
    mbuf = packet(pool, tagged(frame()))
    assert lib.vlan_strip(mbuf)
    assert (content(mbuf), mbuf.vlan_tci, mbuf.ol_flags) == (frame(), 0xA07B, FLAGS)
    assert not lib.vlan_strip(mbuf)
    free(mbuf)


def test_of_two_tags_the_outer_one_is_taken_out(pool: Mempool) -> None:
    mbuf = packet(pool, tagged(tagged(frame()), bytes.fromhex("81000001")))
    assert lib.vlan_strip(mbuf)
    assert (content(mbuf), mbuf.vlan_tci) == (tagged(frame()), 1)
    free(mbuf)


@pytest.mark.parametrize("data", [frame(), tagged(frame(12)), tagged(frame(12)) + b"\0", frame(1)])
def test_a_frame_without_a_whole_tag_stays_as_it_is(pool: Mempool, data: bytes) -> None:
    mbuf = packet(pool, data)
    assert not lib.vlan_strip(mbuf)
    assert (content(mbuf), mbuf.ol_flags) == (data, 0)
    free(mbuf)


@pytest.mark.parametrize("split", [(), (12,), (14, 5)])
def test_what_was_taken_out_can_be_put_in_again(pool: Mempool, split: tuple[int, ...]) -> None:
    mbuf = packet(pool, frame(), split=split)
    mbuf.vlan_tci, mbuf.ol_flags, mbuf.l2_len = 0xA07B, FLAGS | lib.MBUF_F_TX_VLAN | lib.MBUF_F_TX_IPV4, 14
    assert lib.vlan_insert(mbuf)
    assert (content(mbuf), mbuf.ol_flags, mbuf.l2_len) == (tagged(frame()), lib.MBUF_F_TX_IPV4, 18)
    free(mbuf)


def test_a_tag_is_not_put_in_where_there_is_no_room_or_others_look_on(pool: Mempool) -> None:
    short, cramped, shared = (
        packet(pool, frame(), split=(11,)),
        packet(pool, frame(), headroom=3),
        packet(pool, frame()),
    )
    shared.refcnt = 2
    for mbuf in (short, cramped, shared):
        assert not lib.vlan_insert(mbuf)
        assert content(mbuf) == frame()
    shared.refcnt = 1
    free(short, cramped, shared)
