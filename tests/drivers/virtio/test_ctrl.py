"""Commands as bytes (virtio 1.2, 5.1.6.5)."""

import pytest

from pytestpmd.drivers.virtio import ctrl
from pytestpmd.drivers.virtio.ctrl import Command

A, B, GROUP = bytes.fromhex("021122334455"), bytes.fromhex("021122334466"), bytes.fromhex("01005e000001")


@pytest.mark.parametrize(
    ("command", "pieces"),
    [
        (ctrl.promiscuous(True), ["0000", "01"]),
        (ctrl.promiscuous(False), ["0000", "00"]),
        (ctrl.all_multicast(True), ["0001", "01"]),
        (ctrl.all_multicast(False), ["0001", "00"]),
        (ctrl.mac_table([], []), ["0100", "00000000", "00000000"]),
        (ctrl.mac_table([A, B], [GROUP]), ["0100", f"02000000{A.hex()}{B.hex()}", f"01000000{GROUP.hex()}"]),
        (ctrl.mac_address(A), ["0101", A.hex()]),
        (ctrl.vlan(10, True), ["0200", "0a00"]),
        (ctrl.vlan(4095, False), ["0201", "ff0f"]),
        (ctrl.announced(), ["0300"]),
        (ctrl.queue_pairs(1), ["0400", "0100"]),
        (ctrl.queue_pairs(16), ["0400", "1000"]),
    ],
    ids=lambda value: value.describe() if isinstance(value, Command) else "",
)
def test_a_command_is_class_and_code_and_then_its_data(command: Command, pieces: list[str]) -> None:
    assert [piece.hex() for piece in command.pieces] == pieces


def test_a_command_tells_its_name_and_what_it_is_about() -> None:
    assert ctrl.queue_pairs(2).describe() == "MQ_VQ_PAIRS_SET 0200"
    assert ctrl.announced().describe() == "ANNOUNCE_ACK"
    assert ctrl.mac_table([A] * 9, []).describe() == f"MAC_TABLE_SET 09000000{(A * 2).hex()}..."
