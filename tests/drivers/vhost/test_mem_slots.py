"""Memory that comes and goes region by region, while rings are served."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

import pytest
from fakes.appliance import Appliance
from fakes.leaks import eventually, open_fds
from fakes.packets import frame, frames, receive
from fakes.vhost_frontend import GUEST, OFFSET, PROTOCOL, USER, FakeFrontend, R, exchange

from pytestpmd.drivers.vhost import VhostPort
from pytestpmd.eal.mempool import Mempool
from pytestpmd.vhost_user.wire import ProtocolFeature

Make = Callable[..., VhostPort]
SLOTS = PROTOCOL | ProtocolFeature.CONFIGURE_MEM_SLOTS
PAGE = 4096


def region(guest: int, size: int, user: int, offset: int) -> bytes:
    return pack("=QQQQQ", 0, guest, size, user, offset)


class SlotFrontend(FakeFrontend):
    """A front-end that hands over its memory as QEMU does when slots were agreed on."""

    def whole(self) -> bytes:
        return region(GUEST, self.room, USER, OFFSET)

    def set_mem_table(self) -> None:
        self.send(R.ADD_MEM_REG, self.whole(), [self.file])

    def add(self, payload: bytes) -> bool:
        return self.try_(R.ADD_MEM_REG, payload, [self.file])

    def remove(self, payload: bytes) -> bool:
        return self.try_(R.REM_MEM_REG, payload)


@pytest.fixture
def port(make_port: Make) -> VhostPort:
    return make_port()


@pytest.fixture
def front(port: VhostPort, sock: Path) -> Iterator[SlotFrontend]:
    with SlotFrontend(sock, protocol=SLOTS) as fake:
        fake.start_as_dpdk()
        yield fake


def extra(number: int, size: int = PAGE) -> bytes:
    """A region beside the front-end's own, in the same file."""
    return region(number * 0x10_0000, size, 0x1000_0000 + number * 0x10_0000, 0)


def test_rings_in_regions_that_came_one_by_one_are_served(port: VhostPort, front: SlotFrontend, pool: Mempool) -> None:
    assert front.ask(R.GET_MAX_MEM_SLOTS) == 8
    exchange(port, front, pool)


def test_regions_come_and_go_while_packets_flow(port: VhostPort, front: SlotFrontend, pool: Mempool) -> None:
    for turn in range(10):
        assert front.add(extra(turn))
        exchange(port, front, pool)
        assert front.remove(extra(turn))
        exchange(port, front, pool)
    assert port.link().up


def test_a_ring_whose_memory_is_taken_out_rests_until_it_is_back(
    port: VhostPort, front: SlotFrontend, pool: Mempool
) -> None:
    exchange(port, front, pool)
    assert front.remove(front.whole())
    assert eventually(lambda: not port.link().up)
    front.transmit(frame())
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == []
    assert front.add(extra(3))
    assert not port.link().up
    report = port.device_report()
    assert report
    assert {ring.state for ring in report.rings} == {"waits for ADD_MEM_REG"}
    assert front.add(front.whole())
    assert port.link().up
    assert receive(port.rx_queues[0].burst, port.rx_queues[0].handle) == [frame()]
    exchange(port, front, pool)


def test_a_region_that_grows_is_taken_out_and_put_in_again(port: VhostPort, sock: Path, pool: Mempool) -> None:
    with SlotFrontend(sock, protocol=SLOTS) as front:
        whole, half = front.whole, region(GUEST, front.room // 2, USER, OFFSET)
        front.whole = lambda: half  # type: ignore[method-assign]
        front.start_as_qemu()
        exchange(port, front, pool)
        assert front.remove(half)
        assert front.add(whole())
        exchange(port, front, pool)


def test_there_are_no_more_regions_than_slots(port: VhostPort, front: SlotFrontend, pool: Mempool) -> None:
    fds = len(open_fds())
    assert all(front.add(extra(number)) for number in range(7))
    assert not front.add(extra(7))
    assert front.remove(extra(2))
    assert front.add(extra(7))
    assert len(open_fds()) <= fds + 8  # mappings, not descriptors
    exchange(port, front, pool)


def test_a_region_that_each_queue_pair_adds_is_there_until_the_last_removes_it(
    port: VhostPort, front: SlotFrontend, pool: Mempool
) -> None:
    fds = len(open_fds())
    assert front.add(front.whole())  # QEMU 7.2 does so for its second pair, while the first pair's rings run
    assert len(open_fds()) <= fds
    exchange(port, front, pool)
    assert front.ask(R.GET_MAX_MEM_SLOTS) == 8
    assert all(front.add(extra(number)) for number in range(7))  # it takes one slot
    assert front.remove(front.whole())
    exchange(port, front, pool)
    assert front.remove(front.whole())
    assert eventually(lambda: not port.link().up)
    assert not front.remove(front.whole())


def test_the_same_region_of_another_file_is_refused(port: VhostPort, front: SlotFrontend, pool: Mempool) -> None:
    other = os.memfd_create("other")
    os.ftruncate(other, OFFSET + front.room)
    before = len(open_fds())
    assert not front.try_(R.ADD_MEM_REG, front.whole(), [other])
    assert len(open_fds()) <= before
    os.close(other)
    exchange(port, front, pool)


BAD = {
    "overlaps in the guest": region(GUEST, PAGE, 0x1000, 0),
    "overlaps in the front-end": region(0x1000, PAGE, USER + PAGE, 0),
    "empty": region(0, 0, 0, 0),
    "wraps": region((1 << 64) - PAGE, 2 * PAGE, 0, 0),
    "wraps in the file": region(0, PAGE, 0, (1 << 64) - PAGE),
    "beyond the file": region(0, PAGE, 0, 1 << 40),
    "too large": region(0, 1 << 44, 0, 0),
}


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
def test_a_bad_region_is_refused_and_changes_nothing(
    port: VhostPort, front: SlotFrontend, pool: Mempool, payload: bytes
) -> None:
    before = len(open_fds())
    for _ in range(3):
        assert not front.add(payload)
    assert len(open_fds()) == before
    exchange(port, front, pool)


def test_only_a_region_that_is_there_can_be_removed(port: VhostPort, front: SlotFrontend, pool: Mempool) -> None:
    for payload in (
        extra(1),
        region(GUEST, front.room - 1, USER, OFFSET),
        region(GUEST + PAGE, front.room, USER, OFFSET),
        region(GUEST, front.room, USER + PAGE, OFFSET),
    ):
        assert not front.remove(payload)
    exchange(port, front, pool)


def test_a_removed_region_is_known_by_its_addresses_whatever_else_is_sent(port: VhostPort, front: SlotFrontend) -> None:
    assert front.add(extra(1))
    before = len(open_fds())
    assert front.try_(R.REM_MEM_REG, region(0x10_0000, PAGE, 0x1010_0000, 0x7777), [front.file])
    assert len(open_fds()) <= before


def test_a_table_replaces_all_regions(port: VhostPort, front: SlotFrontend, pool: Mempool) -> None:
    assert front.add(extra(1))
    assert front.try_(R.SET_MEM_TABLE, front.mem_table(), [front.file])
    exchange(port, front, pool)
    assert not front.remove(extra(1))
    assert front.remove(front.whole())


def test_slots_need_the_protocol_feature(port: VhostPort, sock: Path) -> None:
    with FakeFrontend(sock) as front:
        front.agree_on_protocol()
        assert not front.try_(R.ADD_MEM_REG, extra(1), [front.file])
        assert not front.try_(R.REM_MEM_REG, extra(1))


@pytest.mark.usefixtures("no_leaks")
def test_lcores_forward_while_regions_come_and_go(sock: Path) -> None:
    with Appliance(f"net_vhost0,iface={sock}", "net_null0") as appliance:
        appliance.run("start")
        with SlotFrontend(sock, protocol=SLOTS) as front:
            front.start_as_dpdk()
            driver = front.rings[1].driver
            for turn in range(40):
                front.transmit(*frames(3))
                assert front.add(extra(turn % 5))
                front.transmit(*frames(3))
                assert front.remove(extra(turn % 5))
                assert eventually(lambda: driver.used_idx == driver.avail_idx)
                driver.reap()
        appliance.run("stop")


def test_memory_that_shrinks_after_it_was_added_costs_this_front_end_only(
    port: VhostPort, front: SlotFrontend, sock: Path, pool: Mempool
) -> None:
    front.transmit(frame())
    os.ftruncate(front.file, 0)
    receive(port.rx_queues[0].burst, port.rx_queues[0].handle)
    assert front.is_hung_up()
    with FakeFrontend(sock) as second:
        second.start_as_dpdk()
        exchange(port, second, pool)
