"""A guest moves from one QEMU to another while it talks, from one vhost port of ours to the next."""

from pathlib import Path

import pytest
from fakes.packets import receive
from peers.guest import GUEST_MAC, Guest, Network, converse, question
from peers.ours import Ours
from peers.programs import eventually
from scapy.layers.dhcp import BOOTP
from scapy.layers.l2 import Ether

pytestmark = pytest.mark.peer("qemu-system-x86_64")
RARP = 0x8035


def has_said(ours: Ours, port_id: int, words: str) -> bool:
    report = ours.app.ports[port_id].device_report()
    assert report
    return any(words in line for line in report.conversation)


def received(ours: Ours, port_id: int) -> list[Ether]:
    rx = ours.app.ports[port_id].rx_queues[0]
    return [Ether(data) for data in receive(rx.burst, rx.handle)]


@pytest.mark.parametrize("card", ["disable-modern=on", "disable-legacy=on"], ids=["legacy", "modern"])
def test_a_guest_is_migrated_while_it_talks(sock: Path, card: str) -> None:
    here, there, way = f"{sock}a", f"{sock}b", f"{sock}m"
    with (
        Ours(f"net_vhost0,iface={here}", f"net_vhost1,iface={there}") as ours,
        Guest(here, card) as source,
        Guest(there, card, "-incoming", f"unix:{way}"),
    ):
        before, after = Network(ours, 0), Network(ours, 1)
        first = converse(before)
        eventually(Path(way).exists, "the destination listens")
        source.command(f"migrate -d unix:{way}")

        def has_moved() -> bool:
            if ours.app.ports[0].link().up:
                before.send(question())
                received(ours, 0)
            return ours.app.ports[1].link().up

        eventually(has_moved, "the guest runs at the destination")
        assert has_said(ours, 0, "SET_LOG_BASE"), "what we wrote meanwhile was marked"
        announced: list[str] = []

        def is_announced() -> bool:
            announced.extend(frame.src for frame in received(ours, 1) if frame.type == RARP)
            return bool(announced)

        eventually(is_announced, "the guest is announced")
        assert set(announced) == {GUEST_MAC}
        assert converse(after)[BOOTP].chaddr == first[BOOTP].chaddr
