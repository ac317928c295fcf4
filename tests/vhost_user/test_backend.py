"""The back-end's machine: four gates before a request, and nothing changes when it fails."""

import os
from collections.abc import Callable
from struct import pack

import pytest
from vhost_user.samples import (
    ALL_PROTOCOL_FEATURES,
    FEATURES,
    IDS,
    LOG_ALL,
    NEED_REPLY,
    REPLY,
    SAMPLES,
    VERSION,
    GiveAway,
    MakeFd,
    Sample,
    a_backend,
    dup_fds,
    region,
    wire,
)

from pytestpmd.errors import LocalProtocolError, RemoteProtocolError
from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.backend import Backend
from pytestpmd.vhost_user.events import NEED_DATA, ConnectionClosed, Refused, Request
from pytestpmd.vhost_user.message import Message
from pytestpmd.vhost_user.table import TABLE, Answer, row_of
from pytestpmd.vhost_user.wire import ProtocolFeature

ASK = VERSION | NEED_REPLY
NACK = pack("=Q", 1)


def u64(value: int) -> bytes:
    return pack("=Q", value)


def say(back: Backend, message: Message, fds: tuple[int, ...] = (), flags: int = VERSION) -> object:
    """Give the machine a whole message, as it would come from a socket."""
    back.receive_data(wire(message.request, message.payload(), flags), fds)
    return back.next_event()


def do(back: Backend, message: Message, fds: tuple[int, ...] = (), flags: int = VERSION, value: int = 0) -> bytes:
    """Say it and carry it out."""
    event = say(back, message, fds, flags)
    assert isinstance(event, Request), event
    event.close_fds()
    return back.reply(value) if row_of(message).answer is not Answer.ACK else back.ack()


def negotiated(**changes: object) -> Backend:
    back = a_backend(**changes)  # type: ignore[arg-type]
    do(back, m.SetProtocolFeatures(int(back.offered_protocol_features)))
    return back


def why_not(back: Backend) -> str:
    """Why the request that came is not handed out: it ends the conversation, or has an answer that says no."""
    try:
        event = back.next_event()
    except RemoteProtocolError as error:
        return str(error)
    assert isinstance(event, Refused)
    assert len(event.answer) == 12, "an answer without payload"
    return event.reason


def with_fds(message: Message, make_eventfd: MakeFd) -> tuple[int, ...]:
    return dup_fds(make_eventfd() for _ in message.fds)


# ---- what is accepted ----


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_good_request_is_handed_out_with_its_fds(sample: Sample, make_eventfd: MakeFd) -> None:
    back = negotiated()
    do(back, m.SetMemTable((region(0, fd=0),)), dup_fds([make_eventfd()]))
    fds = with_fds(sample.message, make_eventfd)
    back.receive_data(wire(sample.number, sample.payload), fds)
    event = back.next_event()
    assert isinstance(event, Request)
    assert type(event.message) is type(sample.message)
    assert event.message.payload() == sample.payload
    assert event.message.fds == fds
    assert not event.needs_reply
    event.close_fds()


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_request_split_anywhere_is_the_same_request(sample: Sample, make_eventfd: MakeFd) -> None:
    data = wire(sample.number, sample.payload)
    for cut in range(1, len(data)):
        back = negotiated()
        do(back, m.SetMemTable((region(0, fd=0),)), dup_fds([make_eventfd()]))
        fds = with_fds(sample.message, make_eventfd)
        back.receive_data(data[:cut], fds)
        assert back.next_event() is NEED_DATA
        assert back.is_inside_message
        back.receive_data(data[cut:])
        event = back.next_event()
        assert isinstance(event, Request)
        assert event.message.fds == fds
        event.close_fds()


def test_requests_that_came_together_are_handed_out_one_by_one() -> None:
    back = a_backend()
    back.receive_data(wire(3) + wire(1) + wire(4))
    names = []
    while isinstance(event := back.next_event(), Request):
        names.append(event.describe())
        if row_of(event.message).answer is Answer.ACK:
            assert back.ack() == b""
        else:
            back.reply(FEATURES)
    assert names == ["VHOST_USER_SET_OWNER", "VHOST_USER_GET_FEATURES", "VHOST_USER_RESET_OWNER"]
    assert event is NEED_DATA


def test_qemu_may_enable_before_features_and_call_twice_and_negotiate_per_pair(make_eventfd: MakeFd) -> None:
    """The order recorded from QEMU 7.2 with two queue pairs."""
    back = a_backend(nb_rings=4)

    def one() -> tuple[int, ...]:
        return dup_fds([make_eventfd()])

    for _pair in range(2):
        do(back, m.GetFeatures(), value=FEATURES)
        do(back, m.GetProtocolFeatures(), value=int(ALL_PROTOCOL_FEATURES))
        do(back, m.SetProtocolFeatures(0x18039))
        do(back, m.GetQueueNum(), value=2)
        do(back, m.GetMaxMemSlots(), value=8)
    do(back, m.SetBackendReqFd(0), one(), ASK)
    do(back, m.SetOwner())
    do(back, m.GetFeatures(), value=FEATURES)
    for ring in range(4):
        do(back, m.SetVringCall(ring, 0), one())
        do(back, m.SetVringErr(ring, 0), one())
    for ring in range(4):
        do(back, m.SetVringEnable(ring, 1))
    for first in (0, 2):
        do(back, m.SetFeatures(FEATURES & ~LOG_ALL))
        do(back, m.GetStatus(), value=0)
        do(back, m.SetStatus(0x0B))
        if first == 0:
            do(back, m.SetMemTable((region(0, fd=0), region(1 << 32, fd=0))), one() + one(), ASK)
        for ring in (first, first + 1):
            do(back, m.SetVringNum(ring, 256))
            do(back, m.SetVringBase(ring, 0))
            do(back, m.SetVringAddr(ring, 0, 0x7F0000000000, 0x7F0000002000, 0x7F0000001000, 0))
            do(back, m.SetVringKick(ring, 0), one())
            do(back, m.SetVringCall(ring, 0), one())
        do(back, m.GetStatus(), value=0x0B)
        do(back, m.SetStatus(0x0F))
    assert back.running_rings == {0, 1, 2, 3}
    assert back.features == FEATURES & ~LOG_ALL
    do(back, m.SetFeatures(FEATURES))  # a migration begins: only the log bit changes
    for ring in range(4):
        assert do(back, m.GetVringBase(ring), value=7) == wire(11, pack("=II", ring, 7), REPLY | VERSION)
    assert back.running_rings == frozenset()


def test_the_order_of_dpdk_virtio_user(make_eventfd: MakeFd) -> None:
    """The order recorded from DPDK 22.11 and 26.07."""
    back = a_backend()

    def one() -> tuple[int, ...]:
        return dup_fds([make_eventfd()])

    assert do(back, m.SetOwner()) == b""
    assert do(back, m.GetFeatures(), value=FEATURES) == wire(1, u64(FEATURES), REPLY | VERSION)
    assert do(back, m.GetProtocolFeatures(), value=0x10009) == wire(15, u64(0x10009), REPLY | VERSION)
    do(back, m.SetProtocolFeatures(0x10009))
    for ring in range(2):
        do(back, m.SetVringCall(ring, 0), one())
    do(back, m.SetFeatures(FEATURES & ~LOG_ALL))
    assert do(back, m.SetStatus(0x0B), flags=ASK) == wire(39, u64(0), REPLY | VERSION)
    assert do(back, m.GetStatus(), value=0x0B) == wire(40, u64(0x0B), REPLY | VERSION)
    assert do(back, m.SetMemTable((region(0x10063A000, fd=0),)), one(), ASK) == wire(5, u64(0), REPLY | VERSION)
    for ring in range(2):
        do(back, m.SetVringNum(ring, 256))
        do(back, m.SetVringBase(ring, 0))
        do(back, m.SetVringAddr(ring, 0, 0x10063A000, 0x10063C000, 0x10063B000, 0))
        do(back, m.SetVringKick(ring, 0), one())
    for ring in range(2):
        do(back, m.SetVringEnable(ring, 1))
    do(back, m.SetStatus(0x0F), flags=ASK)
    assert back.running_rings == {0, 1}
    for ring in range(2):
        do(back, m.SetVringEnable(ring, 0))
    for ring in range(2):
        do(back, m.GetVringBase(ring))
    do(back, m.SetVringNum(0, 512))  # stopped: another size is fine
    assert back.ring_sizes == [512, 256]


# ---- answers ----


def test_an_ack_is_said_only_to_those_who_asked() -> None:
    back = a_backend()
    assert do(back, m.SetOwner()) == b""
    assert do(back, m.SetOwner(), flags=ASK) == wire(3, u64(0), REPLY | VERSION)


def test_a_request_with_its_own_answer_has_no_ack_besides() -> None:
    back = negotiated()
    assert do(back, m.GetFeatures(), flags=ASK, value=5) == wire(1, u64(5), REPLY | VERSION)
    assert back.next_event() is NEED_DATA
    log = do(back, m.SetLogBase(0, 4096, 0), dup_fds([0]), flags=ASK)
    assert log == wire(6, b"", REPLY | VERSION)


def test_a_request_that_failed_is_a_nack_and_changes_nothing() -> None:
    back = a_backend()
    assert isinstance(say(back, m.SetFeatures(FEATURES), flags=ASK), Request)
    assert back.ack(False) == wire(2, NACK, REPLY | VERSION)
    assert back.features == 0
    do(back, m.SetFeatures(FEATURES))
    assert back.features == FEATURES


def test_a_failure_that_nobody_asked_about_ends_the_conversation(given_away: GiveAway) -> None:
    back = a_backend()
    back.receive_data(wire(2, u64(FEATURES)))
    back.next_event()
    back.receive_data(wire(3)[:5], given_away(1))
    with pytest.raises(RemoteProtocolError, match="VHOST_USER_SET_FEATURES failed"):
        back.ack(False)
    assert back.features == 0
    with pytest.raises(RemoteProtocolError):
        back.next_event()


def test_a_question_that_cannot_be_answered_ends_the_conversation() -> None:
    back = a_backend()
    say(back, m.GetFeatures(), flags=ASK)
    with pytest.raises(RemoteProtocolError, match="VHOST_USER_GET_FEATURES failed"):
        back.ack(False)


def test_answering_out_of_turn_is_our_bug() -> None:
    back = a_backend()
    with pytest.raises(LocalProtocolError, match="no request"):
        back.ack()
    say(back, m.GetFeatures())
    with pytest.raises(LocalProtocolError, match="answered by reply"):
        back.ack()
    with pytest.raises(LocalProtocolError, match="has not been answered"):
        back.next_event()
    back.reply(1)
    say(back, m.SetOwner())
    with pytest.raises(LocalProtocolError, match="answered by ack"):
        back.reply(1)


# ---- what is refused ----

UNKNOWN = [0, 22, 23, 26, 27, 28, 29, 30, 33, 35, 41, 42, 43, 44, 1 << 31, (1 << 32) - 1]


@pytest.mark.parametrize("number", UNKNOWN)
def test_an_unknown_request_gets_a_nack_if_it_asks_and_the_next_one_is_served(
    number: int, given_away: GiveAway
) -> None:
    back = a_backend()
    back.receive_data(wire(number, bytes(20), ASK), given_away(2))
    event = back.next_event()
    assert isinstance(event, Refused)
    assert event.answer == wire(number, NACK, REPLY | VERSION)
    assert "not supported" in event.describe()
    assert isinstance(say(back, m.SetOwner()), Request)


@pytest.mark.parametrize("number", UNKNOWN)
def test_an_unknown_request_that_does_not_ask_ends_the_conversation(number: int, given_away: GiveAway) -> None:
    back = a_backend()
    back.receive_data(wire(number, bytes(20)), given_away(8))
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="not supported"):
            back.next_event()


@pytest.mark.parametrize("number", sorted(TABLE))
@pytest.mark.parametrize("flags", [VERSION, ASK])
def test_a_wrong_size_ends_the_conversation_before_the_payload_is_read(
    number: int, flags: int, given_away: GiveAway
) -> None:
    row = TABLE[number]
    for size in (0, 1, 4, 7, 8, 9, 16, 39, 40, 41, 73, 296, 4096):
        if size in row.sizes:
            continue
        back = negotiated()
        back.receive_data(wire(number, b"", flags, size=size), given_away(1))
        with pytest.raises(RemoteProtocolError, match=f"{size} bytes"):
            back.next_event()


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_wrong_number_of_fds_is_refused_and_all_are_closed(sample: Sample, given_away: GiveAway) -> None:
    for count in range(9):
        if count == len(sample.message.fds) or isinstance(sample.message, m.RemMemReg):
            continue
        back = negotiated()
        back.receive_data(wire(sample.number, sample.payload), given_away(count))
        assert "file descriptors" in why_not(back)


def test_the_useless_fd_of_a_region_removal_is_closed(given_away: GiveAway) -> None:
    back = negotiated()
    do(back, m.AddMemReg(region(0, fd=0)), given_away(1))
    assert isinstance(say(back, m.RemMemReg(region(0)), given_away(1)), Request)


GATED = [sample for sample in SAMPLES if TABLE[sample.number].gate]


@pytest.mark.parametrize("sample", GATED, ids=[sample.message.name for sample in GATED])
def test_a_gated_request_is_refused_until_its_feature_is_acknowledged(sample: Sample, given_away: GiveAway) -> None:
    gate = TABLE[sample.number].gate
    for acked in (ProtocolFeature(0), ALL_PROTOCOL_FEATURES & ~gate):
        back = a_backend()
        do(back, m.SetProtocolFeatures(int(acked)))
        back.receive_data(wire(sample.number, sample.payload), given_away(len(sample.message.fds)))
        assert f"{gate.name} is not negotiated" in why_not(back)


@pytest.mark.parametrize("message", [m.GetProtocolFeatures(), m.SetProtocolFeatures(0), m.SetVringEnable(0, 1)])
def test_protocol_features_are_refused_by_a_back_end_that_has_none(message: Message) -> None:
    with pytest.raises(RemoteProtocolError, match="0x40000000, which is not offered"):
        say(a_backend(features=1 << 32), message)


def refusals(fd: int) -> dict[str, tuple[Message, str]]:
    return {
        "features": (m.SetFeatures(FEATURES | 1 << 40), "0x10000000000 are not offered"),
        "protocol features": (m.SetProtocolFeatures(1 << 40), "are not offered"),
        "ring of kick": (m.SetVringKick(2, None), "ring 2, but there are 2"),
        "ring of num": (m.SetVringNum((1 << 32) - 1, 256), "there are 2"),
        "ring of base": (m.GetVringBase(2), "there are 2"),
        "ring of enable": (m.SetVringEnable(2, 1), "there are 2"),
        "ring of addr": (m.SetVringAddr(9, 0, 0, 0, 0, 0), "there are 2"),
        "ring size": (m.SetVringNum(0, 40000), "size 40000"),
        "alignment": (m.SetVringAddr(0, 0, 1, 0, 0, 0), "not aligned"),
        "no such region": (m.RemMemReg(region(0)), "no region"),
        "region twice": (m.SetMemTable((region(0, fd=fd), region(0, fd=fd))), "overlap"),
        "too much": (m.SetMemTable((region(0, 1 << 43, fd=fd),)), "bytes to map"),
        "mtu": (m.NetSetMtu(1), "MTU 1"),
        "status": (m.SetStatus(256), "8 bits"),
    }


@pytest.mark.parametrize("case", refusals(0))
def test_nonsense_is_refused_with_the_reason(case: str, make_eventfd: MakeFd) -> None:
    message, why = refusals(make_eventfd())[case]
    with pytest.raises(RemoteProtocolError, match=why) as caught:
        say(negotiated(), message, dup_fds(message.fds))
    assert str(caught.value).startswith(message.name)
    if row_of(message).answer is Answer.ACK:
        back = negotiated()
        before = state_of(back)
        assert isinstance(say(back, message, dup_fds(message.fds), ASK), Refused)
        assert state_of(back) == before
        assert isinstance(say(back, m.GetFeatures()), Request)


def state_of(back: Backend) -> tuple[object, ...]:
    return back.features, back.protocol_features, back.regions, list(back.ring_sizes), back.running_rings


def test_a_request_that_asks_for_an_answer_of_its_own_is_never_answered_by_a_nack() -> None:
    with pytest.raises(RemoteProtocolError, match="there are 2"):
        say(negotiated(), m.GetVringBase(2), flags=ASK)


@pytest.mark.parametrize("message", [m.SetVringKick, m.SetVringCall, m.SetVringErr])
def test_only_eventfds_are_taken_for_kick_call_and_err(message: Callable[[int, int], Message]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(RemoteProtocolError, match="no eventfd"):
        say(a_backend(), message(0, 0), (writer,))


def test_a_running_ring_keeps_its_size_and_its_features() -> None:
    back = negotiated()
    do(back, m.SetFeatures(1 << 32))
    do(back, m.SetVringNum(0, 256))
    do(back, m.SetVringKick(0, None))
    do(back, m.SetVringNum(0, 256))  # the same is no change
    do(back, m.SetVringNum(1, 128))  # ring 1 is stopped
    do(back, m.SetFeatures(1 << 32 | LOG_ALL))
    assert isinstance(say(back, m.SetVringNum(0, 512), flags=ASK), Refused)
    assert isinstance(say(back, m.SetFeatures(1 << 15), flags=ASK), Refused)
    assert back.ring_sizes == [256, 128]
    assert back.features == 1 << 32 | LOG_ALL


@pytest.mark.parametrize("message", [m.ResetOwner(), m.ResetDevice()])
def test_a_reset_stops_every_ring(message: Message) -> None:
    back = negotiated()
    do(back, m.SetVringKick(0, None))
    do(back, m.SetVringKick(1, None))
    assert back.running_rings == {0, 1}
    do(back, message)
    assert back.running_rings == frozenset()


def test_regions_are_added_removed_and_replaced(given_away: GiveAway) -> None:
    back = negotiated()
    do(back, m.AddMemReg(region(0, fd=0)), given_away(1))
    do(back, m.AddMemReg(region(1 << 24, fd=0)), given_away(1))
    assert isinstance(say(back, m.AddMemReg(region(0x1000, fd=0)), given_away(1), ASK), Refused)
    do(back, m.RemMemReg(region(0)))
    assert back.regions == (region(1 << 24),)
    do(back, m.SetMemTable((region(2 << 24, fd=0),)), given_away(1))
    assert back.regions == (region(2 << 24),)


def test_a_region_stays_until_it_is_removed_as_often_as_it_was_added(given_away: GiveAway) -> None:
    back = negotiated()
    for _ in range(2):  # as many as there are rings, and no more
        do(back, m.AddMemReg(region(0, fd=0)), given_away(1))
    assert back.regions == (region(0),)
    assert isinstance(say(back, m.AddMemReg(region(0, fd=0)), given_away(1), ASK), Refused)
    do(back, m.RemMemReg(region(0)))
    assert back.regions == (region(0),)
    do(back, m.RemMemReg(region(0)))
    assert back.regions == ()
    assert isinstance(say(back, m.RemMemReg(region(0)), flags=ASK), Refused)


def test_a_ninth_region_is_one_too_many(given_away: GiveAway) -> None:
    back = negotiated()
    do(back, m.SetMemTable(tuple(region(i << 24, fd=0) for i in range(8))), given_away(8))
    event = say(back, m.AddMemReg(region(8 << 24, fd=0)), given_away(1), ASK)
    assert isinstance(event, Refused)
    assert "9 regions" in event.reason


def test_the_memory_limit_counts_whole_pages(given_away: GiveAway) -> None:
    back = negotiated(max_memory=0x2000)
    do(back, m.SetMemTable((m.MemRegion(0, 0x1001, 0, 0, 0),)), given_away(1))
    event = say(back, m.SetMemTable((m.MemRegion(0, 0x1002, 0, 0xFFF, 0),)), given_away(1), ASK)
    assert isinstance(event, Refused)
    assert "0x3000 bytes" in event.reason


def test_an_answer_on_the_wrong_side_ends_the_conversation() -> None:
    back = a_backend()
    back.receive_data(wire(1, u64(0), REPLY | VERSION))
    with pytest.raises(RemoteProtocolError, match="an answer on the back-end"):
        back.next_event()


def test_after_the_end_everything_that_still_comes_is_closed(given_away: GiveAway) -> None:
    back = a_backend()
    back.receive_data(wire(99), given_away(1))
    with pytest.raises(RemoteProtocolError):
        back.next_event()
    back.receive_data(wire(12, u64(0)), given_away(1))
    with pytest.raises(RemoteProtocolError):
        back.next_event()
    back.receive_data(wire(12, u64(0)), given_away(1))
    back.close()


def test_an_end_between_messages_is_an_event_and_inside_one_an_error(given_away: GiveAway) -> None:
    back = a_backend()
    back.receive_data(wire(3))
    back.receive_data(b"")
    assert isinstance(back.next_event(), Request)
    back.ack()
    assert back.next_event() == ConnectionClosed()
    assert back.next_event() == ConnectionClosed()
    back = a_backend()
    back.receive_data(wire(12, u64(0))[:15], given_away(1))
    back.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="in the middle of a message"):
        back.next_event()


# Answers that are messages.


def test_an_answer_may_be_the_question_filled_in(make_eventfd: MakeFd) -> None:
    back = a_backend()
    do(back, m.SetProtocolFeatures(int(ProtocolFeature.CONFIG | ProtocolFeature.INFLIGHT_SHMFD)))
    say(back, m.GetConfig(6, bytes(4)))
    assert back.reply(m.GetConfig(6, b"\1\0\3\0")) == wire(24, pack("=III", 6, 4, 0) + b"\1\0\3\0", 5)
    say(back, m.GetInflightFd(0, 0, 2, 64))
    answer = m.GetInflightFd(8192, 0, 2, 64, make_eventfd())
    assert back.reply(answer) == wire(31, pack("=QQHH4x", 8192, 0, 2, 64), 5)


@pytest.mark.parametrize("message", [m.GetConfig(0, bytes(6)), m.GetInflightFd(0, 0, 1, 64)], ids=lambda x: x.name)
def test_an_answer_that_would_be_a_message_is_refused_by_one_without_payload(message: Message) -> None:
    back = a_backend()
    do(back, m.SetProtocolFeatures(int(ProtocolFeature.CONFIG | ProtocolFeature.INFLIGHT_SHMFD)))
    say(back, message)
    assert back.ack(False) == wire(int(message.request), b"", 5)
    assert isinstance(say(back, m.GetFeatures()), Request)


def test_a_question_for_a_message_that_cannot_be_is_refused_and_the_conversation_goes_on() -> None:
    back = a_backend()
    do(back, m.SetProtocolFeatures(int(ProtocolFeature.CONFIG)))
    for offset, said, size in ((0, 0, 0), (250, 7, 7), ((1 << 32) - 1, 8, 8), (0, 8, 7), (0, 7, 8)):
        back.receive_data(wire(24, pack("=III", offset, said, 0) + bytes(size)))
        assert why_not(back)
    assert isinstance(say(back, m.GetFeatures()), Request)
