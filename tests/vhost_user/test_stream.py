"""Messages from pieces, and who owns the fds."""

import os

import pytest
from vhost_user.samples import GiveAway, wire

from pytestpmd.errors import RemoteProtocolError
from pytestpmd.vhost_user.stream import Frame, MessageStream, close_fds, encode_reply
from pytestpmd.vhost_user.wire import Header

MESSAGE = wire(2, b"\x01\x02\x03\x04\x05\x06\x07\x08")


def accept_all(header: Header) -> None:
    """A check that has nothing against any header."""


def frames(stream: MessageStream) -> list[Frame]:
    return list(iter(stream.next_frame, None))


@pytest.mark.parametrize("cut", range(1, len(MESSAGE)))
def test_a_message_in_two_pieces_is_one_message_with_the_fds_of_either(cut: int, given_away: GiveAway) -> None:
    fds = given_away(2)
    stream = MessageStream(accept_all)
    stream.feed(MESSAGE[:cut], fds[:1])
    assert stream.next_frame() is None
    assert stream.is_inside_message
    stream.feed(MESSAGE[cut:], fds[1:])
    frame = stream.next_frame()
    assert frame is not None
    assert (frame.payload, frame.fds) == (MESSAGE[12:], fds)
    assert not stream.is_inside_message
    close_fds(frame.fds)


def test_bytes_wanted_leads_from_message_to_message() -> None:
    stream = MessageStream(accept_all)
    data = MESSAGE + wire(3) + MESSAGE
    seen = []
    while data:
        wanted = stream.bytes_wanted
        seen.append(wanted)
        stream.feed(data[:wanted])
        data = data[wanted:]
        stream.next_frame()
    assert seen == [12, 8, 12, 12, 8]


def test_a_byte_at_a_time_still_wants_at_least_one() -> None:
    stream = MessageStream(accept_all)
    for position in range(len(MESSAGE)):
        assert 1 <= stream.bytes_wanted <= len(MESSAGE) - position
        assert stream.next_frame() is None
        stream.feed(MESSAGE[position : position + 1])
    assert stream.next_frame() is not None


def test_fds_go_to_the_message_that_they_came_with(given_away: GiveAway) -> None:
    fds = given_away(3)
    stream = MessageStream(accept_all)
    stream.feed(MESSAGE, fds[:1])
    stream.feed(wire(3))
    stream.feed(MESSAGE, fds[1:])
    assert [frame.fds for frame in frames(stream)] == [fds[:1], (), fds[1:]]
    close_fds(fds)


def test_many_messages_in_one_chunk_come_out_in_order() -> None:
    stream = MessageStream(accept_all)
    stream.feed(wire(3) + MESSAGE + wire(1))
    assert [frame.header.request for frame in frames(stream)] == [3, 2, 1]


@pytest.mark.parametrize("version", [0, 2, 3])
def test_another_version_is_refused(version: int) -> None:
    stream = MessageStream(accept_all)
    stream.feed(wire(3, flags=version))
    with pytest.raises(RemoteProtocolError, match="version"):
        stream.next_frame()


@pytest.mark.parametrize("size", [4097, 1 << 31, (1 << 32) - 1])
def test_an_oversized_message_is_refused_at_its_header(size: int) -> None:
    stream = MessageStream(accept_all)
    stream.feed(wire(99, size=size))
    with pytest.raises(RemoteProtocolError, match=str(size)):
        stream.next_frame()


def test_nine_fds_are_too_many_and_all_are_closed(given_away: GiveAway) -> None:
    stream = MessageStream(accept_all)
    stream.feed(MESSAGE[:6], given_away(5))
    stream.feed(MESSAGE[6:], given_away(4))
    with pytest.raises(RemoteProtocolError, match="9 file descriptors"):
        stream.next_frame()
    stream.close()


def test_close_drops_what_nobody_took_and_may_be_repeated(given_away: GiveAway) -> None:
    fds = given_away(2)
    stream = MessageStream(accept_all)
    stream.feed(MESSAGE[:5], fds)
    stream.close()
    stream.close()
    for fd in fds:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_an_answer_has_the_reply_flag_and_the_version_and_nothing_else() -> None:
    assert encode_reply(1, bytes(8)) == wire(1, bytes(8), flags=5)
