"""A device on the PCI bus as its registers have it: both layouts, what the driver tells it and in which order."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes.leaks import eventually
from fakes.log import Logged
from fakes.pci import COMMON, DEVICE, ISR, MAC, MODERN_BAR, MSIX_AT, NOTIFY, OFFERED, FakePci

from pytestpmd.drivers.virtio.transport.pci.device import PciTransport
from pytestpmd.drivers.virtio.virtqueue import RingAddresses
from pytestpmd.drivers.virtio_net import Feature, Status
from pytestpmd.errors import DeviceError, DeviceTimeout, NotSupported, OperationError, StatusError

F = Feature
DRIVER = Status.ACKNOWLEDGE | Status.DRIVER
FEATURES_OK = DRIVER | Status.FEATURES_OK
DRIVER_OK = FEATURES_OK | Status.DRIVER_OK
RING = RingAddresses(256, 0x7F00_0001_0000, 0x7F00_0001_1000, 0x7F00_0001_2000)
LEGACY_RING = RingAddresses(256, 0x12345000, 0x12346000, 0x12347000)

MULTI = F.VIRTIO_NET_F_CTRL_VQ | F.VIRTIO_NET_F_MQ

Open = Callable[..., PciTransport]


@pytest.fixture
def opened(no_leaks: None) -> Iterator[Open]:
    """Drive devices; they are closed at the end, and left alone by then."""
    made: list[tuple[PciTransport, FakePci]] = []

    def drive(pci: FakePci | None = None, **settings: Any) -> PciTransport:
        pci = pci or FakePci()
        transport = PciTransport(pci, **settings)
        made.append((transport, pci))
        return transport

    yield drive
    for transport, pci in made:
        transport.close()
        assert pci.is_closed
        assert pci.is_gone or pci.reads_ones or not pci.is_bus_master


def begin(transport: PciTransport, features: int = OFFERED, queues: int = 2) -> None:
    """What a port does with its device."""
    ring = LEGACY_RING if transport.has_legacy_rings else RING
    for status in (Status.RESET, Status.ACKNOWLEDGE, DRIVER):
        transport.set_status(status)
    transport.set_features(Feature(features) & transport.features())
    transport.set_status(FEATURES_OK)
    for index in range(queues):
        transport.setup_queue(index, replace(ring, size=transport.ring_size(index, 0)), 0)
    transport.set_status(DRIVER_OK)


# Finding the registers.


@pytest.mark.parametrize(
    ("modern", "legacy", "name"),
    [(True, True, "modern"), (True, False, "modern"), (False, True, "legacy")],
    ids=["transitional", "modern", "legacy"],
)
def test_the_modern_layout_is_taken_where_there_is_one(opened: Open, modern: bool, legacy: bool, name: str) -> None:
    transport = opened(FakePci(modern=modern, legacy=legacy))
    assert transport.report().connection.note == f"{name}, uio_pci_generic, no interrupts, it is polled"
    assert transport.has_legacy_rings == (name == "legacy")


def test_the_first_capability_of_a_kind_counts_and_reserved_ones_are_ignored(opened: Open) -> None:
    pci = FakePci()
    space = pci.config_space
    last = max(at for at in (0x40, 0x50, 0x60, 0x70))
    space[last + 1] = 0xA8  # a second common structure, one of a reserved type, one in a reserved BAR
    for at, cfg_type, bar, following in ((0xA8, 1, 4, 0xB8), (0xB8, 9, 4, 0xC8), (0xC8, 1, 7, 0)):
        space[at : at + 5] = bytes([9, following, 16, cfg_type, bar])
        space[at + 8 : at + 16] = (0x3800).to_bytes(4, "little") + (0x100).to_bytes(4, "little")
    assert opened(pci).features() == OFFERED


def endless(pci: FakePci) -> None:
    pci.config_space[MSIX_AT + 1] = MSIX_AT


def into_the_header(pci: FakePci) -> None:
    pci.config_space[0x34] = 0x10


def beyond_its_bar(pci: FakePci) -> None:
    pci.places[DEVICE].offset = 0xFFFF_F000


def longer_than_any(pci: FakePci) -> None:
    pci.places[NOTIFY].length = 0xFFFF_FFFF


def too_short(pci: FakePci) -> None:
    pci.places[COMMON].length = 20


def in_no_bar(pci: FakePci) -> None:
    pci.places[ISR].bar = 2


def without_notify(pci: FakePci) -> None:
    del pci.places[NOTIFY]


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (endless, "its list of capabilities has no end"),
        (into_the_header, "its list of capabilities leads to 0x10, which is in the header"),
        (
            beyond_its_bar,
            "its device structure, 4096 bytes at 0xfffff000, ends beyond BAR 4, which has 16384",
        ),
        (
            longer_than_any,
            "its notify structure, 4294967295 bytes at 0x3000, ends beyond BAR 4, which has 16384",
        ),
        (too_short, "its common structure has 20 bytes, not 56"),
        (in_no_bar, "there is no BAR 2"),
        (without_notify, "the device has no capability for its notify structure"),
    ],
)
def test_a_device_whose_capabilities_cannot_be_is_refused(lie: Callable[[FakePci], None], why: str) -> None:
    pci = FakePci(legacy=False)
    lie(pci)
    if lie not in (endless, into_the_header):
        pci.write_capabilities()
    with pytest.raises(DeviceError) as raised:
        PciTransport(pci)
    assert str(raised.value) == why
    assert not pci.told, "and is told nothing"


def test_registers_of_a_bar_that_is_not_there_are_refused_for_a_legacy_device_too() -> None:
    pci = FakePci(modern=False)
    pci.bar_sizes = {MODERN_BAR: 0x4000}
    with pytest.raises(DeviceError, match="no BAR 0"):
        PciTransport(pci)


# Bringing up.


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
def test_the_steps_come_in_their_order(opened: Open, modern: bool) -> None:
    pci = FakePci(modern=modern, vectors=4)
    transport = opened(pci)
    pci.told.clear()
    begin(transport)
    features = OFFERED if modern else OFFERED & 0xFFFF_FFFF
    told = [step for step in pci.told if step != ("features", features & 0xFFFF_FFFF)] if modern else pci.told
    assert told == [
        ("status", 0),
        ("status", 1),
        ("status", 3),
        ("features", features),
        *([("status", 11)] if modern else [("status", 3)]),
        ("queue", 0),
        ("queue", 1),
        ("config vector", 0),
        ("status", 15 if modern else 7),
    ]


def test_a_modern_device_is_told_of_each_part_of_a_ring(opened: Open) -> None:
    pci = FakePci()
    begin(opened(pci))
    assert pci.queues[0].addresses == [RING.desc, RING.avail, RING.used]


def test_a_legacy_device_is_told_of_a_ring_s_page(opened: Open) -> None:
    pci = FakePci(modern=False)
    begin(opened(pci))
    assert pci.queues[0].addresses[0] == LEGACY_RING.desc


@pytest.mark.parametrize("address", [0x1000_0800, 1 << 44], ids=["within a page", "beyond 32 bits"])
def test_a_ring_that_a_legacy_device_cannot_find_is_refused(opened: Open, address: int) -> None:
    transport = opened(FakePci(modern=False))
    with pytest.raises(DeviceError, match=f"queue 0 cannot be at 0x{address:x}"):
        transport.setup_queue(0, replace(LEGACY_RING, desc=address), 0)


def test_features_of_both_halves_are_offered_and_taken(opened: Open) -> None:
    pci = FakePci(offered=OFFERED | F.VIRTIO_F_RING_PACKED | F.VIRTIO_NET_F_SPEED_DUPLEX)
    transport = opened(pci)
    assert transport.features() == pci.offered
    begin(transport, pci.offered)
    assert pci.driver_features == pci.offered


def test_a_legacy_device_has_no_more_than_32_features(opened: Open) -> None:
    pci = FakePci(modern=False, offered=OFFERED | 1 << 30)
    assert opened(pci).features() == OFFERED & 0xFFFF_FFFF, "and bit 30 says nothing of vhost-user"


def test_a_device_may_take_its_time_for_a_reset(opened: Open) -> None:
    pci = FakePci()
    pci.resets_after = 5
    opened(pci)
    assert pci.is_resetting == 0


def test_a_reset_that_never_ends_is_given_up() -> None:
    pci = FakePci()
    pci.resets_after = 1_000_000
    with pytest.raises(DeviceTimeout, match=r"the device was not reset within 0\.05 s"):
        PciTransport(pci, reset_s=0.05)


def test_a_device_that_does_not_take_the_features_is_refused(opened: Open) -> None:
    pci = FakePci()
    transport = opened(pci)
    pci.accepts_features = False
    with pytest.raises(StatusError, match="the device does not accept the features"):
        begin(transport)


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
def test_the_ring_s_size_is_the_device_s(opened: Open, modern: bool) -> None:
    pci = FakePci(modern=modern, offered=OFFERED | F.VIRTIO_NET_F_CTRL_VQ)
    pci.queue_sizes = {0: 1024}
    transport = opened(pci)
    assert [transport.ring_size(index, 512) for index in (0, 1, 2)] == [1024, 256, 64]


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (0, "the device says that queue 0 has 0 descriptors"),
        (0xFFFF, "the device says that queue 0 has 65535 descriptors"),
        (100, "the device says that queue 0 has 100 descriptors, which is no power of 2"),
    ],
)
def test_a_size_that_no_ring_can_have_is_refused(opened: Open, size: int, why: str) -> None:
    pci = FakePci()
    pci.queue_sizes = {0: size}
    with pytest.raises(DeviceError) as raised:
        opened(pci).ring_size(0, 256)
    assert str(raised.value) == why


def test_a_packed_ring_may_have_any_size(opened: Open) -> None:
    pci = FakePci(offered=OFFERED | F.VIRTIO_F_RING_PACKED)
    pci.queue_sizes = {0: 100}
    assert opened(pci).ring_size(0, 256) == 100


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
def test_queues_that_are_there_only_when_they_are_wanted_are_known_at_once(opened: Open, modern: bool) -> None:
    pci = FakePci(modern=modern, nb_pairs=3, offered=OFFERED | MULTI)
    pci.queue_sizes = {2: 512}
    transport = opened(pci)
    assert [transport.ring_size(index, 0) for index in range(7)] == [256, 256, 512, 256, 256, 256, 64]
    with pytest.raises(DeviceError, match="queue 7 has 0 descriptors"):
        transport.ring_size(7, 0)


@pytest.mark.parametrize("pairs", [0, 0x8000, 0xFFFF])
def test_a_number_of_queues_that_cannot_be_is_no_reason_to_look_for_them(opened: Open, pairs: int) -> None:
    pci = FakePci(offered=OFFERED | MULTI)
    pci.net_config[8:10] = pairs.to_bytes(2, "little")
    transport = opened(pci)
    assert transport.ring_size(0, 0) == 256
    with pytest.raises(DeviceError):
        transport.ring_size(2 * pairs or 3, 0)


def test_a_queue_s_size_is_kept_once_it_is_known(opened: Open) -> None:
    pci = FakePci()
    transport = opened(pci)
    assert transport.ring_size(0, 0) == 256
    pci.unplug()
    assert transport.ring_size(0, 0) == 256


def test_a_legacy_device_that_changes_a_queue_s_size_is_refused(opened: Open) -> None:
    pci = FakePci(modern=False)
    transport = opened(pci)
    pci.queues[0].size = 128
    with pytest.raises(DeviceError, match="queue 0 has 128 descriptors, and had 256 before"):
        transport.setup_queue(0, LEGACY_RING, 0)


# Notifications.


def test_a_modern_queue_is_notified_at_its_own_offset(opened: Open) -> None:
    pci = FakePci()
    pci.notify_offs = {1: 7}
    transport = opened(pci)
    transport.doorbell(0)
    transport.doorbell(1)
    assert pci.doorbells == {0: (MODERN_BAR, 0x3000), 1: (MODERN_BAR, 0x3000 + 7 * 4)}


def test_a_legacy_queue_is_notified_by_its_number(opened: Open) -> None:
    pci = FakePci(modern=False)
    opened(pci).doorbell(1)
    assert pci.doorbells == {1: (0, 16)}


@pytest.mark.parametrize("offset", [0x400, 0xFFFF])
def test_an_offset_beyond_what_there_is_for_notifications_is_refused(opened: Open, offset: int) -> None:
    pci = FakePci()
    pci.notify_offs = {1: offset}
    with pytest.raises(DeviceError, match=f"queue 1 is notified at 0x{offset * 4:x}, beyond the 4096 bytes"):
        opened(pci).doorbell(1)
    assert not pci.doorbells


# The configuration space.


@pytest.mark.parametrize("vectors", [0, 4], ids=["no MSI-X", "MSI-X"])
@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
def test_the_configuration_space_is_found_with_and_without_msix(opened: Open, modern: bool, vectors: int) -> None:
    transport = opened(FakePci(modern=modern, vectors=vectors))
    assert transport.read_config(0, 6) == MAC
    assert transport.read_config(10, 2) == (1500).to_bytes(2, "little")
    assert transport.read_config(12, 4) == (10_000).to_bytes(4, "little")


def test_a_space_that_ends_gives_fewer_bytes(opened: Open) -> None:
    pci = FakePci()
    pci.places[DEVICE].length = 8
    pci.write_capabilities()
    assert opened(pci).read_config(6, 6) == pci.net_config[6:8]


def test_a_device_may_do_without_a_configuration_space(opened: Open) -> None:
    pci = FakePci()
    del pci.places[DEVICE]
    pci.write_capabilities()
    assert opened(pci).read_config(0, 6) == b""


def test_the_generation_is_the_device_s(opened: Open) -> None:
    pci = FakePci()
    transport = opened(pci)
    before = transport.config_generation()
    pci.change_config(6, b"\0\0")
    assert transport.config_generation() != before


def test_a_legacy_space_that_never_stands_still_is_given_up(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    pci = FakePci(modern=False)
    transport = opened(pci)
    read = pci.read_bar

    def moving(bar: int, at: int, size: int) -> int:
        pci.net_config[0] = (pci.net_config[0] + 1) % 256
        return read(bar, at, size)

    monkeypatch.setattr(pci, "read_bar", moving)
    with pytest.raises(DeviceError, match="its configuration space changed during each of 16 reads"):
        transport.read_config(0, 6)


def test_an_address_is_written_to_a_legacy_device(opened: Open) -> None:
    pci = FakePci(modern=False)
    opened(pci).write_mac(bytes(range(2, 8)))
    assert pci.net_config[:6] == bytes(range(2, 8))


def test_a_modern_device_s_space_is_not_written(opened: Open) -> None:
    pci = FakePci()
    with pytest.raises(OperationError):
        opened(pci).write_mac(bytes(range(2, 8)))
    assert pci.net_config[:6] == MAC


# Interrupts.


def listen(transport: PciTransport) -> list[str]:
    """What the transport tells of from now on."""
    heard: list[str] = []
    transport.on_config = lambda: heard.append("config")
    transport.on_error = lambda: heard.append("error")
    transport.on_change = lambda: heard.append("change")
    return heard


WAYS: dict[str, dict[str, Any]] = {"msix": {"vectors": 4}, "intx": {"intx": True}, "none": {}}


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
@pytest.mark.parametrize("way", WAYS)
def test_a_change_of_the_link_is_told_whatever_the_interrupts(opened: Open, way: str, modern: bool) -> None:
    pci = FakePci(modern=modern, **WAYS[way])
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    pci.change_config(6, b"\0\0")
    assert eventually(lambda: heard)
    assert set(heard) == {"config"}


@pytest.mark.parametrize("way", WAYS)
def test_that_it_needs_a_reset_is_told_whatever_the_interrupts(opened: Open, way: str) -> None:
    pci = FakePci(**WAYS[way])
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    pci.need_reset()
    assert eventually(lambda: heard)
    assert set(heard) == {"error"}
    assert transport.needs_reset()


def test_the_line_may_interrupt_again_once_it_was_heard(opened: Open) -> None:
    pci = FakePci(intx=True)
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    for n in (1, 2):
        pci.change_config(6, b"\0\0")
        assert eventually(lambda n=n: len(heard) == n)
    assert (pci.acknowledged, pci.isr) == (2, 0)


def test_a_line_that_tells_of_a_queue_tells_of_no_change(opened: Open) -> None:
    pci = FakePci(intx=True)
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    pci.interrupt_queue(0)
    assert eventually(lambda: pci.acknowledged == 1)
    assert not heard


def test_receive_queues_have_a_vector_each(opened: Open) -> None:
    pci = FakePci(nb_pairs=2, vectors=8, offered=OFFERED | MULTI)
    transport = opened(pci)
    begin(transport, pci.offered, queues=5)
    assert [pci.queues[i].vector for i in range(5)] == [1, 0xFFFF, 2, 0xFFFF, 0xFFFF]
    assert pci.config_vector == 0
    pci.interrupt_queue(2)
    assert os.eventfd_read(transport.call_fd(2)) == 1


@pytest.mark.parametrize(("settings", "has"), [({"intx": True}, "INTx"), ({}, "no interrupts, it is polled")])
def test_without_msix_a_queue_has_no_interrupt_of_its_own(opened: Open, settings: dict[str, bool], has: str) -> None:
    transport = opened(FakePci(**settings))
    with pytest.raises(NotSupported, match=f"rxq 0 has no interrupt of its own: the device has {has}"):
        transport.call_fd(0)


def test_more_queues_than_vectors_leave_the_last_without(opened: Open) -> None:
    pci = FakePci(nb_pairs=4, vectors=3, offered=OFFERED | MULTI)
    transport = opened(pci)
    begin(transport, pci.offered, queues=8)
    assert [pci.queues[i].vector for i in range(0, 8, 2)] == [1, 2, 0xFFFF, 0xFFFF]
    with pytest.raises(NotSupported):
        transport.call_fd(4)


def test_a_queue_whose_vector_is_refused_has_no_interrupt(opened: Open, logged: Logged) -> None:
    pci = FakePci(vectors=4)
    pci.refused_vectors = {1}
    transport = opened(pci)
    begin(transport)
    assert "(0000:00:05.0) the device has no interrupt for queue 0" in logged
    with pytest.raises(NotSupported, match="rxq 0 has no interrupt: the device refused its vector"):
        transport.call_fd(0)


def test_a_device_that_refuses_the_vector_for_changes_is_polled(opened: Open) -> None:
    pci = FakePci(vectors=4)
    pci.refused_vectors = {0}
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    pci.change_config(6, b"\0\0")
    assert eventually(lambda: heard)


def test_one_vector_in_the_line_s_place_is_for_the_configuration(opened: Open) -> None:
    pci = FakePci(intx=True, way="igb_uio")
    pci.intx_is_vector = True
    pci.config_space[MSIX_AT + 3] |= 0x80
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    assert pci.config_vector == 0
    os.eventfd_write(pci.intx_fd(), 1)
    assert eventually(lambda: heard)
    assert transport.report().connection.note == "modern, igb_uio, MSI-X, 1 vector"


# The end.


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
def test_a_device_that_was_unplugged_is_told_of_once(opened: Open, logged: Logged, modern: bool) -> None:
    pci = FakePci(modern=modern)
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    pci.unplug()
    assert eventually(lambda: heard)
    assert not transport.connected
    with pytest.raises(DeviceError, match="the device is gone"):
        transport.reconnect()
    with pytest.raises(DeviceError, match="the device is gone"):
        transport.set_status(Status.RESET)
    assert heard == ["change"]
    assert sum("the device is gone" in line for line in logged.lines) == 1


def test_a_device_that_was_taken_from_its_driver_is_told_of(opened: Open, logged: Logged) -> None:
    pci = FakePci()
    transport = opened(pci)
    heard = listen(transport)
    begin(transport)
    pci.is_gone = True
    assert eventually(lambda: heard)
    assert "(0000:00:05.0) the device is gone: it was unplugged, or taken from its driver" in logged
    assert pci.is_abandoned


def test_a_device_that_was_dropped_reaches_no_memory_and_may_be_tried_again(opened: Open) -> None:
    pci = FakePci()
    transport = opened(pci)
    begin(transport)
    before = transport.generation
    transport.drop("the device is of no use")
    assert not transport.connected
    assert not pci.is_bus_master
    assert pci.status == 0
    transport.reconnect()
    begin(transport)
    assert transport.connected
    assert pci.status == DRIVER_OK
    assert transport.generation != before


def test_a_device_that_somebody_left_running_reaches_memory_again_only_after_its_reset(opened: Open) -> None:
    class LeftRunning(FakePci):
        def set_bus_master(self, on: bool = True) -> None:
            assert not on or self.status == 0, "it would write to buffers of whoever had it before"
            super().set_bus_master(on)

    pci = LeftRunning()
    pci.status = int(DRIVER_OK)
    begin(opened(pci))
    assert pci.is_bus_master


def test_a_device_is_left_as_after_a_reset(opened: Open) -> None:
    pci = FakePci(vectors=4)
    transport = opened(pci)
    begin(transport)
    transport.close()
    assert (pci.status, pci.is_bus_master, pci.vector_fds, pci.is_closed) == (0, False, (), True)
