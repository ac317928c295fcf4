"""Random bytes, random messages, random damage: an event or a protocol error, never anything else, and no fd lost."""

import random
from struct import pack

import pytest
from vhost_user.samples import SAMPLES, GiveAway, a_backend, wire

from pytestpmd.errors import RemoteProtocolError
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.events import NEED_DATA, ConnectionClosed, Refused, Reply, Request
from pytestpmd.vhost_user.frontend import Frontend
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.stream import close_fds
from pytestpmd.vhost_user.table import Answer, row_of
from pytestpmd.vhost_user.wire import ProtocolFeature

EDGES = [0, 1, 2, 7, 8, 255, 256, 257, 4096, 32768, 65535, 1 << 31, (1 << 32) - 1]
#: A question, the payload of a good answer, and how many fds go with it.
ASKED: list[tuple[Message, bytes, int]] = [
    (m.GetFeatures(), pack("=II", 1, 7), 0),
    (m.GetVringBase(1), pack("=II", 1, 7), 0),
    (m.GetConfig(0, bytes(8)), pack("=IIIII", 0, 8, 0, 1, 2), 0),
    (m.GetInflightFd(0, 0, 2, 64), pack("=QQHHI", 8192, 0, 2, 64, 0), 1),
]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """One byte, one word, or the length of a message is not what it was."""
    what = rng.randrange(4)
    at = rng.randrange(len(data))
    if what == 0:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if what == 1:
        at &= ~3
        return data[:at] + pack("=I", rng.choice(EDGES)) + data[at + 4 :]
    return data if what == 2 else data[:at] + rng.randbytes(rng.randrange(4)) + data[at:]


def random_message(rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return wire(rng.randrange(50), rng.randbytes(rng.choice([0, 8, 40])), rng.choice([1, 9]))
    sample = rng.choice(SAMPLES)
    data = wire(sample.number, sample.payload, rng.choice([1, 9]))
    return damaged(rng, data) if rng.random() < 0.3 else data


def drain(back: Backend, rng: random.Random) -> int:
    """Answer what comes as a back-end would that fails now and then; how many events there were."""
    nb_events = 0
    while True:
        event = back.next_event()
        if event is NEED_DATA or isinstance(event, ConnectionClosed):
            return nb_events
        nb_events += 1
        if isinstance(event, Request):
            assert all(each.size > 0 for each in back.regions)
            event.message.check()
            event.close_fds()
            form = row_of(event.message).answer
            if form is Answer.SAME:
                _ = back.reply(event.message) if rng.random() < 0.9 else back.ack(False)
            elif form is not Answer.ACK:
                back.reply(rng.randrange(1 << 32))
            else:
                back.ack(rng.random() < 0.9)
        else:
            assert isinstance(event, Refused)
            assert len(event.answer) in {12, 20}


@pytest.mark.parametrize("seed", range(8))
def test_the_back_end_survives_anything(seed: int, given_away: GiveAway) -> None:
    rng = random.Random(seed)
    nb_events = 0
    ends: list[str] = []
    for _connection in range(60):
        back = a_backend(nb_rings=2)
        back.receive_data(wire(16, pack("=Q", 0xFFFFF)))
        try:
            for _ in range(20):
                data = random_message(rng)
                cut = rng.randrange(len(data) + 1)
                fds = given_away(rng.choice([0, 0, 0, 1, 1, 2, 8]))
                if cut:
                    back.receive_data(data[:cut], fds)
                    nb_events += drain(back, rng)
                back.receive_data(data[cut:], () if cut else fds)
                nb_events += drain(back, rng)
        except RemoteProtocolError as error:
            ends.append(str(error))
        back.close()
        assert back.running_rings <= {0, 1}
        assert not int(back.features) & ~back.offered_features
    assert nb_events > 60
    assert ends
    assert all("\n" not in line for line in ends)


@pytest.mark.parametrize("seed", range(4))
def test_the_front_end_survives_any_answer(seed: int, given_away: GiveAway) -> None:
    rng = random.Random(seed)
    nb_ends = 0
    for _connection in range(100):
        front = Frontend()
        front.protocol_features = ProtocolFeature.CONFIG | ProtocolFeature.INFLIGHT_SHMFD
        try:
            for _ in range(20):
                message, payload, nb_fds = rng.choice(ASKED)
                front.send(message)
                answer = wire(message.request, payload, flags=5)
                data = damaged(rng, answer) if rng.random() < 0.2 else answer
                front.receive_data(data, given_away(rng.choice([0, 1, 8]) if rng.random() < 0.02 else nb_fds))
                while (event := front.next_event()) is NEED_DATA:
                    front.receive_data(b"")
                if isinstance(event, Reply) and isinstance(event.value, Message):
                    close_fds(event.value.fds)
        except RemoteProtocolError:
            nb_ends += 1
        front.close()
    assert nb_ends > 0


def test_noise_is_not_a_message() -> None:
    rng = random.Random(1)
    for _ in range(200):
        back = a_backend()
        back.receive_data(rng.randbytes(11) + b"\0" + rng.randbytes(200))
        with pytest.raises(RemoteProtocolError):
            drain(back, rng)
