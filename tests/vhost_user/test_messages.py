"""Every message against bytes written down from the protocol's text."""

import dataclasses
import sys

import pytest
from vhost_user.samples import IDS, SAMPLES, Sample, region

from pytestpmd.vhost_user import messages as m
from pytestpmd.vhost_user.message import BadMessage, Message
from pytestpmd.vhost_user.wire import Header, ProtocolFeature, VhostUserRequest, request_name


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_message_has_the_number_and_the_bytes_of_the_protocol(sample: Sample) -> None:
    assert sample.message.request == sample.number
    assert sample.message.payload() == sample.payload


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_decoding_gives_the_message_back(sample: Sample) -> None:
    assert type(sample.message).decode(sample.payload, sample.message.fds) == sample.message


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_good_message_passes_its_own_check(sample: Sample) -> None:
    sample.message.check()


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_message_describes_itself_in_one_line_that_begins_with_its_name(sample: Sample) -> None:
    text = sample.message.describe()
    assert text.startswith(sample.message.name)
    assert "\n" not in text


def test_every_message_class_has_a_sample() -> None:
    classes = {getattr(m, name) for name in m.__all__}
    spoken = {c for c in classes if isinstance(c, type) and issubclass(c, Message) and "request" in vars(c)}
    assert spoken == {type(sample.message) for sample in SAMPLES}


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        m.SetStatus(1).status = 2  # type: ignore[misc]


def test_descriptions_are_what_a_log_wants() -> None:
    assert m.SetOwner().describe() == "VHOST_USER_SET_OWNER"
    assert m.SetVringNum(1, 256).describe() == "VHOST_USER_SET_VRING_NUM ring=1 size=256"
    assert m.SetFeatures(0x140000000).describe() == "VHOST_USER_SET_FEATURES features=0x140000000"
    assert m.SetVringKick(0, None).describe() == "VHOST_USER_SET_VRING_KICK ring=0 fd=None"
    assert m.SetMemTable((region(0x1000, 0x2000),)).describe() == (
        "VHOST_USER_SET_MEM_TABLE 0x1000+0x2000@0x7f0000001000/0x1000"
    )
    assert "MQ|REPLY_ACK|STATUS" in m.SetProtocolFeatures(0x10009).describe()


def test_a_protocol_feature_nobody_knows_is_described_too() -> None:
    assert "0x8000000000000000" in m.SetProtocolFeatures(1 << 63).describe()


def test_known_and_unknown_numbers_have_names() -> None:
    assert request_name(3) == "VHOST_USER_SET_OWNER"
    assert request_name(24) == "VHOST_USER_GET_CONFIG"
    assert request_name(4000000000) == "request 4000000000"
    assert request_name(0) == "request 0"


def test_the_header_is_twelve_bytes_and_its_flags_are_read_bit_by_bit() -> None:
    header = Header(39, 0b1101, 8)
    assert len(header.encode()) == 12
    assert Header.decode(header.encode()) == header
    assert (header.version, header.is_reply, header.needs_reply) == (1, True, True)
    assert not Header(39, 1, 8).is_reply
    assert not Header(39, 1, 8).needs_reply


def test_the_last_request_and_feature_numbers_are_those_of_the_protocol() -> None:
    assert VhostUserRequest.GET_STATUS == 40
    assert VhostUserRequest.GET_INFLIGHT_FD == 31
    assert ProtocolFeature.STATUS == 1 << 16
    assert ProtocolFeature.CONFIGURE_MEM_SLOTS == 1 << 15


BAD = [
    (m.SetMemTable(()), "0 regions"),
    (m.SetMemTable(tuple(region(i << 24) for i in range(9))), "9 regions"),
    (m.SetMemTable((region(0, size=0),)), "empty"),
    (m.SetMemTable((region(0, 0x2000), region(0x1000, 0x2000))), "overlap"),
    (m.SetMemTable((m.MemRegion(0, 0x2000, 0x5000, 0), m.MemRegion(0x9000, 0x2000, 0x6000, 0))), "overlap"),
    (m.SetMemTable((m.MemRegion((1 << 64) - 0x1000, 0x2000, 0, 0),)), "guest address"),
    (m.SetMemTable((m.MemRegion(0, 0x2000, (1 << 64) - 0x1000, 0),)), "user address"),
    (m.SetMemTable((m.MemRegion(0, 0x2000, 0, (1 << 63) - 0x1000),)), "file offset"),
    (m.AddMemReg(region(0, size=0)), "empty"),
    (m.SetLogBase(3, 0, 0), "empty"),
    (m.SetLogBase(3, 1 << 63, 1 << 63), "wraps"),
    (m.SetVringNum(0, 0), "size 0"),
    (m.SetVringNum(0, 32769), "size 32769"),
    (m.SetVringAddr(0, 0, desc=8, used=0, avail=0, log=0), "desc 0x8"),
    (m.SetVringAddr(0, 0, desc=0, used=2, avail=0, log=0), "used 0x2"),
    (m.SetVringAddr(0, 0, desc=0, used=0, avail=1, log=0), "avail 0x1"),
    (m.SetVringAddr(0, 2, desc=0, used=0, avail=0, log=0), "flags 0x2"),
    (m.SetVringEnable(0, 2), "enable 2"),
    (m.SetVringKick(256, None), "ring 256"),
    (m.SetStatus(0x100), "8 bits"),
    (m.NetSetMtu(67), "MTU 67"),
    (m.SendRarp(b"\1" + bytes(5)), "no station"),
    (m.GetConfig(0, b""), "no bytes"),
    (m.GetConfig(0, bytes(257)), "257 is beyond"),
    (m.GetConfig(0xFFFFFFFF, bytes(2)), "is beyond"),
    (m.SetConfig(0, bytes(6), 2), "flags 0x2"),
    (m.GetInflightFd(0, 0, 0, 256), "no ring"),
    (m.GetInflightFd(0, 0, 2, 0), "ring size 0"),
    (m.GetInflightFd(0, 0, 2, 32769), "ring size 32769"),
    (m.SetInflightFd(0, 0, 2, 256, 3), "area is empty"),
    (m.SetInflightFd(1 << 63, 1 << 63, 2, 256, 3), "area at file offset"),
    (m.NetSetMtu(65536), "MTU 65536"),
]


@pytest.mark.parametrize(("message", "why"), BAD, ids=[why for _, why in BAD])
def test_impossible_values_are_named(message: Message, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        message.check()


def test_the_limits_themselves_are_allowed() -> None:
    m.SetVringNum(0, 1).check()
    m.SetVringNum(0, 32768).check()
    m.NetSetMtu(68).check()
    m.NetSetMtu(65535).check()
    m.SetMemTable((m.MemRegion((1 << 64) - 0x1000, 0x1000, (1 << 64) - 0x1000, 0),)).check()
    m.SetMemTable(tuple(region(i << 24) for i in range(8))).check()
    m.SetMemTable((region(0, 0x1000), region(0x1000, 0x1000))).check()


def test_a_table_whose_count_and_size_disagree_is_refused() -> None:
    payload = m.SetMemTable((region(0), region(1 << 24))).payload()
    with pytest.raises(BadMessage):
        m.SetMemTable.decode(payload[:-32], (1, 2))
    with pytest.raises(BadMessage):
        m.SetMemTable.decode(payload, (1,))


def test_an_fd_is_there_exactly_when_bit_8_says_so() -> None:
    with pytest.raises(BadMessage, match="1 file descriptors instead of 0"):
        m.SetVringCall.decode((0x100).to_bytes(8, sys.byteorder), (5,))
    with pytest.raises(BadMessage, match="0 file descriptors instead of 1"):
        m.SetVringCall.decode((0).to_bytes(8, sys.byteorder), ())
    with pytest.raises(BadMessage, match="unknown bits"):
        m.SetVringCall.decode((0x200).to_bytes(8, sys.byteorder), (5,))
