"""The front-end's machine: what it sends, what it waits for, what it refuses."""

import os
from struct import pack

import pytest
from vhost_user.samples import FEATURES, REPLY, VERSION, GiveAway, region, wire

from pytestpmd.errors import LocalProtocolError, RemoteProtocolError
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.events import NEED_DATA, Ack, ConnectionClosed, Reply
from pytestpmd.vhost_user.frontend import Frontend
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.wire import ProtocolFeature, VhostUserRequest


def answer(number: int, payload: bytes, flags: int = VERSION | REPLY) -> bytes:
    return wire(number, payload, flags)


def u64(value: int) -> bytes:
    return pack("=Q", value)


def asked(message: Message, reply: bytes, front: Frontend) -> object:
    front.send(message)
    front.receive_data(reply)
    return front.next_event()


def a_frontend(protocol_features: ProtocolFeature = ProtocolFeature.REPLY_ACK | ProtocolFeature.STATUS) -> Frontend:
    """One that has negotiated the protocol features."""
    front = Frontend()
    asked(m.GetFeatures(), answer(1, u64(FEATURES)), front)
    asked(m.GetProtocolFeatures(), answer(15, u64((1 << 20) - 1)), front)
    front.send(m.SetProtocolFeatures(protocol_features))
    return front


def test_a_request_is_its_header_and_payload_with_its_fds() -> None:
    data, fds = Frontend().send(m.SetVringKick(1, 44))
    assert data == wire(12, u64(1))
    assert fds == (44,)


def test_an_answer_becomes_a_reply_with_its_number() -> None:
    front = Frontend()
    assert asked(m.GetFeatures(), answer(1, u64(FEATURES)), front) == Reply(VhostUserRequest.GET_FEATURES, FEATURES)
    assert front.offered_features == FEATURES
    assert front.awaited is None


def test_the_base_of_a_ring_comes_from_the_right_ring_only() -> None:
    front = Frontend()
    assert asked(m.GetVringBase(3), answer(11, pack("=II", 3, 0x1234)), front) == Reply(
        VhostUserRequest.GET_VRING_BASE, 0x1234
    )
    front.send(m.GetVringBase(3))
    front.receive_data(answer(11, pack("=II", 2, 0x1234)))
    with pytest.raises(RemoteProtocolError, match="ring 2"):
        front.next_event()


def test_the_answer_to_the_dirty_log_is_empty() -> None:
    front = a_frontend(ProtocolFeature.LOG_SHMFD)
    assert asked(m.SetLogBase(5, 0x1000, 0), answer(6, b""), front) == Reply(VhostUserRequest.SET_LOG_BASE, 0)


@pytest.mark.parametrize(("value", "ok"), [(0, True), (1, False), (1 << 63, False)])
def test_an_ack_is_zero_and_anything_else_is_a_nack(value: int, ok: bool) -> None:
    front = a_frontend()
    data, _ = front.send(m.SetStatus(15), needs_reply=True)
    assert data == wire(39, u64(15), flags=9)
    front.receive_data(answer(39, u64(value)))
    assert front.next_event() == Ack(VhostUserRequest.SET_STATUS, ok)


def test_nothing_is_awaited_after_a_request_without_an_answer() -> None:
    front = Frontend()
    front.send(m.SetOwner())
    assert front.awaited is None
    assert front.next_event() is NEED_DATA


def test_a_question_at_a_time() -> None:
    front = Frontend()
    front.send(m.GetFeatures())
    with pytest.raises(LocalProtocolError, match="VHOST_USER_GET_FEATURES is still due"):
        front.send(m.SetOwner())


def test_an_ack_needs_reply_ack() -> None:
    with pytest.raises(LocalProtocolError, match="REPLY_ACK is not negotiated"):
        Frontend().send(m.SetOwner(), needs_reply=True)


@pytest.mark.parametrize(
    "message", [m.GetStatus(), m.SetStatus(1), m.GetQueueNum(), m.NetSetMtu(1500), m.AddMemReg(region(0, fd=3))]
)
def test_a_gated_request_waits_for_its_protocol_feature(message: Message) -> None:
    with pytest.raises(LocalProtocolError, match="is not negotiated"):
        a_frontend(ProtocolFeature.REPLY_ACK).send(message)


@pytest.mark.parametrize("message", [m.GetProtocolFeatures(), m.SetProtocolFeatures(0), m.SetVringEnable(0, 1)])
def test_bit_30_must_have_been_offered(message: Message) -> None:
    front = Frontend()
    asked(m.GetFeatures(), answer(1, u64(FEATURES & ~(1 << 30))), front)
    with pytest.raises(LocalProtocolError, match="PROTOCOL_FEATURES"):
        front.send(message)


def test_only_what_was_offered_can_be_acknowledged() -> None:
    front = a_frontend()
    front.send(m.SetFeatures(FEATURES))
    with pytest.raises(LocalProtocolError, match="0x2 was not offered"):
        front.send(m.SetFeatures(2))
    with pytest.raises(LocalProtocolError, match="was not offered"):
        front.send(m.SetProtocolFeatures(1 << 40))


@pytest.mark.parametrize("message", [m.SetVringNum(0, 0), m.SetVringNum(-1, 4), m.SetVringBase(0, 1 << 32)])
def test_an_impossible_message_is_our_bug_and_changes_nothing(message: Message) -> None:
    front = Frontend()
    with pytest.raises(LocalProtocolError, match="VHOST_USER_SET_VRING"):
        front.send(message)
    front.send(m.GetFeatures())


WRONG_ANSWERS = {
    "to another request": answer(3, u64(0)),
    "too short": answer(1, bytes(4)),
    "too long": answer(1, bytes(16)),
    "empty": answer(1, b""),
    "without the reply flag": wire(1, u64(0)),
    "of another version": answer(1, u64(0), flags=REPLY | 2),
    "huge": wire(1, b"", REPLY | VERSION, size=1 << 31),
}


@pytest.mark.parametrize("data", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_a_wrong_answer_ends_the_conversation(data: bytes) -> None:
    front = Frontend()
    front.send(m.GetFeatures())
    front.receive_data(data)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            front.next_event()


def test_an_answer_that_nobody_asked_for_ends_the_conversation() -> None:
    front = Frontend()
    front.send(m.SetOwner())
    front.receive_data(answer(3, u64(0)))
    with pytest.raises(RemoteProtocolError, match="nobody asked"):
        front.next_event()


def test_fds_in_an_answer_are_closed_and_end_the_conversation(given_away: GiveAway) -> None:
    front = Frontend()
    front.send(m.GetFeatures())
    front.receive_data(answer(1, u64(0)), given_away(1))
    with pytest.raises(RemoteProtocolError, match="1 file descriptors"):
        front.next_event()


def test_fds_that_come_after_the_end_are_closed_too(given_away: GiveAway) -> None:
    front = Frontend()
    front.receive_data(answer(1, u64(0)), given_away(2))
    with pytest.raises(RemoteProtocolError):
        front.next_event()
    front.receive_data(b"more", given_away(2))
    front.close()


def test_an_end_between_messages_is_an_event_and_in_place_of_an_answer_an_error() -> None:
    front = Frontend()
    front.receive_data(b"")
    assert front.next_event() == ConnectionClosed()
    front = Frontend()
    front.send(m.GetFeatures())
    front.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="instead of answering VHOST_USER_GET_FEATURES"):
        front.next_event()


def test_an_answer_before_the_end_still_counts() -> None:
    front = Frontend()
    front.send(m.GetFeatures())
    front.receive_data(answer(1, u64(3)))
    front.receive_data(b"")
    assert front.next_event() == Reply(VhostUserRequest.GET_FEATURES, 3)
    assert front.next_event() == ConnectionClosed()


def test_events_describe_themselves() -> None:
    assert Reply(VhostUserRequest.GET_FEATURES, 0x30).describe() == "reply 0x30"
    assert [Ack(VhostUserRequest.SET_STATUS, ok).describe() for ok in (True, False)] == ["ack", "nack"]


# Answers that are messages.

CONFIG = ProtocolFeature.CONFIG | ProtocolFeature.INFLIGHT_SHMFD


def test_an_answer_may_be_the_question_filled_in(given_away: GiveAway) -> None:
    front = a_frontend(CONFIG)
    config = pack("=III", 6, 2, 0) + b"\1\0"
    assert asked(m.GetConfig(6, bytes(2)), answer(24, config), front) == Reply(
        VhostUserRequest.GET_CONFIG, m.GetConfig(6, b"\1\0")
    )
    front.send(m.GetInflightFd(0, 0, 2, 64))
    (fd,) = given_away(1)
    front.receive_data(answer(31, pack("=QQHHI", 8192, 0, 2, 64, 0)), (fd,))
    area = m.GetInflightFd(8192, 0, 2, 64, fd)
    event = front.next_event()
    os.close(fd)
    assert event == Reply(VhostUserRequest.GET_INFLIGHT_FD, area)


@pytest.mark.parametrize("message", [m.GetConfig(6, bytes(2)), m.GetInflightFd(0, 0, 2, 64)], ids=lambda x: x.name)
def test_an_answer_without_payload_is_a_refusal(message: Message) -> None:
    assert asked(message, answer(int(message.request), b""), a_frontend(CONFIG)) == Ack(message.request, False)


BAD_ANSWERS: list[tuple[Message, bytes, int, str]] = [
    (m.GetConfig(6, bytes(2)), pack("=III", 4, 2, 0) + bytes(2), 0, "other bytes"),
    (m.GetConfig(6, bytes(2)), pack("=III", 6, 1, 0) + bytes(2), 0, "1 bytes"),
    (m.GetConfig(6, bytes(2)), pack("=III", 6, 2, 0) + bytes(2), 1, "1 file desc"),
    (m.GetConfig(6, bytes(2)), pack("=III", 6, 2, 0) + bytes(3), 0, "15 bytes instead of 14"),
    (m.GetConfig(6, bytes(2)), b"", 1, "1 file desc"),
    (m.GetInflightFd(0, 0, 2, 64), pack("=QQHHI", 8192, 0, 2, 64, 0), 0, "0 file desc"),
    (m.GetInflightFd(0, 0, 2, 64), pack("=QQHHI", 8192, 0, 2, 64, 0), 2, "2 file desc"),
    (m.GetInflightFd(0, 0, 2, 64), pack("=QQHHI", 8192, 0, 3, 64, 0), 1, "other rings"),
    (m.GetInflightFd(0, 0, 2, 64), pack("=QQHHI", 0, 0, 2, 64, 0), 1, "empty"),
    (m.GetInflightFd(0, 0, 2, 64), pack("=QQHHI", 1 << 63, 1 << 63, 2, 64, 0), 1, "wraps"),
]


@pytest.mark.parametrize(("message", "payload", "nb_fds", "why"), BAD_ANSWERS)
def test_an_answer_that_cannot_be_ends_the_conversation(
    given_away: GiveAway, message: Message, payload: bytes, nb_fds: int, why: str
) -> None:
    front = a_frontend(CONFIG)
    front.send(message)
    front.receive_data(answer(int(message.request), payload), given_away(nb_fds))
    with pytest.raises(RemoteProtocolError, match=why):
        front.next_event()
