"""The table against the protocol's text, row by row."""

import pytest
from vhost_user.samples import IDS, SAMPLES, Sample

from pytestpmd.vhost_user.table import ROWS, TABLE, Answer, row_of
from pytestpmd.vhost_user.wire import MAX_PAYLOAD, VHOST_USER_F_PROTOCOL_FEATURES, ProtocolFeature

# number: payload size, fds, answer, protocol feature bit or None
EXPECTED = {
    1: (0, 0, Answer.U64, None),
    2: (8, 0, Answer.ACK, None),
    3: (0, 0, Answer.ACK, None),
    4: (0, 0, Answer.ACK, None),
    6: (16, 1, Answer.EMPTY, 1),
    7: (0, 1, Answer.ACK, None),
    8: (8, 0, Answer.ACK, None),
    9: (40, 0, Answer.ACK, None),
    10: (8, 0, Answer.ACK, None),
    11: (8, 0, Answer.RING, None),
    12: (8, 1, Answer.ACK, None),
    13: (8, 1, Answer.ACK, None),
    14: (8, 1, Answer.ACK, None),
    15: (0, 0, Answer.U64, None),
    16: (8, 0, Answer.ACK, None),
    17: (0, 0, Answer.U64, 0),
    18: (8, 0, Answer.ACK, None),
    19: (8, 0, Answer.ACK, 2),
    20: (8, 0, Answer.ACK, 4),
    21: (0, 1, Answer.ACK, 5),
    31: (24, 0, Answer.SAME, 12),
    32: (24, 1, Answer.ACK, 12),
    34: (0, 0, Answer.ACK, 13),
    36: (0, 0, Answer.U64, 15),
    37: (40, 1, Answer.ACK, 15),
    38: (40, 0, Answer.ACK, 15),
    39: (8, 0, Answer.ACK, 16),
    40: (0, 0, Answer.U64, 16),
}


@pytest.mark.parametrize("number", EXPECTED)
def test_a_row_says_what_the_protocol_says(number: int) -> None:
    size, nb_fds, answer, bit = EXPECTED[number]
    row = TABLE[number]
    assert size in row.sizes
    assert nb_fds in row.fds
    assert row.answer is answer
    assert row.gate == (ProtocolFeature(0) if bit is None else ProtocolFeature(1 << bit))


@pytest.mark.parametrize("number", EXPECTED)
def test_one_byte_more_or_less_is_another_size(number: int) -> None:
    size = EXPECTED[number][0]
    assert size - 1 not in TABLE[number].sizes
    assert size + 1 not in TABLE[number].sizes


def test_a_memory_table_weighs_eight_bytes_and_32_a_region_and_has_an_fd_for_each() -> None:
    row = TABLE[5]
    assert [size for size in range(400) if size in row.sizes] == [8 + 32 * n for n in range(1, 9)]
    assert [count for count in range(20) if count in row.fds] == list(range(1, 9))


@pytest.mark.parametrize(("number", "answer"), [(24, Answer.SAME), (25, Answer.ACK)])
def test_configuration_space_comes_with_twelve_bytes_and_at_most_256(number: int, answer: Answer) -> None:
    row = TABLE[number]
    assert [size for size in range(400) if size in row.sizes] == list(range(12, 12 + 256 + 1))
    assert (row.answer, row.gate) == (answer, ProtocolFeature.CONFIG)


def test_the_table_has_these_rows_and_no_other() -> None:
    assert set(TABLE) == set(EXPECTED) | {5, 24, 25}
    assert len(ROWS) == len(TABLE)


def test_bit_30_gates_the_protocol_features_and_ring_enable_only() -> None:
    assert {number for number, row in TABLE.items() if row.feature} == {15, 16, 18}
    assert {row.feature for row in ROWS} == {0, VHOST_USER_F_PROTOCOL_FEATURES}


def test_no_message_is_longer_than_the_limit() -> None:
    assert all(size <= MAX_PAYLOAD for row in ROWS for size in range(2 * MAX_PAYLOAD) if size in row.sizes)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_what_the_messages_encode_is_what_the_table_allows(sample: Sample) -> None:
    row = row_of(sample.message)
    assert row.message is type(sample.message)
    assert len(sample.payload) in row.sizes
    assert len(sample.message.fds) in row.fds
