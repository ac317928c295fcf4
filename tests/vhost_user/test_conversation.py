"""The two machines against each other, over bytes alone."""

import os

import pytest
from vhost_user.samples import FEATURES, GiveAway, MakeFd, a_backend, dup_fds, region

from pytestpmd.errors import RemoteProtocolError
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.events import NEED_DATA, Ack, Refused, Reply, Request
from pytestpmd.vhost_user.frontend import Frontend
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.table import Answer, row_of

VALUES = {m.GetFeatures: FEATURES, m.GetProtocolFeatures: 0x1A03F, m.GetQueueNum: 1, m.GetVringBase: 0x1234}


def serve(back: Backend, data: bytes, fds: tuple[int, ...], step: int) -> bytes:
    """A back-end that does whatever it is told, fed ``step`` bytes at a time."""
    answers = b""
    for start in range(0, len(data), step):
        back.receive_data(data[start : start + step], fds if start == 0 else ())
        event = back.next_event()
        if isinstance(event, Request):
            event.close_fds()
            has_answer = row_of(event.message).answer is not Answer.ACK
            answers += back.reply(VALUES.get(type(event.message), 0)) if has_answer else back.ack()
        elif isinstance(event, Refused):
            answers += event.answer
    return answers


def exchange(front: Frontend, back: Backend, message: Message, step: int, needs_reply: bool = False) -> object:
    data, fds = front.send(message, needs_reply=needs_reply)
    answers = serve(back, data, dup_fds(fds), step)
    for start in range(0, len(answers), step):
        assert front.next_event() is NEED_DATA
        front.receive_data(answers[start : start + step])
    return front.next_event()


def start_up(fd: int) -> list[Message]:
    """A whole start as virtio-user makes it, after the protocol features."""
    per_ring = [
        (
            m.SetVringNum(ring, 256),
            m.SetVringBase(ring, 0),
            m.SetVringAddr(ring, 0, 0x7F0000000000, 0x7F0000002000, 0x7F0000001000, 0),
            m.SetVringKick(ring, fd),
            m.SetVringCall(ring, None),
        )
        for ring in range(2)
    ]
    return [
        m.SetFeatures(1 << 30 | 1 << 32),
        m.SetStatus(0x0B),
        m.SetMemTable((region(0, fd=fd), region(1 << 24, fd=fd))),
        *(message for ring in per_ring for message in ring),
        m.SetVringEnable(0, 1),
        m.SetVringEnable(1, 1),
        m.SetStatus(0x0F),
    ]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 12, 13, 1000])
def test_a_start_and_a_stop_whatever_the_size_of_the_pieces(step: int, make_eventfd: MakeFd) -> None:
    front, back = Frontend(), a_backend()
    assert exchange(front, back, m.SetOwner(), step) is NEED_DATA
    assert exchange(front, back, m.GetFeatures(), step) == Reply(m.GetFeatures.request, FEATURES)
    assert exchange(front, back, m.GetProtocolFeatures(), step) == Reply(m.GetProtocolFeatures.request, 0x1A03F)
    exchange(front, back, m.SetProtocolFeatures(0x1A03F), step)
    assert front.protocol_features == back.protocol_features == 0x1A03F
    assert exchange(front, back, m.GetQueueNum(), step) == Reply(m.GetQueueNum.request, 1)
    for message in start_up(make_eventfd()):
        assert exchange(front, back, message, step, needs_reply=True) == Ack(message.request, True), message.describe()
    assert back.running_rings == {0, 1}
    assert back.features == 1 << 30 | 1 << 32
    for ring in range(2):
        assert exchange(front, back, m.GetVringBase(ring), step) == Reply(m.GetVringBase.request, 0x1234)
    assert back.running_rings == frozenset()


def test_a_refusal_reaches_the_front_end_as_a_nack() -> None:
    front, back = Frontend(), a_backend(nb_rings=2)
    exchange(front, back, m.GetFeatures(), 20)
    exchange(front, back, m.GetProtocolFeatures(), 20)
    exchange(front, back, m.SetProtocolFeatures(1 << 3), 20)
    refused = exchange(front, back, m.SetVringNum(2, 256), 20, needs_reply=True)
    assert refused == Ack(m.SetVringNum.request, False)
    assert exchange(front, back, m.SetVringNum(1, 256), 20, needs_reply=True) == Ack(m.SetVringNum.request, True)


def test_the_message_keeps_the_senders_fd_and_the_receiver_gets_its_own(make_eventfd: MakeFd) -> None:
    front, back = Frontend(), a_backend()
    kick = make_eventfd()
    data, fds = front.send(m.SetVringKick(0, kick))
    back.receive_data(data, dup_fds(fds))
    event = back.next_event()
    assert isinstance(event, Request)
    (received,) = event.message.fds
    assert received != kick
    os.eventfd_write(received, 3)
    assert os.eventfd_read(kick) == 3
    event.close_fds()


def test_a_stranger_speaking_to_either_machine_leaks_nothing(given_away: GiveAway) -> None:
    for machine in (Frontend(), a_backend()):
        machine.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", given_away(3))
        with pytest.raises(RemoteProtocolError):
            machine.next_event()
