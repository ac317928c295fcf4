import errno

import pytest

from pytestpmd.errors import OperationError
from pytestpmd.ethdev.queue_info import DescStatus, status_of


@pytest.mark.parametrize(
    ("kind", "outstanding", "done", "states"),
    [
        ("rxq", 4, 0, "AAAA"),
        ("rxq", 4, 3, "DDDA"),
        ("rxq", 2, 1, "DAUU"),
        ("rxq", 0, 0, "UUUU"),
        ("txq", 0, 0, "DDDD"),
        ("txq", 3, 0, "DFFF"),
        ("txq", 4, 1, "DFFF"),
        ("txq", 4, 0, "FFFF"),
    ],
)
def test_a_descriptor_is_with_the_device_or_done(kind: str, outstanding: int, done: int, states: str) -> None:
    found = "".join(status_of(kind, 4, outstanding, done, i).value[0] for i in range(4))
    assert found == states


@pytest.mark.parametrize("kind", ["rxq", "txq"])
def test_there_are_no_more_descriptors_than_the_ring_has(kind: str) -> None:
    with pytest.raises(OperationError) as refused:
        status_of(kind, 4, 4, 0, 4)
    assert refused.value.code == errno.EINVAL


def test_each_status_is_a_word_of_the_console() -> None:
    assert {status.value for status in DescStatus} == {"AVAILABLE", "DONE", "FULL", "UNAVAILABLE"}
